"""How an answer looks to OpenSubsonic's clients: JSON or XML of the same body, and an item as their song."""

import math
import mimetypes
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any
from xml.etree import ElementTree as ET

from fastapi import Response

from audiofeat.domain.items import Kind
from audiofeat.ports import ItemView
from schemas import subsonic

_NAMESPACE = "http://subsonic.org/restapi"
_YEAR_DIGITS = 4


def song(view: ItemView) -> subsonic.Child:
    """Return an item as a song."""
    said, path = view.metadata, PurePosixPath(view.key)
    year = str(said.get("release_date", ""))[:_YEAR_DIGITS]
    genre, artist = _text(said.get("genre")), _text(said.get("artist", said.get("show")))
    duration_s = view.audio.get("decoded_duration_s")
    return subsonic.Child(
        id=view.item_id,
        title=_text(said.get("title")) or path.name,
        album=_text(said.get("album")),
        artist=artist,
        display_artist=artist or "",
        genre=genre,
        genres=[subsonic.Name(name=genre)] if genre else [],
        year=int(year) if len(year) == _YEAR_DIGITS and year.isdecimal() else None,
        duration=None if duration_s is None else math.ceil(duration_s),
        size=view.audio.get("bytes"),
        suffix=path.suffix.removeprefix(".").lower() or None,
        content_type=mimetypes.guess_type(path.name)[0],
        sampling_rate=view.audio.get("sample_rate_hz"),
        channel_count=view.audio.get("channels"),
        path=view.key,
        type="podcast" if view.kind is Kind.EPISODE else "music",
        isrc=[str(said["isrc"])] if "isrc" in said else [],
    )


def similarity(distance: float) -> float:
    """Return an angular distance of 0 to 2 as a similarity of 1 to 0: half of one plus the cosine."""
    return min(1.0, max(0.0, 1 - distance**2 / 4))


def sent(body: subsonic.Body, *, as_json: bool, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return an answer in the form that was asked for."""
    if as_json:
        text = subsonic.SubsonicResponse.model_validate({"subsonic-response": body}).model_dump_json(
            by_alias=True, exclude_none=True
        )
        return Response(text, status, headers, "application/json")
    root = ET.Element("subsonic-response", xmlns=_NAMESPACE)
    _fill(root, body.model_dump(mode="json", by_alias=True, exclude_none=True).items())
    return Response(ET.tostring(root, "utf-8", xml_declaration=True), status, headers, "application/xml")


def _fill(element: ET.Element, parts: Iterable[tuple[str, Any]]) -> None:
    """Write scalars as attributes, and objects and lists as children, as Subsonic's schema has them."""
    for name, value in parts:
        if not isinstance(value, list | dict):
            element.set(name, _scalar(value))
            continue
        for one in value if isinstance(value, list) else [value]:
            child = ET.SubElement(element, name)
            if isinstance(one, dict):
                _fill(child, one.items())
            else:
                child.text = _scalar(one)


def _scalar(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return "".join(character for character in text if _is_xml(ord(character)))


def _is_xml(code: int) -> bool:
    """Tell whether XML 1.0 can say a character at all."""
    return code in {0x9, 0xA, 0xD} or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x1_0000  # noqa: PLR2004  the production Char


def _text(value: object) -> str | None:
    return None if value is None else str(value)

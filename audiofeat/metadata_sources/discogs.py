"""Discogs' monthly dump of releases (``discogs_..._releases.xml.gz``), read as it is unpacked; its data is CC0.

Each track of a release is a record: title, artists, position, duration, label, barcode, genres and styles. What has no
position in the track list is a heading. Countries are names here, and not what others call ``country``.
"""

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from audiofeat.domain.source_records import SourceRecord, Told, Unreadable, Whole, problem_with
from audiofeat.errors import InvalidInput
from audiofeat.metadata_sources.lines import opened
from audiofeat.metadata_sources.xml_pieces import BrokenXml, Node, Piece, Pieces
from audiofeat.ports import Described

LICENCE = "CC0-1.0"
_RELEASE = ("release",)
_CHUNK_BYTES = 64 * 1024
# Two artists of one name are told apart by a number, which is no part of it.
_NUMBERED = re.compile(r" \(\d+\)$")
_CLOCK = re.compile(r"(?:(\d{1,2}):)?(\d{1,3}):(\d{2})")
_POSITION = re.compile(r"(?:(\d{1,2})[-.])?(\d{1,3})")
_MOST_VALUES = 50


class DiscogsDump:
    """One dump; of what it holds, only what is about the catalogue's items is kept."""

    is_of_the_world = True

    def __init__(self, path: Path, *, name: str | None, licence: str | None, fetched_at: float) -> None:
        self._path, self._at = path, fetched_at
        self.name = name or "discogs:releases"
        self.licence: str | None = licence or LICENCE

    def fetch(self, items: Iterable[Described]) -> Iterator[Told]:  # noqa: ARG002  a dump tells of all that it has
        """Yield what every release says; after a whole dump, what it no longer holds is taken back."""
        pieces, is_readable = Pieces([_RELEASE]), True
        try:
            with opened(self._path) as file, gzip.open(file) as unpacked:
                for piece in pieces.read(iter(lambda: unpacked.read(_CHUNK_BYTES), b"")):
                    for told in self._records(piece):
                        is_readable &= not isinstance(told, Unreadable)
                        yield told
        except (BrokenXml, gzip.BadGzipFile, EOFError, zlib.error) as error:
            if pieces.root is None:
                raise InvalidInput(f"{self._path} is no dump of Discogs: {error}") from None
            yield Unreadable(f"{self._path}:{pieces.line}", f"the rest cannot be read: {error}")
            return
        if pieces.root is None or pieces.root[1] != "releases":
            raise InvalidInput(f"{self._path} is no dump of releases of Discogs")
        if is_readable:
            yield Whole(self.name, self._at)

    def _records(self, piece: Piece) -> Iterator[SourceRecord | Unreadable]:
        release, place = piece.node, f"{self._path}:{piece.line}"
        number = release.attributes.get("id", "")
        if piece.problem or not number:
            yield Unreadable(place, piece.problem or "a release without an id")
            return
        of_release = _of_release(release)
        for index, track in enumerate(release.all("tracklist", "track"), start=1):
            if not track.first("title") or not track.first("position"):
                continue
            said = {field: value for field, value in (of_release | _of_track(track, of_release)).items() if value}
            said["kind"] = "track"
            problem = problem_with(said)
            if problem:
                yield Unreadable(place, problem)
            else:
                yield SourceRecord(self.name, f"{number}/{index}", said, fetched_at=self._at, licence=self.licence)


def _of_release(release: Node) -> dict[str, Any]:
    codes = [
        re.sub(r"\D", "", node.attributes.get("value", ""))
        for node in release.all("identifiers", "identifier")
        if node.attributes.get("type") == "Barcode"
    ]
    genres = [node.text for name, one in (("genres", "genre"), ("styles", "style")) for node in release.all(name, one)]
    return {
        "album": release.first("title"),
        "artist": _credit(release),
        "artist_ids": _ids(release),
        "label": next((node.attributes.get("name", "") for node in release.all("labels", "label")), ""),
        "catalog_number": next((node.attributes.get("catno", "") for node in release.all("labels", "label")), ""),
        "country_name": release.first("country"),
        "release_date": _date(release.first("released")),
        "genre": list(dict.fromkeys(genres))[:_MOST_VALUES],
        "upc": next((code for code in codes if len(code) in {12, 13}), ""),
        "discogs_release": release.attributes.get("id", ""),
    }


def _of_track(track: Node, of_release: dict[str, Any]) -> dict[str, Any]:
    found = _POSITION.fullmatch(track.first("position"))
    clock = _CLOCK.fullmatch(track.first("duration"))
    hours, minutes, seconds = (int(part or 0) for part in clock.groups()) if clock else (0, 0, 0)
    return {
        "title": track.first("title"),
        "artist": _credit(track) or of_release["artist"],
        "artist_ids": _ids(track) or of_release["artist_ids"],
        "disc_number": found[1] or "" if found else "",
        "track_number": found[2] if found else "",
        "duration_s": 3_600 * hours + 60 * minutes + seconds,
    }


def _ids(node: Node) -> list[str]:
    found = ((_name(artist), artist.first("id")) for artist in node.all("artists", "artist"))
    return [f"{name}=discogs:{number}" for name, number in found if name and number]


def _name(artist: Node) -> str:
    return artist.first("anv") or _NUMBERED.sub("", artist.first("name"))


def _credit(node: Node) -> str:
    """Return an artist credit: names as printed, joined as the release joins them."""
    text = ""
    artists = node.all("artists", "artist")
    for artist in artists:
        name = _name(artist)
        join = artist.first("join")
        text += name + ("" if artist is artists[-1] else ", " if join in {"", ","} else f" {join} ")
    return text


def _date(text: str) -> str:
    """Return a date without the parts that are not known: Discogs writes 1999-00-00."""
    return re.sub(r"(-00)+$", "", text)

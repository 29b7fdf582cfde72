"""The metadata fields that audiofeat knows, and what a value of each has to look like.

A field that is not listed is kept as text. Nothing here is fatal: a value that breaks its rule is kept beside
the others, with the problem said in words, and is never chosen.
"""

import html
import json
import math
import re
import unicodedata
from collections.abc import Callable
from datetime import date

from audiofeat.domain.chapters import canonical
from audiofeat.domain.items import Kind

MOST_CHARACTERS = 1000
Value = str | float | bool

_ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*")
_DAY = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})(?:[T ][0-9:.,Z+-]*)?)?)?")
_TRUTHS = {"true": True, "yes": True, "1": True, "explicit": True}
_FALSEHOODS = {"false": False, "no": False, "0": False, "clean": False, "notexplicit": False}
_WORDS = _TRUTHS | _FALSEHOODS
_MARKUP = re.compile(r"<[^<>]*>")


def field_name(text: str) -> str:
    """Return a source's name of a field in the common form.

    Examples
    --------
    >>> field_name(" Release-Date ")
    'release_date'
    """
    return re.sub(r"[\s-]+", "_", clean(text).lower())[:64]


def clean(text: str) -> str:
    """Return text in composed form (NFC), without control characters, with single spaces."""
    if text.isascii() and text.isprintable():  # most texts are, and need no look at each character
        return " ".join(text.split()) if "  " in text or text[:1] == " " or text[-1:] == " " else text
    printable = "".join(" " if unicodedata.category(character) in {"Cc", "Cs"} else character for character in text)
    return " ".join(unicodedata.normalize("NFC", printable).split())


def read_value(field: str, raw: object) -> tuple[Value | None, str | None]:
    """Return a value in the form of its field, and what is wrong with it.

    Parameters
    ----------
    field : str
        The field's common name; one that is not known takes any text.
    raw : object
        What the source said: anything that JSON can say.

    Returns
    -------
    tuple of (value or None, problem or None)
        The value is None where nothing was said. A value with a problem is as the source gave it, as text.

    Examples
    --------
    >>> read_value("isrc", "gb-ayE-69-00531")
    ('GBAYE6900531', None)
    >>> read_value("release_date", "31.12.1999")
    ('31.12.1999', 'no date of the form YYYY, YYYY-MM or YYYY-MM-DD')
    """
    if raw is None or (isinstance(raw, str | list) and not _says_something(raw)):
        return None, None
    try:
        return _READERS.get(field, _text)(raw), None
    except ValueError as problem:
        return _as_given(raw), str(problem)


def _says_something(raw: str | list[object]) -> bool:
    # Nearly every value is a text that begins with a letter or digit.
    return (isinstance(raw, str) and raw[:1].isalnum()) or any(clean(str(part)) for part in raw)


def _text(raw: object) -> str:
    if isinstance(raw, list) and all(isinstance(part, str) for part in raw):
        raw = "; ".join(part for part in raw if clean(part))
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        raw = str(raw)
    if not isinstance(raw, str):
        raise ValueError("no text")  # noqa: TRY004 - what a source says wrongly is a value, not a type of ours
    if len(raw) > MOST_CHARACTERS:
        raise ValueError(f"longer than {MOST_CHARACTERS:,} characters")
    return clean(raw)


def _description(raw: object) -> str:
    """Return the beginning of a text without its markup: what it is about stands there."""
    text = raw if isinstance(raw, str) else "; ".join(map(str, raw)) if isinstance(raw, list) else ""
    return clean(html.unescape(_MARKUP.sub(" ", text[: 20 * MOST_CHARACTERS])))[:MOST_CHARACTERS]


def _kind(raw: object) -> str:
    kind = _text(raw).lower()
    if kind not in set(Kind):
        raise ValueError("neither track nor episode")
    return kind


def _language(raw: object) -> str:
    code = _text(raw).lower().replace("_", "-")
    if not _LANGUAGE.fullmatch(code):
        raise ValueError("no language code such as en or pt-br")
    return code


def _isrc(raw: object) -> str:
    code = re.sub(r"[\s-]", "", _text(raw)).upper()
    if not _ISRC.fullmatch(code):
        raise ValueError("no ISRC such as GBAYE6900531")
    return code


def _release_date(raw: object) -> str:
    found = _DAY.fullmatch(_text(raw))
    if found is None:
        raise ValueError("no date of the form YYYY, YYYY-MM or YYYY-MM-DD")
    year, month, day = found.groups()
    try:
        date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        raise ValueError("no day of the calendar") from None
    return "-".join(part for part in (year, month, day) if part)


def _explicit(raw: object) -> bool:
    word = str(raw).lower() if isinstance(raw, bool) else _text(raw).lower()
    if word not in _WORDS:
        raise ValueError("neither true nor false")
    return _WORDS[word]


def _duration_s(raw: object) -> float:
    try:
        seconds = float(_text(raw))
    except ValueError:
        raise ValueError("no number of seconds") from None
    if not (math.isfinite(seconds) and seconds > 0):
        raise ValueError("no number of seconds")
    return seconds


def _as_given(raw: object) -> str:
    text = raw if isinstance(raw, str) else json.dumps(raw, ensure_ascii=False, sort_keys=True, default=str)
    return clean(text[:MOST_CHARACTERS])


_READERS: dict[str, Callable[[object], Value]] = {
    "reference": _text,
    "kind": _kind,
    "title": _text,
    "artist": _text,
    "album": _text,
    "show": _text,
    "language": _language,
    "genre": _text,
    "release_date": _release_date,
    "isrc": _isrc,
    "explicit": _explicit,
    "duration_s": _duration_s,
    "chapters": canonical,
    "description": _description,
}
KNOWN_FIELDS = tuple(_READERS)

"""What an item is found by when a record comes: its identifiers, and sketches of its names for the rest.

An identifier becomes ``isrc:GBAYE6900531`` and the like. For items without a common identifier, words of artist and
title are sketched: the first three letters of two words each, folded, in pairs. One pair in common makes an item a
candidate, which :mod:`audiofeat.domain.matching` then looks at; a slip of the pen in one word leaves the other pairs.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, urlsplit

from anyascii import anyascii

# The identifiers, the most definite first, with the other names under which sources give them.
IDENTIFIERS: Mapping[str, tuple[str, ...]] = {
    "reference": ("reference",),
    "isrc": ("isrc",),
    "mbid": ("mbid", "musicbrainz_trackid", "musicbrainz_recordingid"),
    "guid": ("guid",),
    "enclosure_url": ("enclosure_url",),
}
_SKETCHED = 3
_MOST_WORDS = 3
_LEAST_LETTERS = 2
_WORD = re.compile(r"[a-z0-9]+")
# They open every other title.
_EMPTY_WORDS = frozenset({"the", "a", "an", "and", "of", "in", "to", "feat", "ft", "featuring", "with"})


def fold(text: str) -> str:
    """Return a text in the letters a to z, digits and spaces, whatever alphabet it is written in.

    Examples
    --------
    >>> fold("Sigur Rós: Svefn-g-englar"), fold("Кино")
    ('sigur ros svefn g englar', 'kino')
    """
    plain = text if text.isascii() else anyascii(text)
    return " ".join(_WORD.findall(plain.casefold().replace("'", "")))


def keys_of(said: Mapping[str, Any]) -> frozenset[str]:
    """Return all that an item, or a record, with these fields is found by.

    Examples
    --------
    >>> sorted(keys_of({"isrc": "GBAYE6900531", "upc": "5099", "track_number": "3"}))
    ['isrc:GBAYE6900531', 'upc:5099/1/3']
    """
    return frozenset(identifiers(said).values()) | sketches(said)


def identifiers(said: Mapping[str, Any]) -> dict[str, str]:
    """Return by name what identifies an item, the most definite first."""
    found: dict[str, str] = {}
    for name, spellings in IDENTIFIERS.items():
        text = next((str(said[spelling]) for spelling in spellings if said.get(spelling)), "").strip()
        if text:
            found[name] = f"{name}:{_plain(name, text)}"
    upc, position = str(said.get("upc") or said.get("barcode") or ""), str(said.get("track_number") or "")
    if upc and position:
        disc = str(said.get("disc_number") or "1")
        found["upc"] = f"upc:{upc.lstrip('0')}/{_number(disc)}/{_number(position)}"
    return found


def file_of(said: Mapping[str, Any]) -> str:
    """Return the file name in a feed's address of an episode's audio, empty where there is none.

    Examples
    --------
    >>> file_of({"enclosure_url": "https://cdn.example.org/a/the%20tide.mp3?source=feed"})
    'the tide.mp3'
    """
    try:
        name = unquote(urlsplit(str(said.get("enclosure_url") or "")).path.rpartition("/")[2])
    except ValueError:
        return ""
    return name if "." in name else ""


def sketches(said: Mapping[str, Any]) -> frozenset[str]:
    """Return the pairs of sketched words of artist (or show) and title, in either order: fields get swapped."""
    artist, title = str(said.get("artist") or said.get("show") or ""), str(said.get("title") or "")
    return frozenset(
        "~".join(sorted((one, other))) for one in _sketched_words(artist) for other in _sketched_words(title)
    )


@lru_cache(maxsize=65_536)
def _sketched_words(text: str) -> frozenset[str]:
    words = [word for word in fold(text).split() if word not in _EMPTY_WORDS and len(word) >= _LEAST_LETTERS]
    longest = sorted(dict.fromkeys(words or fold(text).split()), key=lambda word: (-len(word), word))[:_MOST_WORDS]
    return frozenset(word[:_SKETCHED] for word in longest)


def _plain(name: str, text: str) -> str:
    if name == "mbid":
        return text.lower()
    # Feeds move between http and https, and count their downloads by what stands behind the question mark.
    return re.sub(r"^https?://", "", text).partition("?")[0] if name == "enclosure_url" else text


def _number(text: str) -> str:
    return text.partition("/")[0].strip().lstrip("0") or "0"

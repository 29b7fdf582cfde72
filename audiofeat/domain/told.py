"""Which words of what third parties say of an item count: what an episode is about, what a track is said to be.

Of an episode title, description, genres and persons count, not the names of show, publisher and hosts, nor the show's
name within a title: these say who made it, and would make all episodes of a show one topic.
Of a track its genres with all that they belong to, its tags, the time it is from and its artist count, each as one
word, so that an artist called House makes no house. The artist is a word among the others: its direction is what its
tracks are said to be, which a new track of it inherits.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from audiofeat.domain import genres
from audiofeat.domain.items import Kind
from audiofeat.domain.texts import Words
from audiofeat.domain.things import named, people

# A word of a title says more than one of many in a description; who speaks is one of few.
_EPISODE: Mapping[str, float] = {"title": 2.0, "description": 1.0, "genre": 2.0, "persons": 2.0}
_TAGS = ("tags", "mood", "keywords")
_GENRE, _TAG, _ERA, _ARTIST = 2.0, 1.0, 1.0, 2.0
_ERA_YEARS = 10
_HOST, _ROLE = "(host)", re.compile(r" \(\w+\)$")
_WORD = re.compile(r"[^\W_]{2,}")
_YEAR = re.compile(r"[0-9]{4}")


def words_of(kind: Kind, metadata: Mapping[str, Any]) -> Words:
    """Return the words of an item's metadata, each with its weight.

    Examples
    --------
    >>> sorted(words_of(Kind.EPISODE, {"title": "Two Chairs", "show": "Left out"}).items())
    [('chairs', 2.0), ('two', 2.0)]
    >>> sorted(words_of(Kind.TRACK, {"genre": "House", "release_date": "1994-05", "title": "Left out"}))
    ['era 1985', 'era 1990', 'genre electronic', 'genre electronic/house', 'genre house']
    """
    found: dict[str, float] = {}
    for word, weight in _of_track(metadata) if kind is Kind.TRACK else _of_episode(metadata):
        found[word] = found.get(word, 0.0) + weight
    return found


def _of_episode(metadata: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    of_show = frozenset(_words(str(metadata.get("show") or "")))
    for field, weight in _EPISODE.items():
        text = str(metadata.get(field) or "")
        if field == "persons":
            others = (one.strip() for one in text.split(";") if not one.strip().casefold().endswith(_HOST))
            text = "; ".join(_ROLE.sub("", one) for one in others)
        left_out = of_show if field == "title" else frozenset[str]()
        yield from ((word, weight) for word in _words(text) if word not in left_out)


def _words(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKD", text.casefold())
    return _WORD.findall("".join(character for character in folded if not unicodedata.combining(character)))


def _of_track(metadata: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    said = str(metadata.get("genre") or "")
    own = {genres.spelt(one) for one in genres.listed(said)}
    yield from ((f"genre {one}", _GENRE) for one in sorted(own | genres.above(genres.packed(said))))
    for field in _TAGS:
        yield from ((f"tag {genres.spelt(one)}", _TAG) for one in genres.listed(str(metadata.get(field) or "")))
    year = _YEAR.match(str(metadata.get("release_date") or ""))
    if year:
        # Decades that overlap by half: 1989 and 1991 share one.
        half = int(year[0]) // (_ERA_YEARS // 2) * (_ERA_YEARS // 2)
        yield from ((f"era {start}", _ERA) for start in (half - _ERA_YEARS // 2, half))
    yield from ((f"artist {named(one)}", _ARTIST) for one in people(metadata.get("artist")))

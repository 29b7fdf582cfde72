"""Things that have items: artists, albums and shows, which metadata names, and collections, which somebody keeps."""

import hashlib
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from audiofeat.domain.genres import listed
from audiofeat.domain.metadata_fields import Value, clean
from audiofeat.errors import InvalidInput

MOST_COLLECTED = 10_000
MOST_NAME_CHARACTERS = 200
_ID_DIGITS = 16
_BETWEEN = "\n"
# Stands for every name where those are listed that ids tell apart.
EVERY_NAME = "*"
# What sources write where there is no artist: nobody sounds like them.
NOBODY = frozenset(
    {
        "various artists", "various", "va", "v.a.", "v/a", "unknown artist", "unknown", "[unknown]", "<unknown>",
        "[no artist]", "no artist", "n/a", "diverse", "verschiedene interpreten",
    }
)  # fmt: skip


class ThingKind(StrEnum):
    """What a thing is."""

    ARTIST = "artist"
    ALBUM = "album"
    SHOW = "show"
    COLLECTION = "collection"


class Among(StrEnum):
    """What can be looked for."""

    ITEMS = "items"
    ARTISTS = "artists"
    ALBUMS = "albums"
    SHOWS = "shows"
    COLLECTIONS = "collections"


class Role(StrEnum):
    """As what an item belongs to a thing; only those of the first are part of how it sounds."""

    MAIN = "main"
    FEATURED = "featured"
    REMIXER = "remixer"
    COMPOSER = "composer"
    CONDUCTOR = "conductor"
    LYRICIST = "lyricist"
    PRODUCER = "producer"
    PERFORMER = "performer"
    HOST = "host"
    GUEST = "guest"
    PUBLISHER = "publisher"


# Under which fields sources name the people of an item.
CREDITS: Mapping[str, Role] = {
    "artist": Role.MAIN,
    "featured_artist": Role.FEATURED,
    **{role.value: role for role in Role if role not in {Role.MAIN, Role.FEATURED}},
}


@dataclass(frozen=True, slots=True)
class Thing:
    """An artist, album, show or collection.

    Parameters
    ----------
    kind : ThingKind
        What it is.
    key : str
        What tells it from others of its kind: its name without regard to case, of an album with that of the artist,
        of an artist with an id where artists of that name are told apart by ids.
    name : str
        As it was first written.
    by : str or None
        The artist of an album, or an artist's id.
    """

    kind: ThingKind
    key: str
    name: str
    by: str | None = None

    @property
    def thing_id(self) -> str:
        """Its id, the same in every ledger."""
        return f"{self.kind.value}-{hashlib.sha256(self.key.encode()).hexdigest()[:_ID_DIGITS]}"

    @property
    def title(self) -> str:
        """What people call it."""
        return f"{self.name} - {self.by}" if self.by else self.name


def named(name: str) -> str:
    """Return a name as it is compared: composed, with single spaces, without regard to case."""
    return clean(name).casefold()


def thing(kind: ThingKind, name: str, *, by: str | None = None) -> Thing:
    """Return the thing of a name; of an album, of the artist's name, too, of an artist perhaps of an id."""
    is_told_apart = kind is ThingKind.ALBUM or by is not None
    key = f"{named(name)}{_BETWEEN}{named(by or '')}" if is_told_apart else named(name)
    return Thing(kind, key, clean(name), by)


def memberships(
    chosen: Mapping[str, Value], names: Mapping[str, str] | None = None, *, by_id: Collection[str] = ()
) -> Iterator[tuple[Thing, Role]]:
    """Yield what an item with this metadata belongs to, each with the role.

    Parameters
    ----------
    chosen : Mapping[str, Value]
        The chosen value of each metadata field; several people in one field stand between semicolons.
    names : Mapping[str, str], optional
        An operator's table: the name to be used by what stands in the metadata, as ``named`` spells that. It may
        name several people, or nobody.
    by_id : collection of str
        Names, as ``named`` spells them, or ``EVERY_NAME``, whose artists are told apart by the ids that sources give.

    Examples
    --------
    >>> [(thing.title, role.value) for thing, role in memberships({"artist": "Ana; Bo", "album": "x"})]
    [('Ana', 'main'), ('Bo', 'main'), ('x - Ana', 'main')]
    """
    for field, role in CREDITS.items():
        if field in chosen:
            for name in people(chosen[field], names):
                is_told_apart = EVERY_NAME in by_id or named(name) in by_id
                by = artist_ids(chosen.get("artist_ids")).get(named(name)) if is_told_apart else None
                yield thing(ThingKind.ARTIST, name, by=by), role
    main = next(iter(people(chosen.get("album_artist") or chosen.get("artist"), names)), None)
    for name in _texts(chosen.get("album")):
        yield thing(ThingKind.ALBUM, name, by=main), Role.MAIN
    for name in _texts(chosen.get("show")):
        yield thing(ThingKind.SHOW, name), Role.MAIN


def artist_ids(said: Value | None) -> dict[str, str]:
    """Return the ids that a source gives people, by name without regard to case.

    Examples
    --------
    >>> artist_ids("Ana=mbid:1; Bo=isni:2")
    {'ana': 'mbid:1', 'bo': 'isni:2'}
    """
    pairs = (one.rpartition("=") for one in _texts(said))
    return {named(name): known.strip() for name, sign, known in pairs if sign and named(name)}


def checked_collection(name: str, weights: Mapping[str, float]) -> Thing:
    """Return the collection of a name; raises InvalidInput where name or weights cannot be used, with the remedy."""
    collection = thing(ThingKind.COLLECTION, name)
    if not collection.key or len(name) > MOST_NAME_CHARACTERS or "/" in name:
        raise InvalidInput(
            f"a collection's name has 1 to {MOST_NAME_CHARACTERS} characters and no slash, not {name[:50]!r}",
            "such as late-night-focus",
        )
    if not 1 <= len(weights) <= MOST_COLLECTED:
        raise InvalidInput(
            f"a collection has 1 to {MOST_COLLECTED:,} items, these are {len(weights):,}",
            "keep the ones that count most, or several collections",
        )
    for item, weight in weights.items():
        if not (math.isfinite(weight) and weight >= 0):
            raise InvalidInput(f"the weight of {item} is {weight}", "a weight is 0 or more; 1 is usual")
    if not any(weights.values()):
        raise InvalidInput("every item of the collection has weight 0", "give one of them a weight above 0")
    return collection


def people(said: Value | None, names: Mapping[str, str] | None = None) -> Iterator[str]:
    """Yield the people of a field by the names that they go by, nobody for various artists and the like."""
    for text in _texts(said):
        yield from (one for one in listed((names or {}).get(named(text), text)) if named(one) not in NOBODY)


def _texts(said: Value | None) -> Iterator[str]:
    return listed(said) if isinstance(said, str) else iter(())

"""What an item belongs to by its metadata, and which collections can be kept."""

import math

import pytest

from audiofeat.domain.things import MOST_COLLECTED, Role, ThingKind, checked_collection, memberships, thing
from audiofeat.errors import InvalidInput


def told(**chosen: str) -> set[tuple[str, str, str]]:
    """Return kind, title and role of everything that an item belongs to."""
    return {(one.kind.value, one.title, role.value) for one, role in memberships(chosen)}


def test_people_are_credited_with_their_roles() -> None:
    """Several names in a field are several people; an album is one of its artist's, a show stands alone."""
    assert told(artist="Ana; Bo", featured_artist="Cy", composer="Ana", album="First", show="Talks") == {
        ("artist", "Ana", "main"),
        ("artist", "Bo", "main"),
        ("artist", "Cy", "featured"),
        ("artist", "Ana", "composer"),
        ("album", "First - Ana", "main"),
        ("show", "Talks", "main"),
    }


def test_an_album_of_many_is_its_album_artists() -> None:
    """An album artist comes before the track's; nobody is an artist by the name of various artists."""
    assert told(artist="Ana", album="Hits", album_artist="Harbour") >= {("album", "Hits - Harbour", "main")}
    assert told(artist="Various Artists", album="Hits") == {("album", "Hits", "main")}


def test_names_are_one_by_case_and_table_alone() -> None:
    """Case and spaces do not tell things apart, accents do; an operator's table maps a name to one, several, nobody."""
    assert thing(ThingKind.ARTIST, "ana  B").thing_id == thing(ThingKind.ARTIST, "Ana b").thing_id
    assert thing(ThingKind.ARTIST, "Aná B").thing_id != thing(ThingKind.ARTIST, "Ana b").thing_id
    names = {"x, the": "The X", "ana feat. bo": "Ana; Bo", "library": ""}
    assert [one.name for one, _ in memberships({"artist": "X, The; Ana feat. Bo; Library"}, names)] == [
        "The X",
        "Ana",
        "Bo",
    ]
    assert [role for _, role in memberships({"artist": "A", "remixer": "B"})] == [Role.MAIN, Role.REMIXER]


@pytest.mark.parametrize(
    ("name", "weights", "problem"),
    [
        ("", {"a": 1.0}, "name has 1 to"),
        ("x" * 201, {"a": 1.0}, "name has 1 to"),
        ("a/b", {"a": 1.0}, "no slash"),
        ("mine", {}, "1 to 10,000 items"),
        ("mine", {str(n): 1.0 for n in range(MOST_COLLECTED + 1)}, "1 to 10,000 items"),
        ("mine", {"a": math.nan}, "weight of a is nan"),
        ("mine", {"a": -1.0}, "weight of a is -1"),
        ("mine", {"a": 0.0, "b": 0.0}, "every item of the collection has weight 0"),
    ],
)
def test_a_collection_that_says_nothing_is_refused(name: str, weights: dict[str, float], problem: str) -> None:
    """Names, counts and weights out of range are errors with a remedy."""
    with pytest.raises(InvalidInput, match=problem) as refused:
        checked_collection(name, weights)
    assert refused.value.remedy

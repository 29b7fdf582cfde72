"""Neighbours among artists, albums, shows and collections, on a small catalogue of known families."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from audiofeat.domain import filters
from audiofeat.domain.items import Kind
from audiofeat.domain.lookups import TargetSeed, ThingSeed
from audiofeat.domain.targets import parse
from audiofeat.domain.things import ThingKind, checked_collection
from audiofeat.errors import InvalidInput, ItemNotAnalysed
from audiofeat.services.metadata_locks import lock_fields
from audiofeat.services.things import ThingAnswer
from shop import Shop, open_shop, sound

ARTIST, ALBUM, SHOW, COLLECTION = ThingKind
# Artist: family of sound, genre. Those of one family sound alike.
ARTISTS = {"Ada": (0, "Deep House"), "Ben": (0, "Techno"), "Cid": (1, "Jazz"), "Dee": (1, "Jazz"), "Eva": (2, "Folk")}
SHOWS = {"Talks": (3, "en"), "Words": (3, "de"), "Waves": (4, "en")}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Three tracks of five artists, and three episodes of three shows."""
    opened = open_shop(tmp_path_factory.mktemp("shop"))
    fill(opened)
    yield opened
    opened.catalogue.close()


def fill(shop: Shop) -> None:
    takes = iter(range(1000))
    for artist, (family, genre) in ARTISTS.items():
        for number in range(3):
            said = {"artist": artist, "album": f"{artist} {number // 2}", "genre": genre, "explicit": number == 2}
            shop.add(f"{artist}-{number}.wav", sound(family, next(takes)), said=said)
    for show, (family, language) in SHOWS.items():
        for number in range(3):
            said = {"show": show, "language": language, "publisher": "Harbour", "title": f"{number}"}
            shop.add(f"{show}-{number}.mp3", sound(family, next(takes)), kind=Kind.EPISODE, said=said)
    for kind in Kind:
        shop.publish(kind)


def titles(answer: ThingAnswer) -> list[str]:
    return [line.thing.name for line in answer.neighbours]


def test_artists_that_sound_alike_are_neighbours(shop: Shop) -> None:
    """The artist of the same family comes first, with exact distance, consistency, groups, and the reason in words."""
    answer = shop.near(ARTIST, ThingSeed(ARTIST, "ada"), k=3)
    first = answer.neighbours[0]
    assert (answer.asked and answer.asked.name, first.thing.name, first.items) == ("Ada", "Ben", 3)
    assert first.why.endswith("both mostly electronic")
    assert first.consistency is not None
    assert 0.3 < first.consistency <= 1.0
    assert sum(group.share for group in first.groups.values()) == pytest.approx(1.0)
    index = shop.indexes.current(Kind.TRACK)
    means = [
        index.vectors_of([one.item_id for one in shop.catalogue.items_of([name])]).mean(axis=0)
        for name in (answer.asked.thing_id if answer.asked else "", first.thing.thing_id)
    ]
    units = [mean / np.linalg.norm(mean) for mean in means]
    assert first.distance == pytest.approx(float(np.linalg.norm(units[0] - units[1])), abs=1e-5)
    assert [line.distance for line in answer.neighbours] == sorted(line.distance for line in answer.neighbours)


def test_a_track_is_near_artists_other_than_its_own(shop: Shop) -> None:
    """Who should hear a new track: those who sound like it, each with the item that is closest."""
    answer = shop.near(ARTIST, "Cid-0.wav", k=2)
    assert titles(answer)[0] == "Dee"
    assert answer.dropped["has_the_item"] == 1
    closest = shop.catalogue.candidates([answer.neighbours[0].closest])
    assert closest[answer.neighbours[0].closest].artist == "dee"


def test_kinds_of_things_are_near_each_other(shop: Shop) -> None:
    """Shows near a show, albums near an artist, items near an artist without that artist's own."""
    assert titles(shop.near(SHOW, ThingSeed(SHOW, "Talks"), k=1)) == ["Words"]
    albums = shop.near(ALBUM, ThingSeed(ARTIST, "Cid"), k=4)
    assert {line.thing.by for line in albums.neighbours} == {"Cid", "Dee"}
    items = shop.ask(ThingSeed(ARTIST, "Cid"), k=3, artist_cap=0, album_cap=0)
    assert {line.item.artist for line in items.neighbours} == {"dee"}
    assert items.item is None
    assert all(line.duplicate is None for line in items.neighbours)


@pytest.mark.parametrize(
    ("terms", "names"),
    [
        (["language=de"], {"Words"}),
        (["explicit!=true", "publisher=harbour"], {"Words", "Waves"}),
        (["duration_s=..10"], set()),
    ],
)
def test_things_meet_what_half_of_their_items_meet(shop: Shop, terms: list[str], names: set[str]) -> None:
    """Filters hold of a thing where they hold of at least half of its items."""
    answer = shop.near(SHOW, ThingSeed(SHOW, "Talks"), conditions=filters.parse(terms))
    assert set(titles(answer)) == names
    assert answer.dropped.get("filtered", 0) == 2 - len(names)
    clean = shop.near(ARTIST, ThingSeed(ARTIST, "Ada"), conditions=filters.parse(["explicit=false"]))
    assert len(clean.neighbours) == 4


def test_what_cannot_be_asked_of_things_is_refused(shop: Shop) -> None:
    """A target has no sound, rules of items are no rules of things, and a kind without items has nothing to compare."""
    with pytest.raises(InvalidInput, match="a target is no sound"):
        shop.near(ARTIST, TargetSeed(parse("122 BPM")), kind=Kind.TRACK)
    with pytest.raises(InvalidInput, match="order items, not things"):
        shop.near(ARTIST, "Ada-0.wav", weights={"timbre": 2.0})
    with pytest.raises(ItemNotAnalysed, match="no episodes to compare by"):
        shop.near(ARTIST, ThingSeed(ARTIST, "Ada"), kind=Kind.EPISODE)
    assert shop.near(ARTIST, "Ada-0.wav", least_items=4).neighbours == ()


def test_answers_follow_the_catalogue(tmp_path: Path) -> None:
    """New items, takedowns, corrected names and collections act with the next question; a new space is not mixed in."""
    shop = open_shop(tmp_path)
    fill(shop)
    near_ada = ThingSeed(ARTIST, "Ada")
    assert titles(shop.near(ARTIST, near_ada, k=1)) == ["Ben"]
    new = shop.add("new.wav", sound(0, 900), said={"artist": "Newcomer"})
    assert "Newcomer" in titles(shop.near(ARTIST, near_ada, k=2))
    shop.catalogue.take_down(new)
    assert "Newcomer" not in titles(shop.near(ARTIST, near_ada, k=10))
    ben = shop.catalogue.find_thing(ARTIST, "Ben").thing_id
    for member in shop.catalogue.items_of([ben]):
        lock_fields(shop.catalogue, member.item_id, {"artist": "Bernard"}, by="me")
    assert titles(shop.near(ARTIST, near_ada, k=1)) == ["Bernard"]
    before = shop.near(ARTIST, near_ada).release
    for number in range(60):
        shop.add(f"more-{number}.wav", sound(5, number), said={"artist": "Many"})
    shop.spaces = {**shop.spaces}
    shop.publish()
    after = shop.near(ARTIST, near_ada, k=10)
    assert after.release != before
    assert titles(after)[0] == "Bernard"
    assert {line.thing.name: line.items for line in after.neighbours}["Many"] == 60
    shop.catalogue.close()


def test_a_collection_is_asked_about_like_any_thing(shop: Shop) -> None:
    """Its weights count; its items are no answers; other collections can be."""
    ids = {key: shop.catalogue.find_item(key).item_id for key in ("Ada-0.wav", "Cid-0.wav", "Cid-1.wav", "Ben-0.wav")}
    shop.catalogue.put_collection(
        checked_collection("mostly house", {"x": 1}), {ids["Ada-0.wav"]: 9.0, ids["Cid-0.wav"]: 0.1}
    )
    shop.catalogue.put_collection(checked_collection("jazz", {"x": 1}), {ids["Cid-1.wav"]: 1.0})
    shop.catalogue.put_collection(checked_collection("house", {"x": 1}), {ids["Ben-0.wav"]: 1.0})
    seed = ThingSeed(COLLECTION, "mostly house")
    answer = shop.ask(seed, k=3, artist_cap=0)
    assert {line.item.artist for line in answer.neighbours} <= {"ada", "ben"}
    assert not {ids["Ada-0.wav"], ids["Cid-0.wav"]} & {line.item.item_id for line in answer.neighbours}
    assert titles(shop.near(COLLECTION, seed)) == ["house", "jazz"]
    assert titles(shop.near(ARTIST, seed))[0] in {"Ada", "Ben"}

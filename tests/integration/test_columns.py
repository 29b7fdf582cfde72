"""Filters that an index holds in memory: kept current, read beside the questions, one row for several items."""

import time
from pathlib import Path

import pytest

from audiofeat.domain import filters
from audiofeat.domain.items import Kind, KindSource, ObjectVersion
from audiofeat.domain.jobs import MetadataRecord, Registration
from audiofeat.index import columns
from audiofeat.services.lookup import Answer
from shop import Shop, open_shop, sound

ROCK, JAZZ = filters.parse(["genre=rock"]), filters.parse(["genre=jazz"])
_PATIENCE_S = 60.0


def filled(folder: Path) -> Shop:
    """Return twelve items in an index and three that came later, rock and jazz in turn."""
    shop = open_shop(folder)
    for n in range(15):
        shop.add(f"{n}.wav", sound(n % 3, n), said={"genre": ["rock", "jazz"][n % 2]}, tempo_bpm=100.0 + n)
        if n == 11:
            shop.publish()
    return shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return filled(tmp_path)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Return one for tests that only ask."""
    return filled(tmp_path_factory.mktemp("shop"))


def numbers(answer: Answer) -> set[int]:
    """Return the numbers of an answer's items."""
    return {int(line.item.key.removesuffix(".wav")) for line in answer.neighbours}


def say(shop: Shop, number: int, genre: str) -> None:
    """Deliver another genre of an item."""
    audio = ObjectVersion(store="shop", key=f"{number}.wav", version="1", size_bytes=1)
    record = MetadataRecord("csv:shop", {"genre": genre})
    shop.catalogue.register([Registration(audio, kind=Kind.TRACK, kind_source=KindSource.OPTION, records=(record,))])


def test_the_answer_counts_what_filters_left_out(published: Shop) -> None:
    """Every item that does not meet them, of the index and of the overlay."""
    answer = published.ask("0.wav", k=15, conditions=ROCK)
    assert numbers(answer) == {2, 4, 6, 8, 10, 12, 14}
    assert answer.dropped["filtered"] == 7


def test_changes_are_followed(shop: Shop) -> None:
    """New metadata of items in the index and behind it, a new item, and new audio of one that is known."""
    assert not {5, 13} & numbers(shop.ask("0.wav", k=15, conditions=ROCK))
    say(shop, 5, "rock")
    say(shop, 13, "rock")
    assert {5, 13} <= numbers(shop.ask("0.wav", k=15, conditions=ROCK))
    assert not {5, 13} & numbers(shop.ask("0.wav", k=15, conditions=JAZZ))
    assert numbers(shop.ask("0.wav", k=15, conditions=filters.parse(["tempo_bpm=150.."]))) == set()
    shop.add("20.wav", sound(0, 20), said={"genre": "rock"}, tempo_bpm=150.0)
    shop.add("3.wav", sound(0, 21), said={"genre": "rock"}, tempo_bpm=151.0, version="2")
    assert numbers(shop.ask("0.wav", k=15, conditions=filters.parse(["tempo_bpm=150.."]))) == {3, 20}
    assert {3, 20} <= numbers(shop.ask("0.wav", k=15, conditions=ROCK))


def test_columns_of_a_large_index_are_read_beside_the_questions(
    published: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first answers are the ledger's, the later ones the columns', and all are the same."""
    monkeypatch.setattr(columns, "READ_AT_ONCE", 0)
    some = filters.parse(["duration_s=..60", "tempo_bpm=105.."])
    first = published.ask("0.wav", k=15, conditions=some)
    index = published.indexes.current(Kind.TRACK)
    until = time.monotonic() + _PATIENCE_S
    while index.passing(some) is None:
        assert time.monotonic() < until
        time.sleep(0.01)
    assert published.ask("0.wav", k=15, conditions=some).neighbours == first.neighbours
    assert numbers(first) == set(range(5, 15))


def test_conditions_without_a_column_are_left_to_the_ledger(published: Shop) -> None:
    """Beside one that has a column the mask is not whole, alone there is none."""
    index = published.indexes.current(Kind.TRACK)
    rare = filters.parse(["pulse_clarity=..1"])
    assert index.passing(rare) is None
    passing = index.passing([*JAZZ, *rare])
    assert passing is not None
    assert not passing.is_whole
    assert published.ask("0.wav", k=15, conditions=(*JAZZ, *rare)).neighbours == ()
    both = (*JAZZ, *filters.parse(["title!=nothing"]))
    assert numbers(published.ask("0.wav", k=15, conditions=both)) == {1, 3, 5, 7, 9, 11, 13}


def test_a_new_release_has_the_columns_at_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was asked for before the swap is read before it; copies share a row there, and not their attributes."""
    shop.ask("0.wav", conditions=JAZZ)
    sha256 = "c" * 64
    for key, genre in (("30.wav", "rock"), ("31.wav", "jazz")):
        shop.add(key, sound(1, 30), sha256=sha256, said={"genre": genre})
    monkeypatch.setattr(columns, "READ_AT_ONCE", 0)
    shop.publish()
    passing = shop.indexes.current(Kind.TRACK).passing(JAZZ)
    assert passing is not None
    assert (len(passing.rows), int(passing.rows.sum())) == (16, 8)
    assert 30 in numbers(shop.ask("0.wav", k=20, conditions=ROCK))
    found = numbers(shop.ask("0.wav", k=20, conditions=JAZZ))
    assert 31 in found
    assert 30 not in found

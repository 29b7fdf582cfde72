"""Lookups between "sounds alike" and "is about the same", in an index and in what came after it."""

from pathlib import Path

import pytest

from audiofeat.bootstrap import Services, load_settings
from audiofeat.domain.items import Kind
from audiofeat.domain.lookups import ItemSeed, Rules
from audiofeat.errors import InvalidInput
from audiofeat.services.build_index import build_index
from audiofeat.services.lookup import Answer, answer
from commands import wait_until
from filling import analysed

TOPICS = ("harbour boat sailing storm lighthouse", "rose soil seed compost pruning", "market bank interest loan stock")


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Services:
    """Return a catalogue of thirty episodes, whose sound and whose topic have nothing to do with each other."""
    made = Services(load_settings(home=tmp_path_factory.mktemp("about") / "home"))
    for number in range(30):
        add(made, number, family=number // 10)
    return made


def add(services: Services, number: int, *, family: int) -> None:
    words = TOPICS[number % 3].split()
    said = {"description": " ".join(words[number % 4 :] + words[: number % 2 + 1]), "show": f"Show {number}"}
    analysed(
        services, f"shows/{number:02}.mp3", family, 100 + number, kind=Kind.EPISODE, reference=f"ep-{number:02}", **said
    )


def build(services: Services, kind: Kind = Kind.EPISODE, *, is_told: bool = False) -> None:
    build_index(
        kind,
        catalogue=services.catalogue,
        publisher=services.publisher,
        artefacts=services.artefacts,
        is_told=is_told,
        is_forced=True,
    )


def numbers(found: Answer) -> list[int]:
    return [int((line.item.reference or "")[3:]) for line in found.neighbours]


def ask(services: Services, *, about: float, name: str = "ep-00", k: int = 5) -> Answer:
    rules = Rules(k=k, about=about)
    return answer([ItemSeed(name)], catalogue=services.catalogue, indexes=services.indexes, rules=rules)


def test_sound_alone_topic_alone_and_both(services: Services) -> None:
    """The more the topic counts the more answers share it, and the farther off they may sound; the line says so."""
    build(services)
    found = [ask(services, about=about) for about in (0.0, 0.5, 1.0)]
    away = [sum(line.distance or 0.0 for line in one.neighbours) for one in found]
    same_topic = [sum(number % 3 == 0 for number in numbers(one)) for one in found]
    assert away == sorted(away)
    assert same_topic == sorted(same_topic)
    assert away[0] < away[2]
    assert same_topic[0] < same_topic[2] == 5
    assert "text" in found[2].neighbours[0].why


def test_what_came_after_the_index_is_about_something_too(services: Services) -> None:
    """As a seed, and as an answer."""
    build(services)
    add(services, 33, family=2)
    # The index that the other tests asked is looked at anew every second.
    wait_until(lambda: 33 in numbers(ask(services, about=1.0, k=10)))
    assert all(number % 3 == 0 for number in numbers(ask(services, about=1.0, name="ep-33")))


def test_tracks_are_compared_by_metadata_where_a_query_weighs_it(services: Services) -> None:
    """It weighs nothing by itself; where it does the line names it."""
    genres = ("House", "Bebop", "Thrash Metal")
    for number in range(21):
        said = {"genre": genres[number % 3], "release_date": str(1990 + 20 * (number % 3))}
        analysed(services, f"{number:02}.mp3", number // 7, 300 + number, reference=f"tr-{number:02}", **said)
    build(services, Kind.TRACK, is_told=True)

    def ask_track(name: str, **weights: float) -> Answer:
        rules = Rules(k=5, weights=weights, artist_cap=0)
        return answer([ItemSeed(name)], catalogue=services.catalogue, indexes=services.indexes, rules=rules)

    plain, weighed = ask_track("tr-01"), ask_track("tr-01", metadata=100.0)
    assert "metadata" not in plain.neighbours[0].groups
    assert {number % 3 for number in numbers(plain)} != {1}
    assert {number % 3 for number in numbers(weighed)} == {1}
    assert "metadata 1.00" in weighed.neighbours[0].why


def test_a_catalogue_without_descriptions_says_what_to_bring(tmp_path: Path) -> None:
    """And answers by sound all the same."""
    services = Services(load_settings(home=tmp_path / "home"))
    for number in range(4):
        analysed(services, f"{number}.mp3", 0, 200 + number, kind=Kind.EPISODE, reference=f"ep-{number:02}")
    build(services)
    with pytest.raises(InvalidInput, match="fewer than 20"):
        ask(services, about=0.5)
    assert len(numbers(ask(services, about=0.0))) == 3
    with pytest.raises(InvalidInput, match="about must be 0 to 1"):
        Rules(about=1.5)

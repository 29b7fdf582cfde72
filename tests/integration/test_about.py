"""Lookups between "sounds alike" and "is about the same", in an index and in what came after it."""

from pathlib import Path

import pytest

from audiofeat.bootstrap import Services, load_settings
from audiofeat.domain.items import Kind
from audiofeat.domain.lookups import ItemSeed, Rules
from audiofeat.errors import InvalidInput
from audiofeat.services.build_index import build_index
from audiofeat.services.lookup import Answer, answer
from filling import analysed

TOPICS = ("harbour boat sailing storm lighthouse", "rose soil seed compost pruning", "market bank interest loan stock")


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Services:
    """Return a catalogue of thirty episodes, whose sound and whose topic have nothing to do with each other."""
    monkeypatch.setenv("AUDIOFEAT_HOME", str(tmp_path / "home"))
    made = Services(load_settings())
    for number in range(30):
        add(made, number, family=number // 10)
    return made


def add(services: Services, number: int, *, family: int) -> None:
    words = TOPICS[number % 3].split()
    said = {"description": " ".join(words[number % 4 :] + words[: number % 2 + 1]), "show": f"Show {number}"}
    analysed(
        services, f"shows/{number:02}.mp3", family, 100 + number, kind=Kind.EPISODE, reference=f"ep-{number:02}", **said
    )


def build(services: Services) -> None:
    build_index(Kind.EPISODE, catalogue=services.catalogue, publisher=services.publisher, artefacts=services.artefacts)


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
    assert 33 in numbers(ask(services, about=1.0, k=10))
    assert all(number % 3 == 0 for number in numbers(ask(services, about=1.0, name="ep-33")))


def test_a_catalogue_without_descriptions_says_what_to_bring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And answers by sound all the same."""
    monkeypatch.setenv("AUDIOFEAT_HOME", str(tmp_path / "home"))
    services = Services(load_settings())
    for number in range(4):
        analysed(services, f"{number}.mp3", 0, 200 + number, kind=Kind.EPISODE, reference=f"ep-{number:02}")
    build(services)
    with pytest.raises(InvalidInput, match="fewer than 20"):
        ask(services, about=0.5)
    assert len(numbers(ask(services, about=0.0))) == 3
    with pytest.raises(InvalidInput, match="about must be 0 to 1"):
        Rules(about=1.5)

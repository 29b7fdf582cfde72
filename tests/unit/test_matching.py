"""Whether a record is about an item: identifiers, names, versions, and when a person is asked."""

from typing import Any

import pytest

from audiofeat.domain.claims import disagreements, key_of
from audiofeat.domain.match_keys import fold, identifiers, keys_of, sketches
from audiofeat.domain.matching import Finding, by_identifier, by_names, decide, title_of
from audiofeat.domain.source_records import MatchState
from tests.benchmarks import matching

SONG: dict[str, Any] = {"artist": "Anna Example", "title": "Evening Song", "duration_s": 200.0}


def outcome(record: dict[str, Any], item: dict[str, Any]) -> MatchState | None:
    """Return what becomes of a record where there is one item."""
    found = by_identifier(record, item, "i") or by_names(record, item, "i")
    decided = decide([found])
    return decided[0][1] if decided else None


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"title": "evening  song!"},
        {"title": "Evenning Song"},
        {"artist": "Example, Anna"},
        {"artist": "АННА ЕXАМПЛЕ"},
        {"artist": "Anna Example feat. Bob"},
        {"title": "Evening Song (feat. Bob)"},
        {"title": "Evening Song - 2011 Remaster"},
        {"artist": "Evening Song", "title": "Anna Example"},
        {"duration_s": 204.0},
        {"duration_s": None},
    ],
    ids=str,
)
def test_the_same_recording(change: dict[str, Any]) -> None:
    """Spelling, alphabets, guests, remasters and swapped fields are no difference."""
    assert outcome(SONG | change, SONG) is MatchState.MATCHED


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Evening Song (Live)"},
        {"title": "Evening Song (Bob Remix)"},
        {"title": "Evening Song - Instrumental"},
        {"title": "Evening Song Part 2"},
        {"title": "Evening Song (originally performed by Anna Example)"},
        {"duration_s": 120.0},
        {"title": "Evenning Sonng", "duration_s": None},
    ],
    ids=str,
)
def test_perhaps_another_recording(change: dict[str, Any]) -> None:
    """A version, another part, another edit: a person is asked."""
    assert outcome(SONG | change, SONG) is MatchState.WAITING
    assert outcome(SONG, SONG | change) is MatchState.WAITING


@pytest.mark.parametrize(
    "change", [{"artist": "Someone Else"}, {"title": "Morning"}, {"artist": "", "title": ""}], ids=str
)
def test_something_else(change: dict[str, Any]) -> None:
    """Nobody is asked about strangers."""
    assert outcome(SONG | change, SONG) is not MatchState.MATCHED


def test_two_remixes_are_two() -> None:
    """The same words in the title make no same remix."""
    one, other = (SONG | {"title": f"Evening Song ({name} Remix)"} for name in ("Bob", "Clara"))
    assert outcome(one, one) is MatchState.MATCHED
    assert outcome(one, other) is MatchState.WAITING


def test_an_identifier_decides_unless_something_contradicts() -> None:
    """Titles may differ; another identifier or another length is asked about."""
    item = {"isrc": "GBAYE6900531", "mbid": "ABC", "title": "x", "duration_s": 200.0}
    assert outcome({"isrc": "GBAYE6900531", "title": "y"}, item) is MatchState.MATCHED
    assert outcome({"isrc": "GBAYE6900531", "mbid": "abc"}, item) is MatchState.MATCHED
    assert outcome({"isrc": "GBAYE6900531", "mbid": "other"}, item) is MatchState.WAITING
    assert outcome({"isrc": "GBAYE6900531", "duration_s": 90.0}, item) is MatchState.WAITING


def test_other_episodes_of_a_show_are_not_asked_about() -> None:
    """Titles that differ by their number and other GUIDs; with the very same title a person is asked."""
    item = {"show": "Two Chairs", "title": "Two Chairs 12", "guid": "a", "duration_s": 1800.0}
    assert outcome(item | {"title": "Two Chairs 13", "guid": "b"}, item) is None
    assert outcome(item | {"guid": "b"}, item) is MatchState.WAITING


def test_two_that_are_as_near_wait() -> None:
    """And the best of many that are far behind does not."""
    near = [Finding(name, confidence, "names") for name, confidence in (("b", 0.97), ("a", 0.98), ("c", 0.5))]
    assert [(found.item_id, state) for found, state in decide(near)] == [
        ("a", MatchState.WAITING),
        ("b", MatchState.WAITING),
    ]
    assert [found.item_id for found, _ in decide([near[1], Finding("d", 0.85, "names")])] == ["a"]
    assert decide([near[2]]) == []


def test_what_is_looked_for() -> None:
    """Identifiers in one form; sketches survive a slip of the pen in one word."""
    assert identifiers({"enclosure_url": "https://cdn/a.mp3?x=1", "guid": " g "}) == {
        "guid": "guid:g",
        "enclosure_url": "enclosure_url:cdn/a.mp3",
    }
    assert sketches(SONG) & sketches({"artist": "Anna Eyample", "title": "Xvening Song"})
    assert not sketches({"title": "Evening Song"})
    assert keys_of({}) == frozenset()
    assert fold("Ænima / Jóga") == "aenima joga"
    assert title_of("(I Can't Get No) Evening").core == "evening"


@pytest.mark.parametrize(
    ("said", "measured", "fields"),
    [
        ({"duration_s": 202.0}, {"duration_s": 200.0}, []),
        ({"duration_s": 300.0}, {"duration_s": 200.0}, ["duration_s"]),
        ({"bpm": "121"}, {"rhythm.tempo_bpm": 120.0}, []),
        ({"bpm": "60", "tempo_bpm": 90}, {"rhythm.tempo_bpm": 120.0}, ["tempo_bpm", "bpm"]),
        ({"initial_key": "8A"}, {"tonal.key": "A", "tonal.mode": "minor"}, []),
        ({"key": "C major"}, {"tonal.key": "A", "tonal.mode": "minor"}, ["key"]),
        ({"key": "H"}, {"tonal.key": "A", "tonal.mode": "minor"}, []),
        ({"replaygain_track_gain": "-8.0 dB"}, {"loudness.integrated_loudness_lufs": -10.2}, []),
        ({"replaygain_track_gain": "-2 dB"}, {"loudness.integrated_loudness_lufs": -10}, ["replaygain_track_gain"]),
        ({"title": "One (Instrumental)", "explicit": True}, {"speech.speech_ratio": 0.5}, ["instrumental", "explicit"]),
        ({"kind": "track"}, {"speech.speech_ratio": 0.9, "duration_s": 600.0}, ["kind"]),
        ({"duration_s": "?", "bpm": None}, {"duration_s": 1.0, "rhythm.tempo_bpm": 1.0}, []),
    ],
)
def test_claims_against_the_audio(said: dict[str, Any], measured: dict[str, Any], fields: list[str]) -> None:
    """What agrees within the tolerance, and what is not known, is no finding."""
    assert [one.field for one in disagreements(said, measured)] == fields


def test_keys_in_every_notation() -> None:
    """Letters, flats, words, and all of the wheel."""
    assert key_of("f# minor") == key_of("Gbm") == key_of("11A") == ("F#", "minor")
    assert len({key_of(f"{number}{side}") for number in range(1, 13) for side in "AB"}) == 24


def test_the_promise_on_a_small_catalogue() -> None:
    """Precision .99 at recall .90 without any identifier, as the benchmark measures it on a larger one."""
    catalogue, cases = matching.made(300, seed=3)
    precision, recall, _ = matching.measured(catalogue, cases)
    assert precision >= matching.PROMISED_PRECISION
    assert recall >= matching.PROMISED_RECALL

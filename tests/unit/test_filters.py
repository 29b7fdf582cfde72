"""Conditions and targets: what texts and JSON mean, and what is refused with a correct value."""

from typing import Any

import pytest

from audiofeat.domain import filters, targets
from audiofeat.domain.attributes import ATTRIBUTES, FEATURES, USUAL_FEATURES, Sort, from_metadata
from audiofeat.domain.registry import BY_PATH
from audiofeat.errors import InvalidInput


@pytest.mark.parametrize(
    ("term", "said"),
    [
        ("genre=Ambient|Drone", {"genre": ["ambient", "drone"]}),
        ("artist!=Ana B", {"artist": {"not": "ana b"}}),
        ("tempo_bpm=118..126", {"rhythm.tempo_bpm": {"min": 118, "max": 126}}),
        ("tempo_bpm=120", {"tempo_bpm": 120.0}),
        ("duration_s=..600", {"duration_s": {"max": "600"}}),
        ("release_date=1994..", {"release_date": {"min": "1994"}}),
        ("release_date=1994-05", {"release_date": "1994-05"}),
        ("explicit=no", {"explicit": False}),
        ("key=db", {"tonal.key": "C#"}),
        ("isrc=GB-AYE-69-00531", {"isrc": "gbaye6900531"}),
        ("title=a=b", {"title": "A=B"}),
    ],
)
def test_text_and_json_mean_the_same(term: str, said: dict[str, Any]) -> None:
    """One grammar, two ways to write it."""
    assert filters.parse([term]) == filters.read(said)


@pytest.mark.parametrize(
    ("term", "message"),
    [
        ("tempo=120", r"'tempo'.*did you mean"),
        ("strength=120", r"cannot be asked for by 'strength'"),
        ("tempo_bpm=500", r"rhythm\.tempo_bpm is a number from 30 to 300 BPM, not '500'"),
        ("tempo_bpm=fast", "a number from 30 to 300 BPM"),
        ("tempo_bpm=126..118", r"did you mean 118\.\.126"),
        ("duration_s=-1", "at least 0 s"),
        ("tempo_bpm=nan", "a number from 30 to 300"),
        ("tempo_bpm=..", "a range needs an end"),
        ("mode=dorian", "one of major, minor"),
        ("explicit=perhaps", "true or false"),
        ("release_date=31.12.1999", "1999-12-31"),
        ("release_date=2001..1999", r"did you mean 1999\.\.2001"),
        ("release_date=1999|2001", "a range such as"),
        ("genre=", "is a text"),
        ("genre", "field=value"),
        ("hpcp=1", "cannot be asked for"),
    ],
)
def test_a_wrong_condition_names_a_correct_one(term: str, message: str) -> None:
    """The message and its remedy tell the field and what it may be."""
    with pytest.raises(InvalidInput, match=message):
        filters.parse([term])


@pytest.mark.parametrize("said", [{"genre": {"like": "a"}}, {"genre": {"min": "a"}}, {"tempo_bpm": []}, {"mode": True}])
def test_wrong_json_is_refused(said: dict[str, Any]) -> None:
    """Parts that there are not, an order where there is none, no value at all, another type."""
    with pytest.raises(InvalidInput):
        filters.read(said)


def test_every_single_value_of_the_registry_can_be_asked_for() -> None:
    """Numbers with their bounds and words with their list; the usual ones exist."""
    assert set(USUAL_FEATURES) <= set(FEATURES)
    for path, about in FEATURES.items():
        assert (about.low, about.high) == (BY_PATH[path].low, BY_PATH[path].high)
        assert about.words if about.sort is Sort.WORD else about.sort is Sort.NUMBER
    assert len(ATTRIBUTES) > len(FEATURES) + 10


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("122 BPM, minor, calm", {"rhythm.tempo_bpm": 122.0, "tonal.mode": "minor", "mood.arousal": 0.25}),
        ("Bb major, -14 LUFS, 3/4", {"tonal.key": "A#", "tonal.mode": "major",
                                     "loudness.integrated_loudness_lufs": -14.0, "rhythm.meter": 3.0}),
        ("very calm, danceability=1.2", {"mood.arousal": 0.1, "rhythm.danceability": 1.2}),
    ],
)  # fmt: skip
def test_a_target_in_words(text: str, target: dict[str, Any]) -> None:
    """Numbers with units, keys, words, assignments."""
    assert targets.parse(text) == target


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("122 BPM, hurdy-gurdy", r"does not know 'hurdy-gurdy'"),
        ("clam, sad", "did you mean calm"),
        ("calm, energetic", "twice"),
        ("500 BPM", "30 to 300"),
        ("1.2.3 BPM", "no number"),
        ("", "1 to 20 terms"),
        ("genre=ambient", "no feature"),
    ],
)
def test_an_unknown_word_is_named(text: str, message: str) -> None:
    """Never guessed at, never left out in silence."""
    with pytest.raises(InvalidInput, match=message):
        targets.checked(targets.parse(text))


def test_every_word_is_a_possible_value() -> None:
    """The dictionary keeps to the registry."""
    for path, some, much in targets.WORDS.values():
        targets.checked({path: some})
        targets.checked({path: much})


def test_the_publisher_of_an_episode_is_its_label() -> None:
    """A label that is named stands before it."""
    assert from_metadata({"publisher": "Harbour Audio"})["label"] == "harbour audio"
    assert from_metadata({"publisher": "Harbour Audio", "label": "Other"})["label"] == "other"

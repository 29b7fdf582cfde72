"""Mood: the head and what it says, the formula that may take its place, and ladders of one factor at a time."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audiofeat.domain.heads import Head, Output, Term, feature
from audiofeat.domain.mood_targets import CANDIDATES, DIMENSIONS, EMOTIONS, dimension
from audiofeat.domain.quality import Reason
from audiofeat.errors import InvalidInput
from audiofeat.extraction.analyse import analyse
from audiofeat.features import mood_formula
from audiofeat.features.frames import Result
from audiofeat.features.mood import Mood
from audiofeat.features.mood_head import shipped
from tests.synthesis import RATE_HZ, TIMBRES, Signal, cadence_chords, write

_FORMULA = Head("mood", {}, {})


def played(bpm: float, *, mode: str = "major", notes_a_beat: int = 2, seconds: float = 12.0) -> Signal:
    """Chords, broken into notes above them."""
    chords = cadence_chords((0, 5, 7, 0), 3 + 12 * (mode == "minor"))
    beat_s = 60 / bpm
    sound = np.zeros(round((seconds + 4) * RATE_HZ), dtype=np.float32)
    clock_s = np.arange(round(1.2 * beat_s / notes_a_beat * RATE_HZ)) / RATE_HZ
    edges = np.minimum(1, np.minimum(clock_s, clock_s[::-1]) / 0.008)
    for number in range(int(seconds / beat_s) * notes_a_beat):
        beat, part = divmod(number, notes_a_beat)
        chord = chords[beat // 2 % len(chords)]
        heard = [chord[1 + part % 3] + 12] if part else chord
        struck = edges * sum(TIMBRES["electric piano"](440 * 2 ** (note / 12), clock_s) for note in heard)
        at = round(number * beat_s / notes_a_beat * RATE_HZ)
        sound[at : at + len(struck)] += (0.05 * struck).astype(np.float32)
    return sound[: round(seconds * RATE_HZ)]


def heard(folder: Path, signal: Signal, *, gain_db: float = 0.0) -> dict[str, Any]:
    path = write(folder / "played.wav", (signal * 10 ** (gain_db / 20)).astype(np.float32), form="float")
    record, _ = analyse(path, source="played", max_duration_s=60.0, wanted=("mood",))
    found: dict[str, Any] = record["features"]["mood"]
    return found


def measured(**other: float | str | None) -> dict[str, dict[str, Any]]:
    """Everything typical, unless said otherwise."""
    groups: dict[str, dict[str, Any]] = {
        "speech": {"speech_ratio": 0.0},
        "tonal": {"mode": "major", "key_strength": 0.5},
    }
    for output in shipped().outputs.values():
        for term in output.terms:
            group, _, name = term.feature.partition(".")
            centre = float(np.exp(term.centre)) if name.endswith(("_hz", "_bpm", "_flux")) else term.centre
            if "[" in name:
                groups.setdefault(group, {}).setdefault(name.partition("[")[0], [0.0] * 20)
                groups[group][name.partition("[")[0]][int(name[:-1].partition("[")[2])] = centre
            else:
                groups.setdefault(group, {})[name] = centre
    typical = {
        "rhythm": {"onset_rate_hz": 4.0, "pulse_clarity": 0.4},
        "timbre": {"spectral_flux": 0.15, "spectral_centroid_hz": 2_200.0},
        "instrumentation": {"percussive_ratio": 0.15, "low_end_ratio": 0.28, "noise_ratio": 0.05},
        "loudness": {"dynamic_complexity_db": 3.0},
    }
    for group, values in typical.items():
        groups.setdefault(group, {}).update(values)
    for name in ("octave_band_contrast_db", "octave_band_crest_db"):
        groups["timbre"].setdefault(name, [10.0] * 8)
    return {group: {name: other.get(name, value) for name, value in of.items()} for group, of in groups.items()}


def mood(head: Head | None = None, *, silence: Reason | None = None, **other: float | str | None) -> Result:
    return Mood(head).result(measured(**other), silence)


class TestLadders:
    def test_faster_is_more_aroused(self, tmp_path: Path) -> None:
        """The same chords rise in arousal and energy from 60 over 90 to 160 BPM."""
        found = [heard(tmp_path, played(bpm)) for bpm in (60, 90, 160)]
        for name in ("arousal", "energy"):
            assert found[0][name] < found[1][name] < found[2][name], name

    def test_denser_is_more_aroused(self, tmp_path: Path) -> None:
        """One, two and four notes a beat at one tempo rise in arousal."""
        found = [heard(tmp_path, played(90, notes_a_beat=notes))["arousal"] for notes in (1, 2, 4)]
        assert found[0] < found[1] < found[2]

    def test_major_is_more_positive_and_level_means_nothing(self, tmp_path: Path) -> None:
        """The same piece in minor loses valence; 12 dB less change neither dimension by 0.02."""
        major, minor = heard(tmp_path, played(100)), heard(tmp_path, played(100, mode="minor"))
        assert major["valence"] > minor["valence"] + 0.05
        quiet = heard(tmp_path, played(100), gain_db=-12)
        for name in (*DIMENSIONS, "energy", "acousticness"):
            assert quiet[name] == pytest.approx(major[name], abs=0.02), name


class TestHead:
    def test_the_shipped_one_is_small_and_named(self) -> None:
        """At most 29 terms and a mean an output; every feature is one that a level leaves alone."""
        outputs = shipped().outputs
        assert {*DIMENSIONS} <= set(outputs) <= {*DIMENSIONS, *EMOTIONS}
        for output in outputs.values():
            assert len(output.terms) <= 29
            assert {term.feature for term in output.terms} <= set(CANDIDATES)

    def test_an_interval_holds_its_value(self) -> None:
        """Low, value and high rise, inside 0 to 1, also for features far outside what was seen."""
        for rate in (0.0, 4.0, 1e6):
            values = mood(onset_rate_hz=rate, spectral_flux=rate).values
            for name in DIMENSIONS:
                assert 0 <= values[f"{name}_low"] < values[name] < values[f"{name}_high"] <= 1

    def test_the_mode_moves_valence(self) -> None:
        """Nothing but the mode differs."""
        assert mood(mode="major").values["valence"] > mood(mode="minor").values["valence"]

    def test_what_was_not_measured_counts_as_usual_until_it_is_most(self) -> None:
        """A term without its feature adds nothing; where more than half the weight is missing there is no answer."""
        terms = (Term("rhythm.onset_rate_hz", np.log(4.0), 1.0, 0.6), Term("rhythm.pulse_clarity", 0.4, 0.2, 0.4))
        output = Output(terms, mean=0.5, spread=0.1, error=0.8, is_rank=False, origin="test")
        known = {"rhythm": {"onset_rate_hz": 4.0, "pulse_clarity": 0.6}}
        estimate = output.estimate(known)
        assert estimate is not None
        assert estimate.value == pytest.approx(0.54)
        without = output.estimate({"rhythm": {**known["rhythm"], "pulse_clarity": None}})
        assert without is not None
        assert without.value == pytest.approx(0.5)
        assert output.estimate({"rhythm": {**known["rhythm"], "onset_rate_hz": None}}) is None

    def test_a_label_only_where_both_sides_are_probable(self) -> None:
        """Near the middle there is none; far out there is the quarter, with its probability."""
        sure = {name: replace(output, error=0.05) for name, output in shipped().outputs.items()}
        quarters = set()
        for mode, rate in (("major", 40.0), ("minor", 0.01)):
            found = mood(Head("mood", sure, {}), mode=mode, onset_rate_hz=rate, key_strength=0.9).values
            quarters.add(found["mood_label"])
            assert found["mood_label_probability"] > 0.4
        assert quarters <= {"energetic", "tense", "calm", "sad"}
        unsure = {name: replace(output, error=50.0) for name, output in shipped().outputs.items()}
        assert mood(Head("mood", unsure, {})).reasons["mood_label"] == Reason.LOW_CONFIDENCE

    def test_a_document_comes_back_as_it_was(self) -> None:
        """Writing and reading change nothing."""
        assert Head.read(shipped().document()) == shipped()

    @pytest.mark.parametrize("broken", ["{}", "no terms", "infinite", "no spread"])
    def test_a_document_that_is_no_head_is_refused(self, broken: str) -> None:
        """Missing parts and numbers that no fit gives are errors, not moods."""
        document = shipped().document()
        if broken == "{}":
            document = {}
        elif broken == "no terms":
            del document["outputs"]["arousal"]["terms"]
        else:
            document["outputs"]["arousal"]["spread"] = float("inf") if broken == "infinite" else 0.0
        with pytest.raises(InvalidInput):
            Head.read(document)

    def test_a_feature_that_there_is_not_is_an_error(self) -> None:
        """A misspelt name is no missing value."""
        with pytest.raises(KeyError):
            feature(measured(), "rhythm.swing")


class TestNulls:
    def test_speech_has_no_mood(self) -> None:
        """From 60 % speech on it is not music."""
        assert mood(speech_ratio=0.59).values["arousal"] is not None
        result = mood(speech_ratio=0.6)
        assert set(result.values.values()) == {None}
        assert {why for name, why in result.reasons.items() if not name.startswith("amaz")} == {Reason.NOT_MUSIC}

    def test_the_gates_come_first(self) -> None:
        """What is too short is that, whatever else is missing."""
        assert set(mood(silence=Reason.TOO_SHORT).reasons.values()) == {Reason.TOO_SHORT}

    def test_emotions_that_the_votes_do_not_support_have_no_model(self) -> None:
        """The shares that are published are those of the head."""
        result = mood()
        for name in EMOTIONS:
            assert (result.values[f"{name}_ratio"] is not None) == (name in shipped().outputs)
        assert result.reasons["amazement_ratio"] == Reason.NO_MODEL


class TestFormula:
    def test_the_typical_is_the_middle(self) -> None:
        """Typical values of everything and no key give one half, without intervals."""
        found = mood(_FORMULA, mode=None)
        assert (found.values["arousal"], found.values["valence"]) == (pytest.approx(0.5), pytest.approx(0.5))
        assert found.reasons["arousal_low"] == Reason.NO_MODEL

    @pytest.mark.parametrize(
        ("name", "value"), [("onset_rate_hz", 8.0), ("spectral_flux", 0.3), ("percussive_ratio", 0.6)]
    )
    def test_more_movement_is_more_arousal(self, name: str, value: float) -> None:
        """Denser, livelier and more percussive sound is more aroused."""
        assert mood(_FORMULA, **{name: value}).values["arousal"] > 0.55

    def test_major_is_brighter_than_minor(self) -> None:
        """The mode moves valence by its strength, and arousal not at all."""
        major, minor = mood(_FORMULA, mode="major").values, mood(_FORMULA, mode="minor").values
        assert major["valence"] > 0.55
        assert minor["valence"] < 0.45
        assert major["arousal"] == minor["arousal"]

    def test_the_card_has_the_formulae(self) -> None:
        """Weights, typical values and spreads are published as they are used."""
        card = (Path(__file__).parents[2] / "docs" / "models" / "mood.md").read_text()
        for terms in (mood_formula._AROUSAL, mood_formula._ACOUSTICNESS):
            for path, (weight, typical, spread) in terms.items():
                assert f"| `{path}` | {weight:g} | {typical:g} | {spread:g} |" in card

    @pytest.mark.parametrize("value", [0.0, 1e9])
    def test_extremes_stay_in_range(self, value: float) -> None:
        """No outlier takes the values to 0 or 1."""
        names = ("onset_rate_hz", "pulse_clarity", "spectral_flux", "spectral_centroid_hz", "percussive_ratio")
        found = mood(_FORMULA, mode="major", key_strength=1.0, **dict.fromkeys(names, value)).values
        assert all(0 < found[name] < 1 for name in ("arousal", "valence", "energy", "acousticness"))

    def test_a_missing_ingredient_is_low_confidence(self) -> None:
        """Nothing is filled in."""
        reasons = mood(_FORMULA, spectral_flux=None).reasons
        assert reasons["arousal"] == reasons["energy"] == Reason.LOW_CONFIDENCE

    def test_machines_and_noise_are_not_acoustic(self) -> None:
        """A strong low end, transients and noise each lower acousticness."""
        usual = mood_formula.acousticness(measured())
        assert usual is not None
        for name in ("low_end_ratio", "percussive_ratio", "noise_ratio"):
            assert (mood_formula.acousticness(measured(**{name: 0.9})) or 0.0) < usual


def test_dimensions_do_not_follow_each_other() -> None:
    """Each side of valence has one emotion of high and one of low arousal, so equal votes cancel."""
    weights = DIMENSIONS["valence"]
    arousal = {name: DIMENSIONS["arousal"][name] for name in weights}
    assert sum(weights[name] * arousal[name] for name in weights) == 0
    assert dimension("arousal", dict.fromkeys(EMOTIONS, 0.5)) == 0

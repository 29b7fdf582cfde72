"""Key, mode and tuning of cadences; what has no key says so."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

from audiofeat.domain.quality import Reason
from audiofeat.features import tonal
from audiofeat.features.tonal import Tonal
from tests.synthesis import (
    CADENCES,
    KEYS,
    RATE_HZ,
    TIMBRES,
    Signal,
    cadence,
    cadence_chords,
    drum_loop,
    fed,
    noise,
    progression,
    shepard,
    sine,
    tone,
)

OF_KEY = {"key", "mode", "key_second", "mode_second", "key_second_strength", "key_clarity"}
OF_CHORDS = {"chord_times_s", "chord_labels", "chord_histogram", "chord_change_rate_hz"}
OF_PITCH = {"key_strength", "tuning_hz", "hpcp", "hpcp_36", "hpcp_curve", "hpcp_change", "dissonance"}


def held(*tones_hz: float) -> Signal:
    return np.sum([sine(hz, 8.0, amplitude=0.1) for hz in tones_hz], axis=0, dtype=np.float32)


@pytest.mark.parametrize("tuning_hz", [432.0, 440.0, 452.0])
@pytest.mark.parametrize("mode", ["major", "minor"])
@pytest.mark.parametrize("tonic", range(12))
def test_every_key_at_every_tuning(tonic: int, mode: str, tuning_hz: float) -> None:
    """All 24 keys from a cadence, at A = 432, 440 and 452 Hz; the tuning within 1 Hz."""
    values = fed(Tonal(), cadence(tonic, mode, tuning_hz=tuning_hz)).values
    assert (values["key"], values["mode"]) == (KEYS[tonic], mode)
    assert values["tuning_hz"] == pytest.approx(tuning_hz, abs=1.0)
    assert 0.6 < values["key_strength"] <= 1


@pytest.mark.parametrize("timbre", TIMBRES)
def test_every_cadence_in_every_timbre(timbre: str) -> None:
    """Four cadences in keys around the circle, a third of a semitone flat and half a semitone sharp."""
    for roots, tuning_hz, key in product(CADENCES, (432.0, 452.0), (0, 7, 13, 18)):
        values = fed(Tonal(), np.tile(progression(cadence_chords(roots, key), timbre, tuning_hz=tuning_hz), 3)).values
        assert (values["key"], values["mode"]) == (KEYS[key % 12], "minor" if key >= 12 else "major")


@pytest.mark.parametrize("gliding", [False, True])
@pytest.mark.parametrize("octaves_a_second", [0.05, 0.2, -0.5])
def test_shepard_tones_have_no_key(octaves_a_second: float, *, gliding: bool) -> None:
    """Whether in semitones or gliding, slow or fast, up or down."""
    result = fed(Tonal(), shepard(16.0, octaves_a_second, gliding=gliding))
    assert result.reasons == dict.fromkeys(OF_KEY | OF_CHORDS, Reason.ATONAL)


def test_a_tune_without_chords_has_a_key() -> None:
    """One voice through the scale of D major, from the tonic to the tonic, one tone at a time."""
    tune = [[semitone - 7] for semitone in (0, 4, 7, 5, 4, 2, 0, -1, 0, 2, 4, 5, 7, 9, 7, 5, 4, 2, 0, 0)]
    values = fed(Tonal(), np.tile(progression(tune, "flute"), 2)).values
    assert (values["key"], values["mode"]) == ("D", "major")


@pytest.mark.parametrize(
    "make",
    [
        lambda: noise(8.0),
        lambda: drum_loop(120, 8.0),
        lambda: held(440),
        lambda: held(220, 440),
        lambda: held(220, 330),
        lambda: np.tile(tone(220, 1.0), 8),
    ],
    ids=["noise", "drums", "one sine", "octaves", "a fifth", "one tone with harmonics"],
)
def test_fewer_than_three_pitch_classes_have_no_key(make: Callable[[], Signal]) -> None:
    """Noise, drums, one tone and an interval are atonal; the profile and its strength stay."""
    result = fed(Tonal(), make())
    assert result.reasons == dict.fromkeys(OF_KEY | OF_CHORDS, Reason.ATONAL)
    assert result.values["hpcp"] is not None


def test_the_profile_is_of_the_pitch_classes_played() -> None:
    """A major triad: its three classes lead, C first and the largest at 1."""
    profile = fed(Tonal(), held(261.63, 329.63, 392.0)).values["hpcp"]
    assert len(profile) == 12
    assert max(profile) == 1.0
    assert set(np.argsort(profile)[-3:].tolist()) == {0, 4, 7}


def test_a_held_chord_changes_less_than_a_progression() -> None:
    """The change from one 4 s block to the next tells movement."""
    still = fed(Tonal(), np.tile(held(220, 277.2, 329.6), 2)).values["hpcp_change"]
    moving = np.concatenate([held(220, 277.2, 329.6), held(246.9, 311.1, 370.0)])
    assert fed(Tonal(), moving, block_s=8.0).values["hpcp_change"] > 0.3
    assert still < 0.05


@pytest.mark.parametrize("gain_db", [-12, 12])
def test_level_does_not_matter(gain_db: float) -> None:
    """12 dB more or less: the same key and tuning, strength within 0.02."""
    signal = cadence(2, "minor")
    expected = fed(Tonal(), signal).values
    found = fed(Tonal(), (signal * 10 ** (gain_db / 20)).astype(np.float32)).values
    assert (found["key"], found["mode"]) == ("D", "minor")
    assert found["tuning_hz"] == pytest.approx(expected["tuning_hz"], abs=0.1)
    assert found["key_strength"] == pytest.approx(expected["key_strength"], abs=0.02)


def test_a_little_noise_does_not_matter() -> None:
    """20 dB below the chords it leaves the key."""
    signal = cadence(9, "minor", times=4)
    hiss = noise(len(signal) / RATE_HZ, amplitude=float(signal.std()) / 10)
    values = fed(Tonal(), signal + hiss[: len(signal)]).values
    assert (values["key"], values["mode"]) == ("A", "minor")


def test_digital_silence_is_atonal_and_the_gates_reason_wins() -> None:
    """Nothing sounding has no pitch; where the gates gave a reason, it stands in every field."""
    zeros = np.zeros(5 * RATE_HZ, dtype=np.float32)
    for silence, reason in ((None, Reason.ATONAL), (Reason.SILENCE, Reason.SILENCE), (Reason.TOO_SHORT,) * 2):
        result = fed(Tonal(), zeros, silence=silence)
        assert result.reasons == dict.fromkeys(OF_KEY | OF_CHORDS | OF_PITCH, reason)
        assert set(result.values.values()) == {None}


def test_the_chords_of_a_progression() -> None:
    """C, F, G, C, two seconds each: those labels, at their times within 0.3 s, and a row of the curve a second."""
    values = fed(Tonal(), cadence(0, "major", chord_s=2.0, times=1)).values
    assert values["chord_labels"] == ["C", "F", "G", "C"]
    assert values["chord_times_s"] == pytest.approx([0, 2, 4, 6], abs=0.3)
    assert sum(values["chord_histogram"]) == pytest.approx(1)
    assert all(max(row) == 1 and len(row) == 12 for row in values["hpcp_curve"])


def test_a_cluster_is_rougher_than_an_octave() -> None:
    """Neighbouring semitones beat, octaves do not."""
    cluster, octave = (fed(Tonal(), held(*tones)).values["dissonance"] for tones in ((440, 466.2, 493.9), (220, 440)))
    assert cluster > 0.3
    assert octave < 0.1


@pytest.mark.parametrize("stretches", [1, 4])
def test_an_item_may_end_with_a_stretch_of_one_tuning(stretches: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left over then; the key is that of the item taken as a whole."""
    signal = cadence(2, "minor", times=6)
    whole = fed(Tonal(), signal).values
    group = Tonal()
    fed(group, signal)
    frames = sum(map(len, group._level))
    signal = signal[: len(signal) - (frames % 4) * 2 * tonal.spectrum.HOP]
    monkeypatch.setattr(tonal, "_TUNED_FRAMES", frames // 4 * 4 // stretches)
    found = fed(Tonal(), signal).values
    assert (found["key"], found["mode"]) == (whole["key"], whole["mode"]) == ("D", "minor")
    assert found["tuning_hz"] == pytest.approx(whole["tuning_hz"], rel=1e-3)

"""Pace, pauses, pitch and voices of talk whose truth is known."""

import numpy as np
import pytest
import scipy.signal

from audiofeat.domain import registry
from audiofeat.domain.quality import Reason
from audiofeat.features.delivery import Delivery
from audiofeat.features.delivery_rhythm import syllables
from audiofeat.features.delivery_voices import clusters, nearest
from audiofeat.features.frames import RATE_HZ, Result
from tests.spoken import Signal, fed, talk

SPOKEN = {"speech": {"speech_ratio": 1.0}}


def told(signal: Signal, label: str = "speech") -> Result:
    return fed(Delivery(), signal, label).result(SPOKEN, None)


@pytest.mark.parametrize("rate_hz", [2.5, 4.0, 5.5])
def test_syllables_are_counted(rate_hz: float) -> None:
    """The articulation rate is that of the syllables, within 8 %."""
    values = told(talk(rate_hz=rate_hz)).values
    assert values["articulation_rate_hz"] == pytest.approx(rate_hz, rel=0.08)
    assert values["speaking_rate_hz"] < values["articulation_rate_hz"]


@pytest.mark.parametrize("pause_s", [0.4, 0.8, 1.5])
def test_pauses_are_found(pause_s: float) -> None:
    """Each pause between two phrases is found, where it is and as long as it is."""
    values = told(talk(pause_s=pause_s)).values
    starts = [3.0 + n * (3.0 + pause_s) for n in range(5)]
    assert len(values["pause_starts_s"]) == 5
    assert values["pause_starts_s"] == pytest.approx(starts, abs=0.12)
    assert values["pause_mean_s"] == pytest.approx(pause_s, abs=0.2)
    assert values["pause_ratio"] == pytest.approx(values["pause_mean_s"] * 5 / values["speech_duration_s"])


@pytest.mark.parametrize("pitch_hz", [85.0, 120.0, 210.0, 320.0])
def test_the_pitch_is_that_of_the_voice(pitch_hz: float) -> None:
    """The median is within 3 %, and a monotone voice has no range."""
    values = told(talk(pitch_hz=lambda _: pitch_hz)).values
    assert values["pitch_median_hz"] == pytest.approx(pitch_hz, rel=0.03)
    assert values["pitch_range_semitones"] < 1.0


def test_a_lively_voice_is_livelier_than_a_monotone_one() -> None:
    """A pitch that moves over an octave has that range, and more liveliness."""
    flat, lively = told(talk()).values, told(talk(pitch_hz=lambda n: 120.0 * 2 ** (n % 5 / 4))).values
    assert lively["pitch_range_semitones"] == pytest.approx(12.0, abs=1.5)
    assert lively["liveliness"] > flat["liveliness"]


def test_music_has_no_delivery() -> None:
    """Where nobody speaks everything is null, with its reason."""
    result = told(talk(), "music")
    assert set(result.reasons.values()) == {Reason.NOT_SPEECH}
    assert set(result.values) == {field.name for field in registry.FIELDS if field.group == "delivery"}


def test_an_octave_more_is_another_voice() -> None:
    """Units of two voices fall into two clusters."""
    rng = np.random.default_rng(0)
    units = rng.standard_normal((60, 13))
    units[::2] += 8
    voice = nearest(units, clusters(units, 2))
    assert len(set(voice[::2])) == len(set(voice[1::2])) == 1
    assert voice[0] != voice[1]


def test_two_at_once_overlap_more_than_one() -> None:
    """Two voices of other pitch, pace and pauses, laid over each other, are told from each of them alone."""
    one = talk(pitch_hz=lambda n: 110.0 * 2 ** (n % 3 / 12), phrases=8)
    other = talk(rate_hz=5.3, pitch_hz=lambda n: 205.0 * 2 ** (n % 4 / 12), phrases=9, pause_s=0.4)
    count = min(len(one), len(other))
    alone = [told(voice).values["overlap_ratio"] for voice in (one, other)]
    assert told(one[:count] + other[:count]).values["overlap_ratio"] > max(alone) + 0.1


def test_level_does_not_matter() -> None:
    """12 dB less leave pace and pitch where they are."""
    signal = talk()
    loud, quiet = told(signal).values, told((0.25 * signal).astype(np.float32)).values
    for name in ("speaking_rate_hz", "pitch_median_hz", "pause_mean_s", "alpha_ratio_db"):
        assert quiet[name] == pytest.approx(loud[name], rel=1e-3)


def test_a_stretch_of_hours_is_cut() -> None:
    """No more than some half minute of audio is kept, however long somebody talks."""
    group = Delivery()
    fed(group, np.tile(talk(), 5))
    assert sum(map(len, group._stretches._waiting[1])) < 50 * RATE_HZ


@pytest.mark.parametrize("seed", range(8))
def test_syllables_are_the_peaks_that_scipy_finds(seed: int) -> None:
    """High enough, apart enough, and with a dip on both sides; scipy itself would cost every child 45 MB."""
    rng = np.random.default_rng(seed)
    level_db = np.convolve(rng.normal(0, 12, 600), np.ones(4) / 4, "same")
    smooth = np.convolve(np.pad(level_db, 2, mode="edge"), np.hanning(7)[1:-1] / np.hanning(7).sum(), "valid")
    expected, _ = scipy.signal.find_peaks(
        np.pad(smooth, 1, constant_values=-1e3), height=np.percentile(smooth, 95) - 22, prominence=2.0, distance=6
    )
    assert len(expected) > 20
    np.testing.assert_array_equal(syllables(level_db, np.ones(600, dtype=bool)), expected - 1)

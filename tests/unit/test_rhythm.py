"""Tempo, beats and onsets of ladders whose truth is known."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from audiofeat import _native
from audiofeat.domain.quality import Reason
from audiofeat.features.rhythm import Rhythm
from tests.synthesis import RATE_HZ, Signal, beat_times, click_track, drum_loop, fed, noise, sine, tone

LADDER_BPM = tuple(range(50, 201, 10))
SECONDS = 20.0
PULSE_FIELDS = (
    "tempo_bpm", "tempo_confidence", "tempo_second_bpm", "tempo_second_salience", "beat_times_s", "downbeat_times_s",
    "meter", "meter_confidence", "inter_beat_variation", "tempo_stability", "beat_loudness_by_band_db",
)  # fmt: skip
FIELDS = {*PULSE_FIELDS, "onset_rate_hz", "onset_times_s", "pulse_clarity", "danceability"}
LADDERS: dict[str, Callable[[float, float], Signal]] = {"clicks": click_track, "drums": drum_loop}


@cache
def ratios(ladder: str) -> dict[int, float]:
    """Measured over true tempo on every step of a ladder."""
    found = {bpm: fed(Rhythm(), LADDERS[ladder](bpm, SECONDS)).values["tempo_bpm"] for bpm in LADDER_BPM}
    return {bpm: tempo_bpm / bpm for bpm, tempo_bpm in found.items()}


def close(ratio: float, *levels: float) -> bool:
    return any(abs(ratio / level - 1) < 0.01 for level in levels)


def pad() -> Signal:
    return np.sum([sine(hz, SECONDS, amplitude=0.1) for hz in (220.0, 277.2, 329.6)], axis=0, dtype=np.float32)


@pytest.mark.parametrize(("ladder", "least"), [("clicks", 16), ("drums", 16)])
def test_tempo_within_an_octave(ladder: str, least: int) -> None:
    """Within 1 %, half and double allowed: every click track and drum loop from 50 to 200 BPM."""
    assert sum(close(ratio, 0.5, 1, 2) for ratio in ratios(ladder).values()) >= least


@pytest.mark.parametrize(("ladder", "least"), [("clicks", 11), ("drums", 11)])
def test_tempo_in_its_octave(ladder: str, least: int) -> None:
    """Of the 11 steps from 70 to 170 BPM, so many at the very tempo."""
    assert sum(close(ratio, 1) for bpm, ratio in ratios(ladder).items() if 70 <= bpm <= 170) >= least


@pytest.mark.parametrize("bpm", [100, 120, 140, 160])
@pytest.mark.parametrize("ladder", LADDERS)
def test_beats_are_where_they_are_heard(ladder: str, bpm: int) -> None:
    """Mean absolute distance from a beat to the nearest true one: under 30 ms; few are missing."""
    found = np.array(fed(Rhythm(), LADDERS[ladder](bpm, SECONDS)).values["beat_times_s"])
    truth = beat_times(bpm, SECONDS)
    assert np.abs(found[:, None] - truth).min(axis=1).mean() < 0.030
    assert len(found) >= 0.9 * len(truth)
    assert (np.diff(found) > 0).all()
    assert found[0] >= 0
    assert found[-1] <= SECONDS


@pytest.mark.parametrize("make", [lambda: noise(SECONDS), pad], ids=["noise", "pad"])
def test_without_a_pulse_there_is_no_tempo(make: Callable[[], Signal]) -> None:
    """Noise and a held chord have no tempo and no beats, and say why; onset rate and clarity stay."""
    result = fed(Rhythm(), make())
    assert result.reasons == dict.fromkeys(PULSE_FIELDS, Reason.NO_PULSE)
    assert result.values["onset_rate_hz"] < 0.3
    assert result.values["pulse_clarity"] < 0.12


@pytest.mark.parametrize("reason", [Reason.SILENCE, Reason.TOO_SHORT])
def test_what_the_gates_refuse_has_no_rhythm(reason: Reason) -> None:
    """Every field is null with the gates' reason, whatever the curve looks like."""
    result = fed(Rhythm(), click_track(120, 5), silence=reason)
    assert set(result.values) == FIELDS
    assert set(result.values.values()) == {None}
    assert result.reasons == dict.fromkeys(FIELDS, reason)


@pytest.mark.parametrize("rate", [2, 4, 6])
def test_onsets_a_second(rate: int) -> None:
    """Tones struck at a steady rate are counted within 10 %."""
    signal = np.zeros(round(SECONDS * RATE_HZ), dtype=np.float32)
    for number in range(int(SECONDS * rate)):
        struck = 0.1 * tone(220 * 2 ** (number * 5 % 12 / 12), 0.9 / rate)
        at = round(number / rate * RATE_HZ)
        signal[at : at + len(struck)] += struck
    assert fed(Rhythm(), signal).values["onset_rate_hz"] == pytest.approx(rate, rel=0.1)


def levels(gain_db: float) -> tuple[dict[str, Any], dict[str, Any]]:
    signal = 0.2 * drum_loop(120, SECONDS) + noise(SECONDS, amplitude=0.003)
    louder = (signal * 10 ** (gain_db / 20)).astype(np.float32)
    return fed(Rhythm(), signal).values, fed(Rhythm(), louder).values


@pytest.mark.parametrize("gain_db", [-12, 12])
def test_level_does_not_change_the_tempo(gain_db: float) -> None:
    """12 dB more or less leave the tempo as it is, to a percent."""
    before, after = levels(gain_db)
    assert after["tempo_bpm"] == pytest.approx(before["tempo_bpm"], rel=0.01)


@pytest.mark.parametrize("gain_db", [-12, 12])
def test_level_does_not_change_the_onsets(gain_db: float) -> None:
    """12 dB more or less leave the number of onsets as it is, to a twentieth."""
    before, after = levels(gain_db)
    assert after["onset_rate_hz"] == pytest.approx(before["onset_rate_hz"], rel=0.05)


@pytest.mark.parametrize("rate_hz", [44_100, 48_000])
def test_rates_agree(rate_hz: int) -> None:
    """The same clicks at another rate have the same tempo."""
    count = round(SECONDS * rate_hz)
    signal = np.zeros(count, dtype=np.float32)
    burst = sine(1_500, 0.02, rate_hz=rate_hz) * np.hanning(round(0.02 * rate_hz)).astype(np.float32)
    for time_s in beat_times(120, SECONDS):
        at = round(time_s * rate_hz)
        signal[at : at + len(burst)] += burst
    assert fed(Rhythm(), signal, rate_hz=rate_hz).values["tempo_bpm"] == pytest.approx(120, rel=0.01)


@pytest.mark.parametrize("seconds", [3.0, 3.5, 5.0])
def test_short_items_do_no_harm(seconds: float) -> None:
    """From three seconds on there is a tempo or a reason."""
    result = fed(Rhythm(), click_track(120, seconds))
    assert set(result.values) == FIELDS
    assert all(value is not None or name in result.reasons for name, value in result.values.items())


def chained(onsets: Signal, period: float, tightness: float) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """The twin of the native chain of beats."""
    scores, links = np.zeros(len(onsets)), np.full(len(onsets), -1, dtype=np.int32)
    for n in range(len(onsets)):
        backs = np.arange(int(period * 0.6), min(int(period * 1.6) + 1, n) + 1)
        reached = scores[n - backs] - tightness * np.square(np.log(backs) - np.log(period))
        if len(backs) and reached.max() > 0:
            scores[n], links[n] = reached.max(), n - backs[reached.argmax()]
        scores[n] += onsets[n]
    return scores, links


def test_native_chain_is_its_twins() -> None:
    """Scores to rounding and links exactly, on random onsets."""
    onsets = np.abs(noise(0.05, amplitude=1.0))
    scores, links = np.zeros(len(onsets)), np.zeros(len(onsets), dtype=np.int32)
    _native.chain_beats(onsets, np.full(len(onsets), 21, dtype=np.float32), np.array([40.0]), scores, links)
    expected, expected_links = chained(onsets, 21, 40.0)
    np.testing.assert_allclose(scores, expected, rtol=1e-9)
    np.testing.assert_array_equal(links, expected_links)


@pytest.mark.parametrize(("lengths", "period"), [((10, 9, 10), 20), ((10, 10, 9), 20), ((10, 10, 10), 0)])
def test_native_chain_refuses(lengths: tuple[int, int, int], period: float) -> None:
    """Arrays of different lengths and periods of no frames are errors, not reads of foreign memory."""
    onsets, scores = np.zeros(lengths[0], dtype=np.float32), np.zeros(lengths[2])
    periods = np.full(lengths[1], period, dtype=np.float32)
    with pytest.raises(ValueError, match="period"):
        _native.chain_beats(onsets, periods, np.array([1.0]), scores, np.zeros(lengths[0], dtype=np.int32))


def test_accents_tell_the_bar() -> None:
    """Three beats with a kick on the first are a meter of three, and downbeats are its kicks."""
    clock_s = np.arange(int(0.15 * RATE_HZ)) / RATE_HZ
    kick = (0.9 * np.sin(2 * np.pi * 60 * clock_s) * np.exp(-clock_s / 0.06)).astype(np.float32)
    signal = click_track(120, 24.0) * 0.3
    truth = beat_times(120, 24.0)
    for time_s in truth[::3]:
        at = round(time_s * RATE_HZ)
        signal[at : at + len(kick)] += kick[: len(signal) - at]
    values = fed(Rhythm(), signal).values
    assert values["meter"] == 3
    downbeats = np.array(values["downbeat_times_s"])
    assert np.abs(downbeats[:, None] - truth[::3]).min(axis=1).max() < 0.05


def test_beats_of_drums_are_louder_than_the_rest() -> None:
    """Each band of a drum loop is above its mean at the beats."""
    values = fed(Rhythm(), drum_loop(120, SECONDS)).values
    assert all(value > 0 for value in values["beat_loudness_by_band_db"][1:])
    assert values["tempo_stability"] > 0.95
    assert values["inter_beat_variation"] < 0.02


def test_a_beat_is_more_danceable_than_a_drift() -> None:
    """A drum loop has a higher value than noise whose level wanders."""
    rng = np.random.default_rng(3)
    wander = np.interp(np.arange(int(SECONDS * RATE_HZ)), np.arange(21) * RATE_HZ, np.cumsum(rng.standard_normal(21)))
    drift = noise(SECONDS) * np.exp(0.4 * wander).astype(np.float32)
    beat = fed(Rhythm(), drum_loop(120, SECONDS)).values["danceability"]
    assert beat > 1.2 * fed(Rhythm(), drift).values["danceability"]

"""Tempo, beats and onsets of ladders whose truth is known."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

from audiofeat.domain.quality import Reason
from audiofeat.features.rhythm import Rhythm
from tests.synthesis import RATE_HZ, Signal, beat_times, click_track, drum_loop, fed, noise, sine, tone

LADDER_BPM = tuple(range(50, 201, 10))
SECONDS = 20.0
FIELDS = {"tempo_bpm", "tempo_confidence", "beat_times_s", "onset_rate_hz", "pulse_clarity"}
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


@pytest.mark.parametrize(("ladder", "least"), [("clicks", 11), ("drums", 8)])
def test_tempo_in_its_octave(ladder: str, least: int) -> None:
    """Of the 11 steps from 70 to 170 BPM, so many at the very tempo: drums with eighths tend to half or double."""
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
    assert result.reasons == dict.fromkeys(("tempo_bpm", "tempo_confidence", "beat_times_s"), Reason.NO_PULSE)
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

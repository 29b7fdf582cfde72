"""Rhythm: onsets, tempo, beats and meter from onset curves at 86.13 Hz.

Conventions: tempo in beats per minute at the level at which most listeners tap (36-250), times in seconds from the
start of the file. Without a clear pulse tempo and beats are null (``no_pulse``); a meter that is little more than a
guess is null (``low_confidence``). The parts: ``rhythm_curves``, ``rhythm_tempo``, ``rhythm_beats``, ``rhythm_meter``.

References
----------
Danceability: Streich & Herrera, "Detrended fluctuation analysis of music signals: danceability estimation and further
semantic characterization", AES 118th Convention, 2005.
"""

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.quality import Reason
from audiofeat.features import rhythm_beats, rhythm_meter, rhythm_tempo
from audiofeat.features.frames import ONSET_RATE_HZ, Floats, Frames, Measured, Result
from audiofeat.features.rhythm_curves import N_CURVES, PICTURE_RATE_HZ, Curves, onset_times_s

_PULSE_LEAST = 0.12
# Ripples of a held chord may recur, but nothing is struck.
_ONSET_RATE_LEAST_HZ = 0.3
_METER_LEAST = 0.5
_TEMPO_LEAST_FOR_METER = 0.3
_STEADY_WITHIN = 0.05
# First cell of the picture in each of six bands: about 30-180, -350, -700, -1,500, -4,000 and -11,000 Hz.
_LOUDNESS_BANDS = (0, 1, 2, 4, 8, 13)
_BEAT_CELLS = 2
_DANCE_SCALES_S = (0.31, 0.43, 0.6, 0.84, 1.2, 1.6, 2.3, 3.2, 4.5, 6.3, 8.8)

_MUSIC_FIELDS = (
    "tempo_bpm", "tempo_confidence", "tempo_second_bpm", "tempo_second_salience", "beat_times_s", "downbeat_times_s",
    "meter", "meter_confidence", "inter_beat_variation", "tempo_stability", "beat_loudness_by_band_db",
)  # fmt: skip
_FIELDS = (*_MUSIC_FIELDS, "onset_rate_hz", "onset_times_s", "pulse_clarity", "danceability")
_METER_FIELDS = ("downbeat_times_s", "meter", "meter_confidence")

Array = NDArray[np.float64]


class Rhythm:
    """Accumulates onset curves and a coarse picture; all fields are read from them at the end."""

    def __init__(self) -> None:
        self._curves = Curves()

    def push(self, frames: Frames) -> None:
        """Take in one block."""
        self._curves.push(frames.mel)

    def result(self, measured: Measured, silence: Reason | None) -> Result:  # noqa: ARG002  the groups' one signature
        """Return tempo, beats, meter, onsets and danceability."""
        result = Result()
        onsets, powers = self._curves.onsets(), self._curves.band_powers(_LOUDNESS_BANDS)
        if silence or len(powers) < 2:
            _refuse(result, _FIELDS, silence or Reason.TOO_SHORT)
            return result
        onset_s = onset_times_s(onsets)
        onset_rate_hz = len(onset_s) * ONSET_RATE_HZ / len(onsets)
        result.put("onset_rate_hz", onset_rate_hz)
        result.put("onset_times_s", _rounded(onset_s))
        danceability = _danceability(powers)
        result.put("danceability", danceability, Reason.TOO_SHORT)
        found = rhythm_tempo.periodicity(onsets)
        tempo = rhythm_tempo.tempo(found, onset_rate_hz)
        lags = 60 * ONSET_RATE_HZ / tempo.bpm * np.multiply.outer((0.99, 1, 1.01), (1.0, 2.0))
        clarity = float(np.clip(rhythm_tempo.at_lags(found.correlation[N_CURVES], lags).max(), 0, 1))
        clarity *= min(1.0, onset_rate_hz / _ONSET_RATE_LEAST_HZ)
        result.put("pulse_clarity", clarity)
        beats = np.zeros(0)
        if clarity >= _PULSE_LEAST:
            beats = rhythm_beats.track(onsets, *rhythm_tempo.local_periods(found, tempo.bpm))
        if len(beats) < rhythm_beats.LEAST_BEATS:
            _refuse(result, _MUSIC_FIELDS, Reason.NO_PULSE)
            return result
        bpm, variation = rhythm_beats.refined_bpm(onsets, beats, tempo.bpm)
        result.put("tempo_bpm", bpm)
        result.put("tempo_confidence", tempo.probability)
        result.put("tempo_second_bpm", tempo.second_bpm)
        result.put("tempo_second_salience", tempo.second_probability)
        result.put("beat_times_s", _rounded(beats))
        result.put("inter_beat_variation", variation)
        periods_s = np.diff(beats)
        result.put("tempo_stability", float(np.mean(np.abs(periods_s * bpm / 60 - 1) < _STEADY_WITHIN)))
        result.put("beat_loudness_by_band_db", _beat_loudness_db(powers, beats))
        _put_meter(result, self._curves, beats, tempo.probability)
        return result


def _refuse(result: Result, names: tuple[str, ...], reason: Reason) -> None:
    for name in names:
        result.put(name, None, reason)


def _rounded(times: Array) -> list[float]:
    return [float(time) for time in np.round(times, 4)]


def _put_meter(result: Result, curves: Curves, beats: Array, tempo_probability: float) -> None:
    if len(beats) < rhythm_meter.LEAST_BEATS:
        _refuse(result, _METER_FIELDS, Reason.TOO_SHORT)
        return
    judged = beats[: rhythm_meter.MOST_BEATS]
    cells = int((judged[-1] + 60) * PICTURE_RATE_HZ)
    meter = rhythm_meter.meter(curves.onsets(), curves.picture_db(cells), judged)
    result.put("meter_confidence", meter.probability)
    sure = meter.probability >= _METER_LEAST and tempo_probability >= _TEMPO_LEAST_FOR_METER
    result.put("meter", meter.beats if sure else None, Reason.LOW_CONFIDENCE)
    result.put("downbeat_times_s", _rounded(beats[meter.first :: meter.beats]) if sure else None, Reason.LOW_CONFIDENCE)


def _beat_loudness_db(powers: Floats, beats: Array) -> list[float]:
    """Return by how many dB each band's mean power just after the beats exceeds its mean power over the item."""
    cells = np.round(beats * PICTURE_RATE_HZ).astype(np.int64)[:, None] + np.arange(_BEAT_CELLS)
    at_beats = powers[np.minimum(cells, len(powers) - 1)].mean(axis=(0, 1), dtype=np.float64)
    return [float(value) for value in 10 * np.log10(at_beats / powers.mean(axis=0, dtype=np.float64))]


def _danceability(powers: Floats) -> float | None:
    """Return the inverse of the mean exponent of detrended fluctuations of the level, over 0.31 to 8.8 s.

    A beat keeps the level's fluctuations from growing with the stretch looked at; so the exponent is small, and the
    value large, where there is a strong and steady one.
    """
    level = np.sqrt(powers.sum(axis=1, dtype=np.float64))
    level = np.cumsum(level - level.mean())
    scales, fluctuations = [], []
    for scale_s in _DANCE_SCALES_S:
        length = round(scale_s * PICTURE_RATE_HZ)
        count = len(level) // length
        if count < 2:
            break
        pieces = level[: count * length].reshape(count, length)
        clock = np.arange(length) - (length - 1) / 2
        pieces = pieces - pieces.mean(axis=1, keepdims=True)
        slope = pieces @ clock / (clock @ clock)
        rest = np.square(pieces).sum() - np.square(slope).sum() * (clock @ clock)
        scales.append(length)
        fluctuations.append(np.sqrt(max(float(rest), 1e-30) / (count * length)))
    if len(scales) < 4:
        return None
    exponents = np.diff(np.log(fluctuations)) / np.diff(np.log(scales))
    return float(np.clip(1 / max(float(exponents.mean()), 1 / 3), 0, 3))

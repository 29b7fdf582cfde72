"""Rhythm: onsets, tempo and beats from one onset curve at 86.13 Hz.

Conventions: tempo in beats per minute at the level at which most listeners tap (40-240), beat times in seconds
from the start of the file, confidence 0-1. Without a clear pulse tempo and beats are null (``no_pulse``).

References
----------
Beat tracking: Degara et al., "Reliability-informed beat tracking of musical signals", IEEE TASLP 20(1), 2012, as in
Essentia's TempoTapDegara. Tempo prior: Moelants & van Noorden, "Resonance in the perception of musical pulse", 1999.
"""

import numpy as np
import scipy.fft
from essentia import standard as essentia
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from audiofeat.domain.quality import Reason
from audiofeat.features.frames import ONSET_RATE_HZ, Floats, Frames, Measured, Result

TEMPO_RANGE_BPM = (40.0, 240.0)
_PREFERRED_BPM = 125.0
_PRIOR_WIDTH_OCTAVES = 0.9
_PULSE_LEAST = 0.12
_LAG_FRAMES = 2
# Relative to the loudest so far: turning an item down must not change its beats.
_FLOOR_BELOW_PEAK = np.float32(1e-6)
_LEAST_POWER = np.float32(1e-14)
_OCTAVES = (1 / 2, 1.0, 2.0)
_OFFBEAT_PENALTY = 0.3
_LEAST_BEATS = 4
_TRACKED_FRAMES = int(600 * ONSET_RATE_HZ)
_STEADY = 0.9
_PADDING = 8
_OVERTONES = (1, 2, 4)
_ONSET_SPACING_S = 0.05
_ONSET_THRESHOLD_DB = 1.5

Array = NDArray[np.float64]


class Rhythm:
    """Accumulates the onset curve; tempo, beats and onsets are read from it at the end."""

    def __init__(self) -> None:
        self._curve: list[Floats] = []
        self._before: Floats | None = None
        self._peak = 0.0

    def push(self, frames: Frames) -> None:
        """Take in one block."""
        mel = frames.mel
        if not len(mel):
            return
        peak = np.maximum.accumulate(np.maximum(mel.max(axis=1), self._peak))
        self._peak = float(peak[-1])
        floor = np.maximum(peak * _FLOOR_BELOW_PEAK, _LEAST_POWER)[:, None]
        before = np.repeat(mel[:1], _LAG_FRAMES, axis=0) if self._before is None else self._before
        joined = np.concatenate((before, mel))
        self._before = joined[-_LAG_FRAMES:]
        rise_db = 10 * np.log10(np.maximum(mel, floor) / np.maximum(joined[:-_LAG_FRAMES], floor))
        self._curve.append(np.maximum(rise_db, 0).mean(axis=1))

    def result(self, measured: Measured, silence: Reason | None) -> Result:  # noqa: ARG002  the groups' one signature
        """Return tempo, its confidence and beats, the onset rate and the pulse clarity."""
        result = Result()
        curve = np.concatenate(self._curve) if self._curve else np.zeros(0, dtype=np.float32)
        if silence:
            for name in ("tempo_bpm", "tempo_confidence", "beat_times_s", "onset_rate_hz", "pulse_clarity"):
                result.put(name, None, silence)
            return result
        accents = np.maximum(curve - uniform_filter1d(curve, int(ONSET_RATE_HZ)), 0).astype(np.float64)
        periodicity = _periodicity(accents)
        tempo_bpm, clarity, margin = _tempo(curve, periodicity)
        result.put("onset_rate_hz", _onset_rate_hz(curve))
        result.put("pulse_clarity", clarity)
        beats = _beats(curve, tempo_bpm) if clarity >= _PULSE_LEAST else np.zeros(0)
        if len(beats) < _LEAST_BEATS:
            for name in ("tempo_bpm", "tempo_confidence", "beat_times_s"):
                result.put(name, None, Reason.NO_PULSE)
            return result
        tempo_bpm, regularity = _refine_bpm(accents, beats, tempo_bpm)
        result.put("tempo_bpm", tempo_bpm)
        result.put("tempo_confidence", float(np.sqrt(min(1.0, clarity / 0.5) * regularity) * (0.5 + 0.5 * margin)))
        result.put("beat_times_s", [float(t) for t in np.round(beats, 4)])
        return result


def _periodicity(accents: Array) -> Array:
    """Return the unbiased autocorrelation of the accents, 1 at lag 0, for lags up to 6 s."""
    size = scipy.fft.next_fast_len(2 * len(accents), real=True)
    centred = accents - accents.mean()
    spectrum = scipy.fft.rfft(centred, size)
    most = min(len(accents) - 1, int(6 * ONSET_RATE_HZ))
    correlation = scipy.fft.irfft(np.abs(spectrum) ** 2, size)[: most + 1]
    unbiased = correlation / (len(accents) - np.arange(most + 1))
    normal: Array = unbiased / unbiased[0] if unbiased[0] > 0 else np.zeros(most + 1)
    return normal


def _at(periodicity: Array, period_s: float, multiple: float) -> float:
    """Return the highest autocorrelation within 3 % of a multiple of the period."""
    lag = period_s * multiple * ONSET_RATE_HZ
    slack = max(1.0, 0.03 * lag)
    low, high = int(np.floor(lag - slack)), int(np.ceil(lag + slack)) + 1
    return float(periodicity[low:high].max()) if high <= len(periodicity) else 0.0


def _tempo(curve: Floats, periodicity: Array) -> tuple[float, float, float]:
    """Return the tempo (BPM), the clarity of its pulse (0-1) and its margin over other metrical levels (0-1)."""
    fastest, slowest = (int(60 / bpm * ONSET_RATE_HZ) for bpm in reversed(TEMPO_RANGE_BPM))
    window = periodicity[fastest : slowest + 1]
    if not len(window):
        return 0.0, 0.0, 0.0
    peak_bpm = 60 * ONSET_RATE_HZ / (fastest + int(np.argmax(window)))
    tapped = _degara(curve, *TEMPO_RANGE_BPM)
    tapped_bpm = 60 / float(np.median(np.diff(tapped))) if len(tapped) >= _LEAST_BEATS else peak_bpm
    candidates = sorted(
        {
            round(base * ratio, 2)
            for base in (tapped_bpm, peak_bpm)
            for ratio in _OCTAVES
            if TEMPO_RANGE_BPM[0] <= base * ratio <= TEMPO_RANGE_BPM[1]
        }
    )
    scores = np.array([_salience(periodicity, bpm) for bpm in candidates])
    best = int(np.argmax(scores))
    bpm = candidates[best]
    others = [s for c, s in zip(candidates, scores, strict=True) if abs(np.log2(c / bpm)) > 0.1]
    margin = 1 - max(others) / scores[best] if others and scores[best] > 0 else 1.0
    clarity = max(_at(periodicity, 60 / bpm, 1), _at(periodicity, 60 / bpm, 2))
    return bpm, float(np.clip(clarity, 0, 1)), float(np.clip(margin, 0, 1))


def _salience(periodicity: Array, bpm: float) -> float:
    """Score a tempo: recurrence after 1, 2 and 4 beats, little between beats, close to the preferred tempo."""
    period_s = 60 / bpm
    after_one, after_two, after_four = (max(_at(periodicity, period_s, multiple), 0.0) for multiple in (1, 2, 4))
    on_beat = np.sqrt(after_one * (after_two + after_four) / 2)
    between = max(_at(periodicity, period_s, 0.5), 0.0)
    distance = np.log2(bpm / _PREFERRED_BPM) / _PRIOR_WIDTH_OCTAVES
    return float(max(on_beat - _OFFBEAT_PENALTY * between, 0.0) * np.exp(-0.5 * distance**2))


def _degara(curve: Floats, slowest_bpm: float, fastest_bpm: float) -> Array:
    """Tap along, ten minutes at a time: the tracker's memory grows with what it is given."""
    taps = []
    for start in range(0, len(curve), _TRACKED_FRAMES):
        tap = essentia.TempoTapDegara(
            minTempo=int(np.clip(slowest_bpm, 40, 180)),
            maxTempo=int(np.clip(np.ceil(fastest_bpm), 60, 250)),
            sampleRateODF=ONSET_RATE_HZ,
            resample="x2",
        )
        taps.append(np.asarray(tap(curve[start : start + _TRACKED_FRAMES]), dtype=np.float64) + start / ONSET_RATE_HZ)
    return np.concatenate(taps) if taps else np.zeros(0)


def _beats(curve: Floats, tempo_bpm: float) -> Array:
    """Track beats around a tempo, and bring the tracker's octave to it where its range did not."""
    beats = _degara(curve, tempo_bpm / 1.25, tempo_bpm * 1.25)
    if len(beats) < _LEAST_BEATS:
        return beats
    ratio = 60 / float(np.median(np.diff(beats))) / tempo_bpm
    if 1.8 < ratio < 2.2:
        strength = np.interp(beats * ONSET_RATE_HZ, np.arange(len(curve)), curve)
        return beats[int(strength[1::2].sum() > strength[::2].sum()) :: 2]
    if 0.45 < ratio < 0.55:
        return np.sort(np.concatenate((beats, (beats[:-1] + beats[1:]) / 2)))
    return beats


def _refine_bpm(accents: Array, beats: Array, tempo_bpm: float) -> tuple[float, float]:
    """Return the tempo that beats and accents agree on (BPM), and how regular the beats are (0-1).

    The tracker's times are quantised. A least-squares line through the beats, over gaps too, is not; where the beats
    are regular, the accents' own spectrum within a hundredth of it is sharper still.
    """
    period_s = 60 / tempo_bpm
    intervals = np.diff(beats)
    near = intervals[np.abs(intervals / period_s - 1) < 0.15]
    if len(near) < _LEAST_BEATS - 1:
        return tempo_bpm, 0.3
    period_s = float(np.mean(near))
    index = np.concatenate(([0], np.cumsum(np.maximum(1, np.round(intervals / period_s)))))
    period_s = float(np.polyfit(index, beats, 1)[0])
    regularity = 1 - min(1.0, float(np.std(intervals)) / period_s)
    bpm = _sharpened(accents, 60 / period_s) if regularity > _STEADY else 60 / period_s
    return bpm, regularity


def _sharpened(accents: Array, bpm: float) -> float:
    """Return the tempo within 1 % at which the accents' spectrum and its overtones are strongest."""
    accents = accents[:_TRACKED_FRAMES]
    size = scipy.fft.next_fast_len(_PADDING * len(accents), real=True)
    magnitude = np.abs(scipy.fft.rfft(accents - accents.mean(), size))
    candidates = bpm * np.linspace(0.99, 1.01, 401)
    bins = np.outer(_OVERTONES, candidates / 60 / ONSET_RATE_HZ * size)
    strength = np.interp(bins, np.arange(len(magnitude)), magnitude).sum(axis=0)
    return float(candidates[int(np.argmax(strength))])


def _onset_rate_hz(curve: Floats) -> float:
    """Count local maxima that stand out from their second, in onsets a second."""
    spacing = int(_ONSET_SPACING_S * ONSET_RATE_HZ)
    peaks = (curve == maximum_filter1d(curve, 2 * spacing + 1)) & (
        curve > uniform_filter1d(curve, int(ONSET_RATE_HZ)) + _ONSET_THRESHOLD_DB
    )
    return float(np.count_nonzero(peaks) * ONSET_RATE_HZ / max(len(curve), 1))

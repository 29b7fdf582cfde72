"""Beats: the best chain through the onset curve at the tempo found, and the tempo that the beats themselves have.

References
----------
Ellis, "Beat tracking by dynamic programming", Journal of New Music Research 36(1), 2007.
"""

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from audiofeat import _native
from audiofeat.features import rhythm_phase
from audiofeat.features.frames import ONSET_RATE_HZ, Floats
from audiofeat.features.rhythm_curves import N_CURVES, accents, chunks, refined_s

LEAST_BEATS = 4
_TIGHTNESS = 400.0
# Basses and kicks say more about where the beat is than hats, which sound between beats as well.
_BAND_WEIGHTS = np.array([1.0, 0.7, 0.7, 0.5], dtype=np.float32)
_SILENT_SHARE = 0.1
_STEADY = 0.05
_SHARPENED_FRAMES = 1 << 16
_TRACKED_FRAMES = 1 << 17
_PADDING = 8
_OVERTONES = (1, 2, 4)

Array = NDArray[np.float64]


def beat_curve(onsets: NDArray[np.float16]) -> Floats:
    """Return the accents of all bands, each by its spread, smoothed over three frames; spread 1."""
    parts = [accents(onsets[part])[:, :N_CURVES] for part in chunks(len(onsets))]
    bands = np.concatenate(parts)
    spread = np.sqrt(np.square(bands).mean(axis=0, dtype=np.float64))
    # A band in which next to nothing happens must not be blown up.
    spread = np.maximum(spread, _SILENT_SHARE * max(float(spread.max()), 1e-6))
    curve = bands @ (_BAND_WEIGHTS / spread).astype(np.float32)
    smooth = curve.copy()
    smooth[1:] += 0.5 * curve[:-1]
    smooth[:-1] += 0.5 * curve[1:]
    scaled: Floats = (smooth / max(float(smooth.std()), 1e-9)).astype(np.float32)
    return scaled


def chain(curve: Floats, periods: Floats) -> NDArray[np.int64]:
    """Return the frames of the best chain of beats whose distances keep to the periods."""
    scores, links = np.zeros(len(curve)), np.zeros(len(curve), dtype=np.int32)
    _native.chain_beats(curve, periods, np.array([_TIGHTNESS]), scores, links)
    last = max(0, len(curve) - round(1.2 * float(periods[-1])))
    at = last + int(np.argmax(scores[last:]))
    beats = []
    while at >= 0:
        beats.append(at)
        at = int(links[at])
    return np.array(beats[::-1], dtype=np.int64)


def track(onsets: NDArray[np.float16], centres: Array, periods: Array) -> Array:
    """Return the times of the beats in seconds, found 25 minutes at a time.

    The beat's period, in frames, is given around some frames, the centres, and goes over from one to the next.
    Beats before the first and after the last accent of any weight are left out.
    """
    found = np.zeros(0)
    for part in chunks(len(onsets), _TRACKED_FRAMES):
        here = np.interp(np.arange(part.start, part.stop), centres, periods).astype(np.float32)
        times = _track(onsets[part], here) + part.start / ONSET_RATE_HZ
        if len(found):
            # Where two parts meet, a beat may be found by both.
            times = times[times > found[-1] + 0.5 * here[0] / ONSET_RATE_HZ]
        found = np.concatenate((found, times))
    return found


def _track(onsets: NDArray[np.float16], periods: Floats) -> Array:
    curve = beat_curve(onsets)
    beats = chain(curve, periods)
    if len(beats) >= LEAST_BEATS:
        first_s = beats / ONSET_RATE_HZ
        quarter = rhythm_phase.best_quarter(rhythm_phase.band_accents(onsets), first_s)
        if quarter:
            beats = chain(rhythm_phase.drawn(curve, first_s, quarter), periods)
    strength = curve[beats]
    sounding = np.flatnonzero(strength > _SILENT_SHARE * np.sqrt(np.mean(np.square(curve))))
    if not len(sounding):
        return np.zeros(0)
    times = refined_s(curve, beats[sounding[0] : sounding[-1] + 1])
    return np.maximum.accumulate(times + np.arange(len(times)) * 1e-7)


def refined_bpm(onsets: NDArray[np.float16], beats: Array, bpm: float) -> tuple[float, float]:
    """Return the tempo of the beats (BPM) and the variation of their distances (standard deviation over mean).

    A least-squares line through the beats is sharper than any distance; where they are steady, the accents' own
    spectrum within a hundredth of it is sharper still.
    """
    intervals = np.diff(beats)
    period = float(np.median(intervals))
    near = intervals[np.abs(intervals / period - 1) < 0.2]
    variation = float(np.std(near) / np.mean(near)) if len(near) else 1.0
    index = np.concatenate(([0], np.cumsum(np.maximum(1, np.round(intervals / np.mean(near))))))
    line = np.polyfit(index, beats, 1)
    away = np.abs(np.polyval(line, index) - beats).mean() / period
    if away < _STEADY and abs(60 / line[0] / bpm - 1) < 0.03:
        return _sharpened(onsets, 60 / float(line[0])), variation
    return 60 / float(np.median(near)) if len(near) else bpm, variation


def _sharpened(onsets: NDArray[np.float16], bpm: float) -> float:
    above = accents(onsets[:_SHARPENED_FRAMES])[:, N_CURVES].astype(np.float64)
    size = scipy.fft.next_fast_len(_PADDING * len(above), real=True)
    magnitude = np.abs(scipy.fft.rfft(above - above.mean(), size))
    candidates = bpm * np.linspace(0.99, 1.01, 401)
    bins = np.outer(_OVERTONES, candidates / 60 / ONSET_RATE_HZ * size)
    strength = np.interp(bins, np.arange(len(magnitude)), magnitude).sum(axis=0)
    return float(candidates[int(np.argmax(strength))])

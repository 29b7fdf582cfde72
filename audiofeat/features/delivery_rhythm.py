"""Syllables and pauses of a stretch of speech, from its level and from where it is voiced.

References
----------
Syllable nuclei: de Jong & Wempe, "Praat script to detect syllable nuclei and measure speech rate automatically",
Behavior Research Methods 41, 2009.
"""

import numpy as np
from numpy.typing import NDArray

from audiofeat.features.frames import ONSET_RATE_HZ, Floats

_SMOOTH_FRAMES = 5
_DIP_DB = 2.0
_NUCLEUS_BELOW_DB = 22.0
_LEAST_NUCLEUS_FRAMES = 6
_LOUD_PERCENTILE, _FLOOR_PERCENTILE = 95, 3
_PAUSE_SHARE = 0.35
_PAUSE_BELOW_DB = (14.0, 28.0)
_LEAST_PAUSE_S = 0.25
_LEAST_WORD_FRAMES = 5

Array = NDArray[np.float64]


def syllables(level_db: Floats, voiced: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the frames of syllable nuclei: voiced peaks of the level that stand 2 dB above the dips beside them.

    Parameters
    ----------
    level_db : array of shape (frames,)
        Level in the band of the vowels, 86.13 frames a second.
    voiced : array of shape (frames,)
        Whether there is a pitch.
    """
    if len(level_db) < _SMOOTH_FRAMES:
        return np.zeros(0, dtype=np.int64)
    window = np.hanning(_SMOOTH_FRAMES + 2)[1:-1]
    level = np.convolve(np.pad(level_db, _SMOOTH_FRAMES // 2, mode="edge"), window / window.sum(), "valid")
    least = float(np.percentile(level, _LOUD_PERCENTILE)) - _NUCLEUS_BELOW_DB
    at, height, rise = _peaks(level)
    high = _apart(at[height >= least], height[height >= least])
    peaks = np.intersect1d(high, at[rise >= _DIP_DB], assume_unique=True)
    found: NDArray[np.int64] = peaks[voiced[np.minimum(peaks, len(voiced) - 1)]]
    return found


def pauses(level_db: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first frames of the pauses of a quarter of a second or more, and the frames behind their last.

    A frame is a pause where its level is nearer to the quietest than to the loud parts of the stretch, but never within
    14 dB of the loud ones and always more than 28 dB below them.
    """
    nothing = np.zeros(0, dtype=np.int64)
    if len(level_db) < _SMOOTH_FRAMES:
        return nothing, nothing
    loud, floor = np.percentile(level_db, (_LOUD_PERCENTILE, _FLOOR_PERCENTILE))
    below_db = np.clip((1 - _PAUSE_SHARE) * (loud - floor), *_PAUSE_BELOW_DB)
    quiet = level_db < loud - below_db
    edges = np.flatnonzero(np.diff(np.concatenate(([False], quiet, [False])).astype(np.int8))).reshape(-1, 2)
    if not len(edges):
        return nothing, nothing
    # A click of less than 60 ms within a pause does not end it.
    gaps = edges[1:, 0] - edges[:-1, 1]
    keep = gaps >= _LEAST_WORD_FRAMES
    starts, ends = edges[np.concatenate(([True], keep)), 0], edges[np.concatenate((keep, [True])), 1]
    inner = (starts > 0) & (ends < len(level_db)) & (ends - starts >= _LEAST_PAUSE_S * ONSET_RATE_HZ)
    return starts[inner], ends[inner]


def _peaks(level: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return where peaks are (of flat ones the middle), their heights, and how far they rise above their surroundings.

    The rise is the way down that one has to go, at the least, before it goes up to a higher one, or over the edge.
    """
    starts = np.concatenate(([0], np.flatnonzero(np.diff(level)) + 1))
    flat = np.concatenate(([-np.inf], level[starts], [-np.inf]))
    is_peak = (flat[1:-1] > flat[:-2]) & (flat[1:-1] > flat[2:])
    ends = np.append(starts[1:], len(level)) - 1
    at = (starts[is_peak] + ends[is_peak]) // 2
    height = level[at]
    # Before the first, between each two, behind the last.
    lows = np.concatenate(([-np.inf], np.minimum.reduceat(level, at)[:-1] if len(at) > 1 else [], [-np.inf]))
    from_left, from_right = _lowest(height, lows[:-1]), _lowest(height[::-1], lows[:0:-1])[::-1]
    return at, height, height - np.maximum(from_left, from_right)


def _lowest(height: NDArray[np.float64], before: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each peak the lowest level on the way back to a higher one; ``before``: back to the one before it."""
    found, higher = before.copy(), list[int]()
    for number, here in enumerate(height):
        while higher and height[higher[-1]] <= here:
            found[number] = min(found[number], found[higher.pop()])
        higher.append(number)
    return found


def _apart(at: NDArray[np.int64], height: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the peaks that keep their distance to every higher one that does."""
    is_kept = np.ones(len(at), dtype=bool)
    for number in np.argsort(height, kind="stable")[::-1]:
        if is_kept[number]:
            near = slice(
                *np.searchsorted(at, (at[number] - _LEAST_NUCLEUS_FRAMES + 1, at[number] + _LEAST_NUCLEUS_FRAMES))
            )
            is_kept[near] = False
            is_kept[number] = True
    return at[is_kept]

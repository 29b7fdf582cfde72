"""Syllables and pauses of a stretch of speech, from its level and from where it is voiced.

References
----------
Syllable nuclei: de Jong & Wempe, "Praat script to detect syllable nuclei and measure speech rate automatically",
Behavior Research Methods 41, 2009.
"""

import numpy as np
import scipy.signal
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
    level = scipy.signal.convolve(np.pad(level_db, _SMOOTH_FRAMES // 2, mode="edge"), window / window.sum(), "valid")
    least = float(np.percentile(level, _LOUD_PERCENTILE)) - _NUCLEUS_BELOW_DB
    peaks, _ = scipy.signal.find_peaks(
        np.pad(level, 1, constant_values=level.min() - 10), height=least, prominence=_DIP_DB,
        distance=_LEAST_NUCLEUS_FRAMES,
    )  # fmt: skip
    peaks = peaks - 1
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

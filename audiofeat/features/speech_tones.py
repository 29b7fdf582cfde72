"""Do the tones of a sound share one tuning? Notes lie on the steps of a scale; voices and motors glide past them.

References
----------
Dressler & Streich, "Tuning frequency estimation using circular statistics", ISMIR 2007.
"""

import numpy as np

from audiofeat.features.frames import BIN_HZ, Floats

_NEAR_BINS = 8
_TONAL_DB = 3.0
_MOST_DB = 20.0
_FROM_HZ = 350.0  # below, a semitone is narrower than the bins
_A4_HZ = 440.0
_SEMITONES = 12


def tuning(log_power: Floats, first: int) -> Floats:
    """Return where the peaks of each spectrum lie between two semitones, as the sum of vectors on a circle.

    Parameters
    ----------
    log_power : array of shape (frames, bins)
        In dB.
    first : int
        Number of the first bin in the shared spectrum.

    Returns
    -------
    array of shape (frames, 3)
        Sums over the peaks above 350 Hz that are 3 dB or more above the mean of their surroundings: cosine and sine of
        the place between two semitones, times how far the peak stands out in dB, and these weights.
    """
    width = 2 * _NEAR_BINS + 1
    sums = np.cumsum(np.pad(log_power, ((0, 0), (_NEAR_BINS + 1, _NEAR_BINS)), mode="edge"), axis=1)
    above = log_power - (sums[:, width:] - sums[:, :-width]) / width
    low = int(np.searchsorted(BIN_HZ[first:], _FROM_HZ))
    left, middle, right = log_power[:, low - 1 : -2], log_power[:, low:-1], log_power[:, low + 1 :]
    rows, at = np.nonzero((middle > left) & (middle >= right) & (above[:, low:-1] > _TONAL_DB))
    before, here, after = left[rows, at], middle[rows, at], right[rows, at]
    bins = first + low + at + 0.5 * (before - after) / (before - 2 * here + after)
    angle = 2 * np.pi * _SEMITONES * np.log2(bins * BIN_HZ[1] / _A4_HZ)
    weight = np.minimum(above[rows, at + low], _MOST_DB)
    parts = [np.bincount(rows, part, len(above)) for part in (weight * np.cos(angle), weight * np.sin(angle), weight)]
    return np.column_stack(parts).astype(np.float32)


def in_tune(tunings: Floats) -> Floats:
    """Return how well the peaks of frames agree on one tuning, 0 to 1; ``tunings`` has shape (..., frames, 3)."""
    cosine, sine, weight = np.moveaxis(tunings.sum(axis=-2), -1, 0)
    agreed: Floats = np.hypot(cosine, sine) / np.maximum(weight, np.float32(1))
    return agreed

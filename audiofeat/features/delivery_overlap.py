"""Where two talk at once: a small network on how periodic, how steady and how dense speech is around each half second.

Where two voices sound together the pitch is weaker and leaps from one to the other, spectra change faster, and fewer
gaps are left. None of this proves a second voice, so what is told is an expected share of time.

References
----------
After Boakye, Trueba-Hornero, Vinyals & Friedland, "Overlapped speech detection for improved speaker diarization in
multiparty meetings", ICASSP 2008; features and coefficients are our own.
"""

import json
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audiofeat.features.frames import TIMBRE_RATE_HZ, Floats
from audiofeat.features.heard import STEP_S
from audiofeat.features.hearing import probabilities

MODEL_PATH = Path(__file__).with_name("overlap_model.json")
FEATURES = (
    "strength_mean", "strength_std", *(f"strength_over_{share}" for share in (25, 50, 75, 90)), "change_mean",
    "level_std", "strength_level_correlation", "pitch_std", "pitch_leap_mean", "pitch_leap_ratio", "active_ratio",
    "loud_ratio", "contour_mean", "contour_std",
)  # fmt: skip
_WINDOW_S = 2.0
_ACTIVE_DB, _LOUD_DB, _RANGE_DB = 25.0, 15.0, 40.0
_STRENGTHS = (0.25, 0.5, 0.75, 0.9)
_VOICED_STRENGTH = 0.5
_LEAP_OCTAVES = 0.08
_LEAST_FRAMES = 10

Array = NDArray[np.float64]


class Overlap:
    """Sums the probability of two voices at once over the half seconds of stretches of speech."""

    def __init__(self) -> None:
        # At once, so that it is in memory before the first fork.
        self._model = _model()
        self._sum = 0.0
        self._steps = 0

    def add(self, hz: Array, strength: Array, level_db: Floats, mfcc: Floats) -> None:
        """Take in a stretch of speech, frame by timbre frame."""
        rows = statistics(hz, strength, level_db, mfcc)
        rows = rows[np.isfinite(rows[:, 0])]
        if len(rows):
            self._sum += float(probabilities(rows.astype(np.float32), self._model)[:, 1].sum())
            self._steps += len(rows)

    def ratio(self) -> float | None:
        """Return the expected share of half seconds in which two talk; None where too little was there to tell."""
        return self._sum / self._steps if self._steps * STEP_S >= _WINDOW_S else None


def statistics(hz: Array, strength: Array, level_db: Floats, mfcc: Floats) -> Array:
    """Return ``FEATURES`` of the two seconds around each half second; NaN where hardly anything is heard in them.

    Parameters
    ----------
    hz, strength : array of shape (frames,)
        Pitch and how periodic the frame is (0-1), 43.07 a second.
    level_db : array of shape (frames,)
        Level in the band of the vowels.
    mfcc : array of shape (frames, 12)
        Cepstrum without its first coefficient.
    """
    level = level_db.astype(np.float64) - np.percentile(level_db, 95)
    contour = np.maximum(level, -_RANGE_DB)
    octave = np.log2(np.maximum(hz, 1.0))
    leap = np.abs(np.diff(octave, prepend=octave[:1]))
    change = np.abs(np.diff(mfcc, axis=0, prepend=mfcc[:1])).mean(axis=1)
    active = level > -_ACTIVE_DB
    voiced = active & (strength > _VOICED_STRENGTH)
    heard = (
        strength, strength**2, *(strength > least for least in _STRENGTHS), change, contour, contour**2,
        strength * contour,
    )  # fmt: skip
    sung = (octave, octave**2, leap, leap > _LEAP_OCTAVES)
    always = (active, voiced, level > -_LOUD_DB, contour, contour**2)
    curves = np.column_stack([*(c * active for c in heard), *(c * voiced for c in sung), *always])
    total = np.concatenate((np.zeros((1, curves.shape[1])), np.cumsum(curves, axis=0)))
    middle = (np.arange(int(len(level) / TIMBRE_RATE_HZ / STEP_S)) + 0.5) * STEP_S
    edges = np.round(np.array([middle - _WINDOW_S / 2, middle + _WINDOW_S / 2]) * TIMBRE_RATE_HZ).astype(int)
    low, high = np.clip(edges, 0, len(level))
    sums, frames = (total[high] - total[low]).T, np.maximum(high - low, 1)
    n_active, n_voiced = sums[len(heard) + len(sung)], np.maximum(sums[len(heard) + len(sung) + 1], 1)
    said = sums[: len(heard)] / np.maximum(n_active, 1)
    pitch = sums[len(heard) : len(heard) + len(sung)] / n_voiced
    rest = sums[len(heard) + len(sung) :] / frames
    strength_std, level_std = _deviation(said[0], said[1]), _deviation(said[7], said[8])
    together = (said[9] - said[0] * said[7]) / np.maximum(strength_std * level_std, 1e-3)
    found = np.column_stack([
        said[0], strength_std, *said[2:6], said[6], level_std, together, _deviation(pitch[0], pitch[1]), *pitch[2:],
        rest[0], rest[2], rest[3], _deviation(rest[3], rest[4]),
    ])  # fmt: skip
    found[n_active < _LEAST_FRAMES] = np.nan
    return found


def _deviation(mean: Array, square: Array) -> Array:
    spread: Array = np.sqrt(np.maximum(square - mean**2, 0.0))
    return spread


@cache
def _model() -> dict[str, Array]:
    model = json.loads(MODEL_PATH.read_text())
    if tuple(model["features"]) != FEATURES:
        raise AssertionError(f"{MODEL_PATH.name} was fitted on other features")
    return {name: np.asarray(value) for name, value in model["coefficients"].items()}

"""Whether sound has pitch classes enough, and orderly enough, to be in a key.

Tones of music lie on one grid of semitones and fit a scale; the peaks of noise, drums and speech lie anywhere. A
logistic regression tells them apart by how well the peaks agree on a tuning and fit a scale, fitted by
``features/offline/train_key.py``. Sound that has one pitch class at a time, as a tune without chords or Shepard's
tones, has to fit a scale better.
"""

import json
from collections.abc import Iterable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from audiofeat.features import tonal_spectrum as spectrum
from audiofeat.features.tonal_key import WEIGHTS_PATH

_LEAST_CLASSES = 3
_CLASS_PRESENT = 0.06
_ONE_AT_A_TIME = 0.3
_LEAST_FIT_ALONE = 0.65
_SEMITONE = np.exp(2j * np.pi * np.arange(spectrum.BINS) / spectrum.FINE).astype(np.complex64)
_SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10))
# Agreement of nothing but chance in half a minute; keeps the logarithm from telling zero from nearly zero.
_CHANCE = 0.005

Array = NDArray[np.float64]
Rows = NDArray[np.float16]


def strength(played: Array, number: int) -> float:
    """Return how well pitch classes fit a key (0-1): their correlation with its scale, the triad doubled.

    Parameters
    ----------
    played : array of shape (12,)
        From C.
    number : int
        0-11 C to B major, 12-23 C to B minor.
    """
    turned = np.roll(played, -(number % 12))
    return float(np.clip(np.corrcoef(turned, _template(number // 12))[0, 1], 0, 1)) if np.ptp(turned) > 0 else 0.0


def order(
    whole: Iterable[Rows], clean: Iterable[Rows], audible: Iterable[NDArray[np.bool_]], deviation: float
) -> Array:
    """Return what tells tones from noise.

    Parameters
    ----------
    whole, clean : iterable of array of shape (frames, 60)
        Fine pitch classes, block by block: of all peaks, and of all that are no overtones.
    audible : iterable of array of shape (frames,)
        Whether to count a frame.
    deviation : float
        The tuning, semitones above 440 Hz.

    Returns
    -------
    values : array of shape (3,)
        Logarithm of the agreement of all peaks on a tuning, the same within single frames, and the best fit to a scale.
    """
    together, apart, frames, classes = 0j, 0.0, 0, np.zeros(spectrum.BINS)
    for all_peaks, fundamentals, heard in zip(whole, clean, audible, strict=True):
        agreement = all_peaks[heard].astype(np.float32) @ _SEMITONE
        together += complex(agreement.sum())
        apart += float(np.abs(agreement).sum())
        frames += len(agreement)
        classes += np.square(fundamentals[heard].astype(np.float32)).sum(axis=0)
    played = spectrum.tuned(classes, deviation, 12)
    fit = max(strength(played, number) for number in range(24))
    return np.array([np.log(_CHANCE + abs(together) / frames), np.log(_CHANCE + apart / frames), fit])


def is_tonal(values: Array, clean: Array, played: Array) -> bool:
    """Return whether there is a key to be found.

    Parameters
    ----------
    values : array of shape (3,)
        As ``order`` returns them.
    clean : array of shape (frames, 12)
        Pitch classes of each frame without overtones; zeros where nothing is heard.
    played : array of shape (12,)
        Their sum over the item, the largest 1.
    """
    if np.count_nonzero(played > _CLASS_PRESENT) < _LEAST_CLASSES:
        return False
    heard = clean[clean.any(axis=1)]
    crowd = float(np.mean(np.square(heard).sum(axis=1) / np.square(heard.sum(axis=1))))
    if crowd > _ONE_AT_A_TIME and values[2] < _LEAST_FIT_ALONE:
        return False
    weights, offset = _weights()
    return float(values @ weights) + offset > 0


@cache
def _template(mode: int) -> Array:
    template = np.zeros(12)
    scale = _SCALES[mode]
    template[list(scale)] = 1.0
    template[[scale[0], scale[2], scale[4]]] = 2.0
    return template


@cache
def _weights() -> tuple[Array, float]:
    model = json.loads(WEIGHTS_PATH.read_text())
    return np.array(model["tonal"]), float(model["tonal_offset"])

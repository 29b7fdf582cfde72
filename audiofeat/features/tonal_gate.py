"""Whether sound has pitch classes enough, and orderly enough, to be in a key.

Tones of music lie on one grid of semitones and fit a scale; the peaks of noise, drums and speech lie anywhere. A
logistic regression tells them apart by how well the peaks agree on a tuning and fit a scale, fitted by
``features/offline/train_key.py``. Sound that has one pitch class at a time, as a tune without chords or Shepard's
tones, has to fit a scale better.
"""

import json
from functools import cache

import numpy as np
from numpy.typing import NDArray

from audiofeat.features import tonal_spectrum as spectrum
from audiofeat.features.frames import Floats
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


class Order:
    """Sums up what tells tones from noise."""

    def __init__(self) -> None:
        self._together, self._apart, self._frames = 0.0, 0.0, 0
        self._classes = np.zeros(12)

    def push(self, whole: Floats, clean: Floats, deviation: float) -> None:
        """Take in frames that can be heard and share a tuning.

        Parameters
        ----------
        whole, clean : array of shape (frames, 60)
            Fine pitch classes of all peaks, and of all that are no overtones.
        deviation : float
            The tuning, semitones above 440 Hz.
        """
        agreement = whole @ _SEMITONE
        self._together += abs(complex(agreement.sum()))
        self._apart += float(np.abs(agreement).sum())
        self._frames += len(agreement)
        self._classes += spectrum.tuned(np.square(clean).sum(axis=0), deviation, 12)

    def values(self) -> Array:
        """Return three numbers: how well all peaks agree on a tuning, those of a frame (logarithms), fit to a scale."""
        fit = max(strength(self._classes, number) for number in range(24))
        together, apart = (np.log(_CHANCE + total / self._frames) for total in (self._together, self._apart))
        return np.array([together, apart, fit])


def is_tonal(values: Array, clean: NDArray[np.floating], played: Array) -> bool:
    """Return whether there is a key to be found.

    Parameters
    ----------
    values : array of shape (3,)
        Those of an ``Order``.
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

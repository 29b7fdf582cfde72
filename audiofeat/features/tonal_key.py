"""Key and mode from pitch classes, bass and chords, by one linear model that knows no key from another.

Each key sees the sound rotated to its own tonic and is scored by the weights of its mode; the scores of the 24 keys,
as probabilities, are how clear the key is. The weights were fitted by ``features/offline/train_key.py``.

References
----------
Profiles of pitch classes: Krumhansl, "Cognitive foundations of musical pitch", 1990; here of bass and chords as well.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audiofeat.features.tonal_chords import NO_CHORD

WEIGHTS_PATH = Path(__file__).with_name("key_model.json")

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Key:
    """A key, by its number (0-11 C to B major, 12-23 C to B minor), and its probability among the 24."""

    number: int
    probability: float


def evidence(classes: Array, bass: Array, chords: NDArray[np.int64]) -> Array:
    """Return what speaks for a key, seen from each tonic.

    Parameters
    ----------
    classes, bass : array of shape (frames, 12)
        Pitch classes of each frame, of all and of the bass, from C.
    chords : array of shape (frames,)
        The chord of each frame, as in ``tonal_chords``.

    Returns
    -------
    rows : array of shape (12, 108)
        Seen from C to B: 12 values each of all pitch classes (as they are, and squared frame by frame) and the bass,
        24 each of the shares of chords, of the first and of the last chord.
    """
    shares = np.bincount(chords, minlength=NO_CHORD + 1)[:NO_CHORD] / max(len(chords), 1)
    ends = np.zeros((2, NO_CHORD))
    sounding = chords[chords != NO_CHORD]
    if len(sounding):
        ends[[0, 1], sounding[[0, -1]]] = 1.0
    parts = [_largest_one(classes.sum(axis=0)), _largest_one(np.square(classes).sum(axis=0))]
    parts += [_largest_one(bass.sum(axis=0)), shares, *ends]
    turns = np.concatenate(parts).reshape(-1, 12)
    return np.array([np.roll(turns, -tonic, axis=1).ravel() for tonic in range(12)])


def keys(rows: Array) -> list[Key]:
    """Return the 24 keys, the most probable first."""
    weights, minor = _weights()
    scores = (rows @ weights.T).T
    scores[1] += minor
    odds = np.exp(scores - scores.max()).ravel()
    odds /= odds.sum()
    return [Key(int(number), float(odds[number])) for number in np.argsort(-odds, kind="stable")]


def _largest_one(values: Array) -> Array:
    return values / max(float(values.max()), 1e-12)


@cache
def _weights() -> tuple[Array, float]:
    model = json.loads(WEIGHTS_PATH.read_text())
    return np.array([model["major"], model["minor"]]), float(model["minor_offset"])

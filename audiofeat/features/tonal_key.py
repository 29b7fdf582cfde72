"""Key and mode from pitch classes, bass and chords, by one linear model that knows no key from another.

Each key sees the sound rotated to its own tonic and is scored by the weights of its mode; the scores of the 24 keys,
as probabilities, are how clear the key is. The weights were fitted by ``features/offline/train_key.py``.

References
----------
Profiles: Temperley, "What's key for key?", Music Perception 1999; Faraldo et al., "Key estimation in electronic dance
music", ECIR 2016 (bgate). Overtones that count for their tone: Gomez, "Tonal description of polyphonic audio for music
content processing", INFORMS J. Computing 2006.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audiofeat.features.tonal_chords import NO_CHORD

WEIGHTS_PATH = Path(__file__).with_name("key_model.json")

# Major and minor of bgate, then of Temperley, from the tonic.
_PROFILES = (
    (1.0, 0.0, 0.42, 0.0, 0.53, 0.37, 0.0, 0.77, 0.0, 0.38, 0.21, 0.3),
    (1.0, 0.0, 0.36, 0.39, 0.0, 0.38, 0.0, 0.74, 0.27, 0.0, 0.42, 0.23),
    (5.0, 2.0, 3.5, 2.0, 4.5, 4.0, 2.0, 4.5, 2.0, 3.5, 1.5, 4.0),
    (5.0, 2.0, 3.5, 4.5, 2.0, 4.0, 2.0, 4.5, 3.5, 2.0, 1.5, 4.0),
)
_OVERTONE = 0.95
# The penalty of the fit then bears less on what is known to work than on the free weights.
_FIT_WEIGHT = 5.0

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Key:
    """A key, by its number (0-11 C to B major, 12-23 C to B minor), and its probability among the 24."""

    number: int
    probability: float


def evidence(
    whole: NDArray[np.floating], clean: NDArray[np.floating], bass: NDArray[np.floating], chords: NDArray[np.int64]
) -> Array:
    """Return what speaks for a key, seen from each tonic.

    Parameters
    ----------
    whole, clean, bass : array of shape (frames, 12)
        Pitch classes of each frame, from C: of all peaks, of all that are no overtones, and of the bass.
    chords : array of shape (frames,)
        The chord of each frame, as in ``tonal_chords``.

    Returns
    -------
    rows : array of shape (12, 120)
        Seen from C to B: 12 values each of the clean pitch classes (as they are, and squared frame by frame) and the
        bass; 24 each of the shares of chords, of the first and of the last chord; 12 correlations with profiles.
    """
    shares = np.bincount(chords, minlength=NO_CHORD + 1)[:NO_CHORD] / max(len(chords), 1)
    ends = np.zeros((2, NO_CHORD))
    sounding = chords[chords != NO_CHORD]
    if len(sounding):
        ends[[0, 1], sounding[[0, -1]]] = 1.0
    parts = [
        _largest_one(_total(clean)),
        _largest_one(_total(np.square(clean))),
        _largest_one(_total(bass)),
        shares,
        *ends,
    ]
    turns = np.concatenate(parts).reshape(-1, 12)
    free = [np.roll(turns, -tonic, axis=1).ravel() for tonic in range(12)]
    pools = (_with_overtones(_total(whole)), _with_overtones(_total(np.square(whole))), _total(clean))
    return np.hstack((free, *(_FIT_WEIGHT * _fits(pool) for pool in pools)))


def keys(rows: Array) -> list[Key]:
    """Return the 24 keys, the most probable first."""
    weights, minor = _weights()
    scores = (rows @ weights.T).T
    scores[1] += minor
    odds = np.exp(scores - scores.max()).ravel()
    odds /= odds.sum()
    return [Key(int(number), float(odds[number])) for number in np.argsort(-odds, kind="stable")]


def _with_overtones(classes: Array) -> Array:
    """Let the 2nd to 5th harmonics count for their fundamental too."""
    fifth, third = np.roll(classes, -7), np.roll(classes, -4)
    return classes * (1 + _OVERTONE + _OVERTONE**3) + fifth * _OVERTONE**2 + third * _OVERTONE**4


def _fits(classes: Array) -> Array:
    """Return the correlation with each profile seen from C to B, shape (12, 4)."""
    turned = np.array([np.roll(classes - classes.mean(), -tonic) for tonic in range(12)])
    profiles = np.array(_PROFILES)
    profiles -= profiles.mean(axis=1, keepdims=True)
    profiles /= np.linalg.norm(profiles, axis=1, keepdims=True)
    fits: Array = turned @ profiles.T / max(float(np.linalg.norm(turned[0])), 1e-12)
    return fits


def _total(rows: NDArray[np.floating]) -> Array:
    """Return the sum over all frames, as many as they are."""
    return np.asarray(rows.sum(axis=0, dtype=np.float64))


def _largest_one(values: Array) -> Array:
    return values / max(float(values.max()), 1e-12)


@cache
def _weights() -> tuple[Array, float]:
    model = json.loads(WEIGHTS_PATH.read_text())
    return np.array([model["major"], model["minor"]]), float(model["minor_offset"])

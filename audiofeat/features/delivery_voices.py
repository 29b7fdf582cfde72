"""How many people speak: units of two seconds of speech, clustered by the colour and the pitch of their voices.

A band, not a count: one voice, two, or three and more. How far apart two and three clusters lie decides, by a small
model with coefficients of our own (``voices_model.json``) that also says how sure it is.

References
----------
Unsupervised clustering of speakers after Chen & Gopalakrishnan, "Speaker, environment and channel change detection and
clustering via the Bayesian information criterion", DARPA Broadcast News Workshop, 1998, with k-means in its place.
"""

import json
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.quality import Reason
from audiofeat.features.frames import ONSET_RATE_HZ, TIMBRE_STEP, Floats, Result

MODEL_PATH = Path(__file__).with_name("voices_model.json")
BANDS = ("1", "2", "3+")
_UNIT_S = 2.0
_LEAST_VOICED_FRAMES = 20
_LEAST_UNITS = 10
_MOST_CLUSTERED = 600
_ROUNDS = 12
_LEAST_CONFIDENCE = 0.5

Array = NDArray[np.float64]


class Voices:
    """Collects one row for each unit: median pitch in octaves and median cepstrum of its voiced frames."""

    def __init__(self) -> None:
        self._rows: list[Floats] = []
        self._scale = _model()["scale"]

    def add(self, hz: Array, voiced: NDArray[np.bool_], mfcc: Floats) -> None:
        """Take in a stretch of speech, frame by timbre frame."""
        size = round(_UNIT_S * ONSET_RATE_HZ / TIMBRE_STEP)
        for first in range(0, len(hz), size):
            here = voiced[first : first + size]
            if here.sum() >= _LEAST_VOICED_FRAMES:
                octave = np.median(np.log2(hz[first : first + size][here]))
                row = [octave, *np.median(mfcc[first : first + size][here], axis=0)]
                self._rows.append(np.array(row, dtype=np.float32))

    def rows(self) -> Array:
        """Return what was collected, shape (units, 13)."""
        return np.array(self._rows, dtype=np.float64)

    def say(self, result: Result, seconds: float) -> None:
        """Put the number of voices, how sure that is, and how often they change in a minute of ``seconds``."""
        if len(self._rows) < _LEAST_UNITS:
            for name in ("number_of_voices", "number_of_voices_confidence", "speaker_change_rate_per_min"):
                result.put(name, None, Reason.TOO_SHORT)
            return
        units = smoothed(self.rows() * self._scale)
        probability = band_probabilities(separation(units)[None])[0]
        band, confidence = int(probability.argmax()), float(probability.max())
        sure = confidence >= _LEAST_CONFIDENCE
        result.put("number_of_voices", BANDS[band] if sure else None, Reason.LOW_CONFIDENCE)
        result.put("number_of_voices_confidence", confidence)
        voice = nearest(units, clusters(units, band + 1))
        changes = 60 * int(np.count_nonzero(np.diff(voice))) / seconds
        result.put("speaker_change_rate_per_min", min(60.0, changes) if sure else None, Reason.LOW_CONFIDENCE)


def smoothed(units: Array) -> Array:
    """Return each unit averaged with its neighbours, at half weight: people speak for more than two seconds."""
    padded = np.pad(units, ((1, 1), (0, 0)), mode="edge")
    mean: Array = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    return mean


def separation(units: Array) -> Array:
    """Return how well two and three clusters describe units, as the model reads it."""
    some = units[:: -(-len(units) // _MOST_CLUSTERED)]
    spread = [float(np.square(some - some.mean(axis=0)).sum())]
    smallest, nearest_pair = [], []
    for count in (2, 3):
        centres = clusters(some, count)
        whose = nearest(some, centres)
        spread.append(float(np.square(some - centres[whose]).sum()) + 1e-9)
        smallest.append(np.bincount(whose, minlength=count).min() / len(some))
        nearest_pair.append(min(float(np.linalg.norm(a - b)) for a, b in combinations(centres, 2)))
    one, two, three = np.log(np.array(spread) + 1e-9)
    size = np.log(len(some))
    return np.array([one - two, two - three, *smallest, *nearest_pair, one - size, three - size, size])


def clusters(units: Array, count: int) -> Array:
    """Return the centres of so many clusters (k-means from the units that are farthest apart)."""
    some = units[:: -(-len(units) // _MOST_CLUSTERED)]
    centres = [some[np.square(some - some.mean(axis=0)).sum(axis=1).argmax()]]
    while len(centres) < count:
        distance = np.min([np.square(some - centre).sum(axis=1) for centre in centres], axis=0)
        centres.append(some[distance.argmax()])
    found = np.array(centres)
    for _ in range(_ROUNDS):
        whose = nearest(some, found)
        found = np.array([some[whose == k].mean(axis=0) if (whose == k).any() else found[k] for k in range(count)])
    return found


def nearest(units: Array, centres: Array) -> NDArray[np.int64]:
    """Return the number of the centre that each unit is nearest to."""
    distance = [np.square(units - centre).sum(axis=1) for centre in centres]
    best: NDArray[np.int64] = np.argmin(distance, axis=0)
    return best


def band_probabilities(separations: Array) -> Array:
    """Return the probability of each of ``BANDS``, shape (items, 3)."""
    model = _model()
    logits = (separations - model["mean"]) / model["deviation"] @ model["weights"] + model["bias"]
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Array = raised / raised.sum(axis=1, keepdims=True)
    return shares


@cache
def _model() -> dict[str, Array]:
    return {name: np.array(value) for name, value in json.loads(MODEL_PATH.read_text())["coefficients"].items()}

"""Meter and downbeats: which beats come round as firsts of a bar, judged by a small model of our own.

Each beat is described by its onsets in four bands and by how much the sound changes with it, compared with the beats
before and after. A linear model tells how much it is like a downbeat; a second one weighs, for each number of beats in
a bar, how clearly such beats stand out and how well bars resemble each other.

References
----------
Krebs, Boeck & Widmer, "Downbeat tracking using beat-synchronous features", ISMIR 2016 (the idea); models:
``offline/train_meter.py``.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audiofeat.features.frames import ONSET_RATE_HZ, Floats
from audiofeat.features.rhythm_curves import PICTURE_RATE_HZ

MODEL_PATH = Path(__file__).with_name("meter_model.json")
METERS = (2, 3, 4, 5, 6, 7)
LEAST_BEATS = 12
_HARMONIC_BANDS = 12
MOST_BEATS = 4_000
_REACH_FRAMES = 3
_DOWNBEAT_RATIO = 0.5

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Meter:
    """Beats in a bar, the first beat that is a downbeat, and the probability of the meter."""

    beats: int
    first: int
    probability: float


def beat_values(onsets: NDArray[np.float16], picture_db: Floats, beats: Array) -> Array:
    """Return what describes each beat, standardised over the item, shape (beats, 7)."""
    frames = np.clip((beats * ONSET_RATE_HZ).astype(np.int64), 0, len(onsets) - 1)
    near = np.clip(frames[:, None] + np.arange(-1, _REACH_FRAMES), 0, len(onsets) - 1)
    strength = onsets[near].astype(np.float64).max(axis=1)
    cells = np.clip(
        np.round(np.append(beats, beats[-1] + np.median(np.diff(beats))) * PICTURE_RATE_HZ), 0, len(picture_db) - 1
    )
    cells = cells.astype(np.int64)
    sums = np.concatenate((np.zeros((1, picture_db.shape[1])), np.cumsum(picture_db, axis=0, dtype=np.float64)))
    lengths = np.maximum(np.diff(cells), 1)[:, None]
    level = (sums[np.minimum(cells[:-1] + lengths[:, 0], len(picture_db))] - sums[cells[:-1]]) / lengths
    low = level[:, :_HARMONIC_BANDS]
    shape = low - low.mean(axis=1, keepdims=True)
    change = np.abs(np.diff(shape, axis=0, prepend=shape[:1])).mean(axis=1)
    values = np.column_stack((np.log1p(strength), change, level[:, 0] - level.mean(axis=1), level[:, -3:].mean(axis=1)))
    spread = values.std(axis=0)
    return np.asarray((values - values.mean(axis=0)) / np.where(spread > 1e-6, spread, 1.0))


def with_neighbours(values: Array) -> Array:
    """Return each beat's values beside those of the beat before and of the two after."""
    return np.column_stack([np.roll(values, step, axis=0) for step in (0, 1, -1, -2)])


def evidence(evident: Array, values: Array) -> tuple[Array, NDArray[np.int64]]:
    """Return what speaks for each meter, shape (meters, 4), and its best phase."""
    count = len(evident)
    rows, phases = [], []
    spread = max(float(evident.std()), 1e-9)
    for meter in METERS:
        means = np.array([evident[phase::meter].mean() for phase in range(meter)])
        phase = int(means.argmax())
        others = np.delete(means, phase)
        alike = [float((values[lag:] * values[:-lag]).mean()) for lag in (meter, 2 * meter) if lag < count]
        contrast = (means[phase] - others.mean()) / spread
        rows.append((contrast, (means[phase] - others.max()) / spread, alike[0], alike[-1]))
        phases.append(phase)
    return np.array(rows), np.array(phases)


@cache
def _model() -> dict[str, Array]:
    coefficients = json.loads(MODEL_PATH.read_text())["coefficients"]
    return {name: np.array(values) for name, values in coefficients.items()}


def meter_probabilities(rows: Array, model: dict[str, Array]) -> Array:
    """Return the probability of each meter."""
    scored = (rows * model["meter_weights"]).sum(axis=1) + model["meter_bias"]
    raised = np.exp(scored - scored.max())
    share: Array = raised / raised.sum()
    return share


def meter(onsets: NDArray[np.float16], picture_db: Floats, beats: Array) -> Meter:
    """Return the meter of an item from its beats, of which the first ``MOST_BEATS`` are enough."""
    model = _model()
    values = beat_values(onsets, picture_db, beats)
    evident = with_neighbours(values) @ model["beat_weights"]
    rows, phases = evidence(evident, values)
    probability = meter_probabilities(rows, model)
    best = int(probability.argmax())
    return Meter(METERS[best], int(phases[best]), float(probability[best]))

"""Phase: whether the chain of beats runs on the beats or between them, judged by a small model of our own.

The beat is cut in four. Each quarter is described by its accents in four bands and by how far they alternate from one
beat to the next, as kick and snare do; a linear model of a quarter and the three after it gives the probability that
beats are there (fitted by ``offline/train_meter.py``).
"""

import json
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from audiofeat.features.frames import ONSET_RATE_HZ, Floats
from audiofeat.features.rhythm_curves import N_CURVES, accents, chunks

MODEL_PATH = Path(__file__).with_name("phase_model.json")
QUARTERS = 4
_NEAR_FRAMES = 5
_WIDTH = 0.12

Array = NDArray[np.float64]


def band_accents(onsets: NDArray[np.float16]) -> Floats:
    """Return the accents of the four bands, shape (frames, 4), each the highest of the two frames around it."""
    above = np.concatenate([accents(onsets[part])[:, :N_CURVES] for part in chunks(len(onsets))])
    near: Floats = maximum_filter1d(above, _NEAR_FRAMES, axis=0)
    return near


def quarter_values(near: Floats, beats: Array) -> Array:
    """Return what describes each quarter of the beats, shape (4, 32): its own values, then those of the next ones."""
    scale = np.maximum(near.mean(axis=0, dtype=np.float64), 1e-3 * max(float(near.mean()), 1e-9))
    rows = []
    for quarter in range(QUARTERS):
        times = beats[:-1] + np.diff(beats) * quarter / QUARTERS
        frames = np.clip(np.round(times * ONSET_RATE_HZ).astype(np.int64), 0, len(near) - 1)
        seen = np.log1p(near[frames].astype(np.float64) / scale)
        even, odd = seen[::2].mean(axis=0), seen[1::2].mean(axis=0)
        rows.append(np.concatenate((seen.mean(axis=0), np.abs(even - odd))))
    values = np.array(rows)
    return np.array([np.roll(values, -quarter, axis=0).ravel() for quarter in range(QUARTERS)])


@cache
def _weights() -> Array:
    return np.array(json.loads(MODEL_PATH.read_text())["coefficients"])


def best_quarter(near: Floats, beats: Array) -> int:
    """Return the quarter of the beats at which the beats should be; 0 where they are right."""
    return int(np.argmax(quarter_values(near, beats) @ _weights()))


def drawn(curve: Floats, beats: Array, quarter: int) -> Floats:
    """Return the curve with all but what is near that quarter of the beats turned down."""
    centres = (beats[:-1] + np.diff(beats) * quarter / QUARTERS) * ONSET_RATE_HZ
    place = np.interp(np.arange(len(curve)), centres, np.arange(len(centres)))
    period = float(np.median(np.diff(centres)))
    place = np.where(np.arange(len(curve)) < centres[0], (np.arange(len(curve)) - centres[0]) / period, place)
    place = np.where(np.arange(len(curve)) > centres[-1], (np.arange(len(curve)) - centres[-1]) / period, place)
    away = place - np.round(place)
    weight = np.exp(-0.5 * np.square(away / _WIDTH))
    return (curve * weight + 0.3 * weight).astype(np.float32)

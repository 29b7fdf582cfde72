"""What the head for instruments sees beside pooled values: a small convolutional network over the mel spectrogram.

Each stretch of 208 frames (4.8 s) is taken relative to its loudest value, so that nothing depends on level. The network
says of every sixteen frames what speaks for each family and how much that counts (attention after Ilse, Tomczak,
Welling, "Attention-based deep multiple instance learning", ICML 2018); both are kept as sums of seconds, of which a
window of any length follows.

Coefficients of our own (``instrument_spectrogram_model.npz``, fitted by ``offline.train_spectrogram``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from audiofeat import _native
from audiofeat.domain.families import FAMILIES
from audiofeat.features.frames import N_MEL, TIMBRE_RATE_HZ, Floats
from audiofeat.features.instrument_windows import AROUND_S

MODEL_PATH = Path(__file__).with_name("instrument_spectrogram_model.npz")
STRETCH = 208
"""Frames that the network looks at together."""
STRIDE = 2
STEP = 16
"""Frames of one answer."""
MOST_ATTENTION = 8.0
_RANGE_DB = 70.0
_DB_A_UNIT = 20.0
_LEAST_POWER = np.float32(1e-14)
_LEAST_WEIGHT = np.float32(1e-6)
_FAMILIES = len(FAMILIES)


@dataclass(frozen=True, slots=True)
class Network:
    """Coefficients.

    Parameters
    ----------
    kernels : sequence of array of shape (size, size, in, out)
        Of each layer, which halves time and frequency.
    biases : sequence of array of shape (out,)
    weights : array of shape (2 * out, 2 * families)
        From mean and maximum over frequency to logits and attention.
    offsets : array of shape (2 * families,)
    """

    kernels: Sequence[Floats]
    biases: Sequence[Floats]
    weights: Floats
    offsets: Floats

    def answers(self, stretches: Floats) -> Floats:
        """Return weighted logits and weights of each step of some stretches, shape (stretches, steps, 2 * families)."""
        flat = [kernel.reshape(-1, kernel.shape[-1]) for kernel in self.kernels]
        hidden = patches(stretches[..., None], len(self.kernels[0])) @ flat[0]
        for n, kernel in enumerate(self.kernels[1:]):
            hidden = _rectified_patches(hidden, self.biases[n], len(kernel)) @ flat[n + 1]
        hidden = np.maximum(hidden + self.biases[-1], np.float32(0))
        said = np.concatenate((hidden.mean(axis=2), hidden.max(axis=2)), axis=2) @ self.weights + self.offsets
        attention = np.exp(np.clip(said[..., _FAMILIES:], -MOST_ATTENTION, MOST_ATTENTION))
        return np.concatenate((said[..., :_FAMILIES] * attention, attention), axis=-1)


def patches(maps: Floats, size: int) -> Floats:
    """Return what each kernel of a layer looks at, shape (stretches, time / 2, bands / 2, size * size * channels)."""
    edge = size // 2
    clips, times, bands, channels = maps.shape
    padded = np.zeros((clips, times + 2 * edge, bands + 2 * edge, channels), dtype=np.float32)
    padded[:, edge : edge + times, edge : edge + bands] = maps
    # The view that sliding_window_view gives, which takes half as long as the product that follows.
    clip, time, band, one = padded.strides
    shape = (clips, -(-times // STRIDE), -(-bands // STRIDE), size, size * channels)
    seen: Floats = np.ndarray(shape, np.float32, padded, strides=(clip, STRIDE * time, STRIDE * band, time, one))
    if channels == 1:  # single numbers are copied fastest along the maps
        return seen.transpose(3, 4, 0, 1, 2).reshape(-1, *shape[:3]).transpose(1, 2, 3, 0)
    return seen.reshape(*shape[:3], -1)


def _rectified_patches(maps: Floats, bias: Floats, size: int) -> Floats:
    """Return the patches of maps that a bias is to be added to, and that are to be no less than zero."""
    clips, *shape = maps.shape
    times, bands, channels = shape
    rows = np.empty((clips, -(-times // STRIDE), -(-bands // STRIDE), size * size * channels), dtype=np.float32)
    _native.rectified_patches(maps, bias, np.array((*shape, size), dtype=np.int32), rows)
    return rows


def decibel(mel: Floats) -> Floats:
    """Return the level of mel power, shape unchanged."""
    return np.asarray(np.float32(10) * np.log10(mel + _LEAST_POWER), dtype=np.float32)


def scaled(decibel: Floats) -> Floats:
    """Return levels as the network sees them, under the loudest of each stretch, shape (..., frames, bands)."""
    below = decibel - decibel.max(axis=(-2, -1), keepdims=True)
    return np.asarray((np.maximum(below, -_RANGE_DB) + _RANGE_DB / 2) / _DB_A_UNIT, dtype=np.float32)


class Sights:
    """Turns levels of mel bands, as they come, into the weighted answers of each second."""

    def __init__(self, model: Network) -> None:
        self._model = model
        self._waiting: Floats = np.zeros((0, N_MEL), dtype=np.float32)
        self._steps = 0
        self._seconds: Floats = np.zeros((64, 2 * _FAMILIES), dtype=np.float32)

    def push(self, mel_db: Floats) -> None:
        """Take in some frames, shape (frames, bands)."""
        self._waiting = np.concatenate((self._waiting, mel_db))
        while len(self._waiting) >= STRETCH:
            self._look(self._waiting[:STRETCH])
            self._waiting = self._waiting[STRETCH:]

    def take(self, seconds: int) -> Floats:
        """Return, at the end, sums of the seconds: weighted logits and weights, shape (seconds, 2 * families)."""
        if len(self._waiting) >= STEP:
            self._look(self._waiting[: len(self._waiting) // STEP * STEP])
        found = self._seconds[:seconds]
        return np.pad(found, ((0, seconds - len(found)), (0, 0)))

    def _look(self, mel_db: Floats) -> None:
        answers = self._model.answers(scaled(mel_db)[None])[0]
        steps = self._steps + np.arange(len(answers))
        self._steps += len(answers)
        second = ((steps + 0.5) * STEP / TIMBRE_RATE_HZ).astype(np.int64)
        while second[-1] >= len(self._seconds):
            self._seconds = np.concatenate((self._seconds, np.zeros_like(self._seconds)))
        np.add.at(self._seconds, second, answers)


def seen(seconds: Floats) -> Floats:
    """Return the logits of the five seconds around each, shape (seconds, families); 0 where nothing was seen.

    Parameters
    ----------
    seconds : array of shape (seconds, 2 * families)
        Sums of weighted logits, and of weights.
    """
    sums = seconds.copy()
    for shift in range(1, AROUND_S + 1):
        sums[shift:] += seconds[:-shift]
        sums[:-shift] += seconds[shift:]
    return np.asarray(sums[:, :_FAMILIES] / np.maximum(sums[:, _FAMILIES:], _LEAST_WEIGHT), dtype=np.float32)


def write(model: Network, path: Path) -> None:
    """Write a network in half precision."""
    layers: dict[str, Any] = {f"kernel_{n}": kernel.astype(np.float16) for n, kernel in enumerate(model.kernels)}
    layers |= {f"bias_{n}": bias for n, bias in enumerate(model.biases)}
    np.savez_compressed(path, weights=model.weights, offsets=model.offsets, layers=len(model.kernels), **layers)


@cache
def network() -> Network:
    """Return the network that is shipped."""
    return read(MODEL_PATH)


def read(path: Path) -> Network:
    """Return a network of a file."""
    with np.load(path) as stored:
        layers = range(int(stored["layers"]))
        kernels = tuple(stored[f"kernel_{n}"].astype(np.float32) for n in layers)
        return Network(kernels, tuple(stored[f"bias_{n}"] for n in layers), stored["weights"], stored["offsets"])

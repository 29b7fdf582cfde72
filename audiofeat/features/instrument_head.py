"""The head that names families of instruments: a few small networks, their logits averaged and calibrated.

Plain matrix products of coefficients of our own (``instrument_model.npz``, fitted by ``offline.train_instruments``).
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from audiofeat.domain.families import FAMILIES
from audiofeat.features.frames import Floats
from audiofeat.features.instrument_windows import FEATURES

MODEL_PATH = Path(__file__).with_name("instrument_model.npz")
_LEAST_WINDOWS = 4
CLIP = 3.0
"""Standardised values are cut here: what lies further out was never heard in the fit."""


@dataclass(frozen=True, slots=True)
class Head:
    """Coefficients; ``networks`` are as many as were fitted from other random beginnings.

    Parameters
    ----------
    mean, scale : array of shape (features,), or (networks, 1, features) where they were not fitted on the same
        Of what was fitted on.
    weights, biases : tuple of array
        Of each layer, shapes (networks, in, out) and (networks, 1, out).
    window_slope, window_offset, item_slope, item_offset : array of shape (families,)
        Platt scaling of the logits of one window, and of a whole item.
    """

    mean: Floats
    scale: Floats
    weights: tuple[Floats, ...]
    biases: tuple[Floats, ...]
    window_slope: Floats
    window_offset: Floats
    item_slope: Floats
    item_offset: Floats

    def logits(self, rows: Floats) -> Floats:
        """Return the mean logits of the networks for rows of ``FEATURES``, shape (windows, families)."""
        hidden = np.clip((rows - self.mean) / self.scale, -CLIP, CLIP)
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            hidden = np.maximum(hidden @ weight + bias, np.float32(0))
        return np.asarray((hidden @ self.weights[-1] + self.biases[-1]).mean(axis=0), dtype=np.float32)

    def of_windows(self, logits: Floats) -> Floats:
        """Return the probability of each family in each window."""
        return logistic(logits * self.window_slope + self.window_offset)

    def of_item(self, logits: Floats) -> Floats:
        """Return the log-odds that each family is to be heard in the item whose windows these are."""
        return np.asarray(evidence(logits) * self.item_slope + self.item_offset, dtype=np.float32)


def evidence(logits: Floats) -> Floats:
    """Return what speaks for each family in an item: the mean logit of the quarter of windows that shows it most.

    Of a short item it is four windows, or all.
    """
    most = max(_LEAST_WINDOWS, len(logits) // 4)
    strongest: Floats = np.sort(logits, axis=0)[-most:].mean(axis=0)
    return strongest


def both(pooled: Floats, seen: Floats) -> Floats:
    """Return the logits of windows that follow from what is said of pooled values and of the spectrogram."""
    return np.asarray((pooled + seen) / 2, dtype=np.float32)


def logistic(logits: Floats) -> Floats:
    """Return the probabilities that log-odds stand for."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -50, 50))), dtype=np.float32)


@cache
def head() -> Head:
    """Return the head that is shipped."""
    return read(MODEL_PATH)


def read(path: Path) -> Head:
    """Return a head of a file; raises AssertionError where it was fitted on other features."""
    with np.load(path) as stored:
        if tuple(str(stored["features"]).split()) != FEATURES or tuple(str(stored["families"]).split()) != tuple(
            FAMILIES
        ):
            raise AssertionError(f"{path.name} was fitted on other features")
        layers = range(int(stored["layers"]))
        scaling = {name: stored[name].astype(np.float32)
                   for name in ("window_slope", "window_offset", "item_slope", "item_offset")}  # fmt: skip
        return Head(
            mean=stored["mean"].astype(np.float32), scale=stored["scale"].astype(np.float32),
            weights=tuple(stored[f"weights_{n}"].astype(np.float32) for n in layers),
            biases=tuple(stored[f"biases_{n}"].astype(np.float32) for n in layers), **scaling,
        )  # fmt: skip

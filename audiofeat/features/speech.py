"""Speech, music, or neither: a verdict for each second, and the shares of the whole item.

A small network with coefficients of our own (``speech_model.json``) judges the statistics of each second. Speech over
music or noise is speech; singing is music. A second below -60 dBFS is silent and is not judged.

References
----------
Scheirer & Slaney, "Construction and evaluation of a robust multifeature speech/music discriminator", ICASSP 1997.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.quality import Reason
from audiofeat.features.frames import Floats, Frames, Measured, Result
from audiofeat.features.speech_windows import FEATURES, Windows

MODEL_PATH = Path(__file__).with_name("speech_model.json")
CLASSES = ("speech", "music", "other")
_LEAST_PROBABILITY = 1e-4


class Speech:
    """Judges every second and counts."""

    def __init__(self) -> None:
        self._windows = Windows()

    def push(self, frames: Frames) -> None:
        """Take in one block."""
        self._windows.push(frames)

    def result(self, measured: Measured, silence: Reason | None) -> Result:  # noqa: ARG002  the groups' one signature
        """Return the shares of seconds in 0-1, which add up to 1, and the probability of speech in each second.

        Of a silent item only ``silence_ratio`` is known (1.0); a silent second has the probability 0.
        """
        result = Result()
        rows, loud = self._windows.end()
        reason = silence if silence is not None or len(rows) else Reason.TOO_SHORT
        probability = np.zeros((len(rows), len(CLASSES)))
        probability[loud] = smoothed(probabilities(rows[loud], _coefficients()))
        best = probability.argmax(axis=1)
        for at, name in enumerate(CLASSES):
            share = None if reason else float(np.mean(loud & (best == at)))
            result.put(f"{name}_ratio", share, reason)
        silent = 1.0 if reason is Reason.SILENCE else None if reason else float(np.mean(~loud))
        result.put("silence_ratio", silent, reason)
        curve = None if reason else [round(float(value), 3) for value in probability[:, 0]]
        result.put("speech_probability_curve", curve, reason)
        for name in ("speech_over_music_ratio", "music_probability_curve", "segment_starts_s", "segment_labels",
                     "segment_confidence"):  # fmt: skip
            result.put(name, None, Reason.NOT_MEASURED)
        result.put("method", "audiofeat")
        return result


def probabilities(rows: Floats, model: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the probability of each of ``CLASSES`` for rows of ``FEATURES``, shape (seconds, 3)."""
    scaled = np.clip((rows - model["mean"]) / model["scale"], -model["clip"], model["clip"])
    hidden = np.tanh(scaled @ model["hidden_weights"] + model["hidden_bias"])
    logits = hidden @ model["output_weights"] + model["output_bias"]
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = raised / raised.sum(axis=1, keepdims=True)
    return shares


def smoothed(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weighted geometric mean of each second and, at half its weight, of the second on either side."""
    logarithm = np.log(probability + _LEAST_PROBABILITY)
    total, weight = logarithm.copy(), np.ones((len(logarithm), 1))
    for here, beside in ((slice(1, None), slice(-1)), (slice(-1), slice(1, None))):
        total[here] += 0.5 * logarithm[beside]
        weight[here] += 0.5
    raised = np.exp(total / weight)
    shares: NDArray[np.float64] = raised / raised.sum(axis=1, keepdims=True)
    return shares


@cache
def _coefficients() -> dict[str, NDArray[np.float64]]:
    model = json.loads(MODEL_PATH.read_text())
    if tuple(model["features"]) != FEATURES or tuple(model["classes"]) != CLASSES:
        raise AssertionError(f"{MODEL_PATH.name} was fitted on other features")
    return {name: np.asarray(value) for name, value in model["coefficients"].items()}

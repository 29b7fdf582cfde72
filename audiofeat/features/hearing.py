"""What is heard in each half second: speech, music, both, or neither, judged while the audio goes by.

A small network with coefficients of our own (``speech_model.json``) judges the statistics of each half second. Singing
is music. A half second below -60 dBFS is silent and is not judged.

References
----------
Scheirer & Slaney, "Construction and evaluation of a robust multifeature speech/music discriminator", ICASSP 1997.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np

from audiofeat.features.frames import Floats, Frames
from audiofeat.features.heard import CLASSES, Array, Heard
from audiofeat.features.hearing_vad import Detector, SecondOpinion, installed
from audiofeat.features.speech_windows import FEATURES, Windows

MODEL_PATH = Path(__file__).with_name("speech_model.json")


class Hearing:
    """Judges the half seconds, some ten seconds behind the audio.

    Parameters
    ----------
    detector : callable, optional
        Who gives a second opinion; by default silero-vad where its weights are installed.
    """

    def __init__(self, detector: Detector | None = None) -> None:
        self._windows = Windows()
        second = detector or installed()
        self._second = SecondOpinion(second) if second else None

    def push(self, frames: Frames, *, last: bool) -> Heard:
        """Return what is known of the next half seconds after this block; all that remain with the last."""
        rows, loud = self._windows.push(frames, last=last)
        given = np.zeros((len(rows), len(CLASSES)))
        if loud.any():
            given[loud] = probabilities(rows[loud], _coefficients())
        if self._second:
            self._second.push(frames.mono)
            given = self._second.weighed(given)
        return Heard(given, loud, "silero" if self._second else "audiofeat")


def probabilities(rows: Floats, model: Mapping[str, Array]) -> Array:
    """Return the probability of each of ``CLASSES`` for rows of ``FEATURES``, shape (rows, 4)."""
    scaled = np.clip((rows - model["mean"]) / model["scale"], -model["clip"], model["clip"])
    hidden = np.tanh(scaled @ model["hidden_weights"] + model["hidden_bias"])
    logits = hidden @ model["output_weights"] + model["output_bias"]
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Array = raised / raised.sum(axis=1, keepdims=True)
    return shares


@cache
def _coefficients() -> dict[str, Array]:
    model = json.loads(MODEL_PATH.read_text())
    if tuple(model["features"]) != FEATURES or tuple(model["classes"]) != CLASSES:
        raise AssertionError(f"{MODEL_PATH.name} was fitted on other features")
    return {name: np.asarray(value) for name, value in model["coefficients"].items()}

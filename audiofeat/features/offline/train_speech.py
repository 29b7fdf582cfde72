"""Fit the coefficients of the speech model: ``python -m audiofeat.features.offline.train_speech CORPUS``.

CORPUS (or the variable ``AUDIOFEAT_CORPUS``) is a folder laid out as ``speech_material.sounds`` describes. Prints
figures on languages, artists and noise recordings that the fit did not see, then fits on everything and writes the
model. The same corpus gives the same coefficients.
"""

import argparse
import json
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from audiofeat.domain.block import summed
from audiofeat.features import speech
from audiofeat.features.frames import RATE_HZ, Floats, SharedSpectrum
from audiofeat.features.offline.speech_material import LANGUAGES, N_FOLDS, SPEECH, UNKNOWN, Sound, changed, sounds
from audiofeat.features.speech_windows import FEATURES, Windows

SEED = 1
_HIDDEN = 22
_PENALTY = 6e-3
_ITERATIONS = 200
_CLASS_WEIGHTS = np.array([0.25, 0.55, 0.2])
_CLIP = 2.5
_VARIANTS = {"noise": 4, "speech": 4, "music": 5, "songs": 2}
_ONLY_JUDGED = "songs"  # Emotify states no licence: its songs give figures, never coefficients
_BLOCK_S = 4
_KEYS_AN_ITEM = 10
_DIGITS = 5

Coefficients = dict[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Rows:
    """Feature rows of many seconds with their truth and origin, aligned."""

    values: Floats
    labels: NDArray[np.int64]
    folds: NDArray[np.int64]
    items: NDArray[np.int64]
    kinds: NDArray[np.str_]
    clean: NDArray[np.bool_]

    def where(self, chosen: NDArray[np.bool_]) -> "Rows":
        """Return the chosen rows."""
        return Rows(*(getattr(self, name)[chosen] for name in self.__slots__))


def measure(sound: Sound) -> tuple[Floats, NDArray[np.int64]]:
    """Return rows and labels of the seconds that are loud enough and have a truth."""
    spectrum, windows = SharedSpectrum(RATE_HZ), Windows()
    for start in range(0, len(sound.samples), _BLOCK_S * RATE_HZ):
        block = sound.samples[start : start + _BLOCK_S * RATE_HZ]
        last = start + _BLOCK_S * RATE_HZ >= len(sound.samples)
        windows.push(spectrum.push(summed(block[:, None], RATE_HZ), block, last=last))
    values, loud = windows.end()
    count = min(len(values), len(sound.labels))
    labels = sound.labels[:count]
    use = loud[:count] & (labels != UNKNOWN)
    return values[:count][use], labels[use]


def collect(corpus: Path) -> Rows:
    """Measure every sound as it is and through other chains."""
    rng = np.random.default_rng(SEED)
    parts: list[tuple[Any, ...]] = []
    for item, sound in enumerate(sounds(corpus, seed=SEED)):
        for variant in range(_VARIANTS.get(sound.kind.split()[0], 3)):
            values, labels = measure(changed(sound, rng) if variant else sound)
            key = item * _KEYS_AN_ITEM + variant
            parts.append((
                values, labels, np.full(len(labels), sound.fold), np.full(len(labels), key),
                np.full(len(labels), sound.kind, dtype="<U16"), np.full(len(labels), variant == 0),
            ))  # fmt: skip
        if item % 100 == 0:
            sys.stderr.write(f"{item} sounds measured\n")
    return Rows(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def fit(rows: Rows) -> Coefficients:
    """Return coefficients that minimise cross-entropy with ``_CLASS_WEIGHTS``."""
    rows = rows.where(rows.kinds != _ONLY_JUDGED)
    mean, scale = rows.values.mean(axis=0, dtype=np.float64), rows.values.std(axis=0, dtype=np.float64) + 1e-6
    inputs = np.clip((rows.values - mean) / scale, -_CLIP, _CLIP)
    truth = np.eye(len(speech.CLASSES))[rows.labels]
    weight = (_CLASS_WEIGHTS / truth.sum(axis=0))[rows.labels]
    shapes = ((inputs.shape[1], _HIDDEN), (_HIDDEN,), (_HIDDEN, truth.shape[1]), (truth.shape[1],))
    cuts = np.cumsum([int(np.prod(shape)) for shape in shapes])

    def unpack(flat: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        return [part.reshape(shape) for part, shape in zip(np.split(flat, cuts[:-1]), shapes, strict=True)]

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        first, first_bias, second, second_bias = unpack(flat)
        hidden = np.tanh(inputs @ first + first_bias)
        logits = hidden @ second + second_bias
        logits -= logits.max(axis=1, keepdims=True)
        log_sum = np.log(np.exp(logits).sum(axis=1, keepdims=True))
        cost = -float(weight @ ((logits - log_sum) * truth).sum(axis=1))
        error = (np.exp(logits - log_sum) - truth) * weight[:, None]
        back = (error @ second.T) * (1 - np.square(hidden))
        slopes = (inputs.T @ back, back.sum(axis=0), hidden.T @ error, error.sum(axis=0))
        slope = np.concatenate([part.ravel() for part in slopes])
        return cost + 0.5 * _PENALTY * float(flat @ flat), slope + _PENALTY * flat

    start = np.random.default_rng(SEED).standard_normal(cuts[-1]) * 0.15
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _ITERATIONS, "maxcor": 20})
    names = ("hidden_weights", "hidden_bias", "output_weights", "output_bias")
    return {"mean": mean, "scale": scale, "clip": np.array(_CLIP)} | dict(zip(names, unpack(found.x), strict=True))


def held_out(rows: Rows) -> NDArray[np.float64]:
    """Return probabilities of every row by a model that saw nothing of its fold."""
    given = np.zeros((len(rows.labels), len(speech.CLASSES)))
    for fold in range(N_FOLDS):
        test = rows.folds == fold
        # Noise has three folds; in the fourth round the first of them is kept back once more, for the mixtures' sake.
        train = ~test & ~((rows.kinds == "noise") & (rows.folds == fold % 3))
        given[test] = speech.probabilities(rows.values[test], fit(rows.where(train)))
    for item in np.unique(rows.items):
        at = rows.items == item
        given[at] = speech.smoothed(given[at])
    return given


def voices_known(rows: Rows) -> Rows:
    """Return the rows with the clean speech split by programme instead of language."""
    is_speech = np.char.startswith(rows.kinds, "speech")
    return replace(rows, folds=np.where(is_speech, rows.items // _KEYS_AN_ITEM % N_FOLDS, rows.folds))


def figures(rows: Rows, given: NDArray[np.float64]) -> dict[str, Any]:
    """Return balanced accuracy, recalls and share errors of held-out predictions.

    ``clean`` and ``changed`` count the corpus only, neither mixtures nor made sound.
    """
    plain = np.isin(rows.kinds, [*(f"speech {language}" for language in LANGUAGES), "noise", "music", "songs"])
    said: dict[str, Any] = {}
    for name, chosen in (("clean", rows.clean & plain), ("changed", ~rows.clean & plain)):
        for seconds in (1, 2):
            said[f"{name}_{seconds}_s"] = _recalls(rows.where(chosen), given[chosen], seconds)
    said["recall_by_kind"] = {}
    for kind in np.unique(rows.kinds):
        right = (given.argmax(axis=1) == rows.labels)[(rows.kinds == kind)]
        said["recall_by_kind"][str(kind)] = round(float(right.mean()), 4)
    said["speech_share_error"] = {}
    for kind in ("mixed 10 dB", "mixed 20 dB", "programme"):
        errors = []
        for item in np.unique(rows.items[rows.kinds == kind]):
            at = rows.items == item
            errors.append(np.mean(given[at].argmax(axis=1) == SPEECH) - np.mean(rows.labels[at] == SPEECH))
        said["speech_share_error"][kind] = {
            "mean": round(float(np.mean(errors)), 4), "mean_absolute": round(float(np.mean(np.abs(errors))), 4)
        }  # fmt: skip
    return said


def _recalls(rows: Rows, given: NDArray[np.float64], seconds: int) -> dict[str, float]:
    """Judge each run of so many seconds of one item and one class by its mean probability."""
    labels, predicted = rows.labels, given
    if seconds > 1:
        same = (rows.items[1:] == rows.items[:-1]) & (labels[1:] == labels[:-1])
        predicted = ((given[1:] + given[:-1]) / 2)[same]
        labels = labels[1:][same]
    best = predicted.argmax(axis=1)
    recall = {name: float(np.mean(best[labels == at] == at)) for at, name in enumerate(speech.CLASSES)}
    balanced = {"balanced_accuracy": float(np.mean(list(recall.values())))}
    return {name: round(value, 4) for name, value in (balanced | recall).items()} | {"windows": len(labels)}


def write(coefficients: Coefficients, said: dict[str, Any]) -> None:
    """Write the model beside the group that loads it."""
    model = {
        "version": 1,
        "origin": "fitted by audiofeat.features.offline.train_speech; the coefficients are the project's own",
        "classes": speech.CLASSES,
        "features": FEATURES,
        "figures": said,
        "coefficients": {name: np.round(value, _DIGITS).tolist() for name, value in coefficients.items()},
    }
    speech.MODEL_PATH.write_text(json.dumps(model) + "\n")


def main() -> None:
    """Collect, judge, fit, write."""
    parser = argparse.ArgumentParser(description="Fit the speech model.")
    parser.add_argument("corpus", type=Path, nargs="?", default=os.environ.get("AUDIOFEAT_CORPUS"))
    corpus = parser.parse_args().corpus
    if corpus is None:
        parser.error("name the corpus folder, or set AUDIOFEAT_CORPUS")
    rows = collect(Path(corpus))
    said = figures(rows, held_out(rows))
    known = voices_known(rows)
    said["voices_known"] = figures(known, held_out(known))["clean_1_s"]
    sys.stdout.write(json.dumps(said, indent=1) + "\n")
    write(fit(rows), said)


if __name__ == "__main__":
    main()

"""Fit the weights of the key model on labelled sound: ``python -m audiofeat.features.offline.train_key FOLDER``.

The folder holds the train part of ``key_material``, with a ``labels.jsonl``: one ``{"path", "labels": {"key": "C#
minor"}}`` a line, the key null where there is none. The key is a multinomial logistic regression whose 24 classes share
their weights by rotation, 241 coefficients in all, fitted on each file and its first and last two thirds. Whether there
is a key is a logistic regression of four coefficients, whose offset lets 1 % of the sound without a key pass. Prints
the share of right keys in five folds of files before it writes ``key_model.json``.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.optimize import minimize

from audiofeat.domain.block import summed
from audiofeat.features.frames import SharedSpectrum
from audiofeat.features.tonal import PITCH_CLASSES, Tonal
from audiofeat.features.tonal_chords import chords
from audiofeat.features.tonal_key import WEIGHTS_PATH, evidence

Array = NDArray[np.float64]
_PENALTY = 3e-4
_GATE_PENALTY = 1e-5
_FALSE_KEYS = 0.01
# One pitch class at a time has a rule of its own, in ``tonal_gate``.
_PITCHED = frozenset({"tones", "shepard", "twelve tones"})
_FOLDS = 5
_STEPS = 150
_BLOCK_S = 4


@dataclass(frozen=True, slots=True)
class Heard:
    """What the models see of a file.

    Parameters
    ----------
    key : int
        Its number; -1 for none.
    kind : str
        The set it belongs to.
    rows : array of shape (3, 12, values)
        What speaks for a key, in the whole and in its first and last two thirds.
    order : array of shape (3,)
        What tells tones from noise.
    """

    key: int
    kind: str
    rows: Array
    order: Array


def heard_in(folder: Path) -> Iterator[Heard]:
    """Yield what is heard in each file of a folder."""
    for line in (folder / "labels.jsonl").read_text().splitlines():
        said = json.loads(line)
        tonal = _tonal(folder / said["path"])
        _, whole, clean, bass = tonal.pitch_classes()
        found = chords(clean, bass)
        third = len(found) // 3
        parts = (slice(None), slice(2 * third), slice(third, None))
        rows = np.array([evidence(whole[part], clean[part], bass[part], found[part]) for part in parts])
        tonic, _, mode = (said["labels"]["key"] or "").partition(" ")
        key = PITCH_CLASSES.index(tonic) + 12 * (mode == "minor") if tonic else -1
        yield Heard(key, said["set"], rows, tonal.order())


def _tonal(path: Path) -> Tonal:
    pcm, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    spectrum, tonal, step = SharedSpectrum(rate_hz), Tonal(), _BLOCK_S * rate_hz
    for start in range(0, len(pcm), step):
        block = pcm[start : start + step]
        mono = block.mean(axis=1, dtype=np.float32)
        tonal.push(spectrum.push(summed(block, rate_hz, begun=start), mono, last=start + step >= len(pcm)))
    return tonal


def scores(weights: Array, rows: Array) -> Array:
    """Return the score of each of 24 keys, shape (files, 24)."""
    major, minor = weights[:-1].reshape(2, -1)
    return np.concatenate((rows @ major, rows @ minor + weights[-1]), axis=1)


def fit(rows: Array, keys: NDArray[np.int64]) -> Array:
    """Return the weights of major, of minor and the offset of minor, from rows of shape (files, parts, 12, values)."""
    truth = np.eye(24)[np.repeat(keys, rows.shape[1])]
    rows = rows.reshape(-1, *rows.shape[2:])

    def loss(weights: Array) -> tuple[float, Array]:
        score = scores(weights, rows)
        log_odds = score - np.logaddexp.reduce(score, axis=1, keepdims=True)
        wrong = (np.exp(log_odds) - truth) / len(rows)
        slopes = [np.tensordot(wrong[:, part], rows, 2) for part in (slice(12), slice(12, 24))]
        slope = np.concatenate((*slopes, [wrong[:, 12:].sum()]))
        penalty = _PENALTY * float(weights @ weights)
        return penalty - float((truth * log_odds).sum()) / len(rows), slope + 2 * _PENALTY * weights

    return np.asarray(
        minimize(loss, np.zeros(2 * rows.shape[2] + 1), jac=True, method="L-BFGS-B", options={"maxiter": _STEPS}).x
    )


def fit_gate(tonal: Array, atonal: Array) -> tuple[Array, float]:
    """Return weights and offset of tonal against atonal, both of shape (files, 3); both weigh the same."""
    rows = np.vstack((tonal, atonal))
    sign = np.repeat((1.0, -1.0), (len(tonal), len(atonal)))
    share = np.repeat((0.5 / len(tonal), 0.5 / len(atonal)), (len(tonal), len(atonal)))
    mean, spread = rows.mean(axis=0), rows.std(axis=0)
    scaled = (rows - mean) / spread

    def loss(weights: Array) -> tuple[float, Array]:
        margin = sign * (scaled @ weights[:-1] + weights[-1])
        slope = -sign * share / (1 + np.exp(margin))
        penalty = np.append(weights[:-1], 0.0) * _GATE_PENALTY
        return (
            float(share @ np.logaddexp(0, -margin) + weights @ penalty),
            np.append(slope @ scaled, slope.sum()) + 2 * penalty,
        )

    weights = minimize(loss, np.zeros(4), jac=True, method="BFGS").x[:-1] / spread
    return weights, -float(np.quantile(atonal @ weights, 1 - _FALSE_KEYS))


def main() -> None:
    """Fit, judge and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    heard = list(heard_in(parser.parse_args().folder))
    keyed = [file for file in heard if file.key >= 0]
    rows, truth = np.array([file.rows for file in keyed]), np.array([file.key for file in keyed])
    fold = np.random.default_rng(1).permutation(len(rows)) % _FOLDS
    right = [scores(fit(rows[fold != n], truth[fold != n]), rows[fold == n, 0]).argmax(axis=1) == truth[fold == n]
             for n in range(_FOLDS)]  # fmt: skip
    print(f"{len(rows)} files; right in {_FOLDS} folds: {np.concatenate(right).mean():.3f}")
    weights = fit(rows, truth)
    major, minor = np.round(weights[:-1].reshape(2, -1), 3).tolist()
    unpitched = np.array([file.order for file in heard if file.key < 0 and file.kind not in _PITCHED])
    tonal = np.array([file.order for file in keyed])
    gate, offset = fit_gate(tonal, unpitched)
    print(f"{len(unpitched)} without a key; with one, let pass: {(tonal @ gate + offset > 0).mean():.3f}")
    model = {
        "major": major, "minor": minor, "minor_offset": round(float(weights[-1]), 3),
        "tonal": np.round(gate, 3).tolist(), "tonal_offset": round(offset, 3),
    }  # fmt: skip
    WEIGHTS_PATH.write_text(json.dumps(model) + "\n")


if __name__ == "__main__":
    main()

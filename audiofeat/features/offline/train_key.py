"""Fit the weights of the key model on labelled sound: ``python -m audiofeat.features.offline.train_key FOLDER ...``.

Each folder holds a ``labels.jsonl``, one ``{"path", "labels": {"key": "C# minor"}}`` a line, as ``render_midi`` writes
it. A multinomial logistic regression whose 24 classes share their weights by rotation, so 241 coefficients in all,
fitted on each file and its first and last two thirds. Prints the share of right keys in five folds of files before it
writes ``key_model.json``.
"""

import argparse
import json
from collections.abc import Iterable, Iterator
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
_PENALTY = 1e-3
_FOLDS = 5
_STEPS = 150


def evidence_of(path: Path) -> Array:
    """Return what speaks for a key in a file, and in its first and last two thirds, shape (3, 12, values)."""
    pcm, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    tonal = Tonal()
    tonal.push(SharedSpectrum(rate_hz).push(summed(pcm, rate_hz), pcm.mean(axis=1), last=True))
    _, whole, clean, bass = tonal.pitch_classes()
    found = chords(clean, bass)
    third = len(found) // 3
    parts = (slice(None), slice(2 * third), slice(third, None))
    return np.array([evidence(whole[part], clean[part], bass[part], found[part]) for part in parts])


def labelled(folders: Iterable[Path]) -> Iterator[tuple[Path, int]]:
    """Yield each file that has a key, and the key's number."""
    for folder in folders:
        for line in (folder / "labels.jsonl").read_text().splitlines():
            row = json.loads(line)
            tonic, _, mode = row["labels"].get("key", "").partition(" ")
            if tonic:
                yield folder / row["path"], PITCH_CLASSES.index(tonic) + 12 * (mode == "minor")


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


def main() -> None:
    """Fit, judge and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    paths, keys = zip(*labelled(parser.parse_args().folders), strict=True)
    rows, truth = np.array([evidence_of(path) for path in paths]), np.array(keys)
    fold = np.arange(len(rows)) % _FOLDS
    right = [scores(fit(rows[fold != n], truth[fold != n]), rows[fold == n, 0]).argmax(axis=1) == truth[fold == n]
             for n in range(_FOLDS)]  # fmt: skip
    print(f"{len(rows)} files; right in {_FOLDS} folds: {np.concatenate(right).mean():.3f}")
    weights = fit(rows, truth)
    major, minor = np.round(weights[:-1].reshape(2, -1), 3).tolist()
    model = {"major": major, "minor": minor, "minor_offset": round(float(weights[-1]), 3)}
    WEIGHTS_PATH.write_text(json.dumps(model) + "\n")


if __name__ == "__main__":
    main()

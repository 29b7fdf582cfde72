"""Fit the tempo model: ``python -m audiofeat.features.offline.train_tempo FOLDER``.

FOLDER holds songs that ``render_midi`` wrote for the train part. Click tracks and drum loops of random sound and tempo
are added. The model is a network of one hidden layer, shared by all tempi of the grid, fitted so that the softmax over
the grid lies on the true tempo; songs are seen whole and in excerpts, at their tempo and up to a tenth off it.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.optimize import minimize

from audiofeat.domain.block import summed
from audiofeat.features import rhythm_tempo
from audiofeat.features.frames import ONSET_RATE_HZ, RATE_HZ, Floats, SharedSpectrum
from audiofeat.features.rhythm_curves import Curves, onset_times_s
from audiofeat.features.rhythm_tempo import GRID_BPM, descriptions, periodicity

SEED = 1
_HIDDEN = 16
_PENALTY = 1e-3
_ITERATIONS = 250
_LADDER_ITEMS = 160
_LADDER_RANGE_BPM = (40.0, 222.0)
_STRETCHES = (1.0, 0.93, 1.07)
_DIGITS = 4
_WIDTH = 0.02

Array = NDArray[np.float64]
Onsets = NDArray[np.float16]


def onsets_of(samples: Floats) -> Onsets:
    """Return the onset curves of mono sound at 22,050 Hz."""
    spectrum, curves = SharedSpectrum(RATE_HZ), Curves()
    step = 8 * RATE_HZ
    for start in range(0, len(samples), step):
        block = samples[start : start + step]
        curves.push(spectrum.push(summed(block[:, None], RATE_HZ), block, last=start + step >= len(samples)).mel)
    return curves.onsets()


def ladder(rng: np.random.Generator, bpm: float, seconds: float = 12.0) -> Floats:
    """Return a click track, or a drum loop with or without hats between the beats."""
    clock_s = np.arange(int(0.2 * RATE_HZ)) / RATE_HZ

    def hit(hz: float, decay_s: float, noise: float) -> Array:
        tone = (1 - noise) * np.sin(2 * np.pi * hz * clock_s) + noise * rng.standard_normal(len(clock_s))
        return np.asarray(tone * np.exp(-clock_s / decay_s))

    kick = rng.uniform(0.4, 1.0) * hit(rng.uniform(45, 75), rng.uniform(0.03, 0.1), 0.02)
    snare = rng.uniform(0.25, 0.6) * hit(190, rng.uniform(0.02, 0.06), 0.7)
    hat = rng.uniform(0.02, 0.2) * np.diff(hit(5_000, rng.uniform(0.01, 0.04), 0.9), prepend=0)
    click = 0.7 * hit(rng.uniform(600, 3_000), rng.uniform(0.004, 0.02), 0.0)
    sound = np.zeros(int((seconds + 1) * RATE_HZ))
    kind = ("clicks", "beats", "eighths")[rng.integers(3)]
    for number, time_s in enumerate(np.arange(rng.uniform(0.1, 0.6), seconds - 0.3, 60 / bpm)):
        struck = [(time_s, click)] if kind == "clicks" else [(time_s, (kick, snare)[number % 2]), (time_s, hat)]
        if kind == "eighths":
            struck.append((time_s + 30 / bpm, hat))
        for at_s, made in struck:
            at = min(round(float(at_s) * RATE_HZ), len(sound) - len(made))
            sound[at : at + len(made)] += made
    return sound[: int(seconds * RATE_HZ)].astype(np.float32)


def songs(folder: Path) -> Iterator[tuple[Onsets, dict[str, Any]]]:
    """Yield onset curves and labels of rendered songs."""
    for line in (folder / "labels.jsonl").read_text().splitlines():
        said = json.loads(line)
        samples, _ = soundfile.read(folder / said["path"], dtype="float32")
        yield onsets_of(samples), said["labels"] | {"path": said["path"]}


def described(onsets: Onsets, stretch: float = 1.0) -> Array:
    """Return the descriptions of the grid for an item played faster by a factor."""
    rate = len(onset_times_s(onsets)) / len(onsets) * ONSET_RATE_HZ
    values = descriptions(periodicity(onsets), rate, GRID_BPM / stretch)
    if stretch != 1.0:
        values[:, -13:-4] = descriptions(periodicity(onsets), rate * stretch, GRID_BPM)[:, -13:-4]
    return values


def target(bpm: float) -> Array:
    """Return the wanted probabilities of the grid."""
    near = np.exp(-0.5 * np.square(np.log(GRID_BPM / bpm) / _WIDTH))
    return np.asarray(near / near.sum())


def collect(folder: Path) -> tuple[Array, Array]:
    """Return descriptions, shape (items, tempi, values), and targets, shape (items, tempi)."""
    rng = np.random.default_rng(SEED)
    values, wanted = [], []
    for onsets, labels in songs(folder):
        start = int(rng.integers(0, max(1, len(onsets) // 3)))
        for part, stretches in ((onsets, _STRETCHES), (onsets[start : start + len(onsets) // 2], _STRETCHES[:1])):
            for stretch in stretches:
                values.append(described(part, stretch))
                wanted.append(target(labels["tempo_bpm"] * stretch))
    for _ in range(_LADDER_ITEMS):
        bpm = float(np.exp(rng.uniform(*np.log(_LADDER_RANGE_BPM))))
        values.append(described(onsets_of(ladder(rng, bpm))))
        wanted.append(target(bpm))
    return np.array(values), np.array(wanted)


def fit(values: Array, wanted: Array) -> dict[str, Array]:
    """Return the coefficients that minimise the cross-entropy of the grid."""
    flat = values.reshape(-1, values.shape[-1])
    mean, scale = flat.mean(axis=0), flat.std(axis=0) + 1e-6
    inputs = np.clip((flat - mean) / scale, -4, 4).astype(np.float32)
    width = inputs.shape[1]
    cuts = np.cumsum([width * _HIDDEN, _HIDDEN, _HIDDEN])

    def loss(flat_weights: Array) -> tuple[float, Array]:
        first, bias, second = np.split(flat_weights, cuts[:-1])
        hidden = np.tanh(inputs @ first.reshape(width, _HIDDEN).astype(np.float32) + bias.astype(np.float32))
        given = rhythm_tempo.probabilities(
            (hidden @ second.astype(np.float32)).reshape(wanted.shape).astype(np.float64)
        )
        cost = -float((wanted * np.log(given + 1e-12)).sum()) / len(wanted)
        error = ((given - wanted) / len(wanted)).reshape(-1, 1).astype(np.float32)
        back = error * second.astype(np.float32) * (1 - np.square(hidden))
        slopes = (inputs.T @ back).ravel(), back.sum(axis=0), (hidden.T @ error).ravel()
        slope = np.concatenate(slopes).astype(np.float64)
        return cost + 0.5 * _PENALTY * float(flat_weights @ flat_weights), slope + _PENALTY * flat_weights

    start = np.random.default_rng(SEED).standard_normal(cuts[-1]) * 0.1
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _ITERATIONS})
    first, bias, second = np.split(found.x, cuts[:-1])
    weights = {"hidden_weights": first.reshape(width, _HIDDEN), "hidden_bias": bias, "output_weights": second}
    return {"mean": mean, "scale": scale, **weights}


def main() -> None:
    """Collect, fit, write."""
    parser = argparse.ArgumentParser(description="Fit the tempo model.")
    parser.add_argument("folder", type=Path)
    values, wanted = collect(parser.parse_args().folder)
    coefficients = fit(values, wanted)
    right = np.abs(np.log(
        GRID_BPM[rhythm_tempo.scores(values, coefficients).argmax(axis=1)] / GRID_BPM[wanted.argmax(axis=1)]
    )) < 0.05  # fmt: skip
    sys.stdout.write(f"{len(values)} items; {right.mean():.3f} right in fitting\n")
    model = {
        "version": 1,
        "origin": "fitted by audiofeat.features.offline.train_tempo; the coefficients are the project's own",
        "coefficients": {name: np.round(value, _DIGITS).tolist() for name, value in coefficients.items()},
    }
    rhythm_tempo.MODEL_PATH.write_text(json.dumps(model) + "\n")


if __name__ == "__main__":
    main()

"""Fit the models of phase and meter on songs from ``render_midi``.

``python -m audiofeat.features.offline.train_meter FOLDER``
"""

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.optimize import minimize

from audiofeat.domain.block import summed
from audiofeat.features import rhythm_meter, rhythm_phase
from audiofeat.features.frames import RATE_HZ, SharedSpectrum
from audiofeat.features.rhythm_curves import Curves
from audiofeat.features.rhythm_meter import LEAST_BEATS, METERS, beat_values, evidence, with_neighbours

_PENALTY = 2e-3
_RIDGE = 10.0
_DIGITS = 4

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Item:
    """The values of a song's beats, which of them are downbeats, the meter, and the values of the beats' quarters."""

    values: Array
    is_first: Array
    meter: int
    quarters: Array


def items(folder: Path) -> list[Item]:
    """Return what the models are fitted on."""
    found = []
    for line in (folder / "labels.jsonl").read_text().splitlines():
        said = json.loads(line)
        truth = said["labels"]
        beats = np.array(truth["beat_times_s"])
        if len(beats) < LEAST_BEATS:
            continue
        samples, _ = soundfile.read(folder / said["path"], dtype="float32")
        spectrum, curves = SharedSpectrum(RATE_HZ), Curves()
        curves.push(spectrum.push(summed(samples[:, None], RATE_HZ), samples, last=True).mel)
        found.append(item(curves, beats, truth))
    return found


def item(curves: Curves, beats: Array, truth: Mapping[str, Any]) -> Item:
    """Return one song's values."""
    onsets = curves.onsets()
    return Item(
        values=beat_values(onsets, curves.picture_db(), beats),
        is_first=np.isin(beats, truth["downbeat_times_s"]).astype(np.float64),
        meter=truth["meter"],
        quarters=rhythm_phase.quarter_values(rhythm_phase.band_accents(onsets), beats),
    )


def fit_phase(songs: list[Item]) -> Array:
    """Return the weights with which the first quarter wins; labels hold beats, so that it always should."""
    rows = np.array([song.quarters for song in songs])

    def loss(weights: Array) -> tuple[float, Array]:
        scored = rows @ weights
        given = np.exp(scored - scored.max(axis=1, keepdims=True))
        given /= given.sum(axis=1, keepdims=True)
        slope = np.einsum("nq,nqk->k", given, rows) - rows[:, 0].sum(axis=0)
        cost = -np.log(given[:, 0] + 1e-12).mean() + 0.5 * _PENALTY * weights @ weights
        return float(cost), slope / len(rows) + _PENALTY * weights

    return np.asarray(minimize(loss, np.zeros(rows.shape[2]), jac=True, method="L-BFGS-B").x)


def fit_meter(songs: list[Item]) -> dict[str, Array]:
    """Return the weights of the values of a beat, by ridge regression, and those of the evidence for a meter."""
    inputs = np.concatenate([with_neighbours(values) for values in (song.values for song in songs)])
    wanted = np.concatenate([song.is_first - song.is_first.mean() for song in songs])
    weights = np.linalg.solve(inputs.T @ inputs + _RIDGE * np.eye(inputs.shape[1]), inputs.T @ wanted)
    rows = np.array(
        [evidence(with_neighbours(values) @ weights, values)[0] for values in (song.values for song in songs)]
    )
    truth = np.array([[song.meter == meter for meter in METERS] for song in songs], dtype=np.float64)
    shape = rows.shape[1:]

    def loss(flat: Array) -> float:
        scored = (rows * flat[: rows[0].size].reshape(shape)).sum(axis=2) + flat[rows[0].size :]
        top = scored.max(axis=1, keepdims=True)
        given = scored - top - np.log(np.exp(scored - top).sum(axis=1, keepdims=True))
        return -float((given * truth).sum()) / len(rows) + 0.5 * _PENALTY * float(flat @ flat)

    found = minimize(loss, np.zeros(rows[0].size + len(METERS)), method="L-BFGS-B").x
    return {
        "beat_weights": weights,
        "meter_weights": found[: rows[0].size].reshape(shape),
        "meter_bias": found[rows[0].size :],
    }


def main() -> None:
    """Collect, fit, write."""
    parser = argparse.ArgumentParser(description="Fit the meter model.")
    parser.add_argument("folder", type=Path)
    songs = items(parser.parse_args().folder)
    meter = {name: np.round(value, _DIGITS).tolist() for name, value in fit_meter(songs).items()}
    phase = np.round(fit_phase(songs), _DIGITS).tolist()
    origin = "fitted by audiofeat.features.offline.train_meter; the coefficients are the project's own"
    for path, coefficients in ((rhythm_meter.MODEL_PATH, meter), (rhythm_phase.MODEL_PATH, phase)):
        path.write_text(json.dumps({"version": 1, "origin": origin, "coefficients": coefficients}) + "\n")
    sys.stdout.write(f"{len(songs)} songs\n")


if __name__ == "__main__":
    main()

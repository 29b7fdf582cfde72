"""Fit the head for instruments: ``python -m audiofeat.features.offline.train_instruments MIXES... --unseen MIXES``.

MIXES are folders of ``instrument_mixes``. Prints figures on songs of a font that the fit did not hear, then fits on
everything and writes the model. ``--figures`` names where the figures go as JSON. The same mixes give the same
coefficients on one machine.
"""

import argparse
import json
import sys
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from audiofeat.domain.families import FAMILIES
from audiofeat.features import instrument_claims, instrument_head, instrument_spectrogram
from audiofeat.features.frames import Floats
from audiofeat.features.instrument_head import CLIP, Head, both, evidence
from audiofeat.features.instrument_spectrogram import Network, Sights, seen
from audiofeat.features.instrument_windows import FEATURES, pooled, windows
from audiofeat.features.offline.instrument_figures import figures
from audiofeat.features.offline.instrument_mixes import PRESENT_DB

SEED = 1
_NETWORKS = 3
_HIDDEN = (192, 96)
_EPOCHS = 25
_BATCH = 256
_RATE = 2e-3
_DECAY = 1e-4
_DROPOUT = (0.1, 0.3, 0.2)
_PRESENT = 10 ** (PRESENT_DB / 10)
_UNSURE_DB = 6.0  # levels so near the threshold teach nothing
_WINDOW_LENGTHS_S = (3, 5, 8)

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Mixes:
    """Clips with the level of each family.

    Parameters
    ----------
    sums : array of shape (clips, seconds, SUMS)
    shares : array of shape (clips, seconds, families)
        Of the clip's power.
    held_back : array of shape (clips,)
    mel_db : array of shape (clips, frames, bands)
        Empty where a head is fitted, which does not see it.
    """

    sums: Array
    shares: Array
    held_back: NDArray[np.bool_]
    mel_db: NDArray[np.float16]

    def where(self, chosen: NDArray[np.bool_]) -> "Mixes":
        """Return the chosen clips."""
        return Mixes(self.sums[chosen], self.shares[chosen], self.held_back[chosen], self.mel_db[chosen])

    def window(self, start: int, length: int) -> tuple[Floats, Array]:
        """Return features of one window of each clip, and the level of each family in it, in dB."""
        part = slice(start, start + length)
        level = 10 * np.log10(self.shares[:, part].mean(axis=1) + 1e-12)
        return pooled(self.sums[:, part].mean(axis=1)), level


@dataclass(frozen=True, slots=True)
class Judged:
    """What a head says of windows and of whole clips, and what is true of them."""

    logits: Floats
    truth: NDArray[np.bool_]
    item_logits: Floats
    item_truth: NDArray[np.bool_]


def read(folders: list[Path], *, spectrograms: bool = False) -> Mixes:
    """Return all clips of some folders."""
    parts = []
    for path in [path for folder in folders for path in sorted(folder.glob("mixes-[0-9]*[0-9].npz"))]:
        with np.load(path) as stored:
            many = len(stored["sums"])
            held_back = np.full(many, bool(stored["held_back"]))
            mel_db = stored["mel_db"] if spectrograms else np.zeros((many, 0), dtype=np.float16)
            parts.append((stored["sums"], 10 ** (stored["levels"] / 10), held_back, mel_db))
    if not parts:
        raise SystemExit(f"no mixes in {folders[0]}: make some with instrument_mixes")
    return Mixes(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def rows(mixes: Mixes) -> tuple[Floats, Floats, Floats]:
    """Return features, truth and weight of windows of several lengths of all clips."""
    seconds = mixes.sums.shape[1]
    rng = np.random.default_rng(SEED)
    columns = []
    for length in _WINDOW_LENGTHS_S:
        for _ in range(1 if length == seconds else 2):
            values, level = mixes.window(int(rng.integers(seconds - length + 1)), length)
            sure = np.abs(level - PRESENT_DB) > _UNSURE_DB
            columns.append((values, (level > PRESENT_DB).astype(np.float32), sure.astype(np.float32)))
    values, truth, weight = (np.concatenate(column) for column in zip(*columns, strict=True))
    return values, truth, weight


def fit(values: Floats, truth: Floats, weight: Floats) -> Head:
    """Return a head whose logits are not calibrated yet."""
    mean, scale = values.mean(axis=0), values.std(axis=0) + np.float32(1e-6)
    inputs = np.clip((values - mean) / scale, -CLIP, CLIP)
    networks = [_network(inputs, truth, weight, SEED + number) for number in range(_NETWORKS)]
    layers = range(len(_HIDDEN) + 1)
    one, none = np.ones(len(FAMILIES), dtype=np.float32), np.zeros(len(FAMILIES), dtype=np.float32)
    return Head(
        mean, scale, tuple(np.stack([network[2 * n] for network in networks]) for n in layers),
        tuple(np.stack([network[2 * n + 1][None] for network in networks]) for n in layers), one, none, one, none,
    )  # fmt: skip


def _network(inputs: Floats, truth: Floats, weight: Floats, seed: int) -> list[Floats]:
    """Return weights and biases in turn, fitted with Adam (Kingma & Ba, ICLR 2015) and decoupled decay."""
    rng = np.random.default_rng(seed)
    sizes = (inputs.shape[1], *_HIDDEN, truth.shape[1])
    parts: list[Floats] = []
    for before, after in pairwise(sizes):
        parts += [rng.normal(0, np.sqrt(2 / before), (before, after)).astype(np.float32),
                  np.zeros(after, dtype=np.float32)]  # fmt: skip
    first, second = [np.zeros_like(part) for part in parts], [np.zeros_like(part) for part in parts]
    steps, step = _EPOCHS * (len(inputs) // _BATCH), 0
    for _ in range(_EPOCHS):
        order = rng.permutation(len(inputs))
        for begin in range(0, len(order) - _BATCH + 1, _BATCH):
            some = order[begin : begin + _BATCH]
            slopes = _slopes(parts, inputs[some], truth[some], weight[some], rng)
            step += 1
            rate = _RATE * 0.5 * (1 + np.cos(np.pi * step / steps)) * min(1.0, step / 200)
            for n, slope in enumerate(slopes):
                first[n] += 0.1 * (slope - first[n])
                second[n] += 0.001 * (slope * slope - second[n])
                ahead = first[n] / (1 - 0.9**step)
                parts[n] -= np.float32(rate) * (ahead / (np.sqrt(second[n] / (1 - 0.999**step)) + 1e-8))
                if parts[n].ndim == 2:
                    parts[n] *= np.float32(1 - rate * _DECAY * 10)
    return parts


def _slopes(
    parts: list[Floats], inputs: Floats, truth: Floats, weight: Floats, rng: np.random.Generator
) -> list[Floats]:
    """Return the gradient of the mean cross-entropy, some inputs and hidden units left out."""
    seen, masks = [], []
    hidden = inputs
    for n, drop in enumerate(_DROPOUT):
        mask: Floats = ((rng.random(hidden.shape, dtype=np.float32) >= drop) / np.float32(1 - drop)).astype(np.float32)
        hidden = hidden * mask
        seen.append(hidden)
        masks.append(mask)
        hidden = hidden @ parts[2 * n] + parts[2 * n + 1]
        if n < len(_HIDDEN):
            hidden = np.maximum(hidden, np.float32(0))
    error: Floats = ((1 / (1 + np.exp(-hidden)) - truth) * weight / np.float32(len(inputs))).astype(np.float32)
    slopes: list[Floats] = []
    for n in reversed(range(len(_DROPOUT))):
        slopes[:0] = [seen[n].T @ error, error.sum(axis=0)]
        if n:
            error = (error @ parts[2 * n].T) * masks[n] * (seen[n] > 0)
    return slopes


def together(one: Head, other: Head) -> Head:
    """Return a head with the networks of both."""
    mean, scale = (
        np.concatenate([np.broadcast_to(getattr(head, name), (len(head.biases[0]), 1, len(FEATURES)))
                        for head in (one, other)])
        for name in ("mean", "scale")
    )  # fmt: skip
    weights, biases = (
        tuple(np.concatenate(pair) for pair in zip(getattr(one, name), getattr(other, name), strict=True))
        for name in ("weights", "biases")
    )
    return replace(one, mean=mean, scale=scale, weights=weights, biases=biases)


def calibrated(head: Head, unseen: Judged) -> Head:
    """Return the head, its logits scaled to probabilities on clips of a font that it did not hear (Platt, 1999)."""
    columns: list[Floats] = []
    for logits, truth in ((unseen.logits, unseen.truth), (unseen.item_logits, unseen.item_truth)):
        pairs = [_platt(logits[:, n], truth[:, n]) for n in range(len(FAMILIES))]
        columns += [np.array(column, dtype=np.float32) for column in zip(*pairs, strict=True)]
    return replace(
        head, window_slope=columns[0], window_offset=columns[1], item_slope=columns[2], item_offset=columns[3]
    )


def _platt(logits: Floats, truth: NDArray[np.bool_]) -> tuple[float, float]:
    x, y = logits.astype(np.float64), truth.astype(np.float64)

    def loss(ab: Array) -> tuple[float, Array]:
        z = ab[0] * x + ab[1]
        wrong = expit(z) - y
        return float(np.mean(np.logaddexp(0, z) - y * z)), np.array([np.mean(wrong * x), np.mean(wrong)])

    slope, offset = minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS").x
    return float(slope), float(offset)


def judged(head: Head, network: Network, mixes: Mixes) -> Judged:
    """Return logits and truth of the windows of all clips, as an extraction has them, and of the whole clips."""
    each = []
    for sums, mel_db in zip(mixes.sums, mixes.mel_db, strict=True):
        sights = Sights(network)
        sights.push(mel_db.astype(np.float32))
        each.append(both(head.logits(pooled(windows(sums))), seen(sights.take(len(sums)))))
    return Judged(
        np.concatenate(each),
        np.concatenate([windows(shares) for shares in mixes.shares]) > _PRESENT,
        np.stack([evidence(one) for one in each]),
        mixes.shares.mean(axis=1) > _PRESENT,
    )


def told(head: Head, clips: Judged) -> tuple[Floats, Floats]:
    """Return the probabilities that an extraction publishes: of the windows of all clips, and of the clips."""
    log_odds = clips.item_logits * head.item_slope + head.item_offset
    curves = np.split(head.of_windows(clips.logits), len(log_odds))
    pairs = [instrument_claims.judged(row.tolist(), curve) for row, curve in zip(log_odds, curves, strict=True)]
    return np.concatenate([curve for curve, _ in pairs]), np.stack([item for _, item in pairs])


def write(head: Head, path: Path) -> None:
    """Write the model in half precision."""
    layers: dict[str, Any] = {f"weights_{n}": weight.astype(np.float16) for n, weight in enumerate(head.weights)}
    layers |= {f"biases_{n}": bias.astype(np.float16) for n, bias in enumerate(head.biases)}
    np.savez_compressed(
        path, features=np.array(" ".join(FEATURES)), families=np.array(" ".join(FAMILIES)), layers=len(head.weights),
        mean=head.mean, scale=head.scale, window_slope=head.window_slope, window_offset=head.window_offset,
        item_slope=head.item_slope, item_offset=head.item_offset, **layers,
    )  # fmt: skip


def main() -> None:
    """Judge on a font that the fit did not hear, fit on everything, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("mixes", type=Path, nargs="+", help="folders of instrument_mixes")
    parser.add_argument("--unseen", type=Path, required=True, help="another, of a font that those have nothing of")
    parser.add_argument(
        "--beside", type=Path, help="an earlier model that did not hear that font: its networks are kept"
    )
    parser.add_argument(
        "--spectrogram", type=Path, required=True, help="model of train_spectrogram that did not hear that font either"
    )
    parser.add_argument("--out", type=Path, default=instrument_head.MODEL_PATH)
    parser.add_argument("--figures", type=Path)
    asked = parser.parse_args()
    earlier = instrument_head.read(asked.beside) if asked.beside else None
    network = instrument_spectrogram.read(asked.spectrogram)
    mixes, unseen = read(asked.mixes), read([asked.unseen], spectrograms=True)
    kept = unseen.where(unseen.held_back)
    half = np.arange(len(kept.held_back)) % 2 == 0
    head = fit(*rows(mixes.where(~mixes.held_back)))
    head = together(head, earlier) if earlier else head
    scaled = calibrated(head, judged(head, network, kept.where(half)))
    other = judged(head, network, kept.where(~half))
    windows_told, items_told = told(scaled, other)
    said = figures(other.item_truth, items_told)
    said |= {f"windows_{name}": value for name, value in figures(other.truth, windows_told).items()
             if name in {"macro_f1", "mean_average_precision", "calibration_error"}}  # fmt: skip
    sys.stdout.write(json.dumps(said, indent=1) + "\n")
    if asked.figures:
        asked.figures.write_text(json.dumps(said, indent=1) + "\n")
    whole = fit(*rows(read([*asked.mixes, asked.unseen])))
    whole = together(whole, earlier) if earlier else whole
    scaling = {name: getattr(scaled, name) for name in ("window_slope", "window_offset", "item_slope", "item_offset")}
    write(replace(whole, **scaling), asked.out)


if __name__ == "__main__":
    main()

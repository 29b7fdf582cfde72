"""Fit the network over the spectrogram: ``python -m audiofeat.features.offline.train_spectrogram MIXES... OUT``.

MIXES are folders of ``instrument_mixes``. Of the clips that are not kept back, or with ``--everything`` of all. In most
batches the statistics of each band are exchanged between clips: a network that cannot know which font it hears learns
what is the same in all.

References
----------
Zhou, Yang, Qiao, Xiang, "Domain generalization with MixStyle", ICLR 2021; by band: Schmid, Masoudian, Koutini, Widmer,
"Knowledge distillation from transformers for low-complexity acoustic scene classification", DCASE 2022.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.families import FAMILIES
from audiofeat.features.frames import N_MEL, TIMBRE_RATE_HZ, Floats
from audiofeat.features.instrument_spectrogram import MOST_ATTENTION, STRETCH, Network, scaled, write
from audiofeat.features.offline.convolutions import Layer, folded
from audiofeat.features.offline.instrument_mixes import PRESENT_DB
from audiofeat.features.offline.progress import progress

SEED = 1
_CHANNELS = (24, 48, 96, 128)
_SIZES = (5, 3, 3, 3)
_EPOCHS = 12
_BATCH = 64
_RATE = 1.5e-3
_WARM_UP = 200
_DECAY = 1e-3
_DROPOUT = 0.3
_MIXED_SHARE = 0.7
_MIXED_BETA = 0.4
_EQUALISER_POINTS, _EQUALISER = 7, 0.15
_MOST_SHIFT = 2
_UNSURE_DB = 6.0

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Clips:
    """Clips of eight seconds.

    Parameters
    ----------
    mel_db : array of shape (clips, frames, bands)
    shares : array of shape (clips, seconds, families)
        Of the clip's power.
    """

    mel_db: NDArray[np.float16]
    shares: Array


def read(folders: list[Path], *, held_back: bool | None) -> Clips:
    """Return the clips that are kept back, or those that are not; with None all."""
    spectra, shares = [], []
    for path in [path for folder in folders for path in sorted(folder.glob("mixes-[0-9]*[0-9].npz"))]:
        with np.load(path) as stored:
            if held_back is None or bool(stored["held_back"]) == held_back:
                spectra.append(stored["mel_db"])
                shares.append(10 ** (stored["levels"] / 10))
    if not spectra:
        raise SystemExit(f"no mixes in {folders[0]}: make some with instrument_mixes")
    return Clips(np.concatenate(spectra), np.concatenate(shares))


def truth(shares: Array, begin: int) -> tuple[Floats, Floats]:
    """Return what sounds in a stretch from a frame on, and how much that teaches, shapes (clips, families)."""
    from_s, to_s = begin / TIMBRE_RATE_HZ, (begin + STRETCH) / TIMBRE_RATE_HZ
    second = np.arange(shares.shape[1])
    part = np.clip(np.minimum(second + 1, to_s) - np.maximum(second, from_s), 0, 1)
    level = 10 * np.log10(np.einsum("s,csf->cf", part / part.sum(), shares) + 1e-12)
    return (level > PRESENT_DB).astype(np.float32), (np.abs(level - PRESENT_DB) > _UNSURE_DB).astype(np.float32)


def disguised(stretches: Floats, rng: np.random.Generator) -> Floats:
    """Return stretches as other rooms, instruments and fonts would have them."""
    if rng.random() < _MIXED_SHARE:
        mean, spread = stretches.mean(axis=1, keepdims=True), stretches.std(axis=1, keepdims=True) + np.float32(1e-5)
        share = rng.beta(_MIXED_BETA, _MIXED_BETA, (len(stretches), 1, 1)).astype(np.float32)
        other = rng.permutation(len(stretches))
        stretches = (stretches - mean) / spread * (share * spread + (1 - share) * spread[other])
        stretches = stretches + share * mean + (1 - share) * mean[other]
    points = rng.normal(0, _EQUALISER, (len(stretches), _EQUALISER_POINTS))
    at, places = np.linspace(0, 1, N_MEL), np.linspace(0, 1, _EQUALISER_POINTS)
    gains = np.stack([np.interp(at, places, row) for row in points]).astype(np.float32)
    moved: Floats = np.roll(stretches + gains[:, None], int(rng.integers(-_MOST_SHIFT, _MOST_SHIFT + 1)), axis=2)
    return moved


class Fit:
    """A network while it is fitted, with Adam (Kingma & Ba, ICLR 2015) and decoupled decay."""

    def __init__(self, rng: np.random.Generator, *, channels: tuple[int, ...], dropout: float = _DROPOUT) -> None:
        self._rng, self._dropout = rng, dropout
        sizes = zip(_SIZES, (1, *channels[:-1]), channels, strict=True)
        self._layers = [Layer.drawn(size, inward, outward, rng) for size, inward, outward in sizes]
        many = 2 * len(FAMILIES)
        self._weights = rng.normal(0, 0.5 / np.sqrt(channels[-1]), (2 * channels[-1], many)).astype(np.float32)
        self._offsets = np.zeros(many, dtype=np.float32)
        self.parts = [*(part for layer in self._layers for part in layer.parts), self._weights, self._offsets]
        self._first, self._second = ([np.zeros_like(part) for part in self.parts] for _ in range(2))
        self._steps = 0

    def slopes(self, stretches: Floats, present: Floats, weight: Floats) -> tuple[float, list[Floats]]:
        """Return the cross-entropy of a batch, families summed, and its gradient on ``parts``."""
        hidden = stretches[..., None]
        for layer in self._layers:
            hidden = layer.forward(hidden)
        loudest = hidden.argmax(axis=2)[:, :, None]
        pooled = np.concatenate((hidden.mean(axis=2), np.take_along_axis(hidden, loudest, axis=2)[:, :, 0]), axis=2)
        kept: Floats = (self._rng.random(pooled.shape, dtype=np.float32) >= self._dropout).astype(np.float32)
        kept /= np.float32(1 - self._dropout)
        pooled = pooled * kept
        said = pooled @ self._weights + self._offsets
        logits, attention = np.split(said, 2, axis=2)
        odds = np.exp(np.clip(attention, -MOST_ATTENTION, MOST_ATTENTION))
        share = odds / odds.sum(axis=1, keepdims=True)
        told = (share * logits).sum(axis=1)
        error = ((1 / (1 + np.exp(-told)) - present) * weight / np.float32(len(told)))[:, None]
        inside = np.abs(attention) < MOST_ATTENTION
        back = np.concatenate((share * error, share * (logits - told[:, None]) * error * inside), axis=2)
        slopes = [np.einsum("btc,btf->cf", pooled, back, optimize=True), back.sum(axis=(0, 1))]
        on_mean, on_most = np.split((back @ self._weights.T) * kept, 2, axis=2)
        towards: Floats = np.repeat(on_mean[:, :, None] / np.float32(hidden.shape[2]), hidden.shape[2], axis=2)
        np.put_along_axis(towards, loudest, np.take_along_axis(towards, loudest, axis=2) + on_most[:, :, None], axis=2)
        for layer in reversed(self._layers):
            towards, own = layer.backward(towards)
            slopes[:0] = own
        return float(np.sum((np.logaddexp(0, told) - present * told) * weight) / len(told)), slopes

    def step(self, slopes: list[Floats], rate: float) -> None:
        """Move against the gradient."""
        self._steps += 1
        for n, (part, slope) in enumerate(zip(self.parts, slopes, strict=True)):
            self._first[n] += 0.1 * (slope - self._first[n])
            self._second[n] += 0.001 * (slope * slope - self._second[n])
            ahead = self._first[n] / (1 - 0.9**self._steps)
            part[:] = part * np.float32(1 - rate * _DECAY)
            part[:] -= np.float32(rate) * (ahead / (np.sqrt(self._second[n] / (1 - 0.999**self._steps)) + 1e-8))

    def network(self) -> Network:
        """Return what was fitted."""
        kernels, biases = zip(*(folded(layer) for layer in self._layers), strict=True)
        return Network(kernels, biases, self._weights, self._offsets)


def fit(clips: Clips, seed: int) -> Network:
    """Return a network whose logits are not calibrated."""
    rng = np.random.default_rng(seed)
    fitted = Fit(rng, channels=_CHANNELS)
    many, frames = clips.mel_db.shape[:2]
    batches = max(1, many // _BATCH)
    for number in progress(range(_EPOCHS * batches), _EPOCHS * batches, "batches"):
        if number % batches == 0:
            order = rng.permutation(many)
        some = np.sort(order[number % batches * _BATCH :][:_BATCH])
        begin = int(rng.integers(frames - STRETCH + 1))
        stretches = scaled(clips.mel_db[some, begin : begin + STRETCH].astype(np.float32))
        rate = _RATE * 0.5 * (1 + np.cos(np.pi * number / (_EPOCHS * batches))) * min(1.0, (number + 1) / _WARM_UP)
        _, slopes = fitted.slopes(disguised(stretches, rng), *truth(clips.shares[some], begin))
        fitted.step(slopes, rate)
    return fitted.network()


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("mixes", type=Path, nargs="+", help="folders of instrument_mixes")
    parser.add_argument("out", type=Path)
    parser.add_argument("--everything", action="store_true", help="also what is kept back for judging")
    parser.add_argument("--seed", type=int, default=SEED)
    asked = parser.parse_args()
    write(fit(read(asked.mixes, held_back=None if asked.everything else False), asked.seed), asked.out)


if __name__ == "__main__":
    main()

"""Convolutional layers that can be fitted: kernel, batch normalisation (Ioffe & Szegedy, ICML 2015), rectifier."""

from dataclasses import dataclass, field
from typing import Self

import numpy as np

from audiofeat.features.frames import Floats
from audiofeat.features.instrument_spectrogram import STRIDE, patches

_EPSILON = np.float32(1e-5)
_MOMENTUM = np.float32(0.1)


@dataclass(slots=True)
class Layer:
    """One layer, which halves time and frequency.

    Parameters
    ----------
    kernel : array of shape (size, size, in, out)
    gain, offset : array of shape (out,)
        After normalisation.
    mean, variance : array of shape (out,)
        Of what was seen, for use after the fit.
    """

    kernel: Floats
    gain: Floats
    offset: Floats
    mean: Floats
    variance: Floats
    _seen: tuple[Floats, Floats, Floats, Floats, tuple[int, ...]] | None = field(default=None, repr=False)

    @classmethod
    def drawn(cls, size: int, inward: int, outward: int, rng: np.random.Generator) -> Self:
        """Return a layer at the start of a fit (He et al., ICCV 2015)."""
        kernel = rng.normal(0, np.sqrt(2 / (size * size * inward)), (size, size, inward, outward))
        one, none = np.ones(outward, dtype=np.float32), np.zeros(outward, dtype=np.float32)
        return cls(kernel.astype(np.float32), one.copy(), none.copy(), none.copy(), one.copy())

    @property
    def parts(self) -> list[Floats]:
        """Return what is fitted."""
        return [self.kernel, self.gain, self.offset]

    def forward(self, maps: Floats) -> Floats:
        """Return the maps after the layer, shape (clips, time / 2, bands / 2, out); ``backward`` goes on from them."""
        seen = patches(maps, len(self.kernel))
        raw = seen @ self.kernel.reshape(-1, self.kernel.shape[-1])
        mean, variance = raw.mean(axis=(0, 1, 2)), raw.var(axis=(0, 1, 2))
        self.mean += _MOMENTUM * (mean - self.mean)
        self.variance += _MOMENTUM * (variance - self.variance)
        inverse = 1 / np.sqrt(variance + _EPSILON)
        normal = (raw - mean) * inverse
        out: Floats = np.maximum(normal * self.gain + self.offset, np.float32(0))
        self._seen = seen, normal, inverse, out, maps.shape
        return out

    def backward(self, towards: Floats) -> tuple[Floats, list[Floats]]:
        """Return the gradient on the maps before the layer, and on its parts, from that on the maps after it."""
        if self._seen is None:
            raise AssertionError("backward follows forward")
        seen, normal, inverse, out, shape = self._seen
        towards = towards * (out > 0)
        on_offset, on_gain = towards.sum(axis=(0, 1, 2)), (towards * normal).sum(axis=(0, 1, 2))
        many = np.float32(np.prod(towards.shape[:3]))
        on_raw = (self.gain * inverse) * (towards - on_offset / many - normal * (on_gain / many))
        flat = on_raw.reshape(-1, on_raw.shape[-1])
        on_kernel = (seen.reshape(len(flat), -1).T @ flat).reshape(self.kernel.shape)
        size, edge = len(self.kernel), len(self.kernel) // 2
        on_seen = (flat @ self.kernel.reshape(-1, flat.shape[1]).T).reshape(*on_raw.shape[:3], size, size, shape[3])
        before = np.zeros((shape[0], shape[1] + 2 * edge, shape[2] + 2 * edge, shape[3]), dtype=np.float32)
        times, bands = (STRIDE * extent for extent in on_raw.shape[1:3])
        for row in range(size):
            for column in range(size):
                before[:, row : row + times : STRIDE, column : column + bands : STRIDE] += on_seen[:, :, :, row, column]
        return before[:, edge : edge + shape[1], edge : edge + shape[2]], [on_kernel, on_gain, on_offset]


def folded(layer: Layer) -> tuple[Floats, Floats]:
    """Return kernel and bias that do what a fitted layer does."""
    scale = layer.gain / np.sqrt(layer.variance + _EPSILON)
    return layer.kernel * scale, layer.offset - layer.mean * scale

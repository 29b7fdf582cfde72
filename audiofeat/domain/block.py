"""A few seconds of PCM with what gates and feature groups ask of it alike, summed in one pass."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiofeat import _native

STEPS_PER_S = 10
CLIP_LEVEL = 0.999
_OF_CHANNEL, _OF_MIX = 4, 3


@dataclass(frozen=True, slots=True)
class Block:
    """PCM at the file's own rate, and sums over its steps: the tenths of a second of the file.

    A step that a block's edge cuts stands in both blocks, a part in each.

    Parameters
    ----------
    pcm : array of shape (samples, channels)
        Float32, as decoded.
    rate_hz : int
        Its rate.
    planes : array of shape (channels, samples)
        The same, channel after channel in memory.
    mono : array of shape (samples,)
        The mean of the channels.
    ends : array of shape (steps,)
        Sample behind the last of each step.
    ends_whole : bool
        Whether the last step ends with the block.
    sums, energies, peaks : array of shape (steps, channels)
        Sum, sum of squares and greatest magnitude.
    clipped : int
        Samples at 0.999 of full scale or above, in all channels.
    crosses : array of shape (steps,)
        Sum of the products of the first two channels; 0 where there is one.
    mono_energies, mono_zeros : array of shape (steps,)
        Sum of squares of the mean of the channels, and how many of its samples are exactly zero.
    """

    pcm: NDArray[np.float32]
    rate_hz: int
    planes: NDArray[np.float32]
    mono: NDArray[np.float32]
    ends: NDArray[np.int32]
    ends_whole: bool
    sums: NDArray[np.float64]
    energies: NDArray[np.float64]
    peaks: NDArray[np.float64]
    clipped: int
    crosses: NDArray[np.float64]
    mono_energies: NDArray[np.float64]
    mono_zeros: NDArray[np.float64]

    @property
    def lengths(self) -> NDArray[np.int32]:
        """Samples in each step, shape (steps,)."""
        return np.diff(self.ends, prepend=np.int32(0))


def summed(pcm: NDArray[np.float32], rate_hz: int, *, begun: int = 0) -> Block:
    """Return PCM of shape (samples, channels) with its sums.

    Parameters
    ----------
    pcm : array of shape (samples, channels)
        Float32, one sample of one channel at least.
    rate_hz : int
        Its rate.
    begun : int
        Samples of the file before this block.
    """
    pcm = np.ascontiguousarray(pcm)
    samples, channels = pcm.shape
    steps = np.arange(begun * STEPS_PER_S // rate_hz, (begun + samples) * STEPS_PER_S // rate_hz + 1) + 1
    edges = -(-steps * rate_hz // STEPS_PER_S) - begun
    ends = np.append(edges[edges < samples], samples).astype(np.int32)
    planes, mono = np.empty((channels, samples), dtype=np.float32), np.empty(samples, dtype=np.float32)
    table = np.empty((len(ends), channels * _OF_CHANNEL + _OF_MIX))
    _native.mix_down(pcm, np.array([CLIP_LEVEL], dtype=np.float32), ends, planes, mono, table)
    sums, energies, peaks, clipped = np.moveaxis(table[:, :-_OF_MIX].reshape(-1, channels, _OF_CHANNEL), 2, 0)
    mono_energies, crosses, mono_zeros = table[:, -_OF_MIX:].T
    return Block(
        pcm=pcm, rate_hz=rate_hz, planes=planes, mono=mono, ends=ends, ends_whole=bool(samples in edges), sums=sums,
        energies=energies, peaks=peaks, clipped=int(clipped.sum()), crosses=crosses, mono_energies=mono_energies,
        mono_zeros=mono_zeros,
    )  # fmt: skip

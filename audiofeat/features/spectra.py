"""Power spectra of successive frames: the one transform behind the shared spectrum and the tonal one."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from audiofeat import _native

Floats = NDArray[np.float32]


def power_spectra(signal: Floats, *, window: Floats, hop: int) -> Floats:
    """Return the power of each frame at each frequency.

    Parameters
    ----------
    signal : array of shape (samples,)
        At least as long as the window.
    window : array of shape (size,)
        ``size`` is a power of two from 16 to 32,768.
    hop : int
        Samples from the start of a frame to that of the next.

    Returns
    -------
    power : array of shape (1 + (samples - size) // hop, size // 2 + 1)
        Squared magnitude of the discrete Fourier transform of each windowed frame.

    Raises
    ------
    ValueError
        The window has another size.
    """
    size = len(window)
    power = np.empty((max(0, 1 + (len(signal) - size) // hop), size // 2 + 1), dtype=np.float32)
    _native.power_spectra(signal, window, np.array([hop], dtype=np.int32), *_tables(size), power)
    return power


@cache
def _tables(size: int) -> tuple[Floats, NDArray[np.int32]]:
    """Return the factors of each step of the transform, and where it leaves each frequency."""
    factors, length = [], size // 2
    while length >= 4:
        powers = np.multiply.outer(np.arange(length // 4), (1, 2, 3))
        factors.append(np.exp(-2j * np.pi * powers / length).ravel())
        length //= 4
    factors.append(np.exp(-2j * np.pi * np.arange(size // 4 + 1) / size))
    turns = np.concatenate(factors)
    place = np.argsort(_order(size // 2)).astype(np.int32)
    return np.column_stack((turns.real, turns.imag)).ravel().astype(np.float32), place


def _order(count: int) -> NDArray[np.int64]:
    """Return the frequency that stands at each place after radix-4 steps, and one of radix 2 where it is needed."""
    if count <= 2:
        return np.arange(count)
    within = _order(count // 4)
    return np.concatenate([4 * within + first for first in range(4)])

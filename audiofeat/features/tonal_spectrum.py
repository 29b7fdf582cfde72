"""Spectral peaks on a grid of pitch, and what of them is not the overtone of something lower.

The grid has five bins a semitone, from C2 up; column 0 is C2 at A = 440 Hz. The weight of a peak is the square root of
its magnitude, so that quiet voices count.
"""

import numpy as np
from numpy.typing import NDArray

from audiofeat import _native
from audiofeat.features.frames import LOW_RATE_HZ, Floats
from audiofeat.features.spectra import power_spectra

FRAME = 4096
HOP = 2048
FRAME_RATE_HZ = LOW_RATE_HZ / HOP
FINE = 5
BINS = 12 * FINE
OCTAVES = 6
LOWEST_HZ = 440.0 * 2 ** (-33 / 12)
_LOW, _HIGH = int(LOWEST_HZ * FRAME / LOW_RATE_HZ), int(3_500 * FRAME / LOW_RATE_HZ)
_WINDOW = np.hanning(FRAME).astype(np.float32)
_PEAK_FLOOR = 10 ** (-45 / 10)
_LEAST_POWER = 1e-6
_LEAST_BEND = -1e-6
# As the compiled loop takes them: the first bin, a bin in parts of the lowest pitch, floors, columns a semitone.
_NUMBERS = np.array((_LOW - 1, LOW_RATE_HZ / FRAME / LOWEST_HZ, _PEAK_FLOOR, _LEAST_POWER, _LEAST_BEND, FINE))
_OVERTONES = (3, 5, 6, 7)


def peaks(signal: Floats) -> tuple[Floats, NDArray[np.complex128]]:
    """Return the peaks of each frame on the grid, and how they are tuned.

    Parameters
    ----------
    signal : array of shape (samples,)
        At 11,025 Hz; a frame of 4,096 starts every 2,048.

    Returns
    -------
    grid : array of shape (frames, 360)
        Weight of the peaks within 45 dB of the strongest of their frame.
    deviation : array of shape (frames,)
        Sum of the peaks' deviations from A = 440 Hz, a semitone being a full turn.
    """
    power = np.ascontiguousarray(power_spectra(signal, window=_WINDOW, hop=HOP)[:, _LOW - 1 : _HIGH + 1])
    grid = np.zeros((len(power), OCTAVES * BINS), dtype=np.float32)
    deviation = np.zeros(len(power), dtype=np.complex128)
    _native.pitch_peaks(power, _NUMBERS, grid, deviation.view(np.float64))
    return grid, deviation


def fundamentals(grid: Floats) -> Floats:
    """Return the grid without what a tone at least as strong explains as its 3rd, 5th, 6th or 7th harmonic."""
    near = grid.copy()
    np.maximum(near[:, 1:], grid[:, :-1], out=near[:, 1:])
    np.maximum(near[:, :-1], grid[:, 1:], out=near[:, :-1])
    explained = np.zeros_like(grid)
    for harmonic in _OVERTONES:
        shift = round(12 * FINE * float(np.log2(harmonic)))
        np.maximum(explained[:, shift:], near[:, :-shift], out=explained[:, shift:])
    return np.where(grid > explained, grid, np.float32(0))


def folded(grid: Floats) -> Floats:
    """Return the grid (frames, 360) as pitch classes (frames, 60)."""
    classes: Floats = grid.reshape(len(grid), -1, BINS).sum(axis=1)
    return classes


def tuned(classes: NDArray[np.floating], deviation: float, size: int) -> NDArray[np.float64]:
    """Shift rows of 60 pitch classes by the tuning (semitones) and gather them into rows of ``size``, C first."""
    centres = np.arange(size) * (BINS / size) + deviation * FINE
    distance = (np.arange(BINS) - centres[:, None] + BINS / 2) % BINS - BINS / 2
    width = max(BINS / size, FINE * 2 / 3)
    weight = np.where(np.abs(distance) < width, np.cos(np.pi / 2 * distance / width) ** 2, 0.0)
    return np.asarray(classes @ weight.T, dtype=np.float64)

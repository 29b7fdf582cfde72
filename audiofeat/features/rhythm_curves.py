"""Onset curves in four bands at 86.13 Hz and a coarse picture of the levels at 21.53 Hz: all that rhythm keeps.

An onset is a rise of a mel band's level over two frames, in dB, not below zero; a curve is the sum over the bands of
its range, divided by the number of all bands, so that the four add up to the mean rise.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from audiofeat.features.frames import N_MEL, ONSET_RATE_HZ, Floats

N_CURVES = 4
PICTURE_STEP = 4
PICTURE_RATE_HZ = ONSET_RATE_HZ / PICTURE_STEP
PICTURE_BANDS = 20
CHUNK_FRAMES = 1 << 16
"""What is worked on at a time, about 13 minutes."""

# First mel band of each range: about 30-150, 150-500, 500-2,500 and 2,500-11,000 Hz.
_FIRST_BANDS = (0, 3, 9, 30)
_LAG_FRAMES = 2
# Relative to the loudest so far: turning an item down must not change its beats.
_FLOOR_BELOW_PEAK = np.float32(1e-6)
_LEAST_POWER = np.float32(1e-14)
_PICTURE_FLOOR_DB, _PICTURE_STEP_DB = -120.0, 0.5
_ONSET_SPACING_FRAMES = 4
_ONSET_THRESHOLD_DB = 1.5
_ONSET_MARGIN_FRAMES = 2 * int(ONSET_RATE_HZ)
# A rise over two frames is at its highest about one frame after the onset.
_ONSET_DELAY_FRAMES = 0.6

_NOTHING = np.zeros((0, PICTURE_BANDS), dtype=np.uint8)

Array = NDArray[np.float64]


class Curves:
    """Accumulates onset curves and picture, block by block."""

    def __init__(self) -> None:
        self._onsets: list[NDArray[np.float16]] = []
        self._picture: list[NDArray[np.uint8]] = []
        self._before: Floats | None = None
        self._left = np.zeros((0, N_MEL), dtype=np.float32)
        self._peak = 0.0

    def push(self, mel: Floats) -> None:
        """Take in mel power of shape (frames, 60)."""
        if not len(mel):
            return
        peak = np.maximum.accumulate(np.maximum(mel.max(axis=1), self._peak))
        self._peak = float(peak[-1])
        level = 10 * np.log10(np.maximum(mel, np.maximum(peak * _FLOOR_BELOW_PEAK, _LEAST_POWER)[:, None]))
        before = np.repeat(level[:1], _LAG_FRAMES, axis=0) if self._before is None else self._before
        joined = np.concatenate((before, level))
        self._before = joined[-_LAG_FRAMES:]
        rise = np.maximum(level - joined[:-_LAG_FRAMES], 0)
        self._onsets.append((np.add.reduceat(rise, _FIRST_BANDS, axis=1) / N_MEL).astype(np.float16))
        mel = np.concatenate((self._left, mel))
        whole = len(mel) // PICTURE_STEP
        self._left = mel[whole * PICTURE_STEP :]
        cells = mel[: whole * PICTURE_STEP].reshape(whole, PICTURE_STEP, PICTURE_BANDS, N_MEL // PICTURE_BANDS)
        decibel = 10 * np.log10(cells.mean(axis=(1, 3)) + _LEAST_POWER)
        steps = np.round((decibel - _PICTURE_FLOOR_DB) / _PICTURE_STEP_DB)
        self._picture.append(np.clip(steps, 0, 255).astype(np.uint8))

    def onsets(self) -> NDArray[np.float16]:
        """Return the curves, shape (frames, 4)."""
        if len(self._onsets) != 1:
            self._onsets = [np.concatenate(self._onsets or [np.zeros((0, N_CURVES), dtype=np.float16)])]
        return self._onsets[0]

    def picture_db(self, cells: int | None = None) -> Floats:
        """Return the levels in dB of the first so many cells, or of all, shape (frames / 4, 20)."""
        picture = np.concatenate(self._picture)[:cells] if self._picture else _NOTHING
        return picture.astype(np.float32) * np.float32(_PICTURE_STEP_DB) + np.float32(_PICTURE_FLOOR_DB)

    def band_powers(self, first_bands: tuple[int, ...]) -> Floats:
        """Return the power in ranges of the picture's bands, each from its first on, shape (frames / 4, ranges)."""
        power = 10 ** ((np.arange(256) * _PICTURE_STEP_DB + _PICTURE_FLOOR_DB) / 10)
        parts = [np.add.reduceat(power[part], first_bands, axis=1) for part in self._picture or [_NOTHING]]
        return np.concatenate(parts).astype(np.float32)


def chunks(count: int, size: int = CHUNK_FRAMES) -> Iterator[slice]:
    """Yield the slices that cover so many frames."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def accents(onsets: NDArray[np.floating]) -> Floats:
    """Return what stands out of the second around it: the four curves and their sum, shape (frames, 5)."""
    curves = np.column_stack((onsets, onsets.sum(axis=1, dtype=np.float32))).astype(np.float32)
    above: Floats = np.maximum(curves - uniform_filter1d(curves, int(ONSET_RATE_HZ), axis=0), 0)
    return above


def onset_times_s(onsets: NDArray[np.float16]) -> Array:
    """Return the times of local maxima that stand out of their second, refined between frames."""
    if len(onsets) < 3:
        return np.zeros(0)
    found = []
    for part in chunks(len(onsets)):
        begun = max(0, part.start - _ONSET_MARGIN_FRAMES)
        curve = onsets[begun : part.stop + _ONSET_MARGIN_FRAMES].sum(axis=1, dtype=np.float32)
        peaks = (curve == maximum_filter1d(curve, 2 * _ONSET_SPACING_FRAMES + 1)) & (
            curve > uniform_filter1d(curve, int(ONSET_RATE_HZ)) + _ONSET_THRESHOLD_DB
        )
        at = np.flatnonzero(peaks[part.start - begun : part.stop - begun]) + part.start - begun
        found.append(refined_s(curve, at, begun=begun))
    return np.concatenate(found)


def refined_s(curve: NDArray[np.floating], frames: NDArray[np.integer], *, begun: int = 0) -> Array:
    """Return times in seconds of the summits of parabolas through peaks of a curve and their neighbours.

    The curve is that of an item from its frame ``begun`` on.
    """
    inner = np.clip(frames, 1, len(curve) - 2)
    left, middle, right = (curve[inner + step].astype(np.float64) for step in (-1, 0, 1))
    bend = left - 2 * middle + right
    shift = np.where(bend < 0, (left - right) / np.minimum(2 * bend, -1e-9), 0.0)
    summits: Array = begun + frames + np.clip(shift, -0.5, 0.5) * (inner == frames)
    return np.maximum((summits - _ONSET_DELAY_FRAMES) / ONSET_RATE_HZ, 0.0)

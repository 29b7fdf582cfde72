"""Mains hum: lines at 50 or 60 Hz and their harmonics that stand out, and stand still, all through the item."""

import numpy as np
import scipy.fft
import soxr
from numpy.typing import NDArray

from audiofeat.features.frames import LOW_RATE_HZ, Floats

MAINS_HZ = (50.0, 60.0)
_TAP_HZ = 1_050
_LENGTH = 4_096
_HOP = _LENGTH // 2
_BIN_HZ = _TAP_HZ / _LENGTH
_HARMONICS = 5
_HARMONICS_LEAST = 3
_LEAST_WINDOWS = 3
_STANDS_OUT = 10 ** (12 / 10)
_PRESENT_LEAST_RATIO = 0.75
_STEADY_MOST_DB = 3.0
_LINE_HZ = 0.75
_NEIGHBOURS_HZ = (1.5, 8.0)
_NEIGHBOURS_RANK = 0.9

_WINDOW = np.hanning(_LENGTH + 1)[:-1].astype(np.float32)
_MEAN_SQUARE_SCALE = 2.0 / (_LENGTH * float(np.square(_WINDOW).sum()))
_HZ = np.arange(_LENGTH // 2 + 1) * _BIN_HZ
_LINES_HZ = np.array([[mains * number for number in range(1, _HARMONICS + 1)] for mains in MAINS_HZ])


def _bins(centre_hz: float, low_hz: float, high_hz: float) -> NDArray[np.intp]:
    distance = np.abs(_HZ - centre_hz)
    return np.flatnonzero((distance >= low_hz) & (distance <= high_hz))


_LINE_BINS = np.array([_bins(hz, 0.0, _LINE_HZ)[:5] for hz in _LINES_HZ.ravel()])
_AROUND = [_bins(hz, *_NEIGHBOURS_HZ) for hz in _LINES_HZ.ravel()]
_NEIGHBOUR_BINS = np.array([bins[: min(map(len, _AROUND))] for bins in _AROUND])
_NEIGHBOUR_RANK = round(_NEIGHBOURS_RANK * (_NEIGHBOUR_BINS.shape[1] - 1))


class Hum:
    """Watches the lines in windows of 4 s of the analysis signal, taken down to 1,050 Hz."""

    def __init__(self) -> None:
        self._resampler = soxr.ResampleStream(LOW_RATE_HZ, _TAP_HZ, 1, dtype="float32", quality="LQ")
        self._waiting = np.zeros(0, dtype=np.float32)
        self._levels: list[Floats] = []
        self._stand_out: list[NDArray[np.bool_]] = []

    def push(self, low: Floats) -> None:
        """Take in the next samples at 11,025 Hz."""
        tap = np.concatenate((self._waiting, self._resampler.resample_chunk(low)))
        count = max(0, (len(tap) - _LENGTH) // _HOP + 1)
        self._waiting = tap[count * _HOP :]
        for window in range(count):
            spectrum = scipy.fft.rfft(tap[window * _HOP : window * _HOP + _LENGTH] * _WINDOW)
            power = (np.square(spectrum.real) + np.square(spectrum.imag)) * np.float32(_MEAN_SQUARE_SCALE)
            lines = power[_LINE_BINS]
            around = np.partition(power[_NEIGHBOUR_BINS], _NEIGHBOUR_RANK, axis=1)[:, _NEIGHBOUR_RANK]
            self._levels.append(lines.sum(axis=1))
            self._stand_out.append(lines.max(axis=1) > _STANDS_OUT * around)

    @property
    def long_enough(self) -> bool:
        """Whether enough windows were seen to call a line steady."""
        return len(self._levels) >= _LEAST_WINDOWS

    def found(self) -> tuple[float, float] | None:
        """Return the mains frequency and the level of its steady lines in dBFS, or None where there is no hum."""
        out, level_db = np.array(self._stand_out), 10 * np.log10(np.maximum(self._levels, 1e-20))
        low, median, high = np.percentile(level_db, (25, 50, 75), axis=0)
        is_line = (out.mean(axis=0) >= _PRESENT_LEAST_RATIO) & (high - low <= _STEADY_MOST_DB)
        # 300 Hz is a harmonic of both: the fundamental itself has to stand out.
        hums = []
        for mains, steady, db in zip(
            MAINS_HZ, is_line.reshape(len(MAINS_HZ), -1), median.reshape(len(MAINS_HZ), -1), strict=True
        ):
            if steady[0] and steady.sum() >= _HARMONICS_LEAST:
                hums.append((float(10 * np.log10(np.sum(10 ** (db[steady] / 10)))), mains))
        if not hums:
            return None
        level_dbfs, mains_hz = max(hums)
        return mains_hz, level_dbfs

"""What a lossy codec left behind, also one that was there before the file's own: a low-pass and holes above 10 kHz.

Encoders take everything above a corner away, far more steeply than sound ends by itself; at low rates MP3 also drops
single bands for moments. Coding it again, at any rate, does not bring back what is missing.
"""

import numpy as np

from audiofeat.domain.block import Block
from audiofeat.features.frames import Floats
from audiofeat.features.spectra import power_spectra

_LENGTH = 2_048
_WINDOWS_PER_S = 4
_BAND_HZ = 350.0
_HIGHEST_HZ = 22_050.0
_STEP_BANDS = 3
_STEP_FROM_HZ = 3_000.0
_HOLES_HZ = (10_000.0, 15_600.0)
_HOLE_DB = 25.0
_LEAST_BANDS, _LEAST_WINDOWS = 3, 20
_LOWPASS_DB = 20.0
_AUDIBLE_SHARE = 10**-3.5
_FLOOR = 1e-13
_WINDOW = np.hanning(_LENGTH + 1)[:-1].astype(np.float32)
_WINDOW /= _WINDOW.sum() / 2


class CodecTraces:
    """Sums the bands of four spectra a second at the PCM's own rate, and counts where single ones are empty."""

    def __init__(self) -> None:
        self._rest: Floats = np.zeros(0, dtype=np.float32)
        self._to_skip = 0
        self._edges = np.zeros(0, dtype=np.intp)
        self._power = np.zeros(0)
        self._holes = np.zeros(0)
        self._windows = 0
        self._loudest = 0.0

    def push(self, block: Block) -> None:
        """Take in one block."""
        if not len(self._edges):
            size = int(min(block.rate_hz / 2, _HIGHEST_HZ) / _BAND_HZ)
            self._edges = np.ceil(np.arange(size + 1) * _BAND_HZ * _LENGTH / block.rate_hz).astype(np.intp)
            self._power, self._holes = np.zeros(size), np.zeros(max(size - 2, 0))
        signal, hop = np.concatenate((self._rest, block.mono))[self._to_skip :], max(1, block.rate_hz // _WINDOWS_PER_S)
        self._to_skip -= min(self._to_skip, len(self._rest) + len(block.mono))
        count = max(0, (len(signal) - _LENGTH) // hop + 1)
        self._rest = signal[count * hop :]
        self._to_skip += max(0, count * hop - len(signal))
        if not count or len(self._power) < _STEP_BANDS:
            return
        power = power_spectra(signal[: (count - 1) * hop + _LENGTH], window=_WINDOW, hop=hop)
        whole = power[:, 1:].sum(axis=1, dtype=np.float64)
        loudest = np.maximum.accumulate(np.maximum(whole, self._loudest))
        self._loudest = float(loudest[-1])
        heard = power[(whole > _AUDIBLE_SHARE * loudest) & (whole > _FLOOR)]
        bands = np.add.reduceat(heard[:, : self._edges[-1]], self._edges[:-1], axis=1) / np.diff(self._edges)
        level_db = 10 * np.log10(bands + _FLOOR)
        beside = np.maximum(level_db[:, :-2], level_db[:, 2:])
        self._windows += len(bands)
        self._power += bands.sum(axis=0)
        self._holes += (level_db[:, 1:-1] < beside - _HOLE_DB).sum(axis=0)

    def found(self) -> tuple[float | None, float | None]:
        """Return the deepest fall of the mean spectrum within 1 kHz, in dB, and the share of holes.

        None of both after less than five seconds of sound; no share where there is nothing between 10 kHz and the
        low-pass.
        """
        if self._windows < _LEAST_WINDOWS:
            return None, None
        level_db = 10 * np.log10(self._power / self._windows + _FLOOR)
        falls = level_db[:-_STEP_BANDS] - level_db[_STEP_BANDS:]
        first = int(_STEP_FROM_HZ / _BAND_HZ)
        if first >= len(falls):
            return None, None
        at = first + int(falls[first:].argmax())
        step_db = max(0.0, float(falls[at]))
        ends = min(at + 1 if step_db > _LOWPASS_DB else len(level_db), len(level_db) - 2) - 1
        low, high = int(_HOLES_HZ[0] / _BAND_HZ), min(int(_HOLES_HZ[1] / _BAND_HZ), ends)
        if high - low < _LEAST_BANDS:
            return step_db, None
        return step_db, float(self._holes[low - 1 : high - 1].sum() / self._windows / (high - low))

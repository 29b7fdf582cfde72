"""Bandwidth: where the content of the recording ends, as at a codec's cut-off or the old rate of upsampled sound."""

import numpy as np
from numpy.typing import NDArray

from audiofeat.features.frames import Floats
from audiofeat.features.spectra import power_spectra

LENGTH = 4_096
_BAND_BINS = 8
_BANDS = LENGTH // 2 // _BAND_BINS
_CONTENT_WITHIN_DB = 85.0
_CLIFF_DB = 15.0
_FLAT_WITHIN_DB = 10.0
_ABOVE_CLIFF, _LAST_TRUSTED = 1.05, 0.98
_FLOOR_BANDS_LEAST = 8
_WINDOW = np.hanning(LENGTH + 1)[:-1].astype(np.float32)


class Bandwidth:
    """Sums the power spectra of single windows of 4,096 samples at the PCM's own rate."""

    def __init__(self) -> None:
        self._power = np.zeros(LENGTH // 2 + 1)

    def push(self, windows: Floats) -> None:
        """Take in samples of shape (windows, 4096)."""
        centred = windows - windows.mean(axis=1, keepdims=True)
        self._power += power_spectra(centred.ravel(), window=_WINDOW, hop=LENGTH).sum(axis=0, dtype=np.float64)

    def end_hz(self, rate_hz: int) -> float | None:
        """Return the highest frequency with content, or None where nothing was heard."""
        bands = self._power[1:].reshape(_BANDS, _BAND_BINS).mean(axis=1)
        if not bands.max() > 0:
            return None
        level_db = 10 * np.log10(np.maximum(bands, bands.max() * 1e-20))
        ends = int(np.flatnonzero(level_db > level_db.max() - _CONTENT_WITHIN_DB)[-1]) + 1
        return min(ends, _cliff(level_db)) * rate_hz / 2 / _BANDS


def _cliff(level_db: NDArray[np.float64]) -> int:
    """Return the band above which there is but flat noise, far below what ends there; the number of bands if none."""
    last = round(_LAST_TRUSTED * _BANDS)
    highest = np.maximum.accumulate(level_db[:last][::-1])[::-1]
    lowest = np.minimum.accumulate(level_db[:last][::-1])[::-1]
    for end in range(last - 1, 0, -1):
        above = max(round(end * _ABOVE_CLIFF), end + 2)
        if above > last - _FLOOR_BANDS_LEAST:
            continue
        if highest[above] - lowest[above] > _FLAT_WITHIN_DB:
            break
        if level_db[end - 1] - highest[above] > _CLIFF_DB:
            return end
    return _BANDS

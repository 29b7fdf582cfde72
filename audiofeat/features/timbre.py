"""Timbre: the shape of the spectrum over the audible frames of the whole item.

Means are taken over the audible frames (within 50 dB of the loudest so far), at 43.07 a second, up to 11,025 Hz.
"""

import numpy as np

from audiofeat.domain.descriptor import SPECTRAL_VALUES
from audiofeat.domain.quality import Reason
from audiofeat.features.frames import Frames, Measured, Result

_PUBLISHED = {
    "spectral_centroid_hz": "centroid_hz",
    "spectral_spread_hz": "spread_hz",
    "spectral_rolloff_hz": "rolloff_85_hz",
    "spectral_flatness_db": "flatness_db",
    "spectral_entropy": "entropy",
    "spectral_flux": "flux",
    "zero_crossing_rate_hz": "zero_crossing_hz",
}
_LEAST_FRAMES = 8


class Timbre:
    """Sums frame-wise values and their squares."""

    def __init__(self) -> None:
        self._frames = 0
        self._mfcc = np.zeros((2, 20))
        self._spectral = np.zeros((2, len(SPECTRAL_VALUES)))

    def push(self, frames: Frames) -> None:
        """Take in one block."""
        self._frames += int(frames.audible.sum())
        for sums, values in ((self._mfcc, frames.mfcc), (self._spectral, frames.spectral)):
            audible = values[frames.audible].astype(np.float64)
            sums[0] += audible.sum(axis=0)
            sums[1] += np.square(audible).sum(axis=0)

    def result(self, measured: Measured, silence: Reason | None) -> Result:  # noqa: ARG002  the groups' one signature
        """Return means and standard deviations of the spectral shape, and the mean cepstrum."""
        result = Result()
        enough = self._frames >= _LEAST_FRAMES and silence is not Reason.SILENCE
        reason = Reason.SILENCE if silence is not Reason.TOO_SHORT else silence
        for name, value in _PUBLISHED.items():
            at = SPECTRAL_VALUES.index(value)
            mean, square = self._spectral[:, at] / max(self._frames, 1)
            result.put(name, float(mean) if enough else None, reason)
            if name in {"spectral_centroid_hz", "spectral_flatness_db", "spectral_flux"}:
                deviation = float(np.sqrt(max(square - mean * mean, 0.0)))
                result.put(name.replace("spectral_", "spectral_std_", 1), deviation if enough else None, reason)
        for name, prefix in (("octave_band_share_db", "band_share_"), ("octave_band_crest_db", "band_crest_")):
            slots = [n for n, value in enumerate(SPECTRAL_VALUES) if value.startswith(prefix)]
            means = self._spectral[0, slots] / max(self._frames, 1)
            result.put(name, [float(v) for v in means] if enough else None, reason)
        mfcc = self._mfcc[0] / max(self._frames, 1)
        result.put("mfcc", [float(v) for v in mfcc] if enough else None, reason)
        return result

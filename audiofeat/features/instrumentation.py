"""Instrumentation as shares of energy: transient against sustained, low end, noise-like.

A transient is not yet a drum: these are shares of energy, not probabilities of instruments.

References
----------
Fitzgerald, "Harmonic/percussive separation using median filtering", DAFx 2010; the margin after Driedger, Mueller,
Disch, "Extending harmonic-percussive separation of audio signals", ISMIR 2014.
"""

import numpy as np

from audiofeat import _native
from audiofeat.domain.quality import Reason
from audiofeat.features.frames import BIN_HZ, N_MEL, TIMBRE_STEP, Floats, Frames, Measured, Result

_MARGIN = 2.0
_ALONG_TIME = 17
_ALONG_BANDS = 9
_LOW_END_HZ = 150.0
_NOISE_FLATNESS_DB = -12.0


class Instrumentation:
    """Splits mel-band power by median filtering, block by block."""

    def __init__(self) -> None:
        self._percussive = self._harmonic = self._total = 0.0
        self._low = self._all = 0.0
        self._noisy = self._audible = 0
        self._tail: Floats | None = None

    def push(self, frames: Frames) -> None:
        """Take in one block; half a filter's width is carried over to the next."""
        power = frames.power.sum(axis=0)
        self._low += float(power[BIN_HZ < _LOW_END_HZ].sum(dtype=np.float64))
        self._all += float(power.sum(dtype=np.float64))
        flatness_db = frames.spectral[frames.audible, 4] if len(frames.spectral) else np.zeros(0)
        self._noisy += int(np.count_nonzero(flatness_db > _NOISE_FLATNESS_DB))
        self._audible += len(flatness_db)
        mel = frames.mel[::TIMBRE_STEP]
        if self._tail is not None:
            mel = np.concatenate((self._tail, mel))
        self._tail = mel[-(_ALONG_TIME - 1) :]
        if len(mel) < _ALONG_TIME:
            return
        amplitude = np.sqrt(mel)
        sustained, transient = np.empty_like(amplitude), np.empty_like(amplitude)
        shape = np.array((N_MEL, _ALONG_TIME, _ALONG_BANDS), dtype=np.int32)
        _native.running_medians(amplitude, shape, sustained, transient)
        half = _ALONG_TIME // 2
        inner = slice(half, len(mel) - half)
        power, sustained, transient = mel[inner], sustained[inner], transient[inner]
        self._percussive += float(power[transient > _MARGIN * sustained].sum(dtype=np.float64))
        self._harmonic += float(power[sustained > _MARGIN * transient].sum(dtype=np.float64))
        self._total += float(power.sum(dtype=np.float64))

    def result(self, measured: Measured, silence: Reason | None) -> Result:  # noqa: ARG002  the groups' one signature
        """Return shares in 0-1; what is neither clearly transient nor sustained counts in neither."""
        result = Result()
        reason = silence or (None if self._total > 0 else Reason.SILENCE)
        shares = {
            "percussive_ratio": (self._percussive, self._total),
            "harmonic_ratio": (self._harmonic, self._total),
            "low_end_ratio": (self._low, self._all),
            "noise_ratio": (self._noisy, self._audible),
        }
        for name, (part, whole) in shares.items():
            result.put(name, None if reason or not whole else float(part / whole), reason or Reason.SILENCE)
        return result

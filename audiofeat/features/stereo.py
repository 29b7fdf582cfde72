"""The stereo picture: how wide the first two channels sound, how alike they are, and to which side they lean."""

import numpy as np

from audiofeat.domain.quality import Reason
from audiofeat.features.frames import Frames, Measured, Result


class Stereo:
    """Sums the energies of the first two channels and of their product, at the PCM's own rate."""

    def __init__(self) -> None:
        self._cross = self._left = self._right = 0.0
        self._channels = 1

    def push(self, frames: Frames) -> None:
        """Take in one block."""
        energies = frames.block.energies.sum(axis=0)
        self._channels = len(energies)
        if self._channels >= 2:
            self._cross += float(frames.block.crosses.sum())
            self._left += float(energies[0])
            self._right += float(energies[1])

    def result(self, measured: Measured, silence: Reason | None) -> Result:  # noqa: ARG002  the groups' one signature
        """Return width, correlation and balance; one silent channel has a width only."""
        result = Result()
        reason = Reason.MONO if self._channels < 2 else Reason.SILENCE
        energy = self._left + self._right
        side = (energy - 2 * self._cross) / (2 * energy) if energy > 0 else None
        both = self._left > 0 and self._right > 0
        correlation = self._cross / np.sqrt(self._left * self._right) if both else None
        balance_db = 10 * np.log10(self._left / self._right) if both else None
        result.put("stereo_width", None if side is None else float(np.clip(side, 0, 1)), reason)
        result.put("channel_correlation", None if correlation is None else float(np.clip(correlation, -1, 1)), reason)
        result.put("balance_db", None if balance_db is None else float(balance_db), reason)
        return result

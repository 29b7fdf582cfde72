"""Sub-fingerprints of the whole item: by these, what is heard again in other episodes of a show is found.

A sub-fingerprint says for each of 32 pairs of neighbouring bands whether their difference rose from one third of a
second to the next. AcoustID's fingerprint, which looks at two and a half seconds at a time and at the first two
minutes, is too coarse for a jingle of three seconds.

References
----------
Haitsma & Kalker, "A highly robust audio fingerprinting system", ISMIR 2002; here on mel bands and on windows that do
not overlap, which costs fewer wrong bits where grids of two files lie apart.
"""

import numpy as np

from audiofeat.domain.quality import Reason
from audiofeat.domain.subprints import BITS, encoded
from audiofeat.features.frames import Floats, Frames, Measured, Result

_BANDS = slice(4, 4 + BITS + 1)  # of the mel bands: about 250 Hz to 4 kHz, what every codec and telephone keeps
_STEP = 8
_WINDOW = 32
_FLOOR = 1e-12


class Subprints:
    """Keeps one number of 32 bits for each 93 ms."""

    def __init__(self) -> None:
        self._mel = np.zeros((0, BITS + 1), dtype=np.float32)
        self._words: list[np.ndarray] = []

    def push(self, frames: Frames) -> None:
        """Take in one block."""
        self._mel = np.concatenate((self._mel, frames.mel[:, _BANDS]))
        count = (len(self._mel) - 2 * _WINDOW) // _STEP + 1
        if count > 0:
            self._words.append(_words(self._mel, count))
            self._mel = self._mel[count * _STEP :]

    def result(self, measured: Measured, silence: Reason | None) -> Result:  # noqa: ARG002  the groups' one signature
        """Return ``minutes``: the numbers, minute by minute; 0 where nothing was to be heard."""
        result = Result()
        words = np.concatenate(self._words) if self._words else np.zeros(0, dtype=np.uint32)
        result.put("minutes", encoded(words) if len(words) else None, Reason.TOO_SHORT)
        return result


def _words(mel: Floats, count: int) -> np.ndarray:
    total = np.concatenate((np.zeros((1, mel.shape[1])), np.cumsum(mel, axis=0, dtype=np.float64)))
    starts = np.arange(count + _WINDOW // _STEP) * _STEP
    level = np.log(np.maximum(total[starts + _WINDOW] - total[starts], 0) / _WINDOW + _FLOOR)
    difference = level[:, :-1] - level[:, 1:]
    rose = difference[_WINDOW // _STEP :] > difference[: -(_WINDOW // _STEP)]
    words: np.ndarray = np.packbits(rose, axis=1, bitorder="little").view("<u4")[:, 0]
    return words

"""What a figure of one audio is drawn from: an envelope of the waveform and a small mel spectrogram.

Not a feature group: it is made only where somebody asks for a picture. Its size is bounded for any duration.
"""

from typing import Any

import numpy as np

from audiofeat.features.frames import BIN_HZ, FILTERS_PATH, N_MEL, ONSET_RATE_HZ, Floats, Frames

MOST_ENVELOPE_COLUMNS = 2_000
MOST_MEL_COLUMNS = 1_000
FLOOR_DB = -80.0


class Columns:
    """Reduces a stream of rows to at most ``most`` columns; where they do not suffice, neighbours are merged.

    Parameters
    ----------
    width : int
        Values in a row.
    most : int
        An even number of columns.
    merge : numpy.ufunc
        Such as ``numpy.maximum`` or ``numpy.add``.
    empty : float
        What ``merge`` leaves unchanged.
    """

    def __init__(self, width: int, *, most: int, merge: np.ufunc, empty: float) -> None:
        self._merge = merge
        self._empty = empty
        self._values = np.full((most, width), empty)
        self.rows = 0
        self.span = 1

    def push(self, rows: Floats) -> None:
        """Take in rows of shape (n, width)."""
        if not len(rows):
            return
        most, end = len(self._values), self.rows + len(rows)
        while end > most * self.span:
            halved = self._merge(self._values[::2], self._values[1::2])
            self._values = np.concatenate((halved, np.full_like(halved, self._empty)))
            self.span *= 2
        columns = slice(self.rows // self.span, (end - 1) // self.span + 1)
        starts = np.maximum(np.arange(columns.start, columns.stop) * self.span - self.rows, 0)
        self._values[columns] = self._merge(self._values[columns], self._merge.reduceat(rows, starts, axis=0))
        self.rows = end

    def values(self) -> Floats:
        """Return the columns in use, shape (columns, width); each covers ``span`` rows, the last maybe fewer."""
        used: Floats = self._values[: -(-self.rows // self.span)].astype(np.float32)
        return used


class Picture:
    """Accumulates what a figure shows beside the features, block by block."""

    def __init__(self) -> None:
        self._low = Columns(1, most=MOST_ENVELOPE_COLUMNS, merge=np.minimum, empty=np.inf)
        self._high = Columns(1, most=MOST_ENVELOPE_COLUMNS, merge=np.maximum, empty=-np.inf)
        self._mel = Columns(N_MEL, most=MOST_MEL_COLUMNS, merge=np.add, empty=0.0)
        self._rate_hz = 1

    def push(self, frames: Frames) -> None:
        """Take in one block."""
        self._rate_hz = frames.block.rate_hz
        self._low.push(frames.block.planes.min(axis=0)[:, None])
        self._high.push(frames.block.planes.max(axis=0)[:, None])
        self._mel.push(frames.mel)

    def drawn(self) -> dict[str, Any]:
        """Return the envelope over all channels and the mel spectrogram in dB below its strongest value.

        ``envelope`` holds ``step_s``, ``low`` and ``high`` (full scale is 1); ``mel`` holds ``step_s``, ``centre_hz``
        and ``level_db``, a list of columns, or no columns where the sound is digital silence.
        """
        filters = np.load(FILTERS_PATH)["mel"]
        centres_hz = filters @ BIN_HZ / filters.sum(axis=1)
        return {
            "envelope": {
                "step_s": self._low.span / self._rate_hz,
                "low": _rounded(self._low.values()[:, 0], 4),
                "high": _rounded(self._high.values()[:, 0], 4),
            },
            "mel": {
                "step_s": self._mel.span / ONSET_RATE_HZ,
                "centre_hz": _rounded(centres_hz, 1),
                "level_db": _rounded(self._mel_db(), 1),
            },
        }

    def _mel_db(self) -> Floats:
        power = self._mel.values()
        if len(power):
            power[-1] *= self._mel.span / (self._mel.rows - (len(power) - 1) * self._mel.span)
        loudest = power.max(initial=0.0)
        if not loudest:
            return power[:0]
        level_db: Floats = np.maximum(10 * np.log10(np.maximum(power / loudest, 1e-12)), FLOOR_DB)
        return level_db


def _rounded(values: Floats, digits: int) -> list[Any]:
    rounded: list[Any] = np.round(values.astype(np.float64), digits).tolist()
    return rounded

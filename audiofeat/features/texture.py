"""Texture windows: what frames say, averaged over each whole second of the item."""

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]


class Texture:
    """Averages rows over windows of one second, whatever the rate of the rows.

    Parameters
    ----------
    width : int
        Values in a row.
    rate_hz : float
        Rows a second; row ``n`` belongs to the second ``int(n / rate_hz)``.
    """

    def __init__(self, width: int, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self._rows = 0
        self._width = width
        # The sums and the weight of each second, in a row; the last second may grow.
        self._seconds: list[Rows] = []
        self._begun: Rows = np.zeros((0, width + 1))

    def push(self, rows: NDArray[np.floating], weights: NDArray[np.floating | np.bool_] | None = None) -> None:
        """Take in rows of shape (n, width), each with its weight of shape (n,), by default 1."""
        if not len(rows):
            return
        weight = np.ones(len(rows)) if weights is None else np.asarray(weights, dtype=np.float64)
        second = ((self._rows + np.arange(len(rows))) / self._rate_hz).astype(np.int64)
        goes_on = len(self._begun) > 0 and second[0] == int((self._rows - 1) / self._rate_hz)
        self._rows += len(rows)
        starts = np.searchsorted(second, np.arange(second[0], second[-1] + 1))
        sums = np.add.reduceat(np.column_stack((rows * weight[:, None], weight)), starts, axis=0, dtype=np.float64)
        if goes_on:
            sums[0] += self._begun[0]
        elif len(self._begun):
            self._seconds.append(self._begun)
        self._seconds.append(sums[:-1].copy())
        self._begun = sums[-1:].copy()

    def means(self) -> tuple[Rows, NDArray[np.bool_]]:
        """Return the mean of each second, shape (seconds, width), and whether the second had any weight."""
        seconds = np.concatenate((*self._seconds, self._begun))
        weights = seconds[:, -1]
        return seconds[:, :-1] / np.maximum(weights, 1e-12)[:, None], weights > 0

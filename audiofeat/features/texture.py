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
        self._sums: list[Rows] = []
        self._weights: list[NDArray[np.float64]] = []
        self._width = width

    def push(self, rows: NDArray[np.floating], weights: NDArray[np.floating | np.bool_] | None = None) -> None:
        """Take in rows of shape (n, width), each with its weight of shape (n,), by default 1."""
        if not len(rows):
            return
        weight = np.ones(len(rows)) if weights is None else np.asarray(weights, dtype=np.float64)
        second = ((self._rows + np.arange(len(rows))) / self._rate_hz).astype(np.int64)
        self._rows += len(rows)
        first, count = int(second[0]), int(second[-1] - second[0]) + 1
        starts = np.searchsorted(second, first + np.arange(count))
        sums = np.add.reduceat(rows * weight[:, None], starts, axis=0, dtype=np.float64)
        weights_of = np.add.reduceat(weight, starts)
        if first < len(self._sums):
            self._sums[first] = self._sums[first] + sums[0]
            self._weights[first] = self._weights[first] + weights_of[0]
            sums, weights_of = sums[1:], weights_of[1:]
        self._sums.extend(sums)
        self._weights.extend(weights_of)

    def means(self) -> tuple[Rows, NDArray[np.bool_]]:
        """Return the mean of each second, shape (seconds, width), and whether the second had any weight."""
        if not self._sums:
            return np.zeros((0, self._width)), np.zeros(0, dtype=bool)
        weights = np.asarray(self._weights)
        return np.array(self._sums) / np.maximum(weights, 1e-12)[:, None], weights > 0

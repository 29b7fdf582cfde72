"""What rankings are worth: whether copies, artists and albums find each other, and whether all get into a list.

Distances are matrices of shape (queries, candidates) or (items, items); ties keep the order of the columns.

References
----------
Hubness: Radovanovic et al., "Hubs in space", JMLR 11, 2010. Album and artist filters: Flexer & Schnitzer, "Effects of
album and artist filters in audio similarity", CMJ 34, 2010. Average precision: Manning et al., 2008, 8.4.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
Rows = NDArray[np.intp]

LIST_LENGTH = 10


def angular(a: NDArray[np.float32], b: NDArray[np.float32]) -> Array:
    """Return the angular distance of each row of unit vectors from each row of others."""
    cosines = a.astype(np.float64) @ b.astype(np.float64).T
    return np.asarray(np.sqrt(np.maximum(2 - 2 * cosines, 0.0)))


def euclidean(a: Array, b: Array) -> Array:
    """Return the Euclidean distance of each row from each row of others."""
    squares = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1)[None] - 2 * a @ b.T
    return np.asarray(np.sqrt(np.maximum(squares, 0.0)))


def average_precision(distances: Array, relevant: Bools, allowed: Bools) -> Array:
    """Return the average precision of each query over its allowed candidates; NaN where none is relevant."""
    found = np.full(len(distances), np.nan)
    for query, row in enumerate(distances):
        inside = np.flatnonzero(allowed[query])
        hits = relevant[query, inside[np.argsort(row[inside], kind="stable")]]
        if hits.any():
            found[query] = float((np.cumsum(hits)[hits] / (np.flatnonzero(hits) + 1)).mean())
    return found


def recall_at(distances: Array, relevant: Bools, allowed: Bools, among: int) -> Array:
    """Return the share of what is relevant that is among each query's nearest; NaN where nothing is relevant.

    Where more is relevant than there are places, all places are the whole.
    """
    found = np.full(len(distances), np.nan)
    for query, row in enumerate(distances):
        inside = np.flatnonzero(allowed[query])
        hits = relevant[query, inside[np.argsort(row[inside], kind="stable")]]
        if hits.any():
            found[query] = float(hits[:among].sum() / min(among, hits.sum()))
    return found


def nearest_is(distances: Array, right: Rows) -> Array:
    """Return for each query 1.0 where its nearest candidate is the right one, else 0.0."""
    return np.asarray(distances.argmin(axis=1) == right, dtype=np.float64)


def lists(distances: Array, k: int = LIST_LENGTH) -> Rows:
    """Return, nearest first, the ``k`` nearest other items of each item, or all others where there are fewer."""
    others = distances.copy()
    np.fill_diagonal(others, np.inf)
    return np.argsort(others, axis=1, kind="stable")[:, : min(k, len(others) - 1)]


def occurrences(near: Rows) -> Array:
    """Return in how many lists each item stands."""
    return np.bincount(near.ravel(), minlength=len(near)).astype(np.float64)


def skewness(counts: Array) -> float:
    """Return the skewness of the numbers of occurrences: 0 where none is a hub, above 1 where some rule the lists."""
    deviation = counts.std()
    return float(((counts - counts.mean()) ** 3).mean() / deviation**3) if deviation > 0 else 0.0


def gini(counts: Array) -> float:
    """Return how unequally the places in lists are shared: 0 all alike, 1 one takes all."""
    ordered, total = np.sort(counts), counts.sum()
    if total <= 0:
        return 0.0
    ranks = np.arange(1, len(ordered) + 1)
    return float(2 * (ranks * ordered).sum() / (len(ordered) * total) - (len(ordered) + 1) / len(ordered))


def within_lists(distances: Array, near: Rows) -> tuple[Array, Array]:
    """Return, of each list, the mean and the smallest distance between two of its items."""
    if near.shape[1] < 2:  # noqa: PLR2004  a pair
        return np.full(len(near), np.nan), np.full(len(near), np.nan)
    upper = np.triu_indices(near.shape[1], k=1)
    pairs = np.array([distances[np.ix_(row, row)][upper] for row in near])
    return pairs.mean(axis=1), pairs.min(axis=1)


def different(near: Rows, names: Sequence[str | None]) -> Array:
    """Return how many names occur in each list; items without one count as one each."""
    numbers = [[names[place] or place for place in row] for row in near.tolist()]
    return np.array([float(len(set(row))) for row in numbers])

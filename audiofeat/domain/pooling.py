"""What several items are together: the mean of their unit vectors, and how alike they are.

The mean of unit vectors finds the same artist in other tracks better than a medoid, one item, or the nearest pair, and
as well as a median (docs/adr/0033-things.md); it follows from a sum, whatever the number of items.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_CANCELLED = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """Groups of items, a row each.

    Parameters
    ----------
    vectors : NDArray[np.float32]
        The unit vector in the direction of each group's mean; zeros where a group has no items with a vector, or
        they cancel each other out.
    items : NDArray[np.intp]
        How many items with a vector, and a weight above 0, each group has.
    consistency : NDArray[np.float64]
        The mean cosine of two different items of the group, by the product of their weights, -1 to 1; NaN where it
        has fewer than two.
    """

    vectors: NDArray[np.float32]
    items: NDArray[np.intp]
    consistency: NDArray[np.float64]


def pool(
    vectors: NDArray[np.float32], weights: NDArray[np.float64], starts: NDArray[np.intp]
) -> Pooled:  # fmt: skip
    """Return groups of items as one vector each.

    Parameters
    ----------
    vectors : NDArray[np.float32]
        Unit vectors, a row an item, group after group; a row of zeros is an item without one, and counts nothing.
    weights : NDArray[np.float64]
        Of each item, 0 or more.
    starts : NDArray[np.intp]
        Where each group begins; the first at 0, none of them empty.
    """
    if not len(starts):
        return Pooled(vectors[:0].astype(np.float32), np.zeros(0, dtype=np.intp), np.zeros(0))
    counted = np.where(vectors.any(axis=1), weights, 0.0)
    sums = np.add.reduceat(vectors.astype(np.float64) * counted[:, None], starts, axis=0)
    whole, squares = np.add.reduceat(counted, starts), np.add.reduceat(counted * counted, starts)
    items = np.add.reduceat((counted > 0).astype(np.intp), starts)
    lengths = np.sqrt(np.einsum("ij,ij->i", sums, sums))
    # Of unit vectors the squared sum is that of all pairs, each with itself among them.
    pairs = whole * whole - squares
    with np.errstate(invalid="ignore", divide="ignore"):
        consistency = np.where(items > 1, (lengths * lengths - squares) / pairs, np.nan)
    is_placed = lengths > _CANCELLED * np.maximum(whole, np.finfo(np.float64).tiny)
    unit = np.divide(sums, lengths[:, None], out=np.zeros_like(sums), where=is_placed[:, None])
    return Pooled(unit.astype(np.float32), items, np.clip(consistency, -1.0, 1.0))

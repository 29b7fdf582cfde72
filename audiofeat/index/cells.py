"""The order of the rows in an index: rows that are near each other lie near each other in the file.

A query then touches fewer pages and cache lines. Which shard a row belongs to hangs on its id alone, so that it stays
where it is when others come and go.
"""

import zlib

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.item_rows import ItemRows

_ROWS_PER_CELL = 400
_MOST_CELLS = 512
_SAMPLED_PER_CELL = 64
_ROUNDS = 8
_CHUNK = 65_536


def laid_out(
    items: ItemRows, vectors: NDArray[np.float32], *, shards: int, seed: int
) -> tuple[NDArray[np.intp], list[int]]:
    """Return the rows in the order of shard and cell, and how many belong to each shard."""
    shard_of = np.fromiter(
        (zlib.crc32(items.ids[start]) % shards for start in items.starts[:-1]), dtype=np.intp, count=len(items)
    )
    cell_of = cells(vectors, seed=seed)
    order = np.lexsort((cell_of, shard_of))
    return order, np.bincount(shard_of, minlength=shards).tolist()


def cells(vectors: NDArray[np.float32], *, seed: int) -> NDArray[np.intp]:
    """Return the cell of each row: spherical k-means on a sample, and the nearest centre for all.

    The centres are numbered along their first principal axis, so that neighbouring numbers are neighbouring cells.
    """
    count = min(_MOST_CELLS, len(vectors) // _ROWS_PER_CELL)
    if count <= 1:
        return np.zeros(len(vectors), dtype=np.intp)
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.choice(len(vectors), min(len(vectors), count * _SAMPLED_PER_CELL), replace=False))
    sample = np.asarray(vectors[chosen])
    centres = sample[rng.choice(len(sample), count, replace=False)]
    for _ in range(_ROUNDS):
        nearest = _nearest(sample, centres)
        sums = np.zeros_like(centres)
        np.add.at(sums, nearest, sample)
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        # An empty cell keeps its centre.
        centres = np.divide(sums, norms, out=centres.copy(), where=norms > 0)
    axis = np.linalg.svd(centres - centres.mean(axis=0), full_matrices=False)[2][0]
    return _nearest(vectors, centres[np.argsort(centres @ axis, kind="stable")])


def _nearest(vectors: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.intp]:
    found = [
        np.argmax(np.asarray(vectors[start : start + _CHUNK]) @ centres.T, axis=1)
        for start in range(0, len(vectors), _CHUNK)
    ]
    return np.concatenate(found)

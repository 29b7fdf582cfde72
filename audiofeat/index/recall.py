"""How many of the true nearest neighbours an index finds, and how hard it must search to find enough of them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.similarity import distances
from audiofeat.errors import RecallTooLow
from audiofeat.index.shards import RECALL_DEPTH, SLACK, Finder, propose

RECALL_REQUIRED = 0.95
# Tuned to a little more than is required, so that rows which took no part in the tuning pass too.
_RECALL_AIM = 0.975
_QUERIES = 500
# A search twice as hard takes twice as long, so what is enough is looked for between the last two powers of two.
_REFINEMENTS = 3
_ROWS_AT_ONCE = 16_384


def tune(shards: Sequence[Finder], vectors: NDArray[np.float32], *, seed: int) -> tuple[int, float, int]:
    """Return a small sufficient ``effort``, the recall it reaches, and on how many queries that was measured.

    The recall is that of up to 500 rows which took no part in the tuning, where there are more than 1,000 rows; of
    all rows where there are fewer. A row's neighbours are the others, so a single row has none and a recall of 1.

    Raises
    ------
    RecallTooLow
        Even looking at everything does not find enough.
    """
    rows = np.random.default_rng(seed).permutation(len(vectors))
    held_out = rows[:_QUERIES]
    tuning = rows[_QUERIES : 2 * _QUERIES] if len(rows) >= 2 * _QUERIES else held_out
    radii = radii_of(vectors, np.concatenate([tuning, held_out]))
    effort = _sufficient(shards, vectors, tuning, radii[: len(tuning)])
    reached = recall(shards, vectors, held_out, radii[len(tuning) :], effort=effort)
    if reached < RECALL_REQUIRED:
        raise RecallTooLow(
            f"the index finds {reached:.3f} of the true neighbours, {RECALL_REQUIRED} are required",
            "what is served now stays as it is; please report the size of this catalogue",
        )
    return effort, reached, len(held_out) if len(vectors) > 1 else 0


def _sufficient(
    shards: Sequence[Finder], vectors: NDArray[np.float32], rows: NDArray[np.intp], radii: NDArray[np.float64]
) -> int:
    """Double until it is enough, then halve the last step a few times."""
    least = shards[0].efforts[0]
    limit = max(shard.efforts[1] for shard in shards)
    effort = least
    while effort < limit and recall(shards, vectors, rows, radii, effort=effort) < _RECALL_AIM:
        effort *= 2
    step = effort // 4
    for _ in range(_REFINEMENTS if effort > least else 0):
        if recall(shards, vectors, rows, radii, effort=effort - step) >= _RECALL_AIM:
            effort -= step
        step //= 2
    return effort


def radii_of(vectors: NDArray[np.float32], queries: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the exact distance of each row's tenth neighbour, or of its furthest where there are fewer."""
    depth = _depth(vectors)
    if depth < 1:
        return np.zeros(len(queries))
    asked = np.asarray(vectors[queries])
    nearest = np.zeros((len(queries), 0), dtype=np.intp)
    products = np.zeros((len(queries), 0), dtype=np.float32)
    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        chunk = np.asarray(vectors[start : start + _ROWS_AT_ONCE])
        candidates = asked @ chunk.T
        best = _best(candidates, depth + 1 + SLACK)
        products = np.concatenate([products, np.take_along_axis(candidates, best, axis=1)], axis=1)
        nearest = np.concatenate([nearest, best + start], axis=1)
        best = _best(products, depth + 1 + SLACK)
        products, nearest = np.take_along_axis(products, best, axis=1), np.take_along_axis(nearest, best, axis=1)
    return np.array([_others(rows, vectors, row)[depth - 1] for rows, row in zip(nearest, queries, strict=True)])


def _best(products: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Return the places of the ``count`` greatest of each row, in no order; all where there are fewer."""
    kept = min(count, products.shape[1])
    return np.argpartition(products, -kept, axis=1)[:, -kept:]


def recall(
    shards: Sequence[Finder],
    vectors: NDArray[np.float32],
    queries: NDArray[np.intp],
    radii: NDArray[np.float64],
    *,
    effort: int,
) -> float:
    """Return recall@min(10, n - 1) over some rows: the share of proposed neighbours that lie within the true radius."""
    depth = _depth(vectors)
    if depth < 1:
        return 1.0
    found = 0
    for row, radius in zip(queries, radii, strict=True):
        proposed = propose(shards, vectors[row], depth + 1, effort=effort)
        found += int((_others(proposed, vectors, row)[:depth] <= radius).sum())
    return found / (depth * len(queries))


def _depth(vectors: NDArray[np.float32]) -> int:
    return min(RECALL_DEPTH, len(vectors) - 1)


def _others(candidates: NDArray[np.intp], vectors: NDArray[np.float32], row: int) -> NDArray[np.float64]:
    """Return the ascending distances of the candidates without the row itself."""
    return np.sort(distances(vectors[candidates[candidates != row]], vectors[row]))

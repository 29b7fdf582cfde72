"""How many of the true nearest neighbours Annoy finds, and how hard it must search to find enough of them."""

import annoy
import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.similarity import distances
from audiofeat.errors import RecallTooLow
from audiofeat.index.search import RECALL_DEPTH, nearest_rows, propose

RECALL_REQUIRED = 0.95
# Tuned to a little more than is required, so that rows which took no part in the tuning pass too.
_RECALL_AIM = 0.97
_QUERIES = 500
_FIRST_SEARCH_K = 256


def tune(trees: annoy.AnnoyIndex, vectors: NDArray[np.float32], *, seed: int) -> tuple[int, float, int]:
    """Return the smallest sufficient ``search_k``, the recall it reaches, and on how many queries that was measured.

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
    radii = radii_of(vectors, tuning)
    search_k = _FIRST_SEARCH_K
    limit = 2 * len(vectors) * trees.get_n_trees()
    while search_k < limit and recall(trees, vectors, tuning, radii, search_k=search_k) < _RECALL_AIM:
        search_k *= 2
    reached = recall(trees, vectors, held_out, radii_of(vectors, held_out), search_k=search_k)
    if reached < RECALL_REQUIRED:
        raise RecallTooLow(
            f"the index finds {reached:.3f} of the true neighbours, {RECALL_REQUIRED} are required",
            "what is served now stays as it is; please report the size of this catalogue",
        )
    return search_k, reached, len(held_out) if len(vectors) > 1 else 0


def radii_of(vectors: NDArray[np.float32], queries: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the exact distance of each row's tenth neighbour, or of its furthest where there are fewer."""
    depth = _depth(vectors)
    if depth < 1:
        return np.zeros(len(queries))
    truth = (_others(nearest_rows(vectors, vectors[row], depth + 1), vectors, row) for row in queries)
    return np.array([near[depth - 1] for near in truth])


def recall(
    trees: annoy.AnnoyIndex,
    vectors: NDArray[np.float32],
    queries: NDArray[np.intp],
    radii: NDArray[np.float64],
    *,
    search_k: int,
) -> float:
    """Return recall@min(10, n - 1) over some rows: the share of proposed neighbours that lie within the true radius."""
    depth = _depth(vectors)
    if depth < 1:
        return 1.0
    found = 0
    for row, radius in zip(queries, radii, strict=True):
        proposed = np.array(propose(trees, vectors[row], depth + 1, search_k=search_k))
        found += int((_others(proposed, vectors, row)[:depth] <= radius).sum())
    return found / (depth * len(queries))


def _depth(vectors: NDArray[np.float32]) -> int:
    return min(RECALL_DEPTH, len(vectors) - 1)


def _others(candidates: NDArray[np.intp], vectors: NDArray[np.float32], row: int) -> NDArray[np.float64]:
    """Return the ascending distances of the candidates without the row itself."""
    return np.sort(distances(vectors[candidates[candidates != row]], vectors[row]))

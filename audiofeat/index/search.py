"""Two engines over the files of one release: Annoy proposes and float32 vectors decide, or a scan does both."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import annoy
import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.similarity import distances, require_same, require_unit
from audiofeat.domain.space import Space
from audiofeat.errors import InvalidInput
from audiofeat.ports import Hit

RECALL_DEPTH = 10
# A float32 product may order near ties wrongly, so a scan hands this many candidates too many to the exact score.
_SLACK = 16


@dataclass(frozen=True, eq=False)
class Rows:
    """The vectors of a release, the items behind each of them, and their blocks; early releases have none."""

    release: str
    space: Space
    vectors: NDArray[np.float32]
    item_ids: Sequence[tuple[str, ...]]
    blocks: NDArray[np.float16] | None = None

    @cached_property
    def row_of(self) -> dict[str, int]:
        """Row by item id."""
        return {item_id: row for row, item_ids in enumerate(self.item_ids) for item_id in item_ids}

    def vector_of(self, item_id: str) -> NDArray[np.float32] | None:
        """Return an item's vector, or None where it is not inside."""
        row = self.row_of.get(item_id)
        return None if row is None else self.vectors[row]

    def blocks_of(self, item_id: str) -> NDArray[np.float32] | None:
        """Return an item's blocks, or None where it or all blocks are missing."""
        row = self.row_of.get(item_id)
        return None if row is None or self.blocks is None else self.blocks[row].astype(np.float32)

    def accept(self, vector: NDArray[np.float32], k: int, *, space: str) -> NDArray[np.float32]:
        """Return a fit query; raises InvalidInput for a wrong ``k`` or vector, SpaceMismatch for another space."""
        if k < 1:
            raise InvalidInput(f"k must be at least 1, this is {k}")
        require_same(space, self.space.id)
        return require_unit(vector, dims=self.vectors.shape[1])

    def nearest(self, candidates: Sequence[int] | NDArray[np.intp], vector: NDArray[np.float32], k: int) -> list[Hit]:
        """Return the ``k`` nearest of some rows by exact distance; equal distances are ordered by row."""
        rows = np.sort(np.asarray(candidates, dtype=np.intp))
        away = distances(self.vectors[rows], vector)
        order = np.argsort(away, kind="stable")[:k]
        return [Hit(self.item_ids[rows[place]], float(away[place])) for place in order]


class ExactIndex:
    """Compares the query with every vector."""

    def __init__(self, rows: Rows) -> None:
        self.release = rows.release
        self.space = rows.space
        self._rows = rows

    def vector_of(self, item_id: str) -> NDArray[np.float32] | None:
        """Return an item's vector, or None where it is not inside."""
        return self._rows.vector_of(item_id)

    def blocks_of(self, item_id: str) -> NDArray[np.float32] | None:
        """Return an item's blocks, or None where it or all blocks are missing."""
        return self._rows.blocks_of(item_id)

    def search(self, vector: NDArray[np.float32], k: int, *, space: str) -> list[Hit]:
        """Return the ``k`` nearest, ascending; raises InvalidInput or SpaceMismatch."""
        query = self._rows.accept(vector, k, space=space)
        return self._rows.nearest(nearest_rows(self._rows.vectors, query, k), query, k)


class AnnoyIndex:
    """Asks Annoy for candidates and scores them exactly."""

    def __init__(self, rows: Rows, trees: annoy.AnnoyIndex, *, search_k: int) -> None:
        self.release = rows.release
        self.space = rows.space
        self._rows = rows
        self._trees = trees
        self._search_k = search_k

    def vector_of(self, item_id: str) -> NDArray[np.float32] | None:
        """Return an item's vector, or None where it is not inside."""
        return self._rows.vector_of(item_id)

    def blocks_of(self, item_id: str) -> NDArray[np.float32] | None:
        """Return an item's blocks, or None where it or all blocks are missing."""
        return self._rows.blocks_of(item_id)

    def search(self, vector: NDArray[np.float32], k: int, *, space: str) -> list[Hit]:
        """Return the ``k`` nearest that Annoy finds, ascending; raises InvalidInput or SpaceMismatch."""
        query = self._rows.accept(vector, k, space=space)
        return self._rows.nearest(propose(self._trees, query, k, search_k=self._search_k), query, k)


def propose(trees: annoy.AnnoyIndex, vector: NDArray[np.float32], k: int, *, search_k: int) -> list[int]:
    """Return candidate rows; ``search_k`` was tuned for ten neighbours and grows with ``k`` beyond."""
    effort = search_k * max(1, -(-k // RECALL_DEPTH))
    return trees.get_nns_by_vector(vector.tolist(), k + _SLACK, search_k=min(effort, np.iinfo(np.int32).max))


def nearest_rows(vectors: NDArray[np.float32], vector: NDArray[np.float32], k: int) -> NDArray[np.intp]:
    """Return, in no order, rows that contain the ``k`` nearest of all."""
    wanted = k + _SLACK
    if wanted >= len(vectors):
        return np.arange(len(vectors))
    return np.argpartition(vectors @ vector, -wanted)[-wanted:]

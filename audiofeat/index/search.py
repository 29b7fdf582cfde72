"""Engines over the files of one release: trees or a graph propose and float32 vectors decide, or a scan does both."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.item_rows import ItemRows
from audiofeat.domain.similarity import distances, likenesses, require_same, require_unit
from audiofeat.domain.space import Space
from audiofeat.errors import InvalidInput
from audiofeat.index.shards import SLACK, Finder, propose
from audiofeat.ports import Hit, Passing

# So many rows are compared in the time that it takes to propose one: 50 ns each, where trees look through 32 nodes.
_ROWS_A_PROPOSAL = 100
_LEAST_PROPOSED_OF = 20_000
# What is left of proposals varies: ask for a little more at first, and for many more then.
_MARGIN = 1.5
_GROWTH = 4
_ROWS_AT_ONCE = 2_048


@dataclass(frozen=True, eq=False)
class Rows:
    """The vectors of a release, the items behind each of them, and their blocks; early releases have none."""

    release: str
    space: Space
    vectors: NDArray[np.float32]
    items: ItemRows
    blocks: NDArray[np.float16] | None = None

    def vector_of(self, item_id: str) -> NDArray[np.float32] | None:
        """Return an item's vector, or None where it is not inside."""
        row = self.items.row_of(item_id)
        return None if row is None else self.vectors[row]

    def blocks_of(self, item_id: str) -> NDArray[np.float32] | None:
        """Return an item's blocks, or None where it or all blocks are missing."""
        row = None if self.blocks is None else self.items.row_of(item_id)
        return None if row is None or self.blocks is None else self.blocks[row].astype(np.float32)

    def vectors_of(self, item_ids: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of several items, a row each; zeros where one is not inside."""
        return _picked(self.vectors, self.items.rows_of(item_ids))

    def blocks_of_all(self, item_ids: Sequence[str]) -> NDArray[np.float32] | None:
        """Return the blocks of several items, a row each, zeros where there are none; None without any blocks."""
        return None if self.blocks is None else _picked(self.blocks, self.items.rows_of(item_ids))

    def accept(self, vector: NDArray[np.float32], k: int, *, space: str) -> NDArray[np.float32]:
        """Return a fit query; raises InvalidInput for a wrong ``k`` or vector, SpaceMismatch for another space."""
        return accepted(vector, k, space=space, ours=self.space)

    def nearest(self, candidates: NDArray[np.intp], vector: NDArray[np.float32], k: int) -> list[Hit]:
        """Return the ``k`` nearest of some rows by exact distance; equal distances are ordered by row."""
        rows = np.sort(candidates)
        away = distances(self.vectors[rows], vector)
        order = np.argsort(away, kind="stable")[:k]
        return [Hit(*one) for one in zip(self.items.at(rows[order]), away[order].tolist(), strict=True)]


class _Engine(ABC):
    """What all engines have in common; one differs from another by its candidates."""

    def __init__(self, rows: Rows) -> None:
        self.release = rows.release
        self.space = rows.space
        self._rows = rows

    @property
    def items(self) -> ItemRows:
        """The items behind each row."""
        return self._rows.items

    def vector_of(self, item_id: str) -> NDArray[np.float32] | None:
        """Return an item's vector, or None where it is not inside."""
        return self._rows.vector_of(item_id)

    def blocks_of(self, item_id: str) -> NDArray[np.float32] | None:
        """Return an item's blocks, or None where it or all blocks are missing."""
        return self._rows.blocks_of(item_id)

    def vectors_of(self, item_ids: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of several items, a row each; zeros where one is not inside."""
        return self._rows.vectors_of(item_ids)

    def blocks_of_all(self, item_ids: Sequence[str]) -> NDArray[np.float32] | None:
        """Return the blocks of several items, a row each, zeros where there are none; None without any blocks."""
        return self._rows.blocks_of_all(item_ids)

    def alike(self, blocks: NDArray[np.float32], k: int, *, weights: Mapping[str, float]) -> list[str]:
        """Return the items that are most alike by weights of feature groups, most alike first; compares all rows."""
        if self._rows.blocks is None:
            return []
        cosines = _likenesses(self.space, self._rows.blocks, blocks, weights)
        best = np.argsort(-cosines, kind="stable")[:k]
        return [name for row in best.tolist() if cosines[row] > 0 for name in self._rows.items[row]]

    def search(
        self, vector: NDArray[np.float32], k: int, *, space: str, only: Collection[str] | Passing | None = None
    ) -> list[Hit]:
        """Return the ``k`` nearest that are found, ascending; raises InvalidInput or SpaceMismatch."""
        query = self._rows.accept(vector, k, space=space)
        if only is None:
            return self._rows.nearest(self._candidates(query, k), query, k)
        if isinstance(only, Passing):
            return self._rows.nearest(self._passing(query, k, only.rows), query, k)
        rows = self._rows.items.rows_of(only)
        inside = np.unique(rows[rows >= 0])
        near = nearest_rows(self._rows.vectors, query, k, among=inside)
        return restricted(self._rows.nearest(near, query, k), only)

    @abstractmethod
    def _candidates(self, query: NDArray[np.float32], k: int) -> NDArray[np.intp]:
        """Return rows among which the ``k`` nearest are looked for."""

    def _passing(self, query: NDArray[np.float32], k: int, passing: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Return rows among which the ``k`` nearest of those that pass are looked for."""
        return nearest_rows(self._rows.vectors, query, k, among=np.flatnonzero(passing))


class ExactIndex(_Engine):
    """Compares the query with every vector."""

    def _candidates(self, query: NDArray[np.float32], k: int) -> NDArray[np.intp]:
        return nearest_rows(self._rows.vectors, query, k)


class ApproximateIndex(_Engine):
    """Asks every shard for candidates and scores them exactly."""

    def __init__(self, rows: Rows, shards: Sequence[Finder], *, effort: int) -> None:
        super().__init__(rows)
        self._shards = shards
        self._effort = effort

    def _candidates(self, query: NDArray[np.float32], k: int) -> NDArray[np.intp]:
        return propose(self._shards, query, k, effort=self._effort)

    def _passing(self, query: NDArray[np.float32], k: int, passing: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Ask for proposals until enough of them pass, or comparing all that pass is quicker."""
        count = int(np.count_nonzero(passing))
        wanted = int(_MARGIN * k * len(passing) / max(count, 1))
        while count > max(_LEAST_PROPOSED_OF, _ROWS_A_PROPOSAL * wanted):
            rows = propose(self._shards, query, wanted, effort=self._effort)
            rows = rows[passing[rows]]
            if len(rows) >= k:
                return rows
            wanted *= _GROWTH
        return super()._passing(query, k, passing)


def _picked(table: NDArray[np.float32] | NDArray[np.float16], rows: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return some rows of a table, zeros for those below 0."""
    picked: NDArray[np.float32] = table[np.maximum(rows, 0)].astype(np.float32)
    picked[rows < 0] = 0.0
    return picked


def accepted(vector: NDArray[np.float32], k: int, *, space: str, ours: Space) -> NDArray[np.float32]:
    """Return a fit query; raises InvalidInput for a wrong ``k`` or vector, SpaceMismatch for another space."""
    if k < 1:
        raise InvalidInput(f"k must be at least 1, this is {k}")
    require_same(space, ours.id)
    return require_unit(vector, dims=ours.dims)


def _likenesses(
    space: Space, blocks: NDArray[np.float16], asked: NDArray[np.float32], weights: Mapping[str, float]
) -> NDArray[np.float32]:
    """Return the cosine of each row with the one asked for, a part at a time."""
    cosines = np.empty(len(blocks), dtype=np.float32)
    for start in range(0, len(blocks), _ROWS_AT_ONCE):
        some = slice(start, start + _ROWS_AT_ONCE)
        cosines[some] = likenesses(space, blocks[some], asked, weights)
    return cosines


def restricted(hits: Sequence[Hit], only: Collection[str]) -> list[Hit]:
    """Leave out what shares a row with a wanted item and is not wanted itself."""
    wanted = only if isinstance(only, set | frozenset) else set(only)
    return [Hit(tuple(name for name in hit.item_ids if name in wanted), hit.distance) for hit in hits]


def nearest_rows(
    vectors: NDArray[np.float32],
    vector: NDArray[np.float32],
    k: int,
    *,
    among: NDArray[np.intp] | None = None,
) -> NDArray[np.intp]:
    """Return, in no order, rows that contain the ``k`` nearest of all, or of those that are named."""
    wanted = k + SLACK
    if wanted >= (len(vectors) if among is None else len(among)):
        return np.arange(len(vectors)) if among is None else among
    products = vectors @ vector if among is None else _products(vectors, among, vector)
    best = np.argpartition(products, -wanted)[-wanted:]
    return best if among is None else among[best]


def _products(vectors: NDArray[np.float32], rows: NDArray[np.intp], vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the products of some rows, a part at a time: a copy of all of them would be new memory each time."""
    products = np.empty(len(rows), dtype=np.float32)
    part = np.empty((min(_ROWS_AT_ONCE, len(rows)), vectors.shape[1]), dtype=np.float32)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        some = rows[start : start + _ROWS_AT_ONCE]
        np.take(vectors, some, axis=0, out=part[: len(some)], mode="clip")
        np.dot(part[: len(some)], vector, out=products[start : start + _ROWS_AT_ONCE])
    return products

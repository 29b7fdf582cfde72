"""The vectors of an overlay: only ever appended, so that a look at them is two numbers and no copy."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.similarity import distances
from audiofeat.index.search import nearest_rows
from audiofeat.index.shards import Shard, propose
from audiofeat.ports import Hit

_NEVER = np.iinfo(np.int64).max
_FIRST_CAPACITY = 256


@dataclass(frozen=True, eq=False)
class Segment:
    """A run of rows that has trees of its own."""

    shard: Shard
    search_k: int


class OverlayRows:
    """Vectors in the order in which they were committed; one that is replaced stays, and says since when it is dead.

    One thread writes, any number read: a row is never changed once it is there, and each change has a number, so that
    whoever looks at the state of one number sees neither half of a later change.

    Parameters
    ----------
    dims, block_dims : int
        Lengths of a vector and of its blocks.
    """

    def __init__(self, dims: int, block_dims: int) -> None:
        self.change = 0
        self.count = 0
        self.segments: tuple[Segment, ...] = ()
        self.vectors = np.zeros((_FIRST_CAPACITY, dims), dtype=np.float32)
        self._blocks = np.zeros((_FIRST_CAPACITY, block_dims), dtype=np.float16)
        self._died = np.full(_FIRST_CAPACITY, _NEVER)
        self._deaths = 0
        self._ids: list[str] = []
        self._newest: dict[str, int] = {}
        self._earlier: dict[int, int] = {}
        # Since which change the index's own vector of an item is out of date.
        self._hidden: dict[str, int] = {}

    def put(self, item_id: str, vector: NDArray[np.float32] | None, blocks: NDArray[np.float32] | None) -> None:
        """Replace what an item was by a vector, or by nothing: then it only hides its place in the index."""
        change = self.change + 1
        before = self._newest.get(item_id)
        if before is not None and self._died[before] == _NEVER:
            self._died[before] = change
            self._deaths += 1
        if vector is not None:
            self._append(item_id, vector, blocks)
        self._hidden.setdefault(item_id, change)
        self.change = change

    def ids_between(self, first: int, behind: int) -> list[str]:
        """Return the items of a run of rows."""
        return self._ids[first:behind]

    def hides(self, item_id: str, *, at: int) -> bool:
        """Tell whether the index's own vector of an item was out of date at a change."""
        return self._hidden.get(item_id, _NEVER) <= at

    def vector_of(self, item_id: str) -> NDArray[np.float32] | None:
        """Return an item's newest vector, or None."""
        row = self._alive(item_id)
        return None if row is None else self.vectors[row]

    def blocks_of(self, item_id: str) -> NDArray[np.float32] | None:
        """Return an item's newest blocks, or None."""
        row = self._alive(item_id)
        return None if row is None else self._blocks[row].astype(np.float32)

    def nearest(
        self,
        query: NDArray[np.float32],
        k: int,
        *,
        count: int,
        at: int,
        is_exact: bool,
        only: Sequence[str] | NDArray[np.bool_] | None,
    ) -> list[Hit]:
        """Return the ``k`` nearest of the first ``count`` rows that were alive at a change, ascending.

        ``only`` names items, or says of each row whether it is meant.
        """
        vectors, died = self.vectors, self._died
        if isinstance(only, np.ndarray):
            candidates = [nearest_rows(vectors, query, k, among=np.flatnonzero(only & (died[:count] > at)))]
        elif only is not None:
            candidates = [np.array([row for name in only if (row := self._before(name, count)) >= 0], dtype=np.intp)]
        else:
            segments = (
                () if is_exact else tuple(one for one in self.segments if one.shard.first + one.shard.rows <= count)
            )
            sealed = segments[-1].shard.first + segments[-1].shard.rows if segments else 0
            candidates = [self._from_segment(one, query, k, at=at) for one in segments]
            candidates.append(self._from_scan(query, k, sealed, count, at=at))
        rows = np.sort(np.concatenate(candidates))
        rows = rows[died[rows] > at]
        away = distances(vectors[rows], query)
        order = np.argsort(away, kind="stable")[:k]
        return [Hit((self._ids[rows[place]],), float(away[place])) for place in order]

    @property
    def sealed(self) -> int:
        """How many rows have trees, from the first on."""
        return self.segments[-1].shard.first + self.segments[-1].shard.rows if self.segments else 0

    def seal(self, behind: int, build: Callable[[NDArray[np.float32]], Segment | None]) -> None:
        """Give the rows up to one, that have none yet, trees of their own, where such can be built."""
        first = self.sealed
        segment = build(self.vectors[first:behind])
        if segment is not None:
            shard = Shard(first, behind - first, segment.shard.trees)
            self.segments = (*self.segments, Segment(shard, segment.search_k))

    def _from_segment(self, segment: Segment, query: NDArray[np.float32], k: int, *, at: int) -> NDArray[np.intp]:
        """Ask the trees for more until enough of what they propose is alive, or they have no more."""
        wanted = k
        while True:
            rows = propose([segment.shard], query, wanted, effort=segment.search_k)
            if (self._died[rows] > at).sum() >= min(k, segment.shard.rows) or wanted >= segment.shard.rows:
                return rows
            wanted = min(2 * wanted, segment.shard.rows)

    def _from_scan(self, query: NDArray[np.float32], k: int, first: int, behind: int, *, at: int) -> NDArray[np.intp]:
        if not self._deaths:
            return first + nearest_rows(self.vectors[first:behind], query, k)
        alive = first + np.flatnonzero(self._died[first:behind] > at)
        return nearest_rows(self.vectors, query, k, among=alive)

    def _alive(self, item_id: str) -> int | None:
        row = self._newest.get(item_id)
        return None if row is None or self._died[row] != _NEVER else row

    def _before(self, item_id: str, count: int) -> int:
        """Return the last of an item's rows among the first ``count``, -1 where there is none."""
        row = self._newest.get(item_id, -1)
        while row >= count:
            row = self._earlier.get(row, -1)
        return row

    def _append(self, item_id: str, vector: NDArray[np.float32], blocks: NDArray[np.float32] | None) -> None:
        row = self.count
        if row == len(self.vectors):
            # Who reads goes on with the arrays it has: what it sees of them does not change.
            self.vectors, self._blocks = _doubled(self.vectors), _doubled(self._blocks)
            died = np.full(2 * row, _NEVER)
            died[:row] = self._died
            self._died = died
        self.vectors[row] = vector
        if blocks is not None:
            self._blocks[row] = blocks
        self._ids.append(item_id)
        if item_id in self._newest:
            self._earlier[row] = self._newest[item_id]
        self._newest[item_id] = row
        self.count = row + 1


def _doubled(values: NDArray[np.floating]) -> NDArray[np.floating]:
    grown = np.zeros((2 * len(values), *values.shape[1:]), dtype=values.dtype)
    grown[: len(values)] = values
    return grown

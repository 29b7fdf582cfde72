"""Which items stand behind which row of an index, in arrays: millions of ids need no millions of Python objects."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self, overload

import numpy as np
from numpy.typing import NDArray

from audiofeat.errors import InvalidInput

Ids = NDArray[np.bytes_]


@dataclass(frozen=True, eq=False)
class ItemRows(Sequence[tuple[str, ...]]):
    """Rows of item ids, each found by its row and each row by its id.

    Parameters
    ----------
    ids : NDArray[np.bytes_]
        Every item id in UTF-8, row after row.
    starts : NDArray[np.int64]
        Where in ``ids`` each row begins, and, last, where the last one ends.
    order : NDArray[np.int64]
        The places in ``ids`` in the order of the ids.
    """

    ids: Ids
    starts: NDArray[np.int64]
    order: NDArray[np.int64]

    @classmethod
    def of(cls, rows: Iterable[Sequence[str]]) -> Self:
        """Return the rows of some lists of ids; raises InvalidInput for an empty id or one that is there twice."""
        listed = [tuple(row) for row in rows]
        names = [item_id.encode() for row in listed for item_id in row]
        lengths = np.fromiter(map(len, listed), dtype=np.int64, count=len(listed))
        return cls.from_arrays(np.array(names, dtype=np.bytes_), np.concatenate([[0], np.cumsum(lengths)]))

    @classmethod
    def from_arrays(cls, ids: Ids, starts: NDArray[np.int64]) -> Self:
        """Return the rows of ids that lie in an array already; raises as :meth:`of`."""
        order = np.argsort(ids, kind="stable")
        ranked = ids[order]
        if len(ids) and (ranked[0] == b"" or (ranked[1:] == ranked[:-1]).any()):
            raise InvalidInput("every item of an index needs an id of its own")
        return cls(ids, np.asarray(starts, dtype=np.int64), order.astype(np.int64))

    @classmethod
    def by_key(cls, ids: Ids, keys: NDArray[np.bytes_]) -> tuple[Self, NDArray[np.intp]]:
        """Return a row for each different key, in the order in which they come first, and the places where they do."""
        _, firsts, key_of = np.unique(keys, return_index=True, return_inverse=True)
        order = np.argsort(firsts)
        row_of = np.argsort(order)[key_of]
        starts = np.concatenate([[0], np.cumsum(np.bincount(row_of))])
        return cls.from_arrays(ids[np.argsort(row_of, kind="stable")], starts), firsts[order]

    def require_whole(self) -> None:
        """Raise InvalidInput where the three arrays do not belong together."""
        shapes = self.ids.ndim == self.starts.ndim == self.order.ndim == 1
        types = self.ids.dtype.kind == "S" and self.starts.dtype == self.order.dtype == np.int64
        if not (shapes and types and len(self.starts) > 1 and len(self.order) == len(self.ids)):
            raise InvalidInput("its ids are not three arrays that belong together")
        if (self.starts[0], self.starts[-1]) != (0, len(self.ids)) or (np.diff(self.starts) < 1).any():
            raise InvalidInput("its rows do not hold an item each")
        if self.order.min() != 0 or self.order.max() != len(self.ids) - 1:
            raise InvalidInput("its ids are not in an order")

    def __len__(self) -> int:
        return len(self.starts) - 1

    @overload
    def __getitem__(self, index: int) -> tuple[str, ...]: ...
    @overload
    def __getitem__(self, index: slice) -> list[tuple[str, ...]]: ...
    def __getitem__(self, index: int | slice) -> tuple[str, ...] | list[tuple[str, ...]]:
        if isinstance(index, slice):
            return self.at(np.arange(*index.indices(len(self))))
        first, behind = self.starts[index], self.starts[index + 1]
        return tuple(item_id.decode() for item_id in self.ids[first:behind].tolist())

    def at(self, rows: NDArray[np.intp]) -> list[tuple[str, ...]]:
        """Return several rows."""
        firsts, behinds = self.starts[rows], self.starts[rows + 1]
        if (behinds - firsts == 1).all():
            return [(item_id.decode(),) for item_id in self.ids[firsts].tolist()]
        return [self[row] for row in rows.tolist()]

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        return (self[row] for row in range(len(self)))

    @property
    def items(self) -> int:
        """How many items stand behind all rows."""
        return len(self.ids)

    def rows_of(self, item_ids: Collection[str]) -> NDArray[np.intp]:
        """Return the row of each id, -1 where it is not inside."""
        places = self.places_of(item_ids)
        return np.where(places < 0, -1, np.searchsorted(self.starts, places, side="right") - 1)

    def places_of(self, item_ids: Collection[str]) -> NDArray[np.intp]:
        """Return where in ``ids`` each id stands, -1 where it is not inside."""
        found = np.full(len(item_ids), -1, dtype=np.intp)
        names = np.array([item_id.encode() for item_id in item_ids], dtype=np.bytes_)
        # Another width would have the whole array converted for the search.
        fits = np.char.str_len(names) <= self.ids.itemsize
        wanted = names[fits].astype(self.ids.dtype)
        if not len(wanted) or not len(self.ids):
            return found
        ranks = np.searchsorted(self.ids, wanted, sorter=self.order)
        places = self.order[np.minimum(ranks, len(self.ids) - 1)]
        found[fits] = np.where(self.ids[places] == wanted, places, -1)
        return found

    def row_of(self, item_id: str) -> int | None:
        """Return the row of an id, or None where it is not inside."""
        row = int(self.rows_of([item_id])[0])
        return None if row < 0 else row

    def reordered(self, rows: NDArray[np.intp]) -> Self:
        """Return the same rows in another order."""
        lengths = np.diff(self.starts)[rows]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        # Of each place: that of its row's first id, and how far behind that it lies.
        places = np.repeat(self.starts[:-1][rows] - starts[:-1], lengths) + np.arange(starts[-1])
        return type(self).from_arrays(self.ids[places], starts)

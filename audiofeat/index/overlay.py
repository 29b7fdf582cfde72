"""What was analysed since the index was built: searched beside it, and merged with what the index finds."""

import tempfile
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.filters import Condition
from audiofeat.domain.similarity import likenesses
from audiofeat.domain.space import Space, blocks_all, embed_all
from audiofeat.domain.texts import Words
from audiofeat.domain.told import words_of
from audiofeat.errors import RecallTooLow
from audiofeat.index.columns import AttributeColumns
from audiofeat.index.layout import shard_file
from audiofeat.index.overlay_rows import OverlayRows, Segment
from audiofeat.index.recall import tune
from audiofeat.index.search import accepted
from audiofeat.index.shards import SEED, build_trees, load_shards
from audiofeat.ports import Catalogue, EmbeddingRow, Hit, Passing, VectorIndex

SEGMENT_ROWS = 20_000
_PAGE = 5_000


@dataclass(frozen=True, eq=False)
class Fresh:
    """The overlay as it was at one change: everything up to it, nothing of what came later."""

    rows: OverlayRows
    count: int
    change: int


class FreshOverlay:
    """Follows the catalogue from a sequence number on; each poll reads only what is new.

    Parameters
    ----------
    index : VectorIndex
        Beside which it is searched.
    version : int or None
        Of the fingerprints in the index; None where an early release does not tell.
    poll_s : float
        For how long what was read counts as new, in seconds.
    segment_rows : int
        So many rows without trees get some, in a thread of their own; until then they are compared one by one.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        index: VectorIndex,
        *,
        after_sequence: int,
        version: int | None,
        poll_s: float = 1.0,
        segment_rows: int = SEGMENT_ROWS,
    ) -> None:
        self._catalogue = catalogue
        self._index = index
        self._space = index.space
        self._version = version
        self._poll_s = poll_s
        self._segment_rows = segment_rows
        self._sequence = after_sequence
        self._rows = OverlayRows(index.space.dims, index.space.block_dims)
        self._fresh = Fresh(self._rows, 0, 0)
        self._polled_at: float | None = None
        self._tried = 0
        self._sealing: threading.Thread | None = None
        self._lock = threading.Lock()

    def poll(self) -> Fresh:
        """Return everything newer than the index, as it was at most ``poll_s`` ago."""
        if self._polled_at is not None and time.monotonic() - self._polled_at < self._poll_s:
            return self._fresh
        # Who finds another one reading goes on with what is there, but for the first, who finds nothing.
        if not self._lock.acquire(blocking=self._polled_at is None):
            return self._fresh
        try:
            began = time.monotonic()
            while rows := self._catalogue.embeddings(self._space.kind, after_sequence=self._sequence, limit=_PAGE):
                self._add([row for row in rows if not self._has_moved_on(row)])
                self._sequence = rows[-1].sequence
            self._polled_at = began
            if self._rows.change != self._fresh.change:
                self._fresh = Fresh(self._rows, self._rows.count, self._rows.change)
            self._seal()
            return self._fresh
        finally:
            self._lock.release()

    def _add(self, rows: Sequence[EmbeddingRow]) -> None:
        vectors = place_all(self._space, rows)
        placed = [self._space.reads(row.descriptor) for row in rows]
        read = len(self._space.dimensions)
        inside = [row for row, is_placed in zip(rows, placed, strict=True) if is_placed]
        descriptors = [row.descriptor[:read] for row in inside]
        texts: list[Words] = []
        if self._space.text is not None:
            known = self._catalogue.items_by_id([row.item_id for row in inside])
            said = [known[row.item_id].metadata if row.item_id in known else {} for row in inside]
            texts = [words_of(self._space.kind, metadata) for metadata in said]
        blocks = iter(blocks_all(self._space, np.stack(descriptors), texts)) if descriptors else iter(())
        for row, vector, is_placed in zip(rows, vectors, placed, strict=True):
            self._rows.put(row.item_id, vector, next(blocks) if is_placed else None)

    def _has_moved_on(self, row: EmbeddingRow) -> bool:
        """Tell whether a fingerprint is of another version than the index, which knows the item: its old place stands.

        So a catalogue that is reprocessed stays whole in the index that is served, until the next one is published.
        A place that was emptied is emptied in every version.
        """
        known = self._version is not None and row.version != self._version and row.descriptor.size > 0
        return known and self._index.vector_of(row.item_id) is not None

    def _seal(self) -> None:
        """Have trees built over rows that are many by now; queries go on meanwhile."""
        is_busy = self._sealing is not None and self._sealing.is_alive()
        if is_busy or self._rows.count - max(self._rows.sealed, self._tried) < self._segment_rows:
            return
        self._tried = self._rows.count
        self._sealing = threading.Thread(
            target=self._rows.seal, args=(self._tried, _segment), name="overlay-segment", daemon=True
        )
        self._sealing.start()


class OverlaidIndex:
    """An index and the overlay as one: the overlay's vector of an item hides the index's."""

    def __init__(
        self, index: VectorIndex, fresh: Fresh, *, columns: AttributeColumns | None = None, is_exact: bool = False
    ) -> None:
        self.release = index.release
        self.space = index.space
        self._index = index
        self._fresh = fresh
        self._columns = columns
        self._is_exact = is_exact

    def vector_of(self, item_id: str) -> NDArray[np.float32] | None:
        """Return an item's newest vector, or None where it has none."""
        if self._hides(item_id):
            return self._fresh.rows.vector_of(item_id)
        return self._index.vector_of(item_id)

    def blocks_of(self, item_id: str) -> NDArray[np.float32] | None:
        """Return an item's newest blocks, or None where it has none."""
        if self._hides(item_id):
            return self._fresh.rows.blocks_of(item_id)
        return self._index.blocks_of(item_id)

    def vectors_of(self, item_ids: Sequence[str]) -> NDArray[np.float32]:
        """Return the newest vectors of several items, a row each; zeros where one has none."""
        rows = self._index.vectors_of(item_ids)
        for place, item_id in enumerate(item_ids if self._fresh.change else ()):
            if self._hides(item_id):
                vector = self._fresh.rows.vector_of(item_id)
                rows[place] = 0.0 if vector is None else vector
        return rows

    def blocks_of_all(self, item_ids: Sequence[str]) -> NDArray[np.float32] | None:
        """Return the newest blocks of several items, a row each, zeros where there are none."""
        rows = self._index.blocks_of_all(item_ids)
        for place, item_id in enumerate(item_ids if self._fresh.change else ()):
            if rows is not None and self._hides(item_id):
                blocks = self._fresh.rows.blocks_of(item_id)
                rows[place] = 0.0 if blocks is None else blocks
        return rows

    def alike(self, blocks: NDArray[np.float32], k: int, *, weights: Mapping[str, float]) -> list[str]:
        """Return the items of both that are most alike by weights of feature groups, most alike first."""
        wanted = k + self._fresh.count
        found = [name for name in self._index.alike(blocks, wanted, weights=weights) if not self._hides(name)]
        found += [name for name in self._fresh.rows.ids_between(0, self._fresh.count) if self._hides(name)]
        names = list(dict.fromkeys(found))
        rows = self.blocks_of_all(names)
        if rows is None or not names:
            return []
        cosines = likenesses(self.space, rows, blocks, weights)
        return [names[row] for row in np.argsort(-cosines, kind="stable")[:k].tolist() if cosines[row] > 0]

    def search(
        self, vector: NDArray[np.float32], k: int, *, space: str, only: Collection[str] | Passing | None = None
    ) -> list[Hit]:
        """Return the ``k`` nearest of both, exact distances ascending; raises InvalidInput or SpaceMismatch."""
        query = accepted(vector, k, space=space, ours=self.space)
        wanted = only if only is None or isinstance(only, Passing) else frozenset(only)
        found = self._search_visible(query, k, only=wanted)
        if not self._fresh.change:
            return found
        if self._fresh.count:
            fresh: Sequence[str] | NDArray[np.bool_] | None = None
            if isinstance(wanted, Passing):
                fresh = wanted.fresh
            elif wanted is not None:
                fresh = [name for name in wanted if self._hides(name)]
            found += self._fresh.rows.nearest(
                query, k, count=self._fresh.count, at=self._fresh.change, is_exact=self._is_exact, only=fresh
            )
        return sorted(found, key=lambda hit: (hit.distance, hit.item_ids))[:k]

    def _hides(self, item_id: str) -> bool:
        return self._fresh.rows.hides(item_id, at=self._fresh.change)

    def passing(self, conditions: Sequence[Condition]) -> Passing | None:
        """Return what may meet some conditions; None where that is not known here."""
        if self._columns is None:
            return None
        return self._columns.passing(conditions, self._fresh.rows, self._fresh.count)

    def _search_visible(
        self, vector: NDArray[np.float32], k: int, *, only: frozenset[str] | Passing | None
    ) -> list[Hit]:
        """Ask the index for more until ``k`` hits are left that the overlay does not hide, or it has no more."""
        if isinstance(only, frozenset):
            only = frozenset(name for name in only if not self._hides(name))
            return self._index.search(vector, k, space=self.space.id, only=only)
        wanted = k
        while True:
            hits = self._index.search(vector, wanted, space=self.space.id, only=only)
            if not self._fresh.change:
                return hits
            visible = [(tuple(name for name in hit.item_ids if not self._hides(name)), hit.distance) for hit in hits]
            found = [Hit(item_ids, distance) for item_ids, distance in visible if item_ids]
            if len(found) >= k or len(hits) < wanted:
                return found
            wanted *= 2


def place_all(space: Space, rows: Sequence[EmbeddingRow]) -> list[NDArray[np.float32] | None]:
    """Return the items' vectors in a space: stored ones where they are of it, else made from the descriptors."""
    vectors: list[NDArray[np.float32] | None] = [
        row.embedding if row.space == space.id and row.embedding is not None else None for row in rows
    ]
    to_embed = [place for place, row in enumerate(rows) if vectors[place] is None and space.reads(row.descriptor)]
    if to_embed:
        read = len(space.dimensions)
        made = embed_all(space, np.stack([rows[place].descriptor[:read] for place in to_embed]))
        for place, vector in zip(to_embed, made, strict=True):
            vectors[place] = vector if vector.any() else None
    return vectors


def place(space: Space, row: EmbeddingRow) -> NDArray[np.float32] | None:
    """Return an item's vector in a space, or None where it has none."""
    return place_all(space, [row])[0]


def _segment(vectors: NDArray[np.float32]) -> Segment | None:
    """Build trees over some vectors; None where they do not find enough, and comparing one by one goes on."""
    with suppress(RecallTooLow), tempfile.TemporaryDirectory(prefix="audiofeat-overlay-") as name:
        folder = Path(name)
        build_trees(vectors, folder / shard_file(0))
        # The map stays when the file's name is gone.
        [shard] = load_shards(folder, [len(vectors)], names=[shard_file(0)], dims=vectors.shape[1])
        search_k, _, _ = tune([shard], vectors, seed=SEED)
        return Segment(shard, search_k)
    return None

"""What was analysed since the index was built: searched exactly, and merged with what the index finds."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.descriptor import DIMENSIONS
from audiofeat.domain.space import Space, blocks_all, embed_all
from audiofeat.index.search import ExactIndex, Rows
from audiofeat.ports import Catalogue, EmbeddingRow, Hit, VectorIndex


@dataclass(frozen=True, eq=False)
class Fresh:
    """The newest vector and blocks of every item committed after the index; items without only hide their old ones."""

    sequence: int
    vectors: dict[str, NDArray[np.float32]]
    blocks: dict[str, NDArray[np.float32]]
    unplaced: frozenset[str] = frozenset()

    def __contains__(self, item_id: object) -> bool:
        """Tell whether the index's own vector of an item is out of date."""
        return item_id in self.vectors or item_id in self.unplaced


class FreshOverlay:
    """Follows the catalogue from a sequence number on; each poll reads only what is new.

    Parameters
    ----------
    index : VectorIndex
        Beside which it is searched.
    version : int or None
        Of the fingerprints in the index; None where an early release does not tell.
    """

    def __init__(self, catalogue: Catalogue, index: VectorIndex, *, after_sequence: int, version: int | None) -> None:
        self._catalogue = catalogue
        self._index = index
        self._space = index.space
        self._version = version
        self._fresh = Fresh(after_sequence, {}, {})
        self._lock = threading.Lock()

    def poll(self) -> Fresh:
        """Return everything newer than the index, including what was committed a moment ago."""
        with self._lock:
            rows = self._catalogue.embeddings(self._space.kind, after_sequence=self._fresh.sequence)
            if rows:
                placed = [row for row in rows if not self._has_moved_on(row)]
                self._fresh = _with(self._fresh, placed, self._space, sequence=max(row.sequence for row in rows))
            return self._fresh

    def _has_moved_on(self, row: EmbeddingRow) -> bool:
        """Tell whether a fingerprint is of another version than the index, which knows the item: its old place stands.

        So a catalogue that is reprocessed stays whole in the index that is served, until the next one is published.
        """
        known = self._version is not None and row.version != self._version
        return known and self._index.vector_of(row.item_id) is not None


class OverlaidIndex:
    """An index and the overlay as one: the overlay's vector of an item hides the index's."""

    def __init__(self, index: VectorIndex, fresh: Fresh) -> None:
        self.release = index.release
        self.space = index.space
        self._index = index
        self._fresh = fresh
        self._overlay: ExactIndex | None = None
        if fresh.vectors:
            ids = sorted(fresh.vectors)
            vectors = np.stack([fresh.vectors[item_id] for item_id in ids])
            self._overlay = ExactIndex(Rows(index.release, index.space, vectors, [(item_id,) for item_id in ids]))

    def vector_of(self, item_id: str) -> NDArray[np.float32] | None:
        """Return an item's newest vector, or None where it has none."""
        if item_id in self._fresh:
            return self._fresh.vectors.get(item_id)
        return self._index.vector_of(item_id)

    def blocks_of(self, item_id: str) -> NDArray[np.float32] | None:
        """Return an item's newest blocks, or None where it has none."""
        if item_id in self._fresh:
            return self._fresh.blocks.get(item_id)
        return self._index.blocks_of(item_id)

    def search(self, vector: NDArray[np.float32], k: int, *, space: str) -> list[Hit]:
        """Return the ``k`` nearest of both, exact distances ascending; raises InvalidInput or SpaceMismatch."""
        found = self._search_visible(vector, k, space=space)
        if self._overlay is not None:
            found += self._overlay.search(vector, k, space=space)
        return sorted(found, key=lambda hit: (hit.distance, hit.item_ids))[:k]

    def _search_visible(self, vector: NDArray[np.float32], k: int, *, space: str) -> list[Hit]:
        """Ask the index for more until ``k`` hits are left that the overlay does not hide, or it has no more."""
        wanted = k
        while True:
            hits = self._index.search(vector, wanted, space=space)
            visible = [(tuple(name for name in hit.item_ids if name not in self._fresh), hit.distance) for hit in hits]
            found = [Hit(item_ids, distance) for item_ids, distance in visible if item_ids]
            if len(found) >= k or len(hits) < wanted:
                return found
            wanted *= 2


def _with(fresh: Fresh, rows: Sequence[EmbeddingRow], space: Space, *, sequence: int) -> Fresh:
    vectors, blocks, unplaced = dict(fresh.vectors), dict(fresh.blocks), set(fresh.unplaced)
    for row in rows:
        vector = place(space, row)
        vectors.pop(row.item_id, None)
        blocks.pop(row.item_id, None)
        unplaced.discard(row.item_id)
        if vector is None:
            unplaced.add(row.item_id)
        else:
            vectors[row.item_id] = vector
            blocks[row.item_id] = blocks_all(space, row.descriptor[None])[0]
    return Fresh(sequence, vectors, blocks, frozenset(unplaced))


def place(space: Space, row: EmbeddingRow) -> NDArray[np.float32] | None:
    """Return an item's vector in a space: the stored one where it is of that space, else made from its descriptor."""
    if row.space == space.id and row.embedding is not None:
        return row.embedding
    if row.descriptor.shape != (len(DIMENSIONS),):
        return None
    vector: NDArray[np.float32] = embed_all(space, row.descriptor[None])[0]
    return vector if vector.any() else None

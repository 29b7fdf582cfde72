"""All things of a kind as vectors in memory, made again by questions when that has become due.

What is held is at most ten times as old as making it takes: among a hundred thousand things a new one is found within
two minutes, among a few at once, and making them takes no more than a tenth of a process's time.
"""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.items import Kind
from audiofeat.domain.pooling import pool
from audiofeat.domain.things import ThingKind
from audiofeat.ports import Catalogue, VectorIndex
from audiofeat.services.places import starts_of

_PAGE = 20_000
COST_RATIO = 10.0
# Where what is held lasts longer than this, a question goes on with it while it is made anew.
_LASTING_S = 2.5


@dataclass(frozen=True, eq=False)
class Held:
    """All things of a kind that have a vector, a row each, as they were when this was made."""

    space: str
    thing_ids: NDArray[np.str_]
    vectors: NDArray[np.float32]
    made_at: float
    cost_s: float


class HeldThings:
    """Holds things by kind, and by the kind of item that they are compared by; may be used from many threads.

    Parameters
    ----------
    catalogue : Catalogue
        Which items belong to which things.
    fresh_s : float
        How long what is held counts as new, at least, in seconds.
    cost_ratio : float
        How many times as long as making it takes.
    """

    def __init__(self, catalogue: Catalogue, *, fresh_s: float = 0.0, cost_ratio: float = COST_RATIO) -> None:
        self._catalogue = catalogue
        self._fresh_s, self._cost_ratio = fresh_s, cost_ratio
        self._held: dict[tuple[ThingKind, Kind], Held] = {}
        self._locks = {(thing, kind): threading.Lock() for thing in ThingKind for kind in Kind}

    def current(self, of: ThingKind, index: VectorIndex) -> Held:
        """Return all things of a kind in the space of an index; one that has just gone live is waited for."""
        key = (of, index.space.kind)
        held = self._held.get(key)
        if held is not None and held.space == index.space.id:
            lasting_s = self._cost_ratio * held.cost_s
            if time.monotonic() - held.made_at < max(self._fresh_s, lasting_s):
                return held
            if lasting_s > _LASTING_S:
                if self._locks[key].acquire(blocking=False):
                    threading.Thread(target=self._make_and_release, args=(key, index), daemon=True).start()
                return held
        with self._locks[key]:
            known = self._held.get(key)
            if known is None or known is held:
                known = self._held[key] = self._made(of, index)
            return known

    def _make_and_release(self, key: tuple[ThingKind, Kind], index: VectorIndex) -> None:
        try:
            self._held[key] = self._made(key[0], index)
        finally:
            self._locks[key].release()

    def _made(self, of: ThingKind, index: VectorIndex) -> Held:
        """Pool all things of a kind from the served vectors, a page of memberships at a time."""
        began = time.monotonic()
        names: list[str] = []
        vectors: list[NDArray[np.float32]] = []
        for page in self._pages(of):
            things = np.array([row[0] for row in page])
            starts = starts_of(things)
            weights = np.array([row[2] for row in page], dtype=np.float64)
            found = pool(index.vectors_of([row[1] for row in page]), weights, starts)
            is_placed = found.vectors.any(axis=1)
            names += things[starts[is_placed]].tolist()
            vectors.append(found.vectors[is_placed])
        rows = np.concatenate(vectors) if vectors else np.zeros((0, index.space.dims), dtype=np.float32)
        ended = time.monotonic()
        return Held(index.space.id, np.array(names, dtype=np.str_), rows, ended, ended - began)

    def _pages(self, of: ThingKind) -> Iterator[list[tuple[str, str, float]]]:
        """Yield memberships in pages that end where a thing ends."""
        kept: list[tuple[str, str, float]] = []
        after: tuple[str, str] | None = None
        while page := self._catalogue.memberships(of, after=after, limit=_PAGE):
            after = page[-1][:2]
            rows = kept + page
            last = next((n for n in range(len(rows) - 1, 0, -1) if rows[n][0] != rows[n - 1][0]), 0)
            kept = rows[last:]
            if last:
                yield rows[:last]
        if kept:
            yield kept

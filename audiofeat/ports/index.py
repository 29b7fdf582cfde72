"""Indexes: built aside, published by a pointer, searched."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.filters import Condition
from audiofeat.domain.items import Kind
from audiofeat.domain.neighbours import Engine
from audiofeat.domain.registry import GROUP_VERSIONS
from audiofeat.domain.space import Space


@dataclass(frozen=True, slots=True)
class Hit:
    """All items that share one vector, and how far that is from what was asked for."""

    item_ids: tuple[str, ...]
    distance: float


@dataclass(frozen=True, slots=True, eq=False)
class Passing:
    """Which vectors of a view may belong to items that meet some conditions; the ledger has the last word.

    Parameters
    ----------
    rows, fresh : NDArray[np.bool_]
        Of the vectors of the index, and of those analysed since.
    left_out : int
        How many items do not meet them.
    is_whole : bool
        Whether every condition was looked at.
    """

    rows: NDArray[np.bool_]
    fresh: NDArray[np.bool_]
    left_out: int
    is_whole: bool


class VectorIndex(Protocol):
    """Unit vectors of one kind of item in one space, findable by nearness."""

    @property
    def release(self) -> str:
        """The published release behind it."""

    @property
    def space(self) -> Space:
        """The space of its vectors."""

    def search(
        self, vector: NDArray[np.float32], k: int, *, space: str, only: Collection[str] | Passing | None = None
    ) -> list[Hit]:
        """Return up to ``k`` hits, exact distances ascending; raises InvalidInput, or SpaceMismatch by space id.

        With ``only``, nothing else is searched. Of item ids every one is compared exactly, and nothing else is told.
        """

    def vector_of(self, item_id: str) -> NDArray[np.float32] | None:
        """Return an item's vector, or None where it is not inside."""

    def blocks_of(self, item_id: str) -> NDArray[np.float32] | None:
        """Return an item's feature groups one by one, or None: it is not inside, or an early release has no blocks."""

    def alike(self, blocks: NDArray[np.float32], k: int, *, weights: Mapping[str, float]) -> list[str]:
        """Return the ``k`` items whose blocks are most alike by weights of feature groups, most alike first."""

    def vectors_of(self, item_ids: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of several items, a row each; zeros where one is not inside."""

    def blocks_of_all(self, item_ids: Sequence[str]) -> NDArray[np.float32] | None:
        """Return the blocks of several items, a row each, zeros where there are none; None in an early release."""


class ServedIndex(VectorIndex, Protocol):
    """An index beside which the catalogue is followed."""

    def passing(self, conditions: Sequence[Condition]) -> Passing | None:
        """Return what may meet some conditions; None where that is not known here, and the ledger has to filter.

        Raises CatalogueUnavailable.
        """


class IndexReader(Protocol):
    """The index that is served now, with everything that was analysed since it was built."""

    def current(self, kind: Kind, *, engine: Engine = Engine.ANNOY) -> ServedIndex:
        """Return a consistent view to search in; raises IndexMissing or IndexDamaged where none can be served.

        Raises InvalidInput where the engine is not installed, or the index was built without it.
        """


@dataclass(frozen=True, slots=True, eq=False)
class IndexContents:
    """All that goes into a release: one vector and one row of blocks a row, and the items behind each row."""

    space: Space
    rows: Sequence[tuple[str, ...]]
    vectors: NDArray[np.float32]
    blocks: NDArray[np.floating]
    highest_sequence: int
    fingerprint_version: int = GROUP_VERSIONS["descriptor"]


@dataclass(frozen=True, slots=True)
class ReleaseView:
    """A published release."""

    release: str
    kind: Kind
    space: str
    items: int
    rows: int
    recall: float
    created_at: datetime
    is_current: bool


class IndexPublisher(Protocol):
    """Builds releases aside and lets one of them be served."""

    def workspace(self) -> AbstractContextManager[Path]:
        """Lend a folder for what goes into a release, removed after use; raises DiskFull where no space is left."""

    def publish(self, contents: IndexContents, *, quality: Mapping[str, float | None] | None = None) -> ReleaseView:
        """Build, measure, store and serve a release, and keep with it the figures by which the next one is judged.

        Raises RecallTooLow, or PointerMoved where another came first.
        """

    def quality(self, kind: Kind) -> Mapping[str, float | None]:
        """Return the figures that were kept with what is served; empty where there are none."""

    def promote(self, kind: Kind, release: str) -> ReleaseView:
        """Verify a stored release and let it be served; raises IndexMissing, IndexDamaged or PointerMoved."""

    def rollback(self, kind: Kind) -> ReleaseView:
        """Serve what was served before; raises as :meth:`promote`."""

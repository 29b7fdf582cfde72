"""The catalogue: the ledger of jobs, and everything that is known of items and their audio."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.items import Kind
from audiofeat.domain.jobs import JobState
from audiofeat.domain.registry import GROUP_VERSIONS
from audiofeat.ports.attributes import Attributes
from audiofeat.ports.census import Census
from audiofeat.ports.duplicates import Duplicates
from audiofeat.ports.keys import KeyRing
from audiofeat.ports.ledger import Attendance, Batches, Ledger
from audiofeat.ports.metadata import Metadata
from audiofeat.ports.models import Models
from audiofeat.ports.objects import ObjectLedger
from audiofeat.ports.repeats import Repeats
from audiofeat.ports.sources import Sources
from audiofeat.ports.staleness import Staleness
from audiofeat.ports.takedowns import Takedowns
from audiofeat.ports.things import Things


@dataclass(frozen=True, slots=True)
class ItemView:
    """An item as the catalogue knows it now."""

    item_id: str
    kind: Kind | None
    kind_source: str | None
    reference: str | None
    store: str
    key: str
    state: JobState
    sha256: str | None
    flags: tuple[str, ...]
    audio: Mapping[str, Any]
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Analysis:
    """One stored feature group of one audio."""

    group: str
    version: int
    values: Mapping[str, Any]
    reasons: Mapping[str, str]
    curves_key: str | None


@dataclass(frozen=True, slots=True)
class EmbeddingRow:
    """An item's fingerprint, in the order in which the catalogue committed them.

    ``version`` is that of the feature group ``descriptor`` by which it was made.
    """

    sequence: int
    item_id: str
    kind: Kind
    sha256: str
    descriptor: NDArray[np.float32]
    space: str | None
    embedding: NDArray[np.float32] | None
    version: int = GROUP_VERSIONS["descriptor"]


@dataclass(frozen=True, slots=True)
class FingerprintNote:
    """That an item has a fingerprint, without it: ``dims`` is how many values it has."""

    sequence: int
    item_id: str
    sha256: str
    version: int
    dims: int


class Catalogue(
    Ledger,
    Batches,
    Attendance,
    ObjectLedger,
    Census,
    Staleness,
    Duplicates,
    Takedowns,
    Attributes,
    Metadata,
    Repeats,
    Sources,
    KeyRing,
    Models,
    Things,
    Protocol,
):
    """The ledger and what was found out: the one source of truth for items, jobs, analyses and releases."""

    def analyses_of_audio(self, sha256: str) -> dict[str, Analysis]:
        """Return the newest version of each stored feature group of an audio, by group name."""

    def outcome_of_audio(
        self, sha256: str
    ) -> tuple[dict[str, Any], tuple[str, ...], dict[str, Any], bytes | None] | None:
        """Return audio facts, flags, extractor and descriptor stored for an audio, or None."""

    def find_item(self, name: str) -> ItemView:
        """Return an item by id, reference, alias, object key or its last path part; raises ItemUnknown."""

    def items_called(self, names: Sequence[str]) -> dict[str, ItemView]:
        """Return items by those of the names that are one item's alone."""

    def items(self, *, kind: Kind | None = None, after: str | None = None, limit: int = 100) -> list[ItemView]:
        """Return items in the order of their ids, from the one behind ``after``."""

    def items_by_id(self, item_ids: Sequence[str]) -> dict[str, ItemView]:
        """Return the named items that exist."""

    def embedding_of(self, item_id: str) -> EmbeddingRow | None:
        """Return an item's fingerprint, or None while it has none."""

    def embeddings(self, kind: Kind, *, after_sequence: int = 0, limit: int | None = None) -> list[EmbeddingRow]:
        """Return fingerprints of a kind committed after a sequence number, in order, at most ``limit`` of them."""

    def embeddings_by_id(self, item_ids: Sequence[str]) -> dict[str, EmbeddingRow]:
        """Return the fingerprints of those of the items that have one, of whatever kind they are by now."""

    def fingerprinted(self, kind: Kind, *, after_sequence: int, limit: int) -> list[FingerprintNote]:
        """Return which items of a kind had a fingerprint committed after a sequence number, as :meth:`embeddings`."""

    def settle(self) -> None:
        """Have all that was written so far outlive a power failure."""

    def record_release(self, release: str, *, kind: Kind, space: str, items: int, recall: float) -> None:
        """Note that an index release was published."""

"""The few contracts through which services reach the outside; ``bootstrap`` hands in what fulfils them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.items import Kind
from audiofeat.domain.jobs import (
    Claim,
    JobState,
    Lane,
    MetadataRecord,
    MetadataValue,
    Outcome,
    Registered,
    Registration,
)
from audiofeat.domain.neighbours import Engine
from audiofeat.domain.space import Space


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What a store says of one object without reading it."""

    key: str
    size_bytes: int
    version: str
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class Fetched:
    """A copy of an object on local disk, hashed on the way."""

    path: Path
    size_bytes: int
    sha256: str


class ObjectStore(Protocol):
    """Immutable-by-version bytes under keys."""

    name: str

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield the object called ``prefix`` and those below it at a ``/``, in key order; raises SourceNotFound."""

    def head(self, key: str) -> StoredObject:
        """Return one object's facts; raises ObjectMissing or AccessDenied."""

    def fetch(self, key: str, into: Path, *, version: str | None = None, max_bytes: int | None = None) -> Fetched:
        """Stream an object to the new file ``into``; raises ObjectChanged where it is no longer ``version``."""

    def get(self, key: str) -> tuple[bytes, str]:
        """Return a small object's bytes and its version."""

    def put(self, key: str, body: bytes | Path) -> str:
        """Write an object whole or not at all, and return its version."""

    def put_if_absent(self, key: str, body: bytes | Path) -> str:
        """Write an object only where the key is free; raises PointerMoved otherwise."""

    def swap(self, key: str, body: bytes, *, version: str) -> str:
        """Replace an object only while it still is ``version``; raises PointerMoved otherwise."""

    def delete(self, key: str) -> None:
        """Remove an object; a key that is not there is no error."""


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
class JobView:
    """A job as a client polls it."""

    job_id: str
    item_id: str
    store: str
    key: str
    lane: Lane
    state: JobState
    attempt: int
    crashes: int
    losses: int
    error_code: str | None
    error_message: str | None
    updated_at: datetime


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
    """An item's fingerprint, in the order in which the catalogue committed them."""

    sequence: int
    item_id: str
    kind: Kind
    sha256: str
    descriptor: NDArray[np.float32]
    space: str | None
    embedding: NDArray[np.float32] | None


class Catalogue(Protocol):
    """The ledger: the one source of truth for items, jobs, analyses and releases."""

    def register(self, registrations: Sequence[Registration]) -> list[Registered]:
        """Create what is missing of items and jobs; of an object version that is known, new metadata is taken over."""

    def claim(self, job_id: str, *, worker: str, lease_s: float) -> Claim | None:
        """Take a job that is due: raises its attempt, sets token and lease. None where there is nothing to do."""

    def heartbeat(self, claim: Claim, *, lease_s: float) -> bool:
        """Prolong the lease; False where the token is no longer the job's."""

    def finish(self, claim: Claim, outcome: Outcome) -> bool:
        """Write features, metadata, embedding and state in one transaction; False where the token has moved on."""

    def reject(self, claim: Claim, *, code: str, message: str) -> bool:
        """End a job whose bytes can never be analysed."""

    def crash(self, claim: Claim, *, code: str, message: str) -> JobState | None:
        """Count one crash and requeue or quarantine; None where the token has moved on."""

    def postpone(self, claim: Claim, *, code: str, message: str) -> JobState | None:
        """Wait with backoff after a storage fault; dead after a day of them."""

    def release(self, claim: Claim) -> None:
        """Give a job back untouched, as at shutdown: counts in no budget."""

    def expire_leases(self) -> int:
        """Requeue or quarantine jobs whose lease ran out, wake those whose wait is over; return how many."""

    def due(self, lane: Lane, *, limit: int) -> list[str]:
        """Return ids of queued jobs of a lane, oldest first."""

    def states(self, job_ids: Sequence[str] | None = None) -> dict[JobState, int]:
        """Count jobs by state, all of them or the given ones."""

    def seconds_decoded(self, job_ids: Sequence[str] | None = None) -> float:
        """Return the seconds of audio behind usable jobs."""

    def job(self, job_id: str) -> JobView:
        """Return one job; raises JobUnknown."""

    def jobs(
        self, *, states: Iterable[JobState] = (), job_ids: Sequence[str] | None = None, limit: int = 100
    ) -> list[JobView]:
        """Return jobs in those states (all states where none is named), newest change first."""

    def analyses_of_audio(self, sha256: str) -> dict[str, Analysis]:
        """Return the newest version of each stored feature group of an audio, by group name."""

    def outcome_of_audio(
        self, sha256: str
    ) -> tuple[dict[str, Any], tuple[str, ...], dict[str, Any], bytes | None] | None:
        """Return audio facts, flags, extractor and descriptor stored for an audio, or None."""

    def find_item(self, name: str) -> ItemView:
        """Return an item by id, reference, alias, object key or its last path part; raises ItemUnknown."""

    def items(self, *, kind: Kind | None = None, after: str | None = None, limit: int = 100) -> list[ItemView]:
        """Return items in the order of their ids, from the one behind ``after``."""

    def items_by_id(self, item_ids: Sequence[str]) -> dict[str, ItemView]:
        """Return the named items that exist."""

    def metadata_values(self, item_id: str) -> list[MetadataValue]:
        """Return every value that any source gave, chosen or not."""

    def embedding_of(self, item_id: str) -> EmbeddingRow | None:
        """Return an item's fingerprint, or None while it has none."""

    def embeddings(self, kind: Kind, *, after_sequence: int = 0) -> list[EmbeddingRow]:
        """Return fingerprints of a kind committed after a sequence number, in order."""

    def record_release(self, release: str, *, kind: Kind, space: str, items: int, recall: float) -> None:
        """Note that an index release was published."""


class MetadataSource(Protocol):
    """Records about items from one third party."""

    name: str

    def records(self) -> Iterator[tuple[Mapping[str, str], MetadataRecord]]:
        """Yield the keys that identify an item (``reference``, ``path``) and what this source says of it."""


class TaskQueue(Protocol):
    """The doorbell: tells workers that a job is due; losing it loses nothing."""

    def ring(self, job_ids: Sequence[str], lane: Lane) -> None:
        """Enqueue job ids; raises BrokerUnavailable."""

    def depth(self, lane: Lane) -> int:
        """Return how many messages wait in a lane."""


@dataclass(frozen=True, slots=True)
class Hit:
    """All items that share one vector, and how far that is from what was asked for."""

    item_ids: tuple[str, ...]
    distance: float


class VectorIndex(Protocol):
    """Unit vectors of one kind of item in one space, findable by nearness."""

    @property
    def release(self) -> str:
        """The published release behind it."""

    @property
    def space(self) -> Space:
        """The space of its vectors."""

    def search(self, vector: NDArray[np.float32], k: int, *, space: str) -> list[Hit]:
        """Return up to ``k`` hits, exact distances ascending; raises InvalidInput, or SpaceMismatch by space id."""

    def vector_of(self, item_id: str) -> NDArray[np.float32] | None:
        """Return an item's vector, or None where it is not inside."""


class IndexReader(Protocol):
    """The index that is served now, with everything that was analysed since it was built."""

    def current(self, kind: Kind, *, engine: Engine = Engine.ANNOY) -> VectorIndex:
        """Return a consistent view to search in; raises IndexMissing or IndexDamaged where none can be served."""


@dataclass(frozen=True, slots=True, eq=False)
class IndexContents:
    """All that goes into a release: one vector a row, and the items behind each row."""

    space: Space
    rows: Sequence[tuple[str, ...]]
    vectors: NDArray[np.float32]
    highest_sequence: int


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

    def publish(self, contents: IndexContents) -> ReleaseView:
        """Build, measure, store and serve a release; raises RecallTooLow, or PointerMoved where another came first."""

"""The life of a job: its states, its budgets and what happens after each way of ending badly.

The claim (attempt, token, lease) is written before any decoding starts. ``crashes`` counts children that died
while their parent lived, ``losses`` counts workers that were killed or fell silent; shutdown and storage errors count
in neither.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from audiofeat.codes import ErrorCode
from audiofeat.domain.items import Kind, KindSource, ObjectVersion

CRASH_BUDGET = 3
LOSS_BUDGET = 10
STORAGE_PATIENCE_S = 24 * 3600.0
_BACKOFF_FIRST_S = 2.0
BACKOFF_MOST_S = 900.0


class Lane(StrEnum):
    """Queues by urgency: new items, ordinary work, reprocessing."""

    COLD = "cold"
    NORMAL = "normal"
    BULK = "bulk"


class JobState(StrEnum):
    """Where a job stands in the ledger."""

    QUEUED = "queued"
    LEASED = "leased"
    RETRY_WAIT = "retry_wait"
    DONE = "done"
    DEGRADED = "degraded"
    REJECTED = "rejected"
    QUARANTINED = "quarantined"
    DEAD = "dead"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


WAITING_STATES = frozenset({JobState.QUEUED, JobState.RETRY_WAIT})
OPEN_STATES = WAITING_STATES | {JobState.LEASED, JobState.PAUSED}
FINAL_STATES = frozenset(JobState) - OPEN_STATES
USABLE_STATES = frozenset({JobState.DONE, JobState.DEGRADED})
FAILED_STATES = frozenset({JobState.REJECTED, JobState.QUARANTINED, JobState.DEAD})
# Why a job ended that may well go otherwise once somebody has mended rights or the object is back.
MENDABLE = frozenset({ErrorCode.ACCESS_DENIED, ErrorCode.OBJECT_MISSING, ErrorCode.OBJECT_CHANGED})


class Change(StrEnum):
    """What a person may do to jobs."""

    REPLAY = "replay"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


# From which states, and to which one. Work that goes on is not paused: it ends, or comes back into the queue.
CHANGES: Mapping[Change, tuple[frozenset[JobState], JobState]] = {
    Change.REPLAY: (FAILED_STATES | {JobState.CANCELLED}, JobState.QUEUED),
    Change.PAUSE: (WAITING_STATES, JobState.PAUSED),
    Change.RESUME: (frozenset({JobState.PAUSED}), JobState.QUEUED),
    Change.CANCEL: (OPEN_STATES, JobState.CANCELLED),
}


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs are meant; what is None or empty excludes nothing."""

    states: frozenset[JobState] = frozenset()
    job_ids: tuple[str, ...] | None = None
    lane: Lane | None = None
    error_code: str | None = None
    batch_id: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of the moment in which a child died.

    Parameters
    ----------
    stage : str or None
        What was being done: ``fetch``, ``probe``, ``analysis``, ``finish``.
    signal : str or None
        Name of the signal that ended the child.
    sha256 : str or None
        Of the bytes, where they had arrived.
    versions : mapping
        Of the packages that were at work.
    """

    stage: str | None = None
    signal: str | None = None
    sha256: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MetadataRecord:
    """What one source says about one item: plain fields, and the name of the source that said it."""

    source: str
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Registration:
    """One object that should be analysed, as a producer, a listing or an upload names it.

    ``trace`` is the caller's, as the header ``traceparent`` has it.
    """

    audio: ObjectVersion
    lane: Lane = Lane.NORMAL
    reference: str | None = None
    kind: Kind | None = None
    kind_source: KindSource | None = None
    records: tuple[MetadataRecord, ...] = ()
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class Registered:
    """What the ledger made of a registration."""

    job_id: str
    item_id: str
    state: JobState
    is_new: bool
    is_redescribed: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a job until the lease ends; every later write carries its token."""

    job_id: str
    item_id: str
    audio: ObjectVersion
    lane: Lane
    attempt: int
    token: str
    kind: Kind | None
    kind_source: KindSource | None = None
    records: tuple[MetadataRecord, ...] = ()
    batch_id: str | None = None
    trace: str | None = None


def new_token() -> str:
    """Return a token for a claim, which nobody can guess."""
    return secrets.token_hex(16)


@dataclass(frozen=True, slots=True)
class GroupResult:
    """One feature group of one audio: values or nulls, the reasons for the nulls, and its stored curves."""

    group: str
    version: int
    values: dict[str, Any]
    reasons: dict[str, str]
    curves_key: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class MetadataValue:
    """One field of one item: what was said, by whom, and whether the merge chose it.

    Parameters
    ----------
    record_id : str
        The source's own name of the record that says it.
    fetched_at : float
        When it was said, in epoch seconds.
    licence : str or None
        Under which the source gives it; None where it names none.
    rule : str
        By which the field was merged; ``lock`` for a person's word, ``invalid`` for what can never be chosen.
    confidence : float
        How sure it is that the record is about the item, 0 to 1.
    """

    field: str
    value: Any
    source: str
    chosen: bool
    record_id: str = ""
    fetched_at: float = 0.0
    licence: str | None = None
    rule: str = "order"
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that one finished analysis writes, in one transaction."""

    state: JobState
    sha256: str
    audio: dict[str, Any]
    flags: tuple[str, ...]
    groups: tuple[GroupResult, ...]
    extractor: dict[str, Any]
    kind: Kind
    kind_source: KindSource
    tags: MetadataRecord | None = None
    descriptor: bytes | None = None
    space: str | None = None
    embedding: bytes | None = None
    timings: dict[str, float] = field(default_factory=dict)


def backoff_s(attempt: int, jitter: float) -> float:
    """Return the wait before the next attempt: doubling, capped, and spread by ``jitter`` in 0-1.

    Examples
    --------
    >>> [backoff_s(n, 0.0) for n in (1, 2, 3)]
    [1.0, 2.0, 4.0]
    """
    whole = min(BACKOFF_MOST_S, _BACKOFF_FIRST_S * 2.0 ** min(attempt - 1, 20))
    return whole * (0.5 + 0.5 * jitter)


def state_after_crash(crashes: int) -> JobState:
    """Return what becomes of a job whose child has now died ``crashes`` times."""
    return JobState.QUARANTINED if crashes >= CRASH_BUDGET else JobState.QUEUED


def state_after_loss(losses: int) -> JobState:
    """Return what becomes of a job whose lease has now run out ``losses`` times."""
    return JobState.QUARANTINED if losses >= LOSS_BUDGET else JobState.QUEUED

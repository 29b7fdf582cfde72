"""Batches: work on many items at once, made into jobs a page at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from audiofeat.domain.jobs import JobState, Lane


class BatchState(StrEnum):
    """Where a batch stands."""

    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class BatchScope:
    """Which of the items that are served a batch is about; what is None or empty excludes nothing.

    Parameters
    ----------
    item_kind, store, key_prefix : str or None
        Of the item.
    stale_against : mapping
        Wanted version by feature group: items that have all of them are left out.
    """

    item_kind: str | None = None
    store: str | None = None
    key_prefix: str | None = None
    stale_against: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as a client polls it.

    Parameters
    ----------
    total : int or None
        How many items it was thought to be about when it was made.
    looked_at : int
        Items that its cursor has passed.
    most_open : int
        Jobs that it keeps open at a time.
    counts : mapping
        Its jobs by state.
    """

    batch_id: str
    kind: str
    lane: Lane
    state: BatchState
    scope: BatchScope
    parameters: Mapping[str, Any]
    total: int | None
    looked_at: int
    is_expanded: bool
    most_open: int
    counts: Mapping[JobState, int]
    created_at: datetime
    finished_at: datetime | None

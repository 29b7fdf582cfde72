"""The ledger of jobs."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from audiofeat.domain.batches import Batch, BatchScope, BatchState
from audiofeat.domain.jobs import (
    Change,
    Claim,
    Evidence,
    JobFilter,
    JobState,
    Lane,
    Outcome,
    Registered,
    Registration,
)

NO_EVIDENCE = Evidence()


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
    place: tuple[float, int]
    """Where it stands in a listing by newest change; give it as ``after`` for those behind it."""


@dataclass(frozen=True, slots=True)
class StepView:
    """One step in the life of a job; ``before`` is None where it begins."""

    at: datetime
    before: JobState | None
    after: JobState
    worker: str | None
    note: str | None


@dataclass(frozen=True, slots=True)
class IncidentView:
    """A crash or a loss, and what is known of it."""

    at: datetime
    attempt: int
    worker: str | None
    code: str
    message: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class WorkerView:
    """Worker processes that have lately said that they are there."""

    name: str
    host: str
    lanes: tuple[str, ...]
    slots: int
    started_at: datetime
    seen_at: datetime


class Ledger(Protocol):
    """The jobs: what has to be done, who does it, and what became of it."""

    def register(self, registrations: Sequence[Registration]) -> list[Registered]:
        """Create what is missing of items and jobs; of an object version that is known, new metadata is taken over."""

    def claim(
        self, job_id: str, *, worker: str, lease_s: float, lost_first: bool = False, token: str | None = None
    ) -> Claim | None:
        """Take a job that is due: raises its attempt, sets token and lease. None where there is nothing to do.

        With ``lost_first``, a job of the same lane that has lost its worker is taken instead, where there is one: it
        need not queue behind what was rung for meanwhile. The reconciler rings again for the one that was asked for.
        A token is made unless the caller has made one.
        """

    def heartbeat(self, claim: Claim, *, lease_s: float) -> bool:
        """Prolong the lease; False where the token is no longer the job's."""

    def finish(self, claim: Claim, outcome: Outcome) -> bool:
        """Write features, metadata, embedding and state in one transaction; False where the token has moved on."""

    def reject(self, claim: Claim, *, code: str, message: str) -> bool:
        """End a job whose bytes can never be analysed."""

    def crash(self, claim: Claim, *, code: str, message: str, evidence: Evidence = NO_EVIDENCE) -> JobState | None:
        """Count one crash, keep its evidence, and requeue or quarantine; None where the token has moved on."""

    def postpone(self, claim: Claim, *, code: str, message: str) -> JobState | None:
        """Wait with backoff after a storage fault; dead after a day of them."""

    def release(self, claim: Claim) -> None:
        """Give a job back untouched, as at shutdown: counts in no budget."""

    def supersede(self, claim: Claim, current: Registration) -> bool:
        """End a job whose object was overwritten, and register the version that is there now."""

    def expire_leases(self) -> int:
        """Requeue or quarantine jobs whose lease ran out; return how many."""

    def lose(self, token: str) -> bool:
        """Requeue or quarantine the job of a process that died, before its lease runs out; False if it moved on."""

    def wake_rested(self) -> int:
        """Requeue jobs whose wait is over; return how many."""

    def change_jobs(self, change: Change, which: JobFilter) -> int:
        """Replay, pause, resume or cancel the jobs that are meant and can be; return how many."""

    def history(self, job_id: str) -> tuple[list[StepView], list[IncidentView]]:
        """Return a job's steps and incidents, oldest first."""

    def forget(self, *, before: float, limit: int = 1_000) -> int:
        """Drop history, and jobs that something took the place of, from before a time; return how many rows."""

    def due(self, lane: Lane, *, limit: int) -> list[str]:
        """Return ids of queued jobs of a lane, oldest first."""

    def states(self, job_ids: Sequence[str] | None = None) -> dict[JobState, int]:
        """Count jobs by state, all of them or the given ones."""

    def seconds_decoded(self, job_ids: Sequence[str] | None = None) -> float:
        """Return the seconds of audio behind usable jobs."""

    def job(self, job_id: str) -> JobView:
        """Return one job; raises JobUnknown."""

    def jobs(
        self,
        *,
        states: Iterable[JobState] = (),
        job_ids: Sequence[str] | None = None,
        after: tuple[float, int] | None = None,
        limit: int = 100,
    ) -> list[JobView]:
        """Return jobs in those states (all where none is named), newest change first, from the place ``after`` on."""

    def matching_jobs(self, which: JobFilter, *, limit: int = 100) -> list[JobView]:
        """Return the jobs that are meant, newest change first."""


class Batches(Protocol):
    """Work on many items at once, made into jobs a page at a time."""

    def create_batch(
        self,
        kind: str,
        *,
        lane: Lane,
        scope: BatchScope,
        parameters: Mapping[str, Any] | None = None,
        total: int | None = None,
        most_open: int = 1_000,
    ) -> Batch:
        """Begin a batch; the reconciler makes its jobs."""

    def batch(self, batch_id: str) -> Batch:
        """Return one batch; raises BatchUnknown."""

    def batches(
        self,
        *,
        states: Iterable[BatchState] = (),
        kind: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> list[Batch]:
        """Return batches in those states (all where none is named), newest first, those begun before ``after``."""

    def change_batch(self, change: Change, batch_id: str) -> Batch:
        """Pause, resume or cancel a batch and its jobs; raises BatchUnknown, or InvalidInput where it has ended."""

    def expand_batches(self, *, page: int) -> int:
        """Look at the next items of each running batch that has room for jobs, and make those of its scope.

        Returns how many items were seen.
        """

    def keep_windows(self, is_open: Callable[[str], bool]) -> int:
        """Hold running batches whose window is closed, let those go on that were held; return how many changed."""

    def ended_lately(self, batch_id: str, *, window_s: float) -> int:
        """Return how many jobs of a batch ended within the last ``window_s`` seconds."""

    def settle_batches(self) -> int:
        """Have jobs follow their batch, end batches whose jobs have all ended; return how many changed."""


class Attendance(Protocol):
    """Who works, and who leads."""

    def lead(self, name: str, *, holder: str, lease_s: float) -> bool:
        """Take or keep an office that one process holds at a time; False where another one does."""

    def resign(self, name: str, *, holder: str) -> None:
        """Leave an office, so that the next one need not wait."""

    def time(self) -> float:
        """Return the time by which leases are judged, in epoch seconds."""

    def attend(self, name: str, *, host: str, lanes: Sequence[str], slots: int) -> None:
        """Note that worker processes are there."""

    def leave(self, name: str) -> None:
        """Note that worker processes have ended."""

    def workers(self, *, seen_within_s: float) -> list[WorkerView]:
        """Return who has lately been there."""

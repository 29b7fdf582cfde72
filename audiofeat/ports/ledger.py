"""The ledger of jobs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from audiofeat.domain.jobs import Claim, JobState, Lane, Outcome, Registered, Registration


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


class Ledger(Protocol):
    """The jobs: what has to be done, who does it, and what became of it."""

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

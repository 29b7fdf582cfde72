"""The jobs of the ledger on a SQL database: each verb is one transaction, or as many as it has pages."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

from sqlalchemy import Connection

from audiofeat.catalogue import (
    changes,
    claims,
    endings,
    forgetting,
    incidents,
    job_lookups,
    results,
    transitions,
)
from audiofeat.catalogue.chunks import chunks
from audiofeat.catalogue.database import Database
from audiofeat.catalogue.registrations import BATCH, register
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
    new_token,
)
from audiofeat.ports import IncidentView, JobView, Ledger, StepView
from audiofeat.ports.ledger import NO_EVIDENCE

_CHANGED_AT_ONCE = 500


class SqlLedger(Ledger):
    """The jobs; every method raises CatalogueUnavailable or DiskFull where the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def register(self, registrations: Sequence[Registration]) -> list[Registered]:
        """Create what is missing of items and jobs; of an object version that is known, new metadata is taken over."""
        registered: list[Registered] = []
        for batch in chunks(registrations, size=BATCH):
            with self._database.writing() as (connection, now):
                registered += register(connection, now, batch)
        return registered

    def claim(
        self, job_id: str, *, worker: str, lease_s: float, lost_first: bool = False, token: str | None = None
    ) -> Claim | None:
        """Take a job that is due: raises its attempt, sets token and lease. None where there is nothing to do.

        With ``lost_first``, a job of the same lane that has lost its worker is taken instead, where there is one: it
        need not queue behind what was rung for meanwhile. The reconciler rings again for the one that was asked for.
        A token is made unless the caller has made one.
        """
        token = token or new_token()
        with self._database.attempting() as (connection, now):
            return claims.claim(
                connection, now, job_id, worker=worker, lease_s=lease_s, lost_first=lost_first, token=token
            )

    def heartbeat(self, claim: Claim, *, lease_s: float) -> bool:
        """Prolong the lease; False where the token is no longer the job's."""
        with self._database.writing(lasting=False) as (connection, now):
            return claims.heartbeat(connection, now, claim, lease_s=lease_s)

    def finish(self, claim: Claim, outcome: Outcome) -> bool:
        """Write features, metadata, embedding and state in one transaction; False where the token has moved on."""
        with self._database.attempting() as (connection, now):
            return results.finish(connection, now, claim, outcome)

    def reject(self, claim: Claim, *, code: str, message: str) -> bool:
        """End a job whose bytes can never be analysed."""
        with self._database.attempting() as (connection, now):
            return endings.reject(connection, now, claim, code=code, message=message)

    def crash(self, claim: Claim, *, code: str, message: str, evidence: Evidence = NO_EVIDENCE) -> JobState | None:
        """Count one crash, keep its evidence, and requeue or quarantine; None where the token has moved on."""
        with self._database.attempting() as (connection, now):
            return endings.crash(connection, now, claim, code=code, message=message, evidence=evidence)

    def postpone(self, claim: Claim, *, code: str, message: str) -> JobState | None:
        """Wait with backoff after a storage fault; dead after a day of them."""
        with self._database.attempting() as (connection, now):
            return endings.postpone(connection, now, claim, code=code, message=message)

    def release(self, claim: Claim) -> None:
        """Give a job back untouched, as at shutdown: counts in no budget."""
        with self._database.attempting() as (connection, now):
            endings.release(connection, now, claim)

    def supersede(self, claim: Claim, current: Registration) -> bool:
        """End a job whose object was overwritten, and register the version that is there now."""
        with self._database.writing() as (connection, now):
            ended = endings.supersede(connection, now, claim)
            if ended:
                register(connection, now, [current])
            return ended

    def expire_leases(self) -> int:
        """Requeue or quarantine jobs whose lease ran out; return how many."""
        return self._until_none(claims.expire_leases, lasting=False)

    def lose(self, token: str) -> bool:
        """Requeue or quarantine the job of a process that died, before its lease runs out; False if it moved on."""
        with self._database.writing(lasting=False) as (connection, now):
            return claims.lose(connection, now, token)

    def wake_rested(self) -> int:
        """Requeue jobs whose wait is over; return how many."""
        return self._until_none(claims.wake_rested, lasting=False)

    def change_jobs(self, change: Change, which: JobFilter) -> int:
        """Replay, pause, resume or cancel the jobs that are meant and can be; return how many."""
        pages = [which]
        if which.job_ids is not None:
            pages = [replace(which, job_ids=tuple(ids)) for ids in chunks(which.job_ids, size=_CHANGED_AT_ONCE)]
        return sum(
            self._until_none(partial(changes.change, what=change, which=page, limit=_CHANGED_AT_ONCE)) for page in pages
        )

    def history(self, job_id: str) -> tuple[list[StepView], list[IncidentView]]:
        """Return a job's steps and incidents, oldest first."""
        with self._database.reading() as connection:
            return transitions.of_job(connection, job_id), incidents.of_job(connection, job_id)

    def forget(self, *, before: float, limit: int = 1_000) -> int:
        """Drop history, and jobs that something took the place of, from before a time; return how many rows."""
        with self._database.writing() as (connection, _):
            return forgetting.forget(connection, before, limit=limit)

    def due(self, lane: Lane, *, limit: int) -> list[str]:
        """Return ids of queued jobs of a lane, oldest first."""
        with self._database.reading() as connection:
            return job_lookups.due(connection, lane, limit=limit)

    def states(self, job_ids: Sequence[str] | None = None) -> dict[JobState, int]:
        """Count jobs by state, all of them or the given ones."""
        with self._database.reading() as connection:
            return job_lookups.states(connection, job_ids)

    def seconds_decoded(self, job_ids: Sequence[str] | None = None) -> float:
        """Return the seconds of audio behind usable jobs."""
        with self._database.reading() as connection:
            return job_lookups.seconds_decoded(connection, job_ids)

    def job(self, job_id: str) -> JobView:
        """Return one job; raises JobUnknown."""
        with self._database.reading() as connection:
            return job_lookups.job(connection, job_id)

    def jobs(
        self,
        *,
        states: Iterable[JobState] = (),
        job_ids: Sequence[str] | None = None,
        after: tuple[float, int] | None = None,
        limit: int = 100,
    ) -> list[JobView]:
        """Return jobs in those states (all where none is named), newest change first, from the place ``after`` on."""
        with self._database.reading() as connection:
            return job_lookups.newest_jobs(connection, wanted=states, job_ids=job_ids, after=after, limit=limit)

    def matching_jobs(self, which: JobFilter, *, limit: int = 100) -> list[JobView]:
        """Return the jobs that are meant, newest change first."""
        with self._database.reading() as connection:
            return job_lookups.matching(connection, which, limit=limit)

    def _until_none(self, step: Callable[[Connection, float], int], *, lasting: bool = True) -> int:
        """Repeat a step, a transaction each, until it finds nothing more; return how many it found."""
        found = 0
        while True:
            with self._database.writing(lasting=lasting) as (connection, now):
                some = step(connection, now)
            if not some:
                return found
            found += some

"""How a claim ends without a result: rejected, crashed, postponed or given back."""

import random
from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, update

from audiofeat.catalogue import batches, incidents, transitions
from audiofeat.catalogue.claims import held_job
from audiofeat.catalogue.schema import jobs
from audiofeat.catalogue.statements import Record, Statement
from audiofeat.catalogue.transitions import Transition
from audiofeat.domain.jobs import (
    FINAL_STATES,
    STORAGE_PATIENCE_S,
    Claim,
    Evidence,
    JobState,
    backoff_s,
    state_after_crash,
)

_LONGEST_MESSAGE = 2_000


def reject(connection: Connection, now: float | None, claimed: Claim, *, code: str, message: str) -> bool:
    """End a job whose bytes can never be analysed."""
    job = held_job(connection, now, claimed)
    if job is None:
        return False
    end(connection, job, JobState.REJECTED, _error(code, message))
    return True


def crash(
    connection: Connection, now: float | None, claimed: Claim, *, code: str, message: str, evidence: Evidence
) -> JobState | None:
    """Count one crash and keep its evidence; the store did answer, so its patience begins anew."""
    job = held_job(connection, now, claimed)
    if job is None:
        return None
    incidents.note(connection, job.now, job, **_told(code, message), evidence=evidence)
    crashes = job.crashes + 1
    counted = {"crashes": crashes, "due_at": job.now, "first_storage_error_at": None}
    return end(connection, job, state_after_crash(crashes), counted | _error(code, message))


def postpone(connection: Connection, now: float | None, claimed: Claim, *, code: str, message: str) -> JobState | None:
    """Wait with backoff, or give up after a day of storage faults without a break."""
    job = held_job(connection, now, claimed)
    if job is None:
        return None
    first = job.now if job.first_storage_error_at is None else job.first_storage_error_at
    state = JobState.DEAD if job.now - first >= STORAGE_PATIENCE_S else JobState.RETRY_WAIT
    # The spread of retries is no secret.
    due_at = job.now + backoff_s(job.attempt, random.random())  # noqa: S311  jitter is no secret
    return end(connection, job, state, {"due_at": due_at, "first_storage_error_at": first} | _error(code, message))


def release(connection: Connection, now: float | None, claimed: Claim) -> None:
    """Queue the job again; no budget is charged."""
    job = held_job(connection, now, claimed)
    if job is not None:
        end(connection, job, JobState.QUEUED, {"due_at": job.now}, note="released")
        if job.batch_id is not None:
            batches.catch_up(connection, job.now, job.batch_id)


def end(
    connection: Connection, job: Record, state: JobState, values: Mapping[str, Any], *, note: str | None = None
) -> JobState:  # fmt: skip
    """Take the token and the lease from a held job, put it into ``state`` and return that."""
    written = {"token": None, "lease_until": None, "updated_at": job.now, **values, "state": state}
    if state in FINAL_STATES:
        written["finished_at"] = job.now
    _written(frozenset(written))(connection, written | {"ended_job": job.job_id})
    step = Transition(job.job_id, JobState.LEASED, state, job.worker, note or values.get("error_code"))
    transitions.note(connection, job.now, [step])
    return state


@cache
def _written(columns: frozenset[str]) -> Statement:
    """Return the statement that writes these columns of one job; made once for each set."""
    of_one = update(jobs).where(jobs.c.job_id == bindparam("ended_job"))
    return Statement(of_one.values({c: bindparam(c) for c in sorted(columns)}))


def supersede(connection: Connection, now: float | None, claimed: Claim) -> bool:
    """End a job whose object is another version by now."""
    job = held_job(connection, now, claimed)
    if job is None:
        return False
    end(connection, job, JobState.SUPERSEDED, {}, note="overwritten")
    return True


def _error(code: str, message: str) -> dict[str, Any]:
    return {f"error_{name}": text for name, text in _told(code, message).items()}


def _told(code: str, message: str) -> dict[str, str]:
    # PostgreSQL's text holds no NUL, and names inside damaged files do.
    return {"code": code, "message": message.replace("\0", "")[:_LONGEST_MESSAGE]}

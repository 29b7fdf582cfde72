"""The right to work on a job: taken with a token and a lease, prolonged, and lost when the lease runs out."""

import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, or_, select, update

from audiofeat.catalogue import transitions
from audiofeat.catalogue.descriptions import unpacked
from audiofeat.catalogue.schema import items, jobs
from audiofeat.catalogue.transitions import Transition
from audiofeat.codes import ErrorCode
from audiofeat.domain.items import Kind, KindSource, ObjectVersion
from audiofeat.domain.jobs import Claim, JobState, Lane, state_after_loss


def claim(connection: Connection, now: float, job_id: str, *, worker: str, lease_s: float) -> Claim | None:
    """Take a job that is due, or whose last worker fell silent; None where there is nothing to take."""
    due = and_(jobs.c.state == JobState.QUEUED, jobs.c.due_at <= now)
    query = (
        select(jobs, items.c.kind, items.c.kind_source)
        .join(items, items.c.item_id == jobs.c.item_id)
        .where(jobs.c.job_id == job_id, or_(due, _silent(now)))
        .with_for_update(of=jobs, skip_locked=True)
    )
    row = connection.execute(query).one_or_none()
    if row is None or (row.state == JobState.LEASED and _lose(connection, now, [row]) == {JobState.QUARANTINED}):
        return None
    token = secrets.token_hex(16)
    leased = {
        "state": JobState.LEASED,
        "attempt": row.attempt + 1,
        "token": token,
        "worker": worker,
        "lease_until": now + lease_s,
        "updated_at": now,
    }
    connection.execute(update(jobs).where(jobs.c.job_id == job_id).values(leased))
    transitions.note(connection, now, [Transition(job_id, JobState.QUEUED, JobState.LEASED, worker)])
    # What was inferred from an earlier version of the audio says nothing of this one.
    given = bool(row.kind) and row.kind_source != KindSource.INFERRED
    return Claim(
        job_id=job_id,
        item_id=row.item_id,
        audio=ObjectVersion(store=row.store, key=row.key, version=row.version, size_bytes=row.size_bytes),
        lane=Lane(row.lane),
        attempt=row.attempt + 1,
        token=token,
        kind=Kind(row.kind) if given else None,
        kind_source=KindSource(row.kind_source) if given else None,
        records=unpacked(row.records),
    )


def holds(claimed: Claim) -> ColumnElement[bool]:
    """Return the condition under which a claim may still write to its job."""
    return and_(jobs.c.job_id == claimed.job_id, jobs.c.token == claimed.token, jobs.c.state == JobState.LEASED)


def held_job(connection: Connection, claimed: Claim) -> Row[Any] | None:
    """Return the claim's job, locked for this transaction; None where the token has moved on."""
    return connection.execute(select(jobs).where(holds(claimed)).with_for_update()).one_or_none()


def heartbeat(connection: Connection, now: float, claimed: Claim, *, lease_s: float) -> bool:
    """Prolong the lease; a late worker keeps a job that nobody else has taken."""
    prolonged = update(jobs).where(holds(claimed)).values(lease_until=now + lease_s)
    return connection.execute(prolonged).rowcount == 1


def expire_leases(connection: Connection, now: float) -> int:
    """Count a loss for each silent worker's job, and queue the jobs whose wait is over."""
    silent = select(jobs).where(_silent(now)).order_by(jobs.c.sequence).with_for_update(skip_locked=True)
    lost = connection.execute(silent).all()
    _lose(connection, now, lost)
    rested = and_(jobs.c.state == JobState.RETRY_WAIT, jobs.c.due_at <= now)
    woken = connection.scalars(select(jobs.c.job_id).where(rested).with_for_update(skip_locked=True)).all()
    if woken:
        wake = update(jobs).where(jobs.c.job_id == bindparam("woken")).values(state=JobState.QUEUED, updated_at=now)
        connection.execute(wake, [{"woken": job_id} for job_id in woken])
        transitions.note(
            connection, now, [Transition(job_id, JobState.RETRY_WAIT, JobState.QUEUED) for job_id in woken]
        )
    return len(lost) + len(woken)


def _silent(now: float) -> ColumnElement[bool]:
    return and_(jobs.c.state == JobState.LEASED, jobs.c.lease_until <= now)


def _lose(connection: Connection, now: float, rows: Sequence[Row[Any]]) -> set[JobState]:
    """Count one loss for each of the leased ``rows`` and return the states that they are in now."""
    after = {row.job_id: state_after_loss(row.losses + 1) for row in rows}
    for row in rows:
        lost: dict[str, Any] = {
            "state": after[row.job_id],
            "losses": row.losses + 1,
            "token": None,
            "lease_until": None,
            "due_at": now,
            "updated_at": now,
        }
        if after[row.job_id] == JobState.QUARANTINED:
            message = f"its worker fell silent {row.losses + 1} times"
            lost |= {"error_code": ErrorCode.LEASE_LOST, "error_message": message, "finished_at": now}
        connection.execute(update(jobs).where(jobs.c.job_id == row.job_id).values(lost))
    transitions.note(
        connection,
        now,
        [Transition(row.job_id, JobState.LEASED, after[row.job_id], row.worker, "lease ran out") for row in rows],
    )
    return set(after.values())

"""The right to work on a job: taken with a token and a lease, prolonged, and lost when the lease runs out."""

import secrets
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, literal_column, select, update

from audiofeat.catalogue import incidents, transitions
from audiofeat.catalogue.descriptions import unpacked
from audiofeat.catalogue.schema import in_state, items, jobs
from audiofeat.catalogue.transitions import Transition
from audiofeat.codes import ErrorCode
from audiofeat.domain.items import Kind, KindSource, ObjectVersion
from audiofeat.domain.jobs import BACKOFF_MOST_S, Claim, Evidence, JobState, Lane, state_after_loss

# Longer than any lease that a setting would ask for: what lies beyond was written before a clock was set back.
_LONGEST_LEASE_S = 600.0
_EXPIRED_AT_ONCE = 500
_CLAIMED = ("item_id", "store", "key", "version", "size_bytes", "lane", "attempt", "records", "batch_id", "trace")


def claim(connection: Connection, now: float, job_id: str, *, worker: str, lease_s: float) -> Claim | None:
    """Take a queued job; None where there is nothing to take. A silent worker's job is queued by the reconciler."""
    token = secrets.token_hex(16)
    leased = {"state": JobState.LEASED, "token": token, "worker": worker, "lease_until": now + lease_s}
    # Spelt out: SQLAlchemy leaves the table's name out of what SQLite returns, and both tables have an item_id.
    of_item = items.c.item_id == literal_column("jobs.item_id")
    taken = (
        update(jobs)
        .where(jobs.c.job_id == job_id, in_state(JobState.QUEUED))
        .values(leased | {"attempt": jobs.c.attempt + 1, "updated_at": now})
        .returning(
            *(jobs.c[name] for name in _CLAIMED),
            select(items.c.kind).where(of_item).scalar_subquery().label("kind"),
            select(items.c.kind_source).where(of_item).scalar_subquery().label("kind_source"),
        )
    )
    row = connection.execute(taken).one_or_none()
    if row is None:
        return None
    transitions.note(connection, now, [Transition(job_id, JobState.QUEUED, JobState.LEASED, worker)])
    # What was inferred from an earlier version of the audio says nothing of this one.
    given = bool(row.kind) and row.kind_source != KindSource.INFERRED
    return Claim(
        job_id=job_id,
        item_id=row.item_id,
        audio=ObjectVersion(store=row.store, key=row.key, version=row.version, size_bytes=row.size_bytes),
        lane=Lane(row.lane),
        attempt=row.attempt,
        token=token,
        kind=Kind(row.kind) if given else None,
        kind_source=KindSource(row.kind_source) if given else None,
        records=unpacked(row.records),
        batch_id=row.batch_id,
        trace=row.trace,
    )


def holds(claimed: Claim) -> ColumnElement[bool]:
    """Return the condition under which a claim may still write to its job."""
    return and_(jobs.c.job_id == claimed.job_id, jobs.c.token == claimed.token, in_state(JobState.LEASED))


def held_job(connection: Connection, claimed: Claim) -> Row[Any] | None:
    """Return the claim's job, locked for this transaction; None where the token has moved on."""
    return connection.execute(select(jobs).where(holds(claimed)).with_for_update()).one_or_none()


def heartbeat(connection: Connection, now: float, claimed: Claim, *, lease_s: float) -> bool:
    """Prolong the lease; a late worker keeps a job that nobody has taken from it."""
    prolonged = update(jobs).where(holds(claimed)).values(lease_until=now + lease_s)
    return connection.execute(prolonged).rowcount == 1


def expire_leases(connection: Connection, now: float) -> int:
    """Count a loss for the silent workers' jobs, the longest silent first; return how many, at most some hundreds.

    Ends that lie too far ahead are cut: they date from before a clock was set back.
    """
    far = update(jobs).where(in_state(JobState.LEASED), jobs.c.lease_until > now + _LONGEST_LEASE_S)
    connection.execute(far.values(lease_until=now + _LONGEST_LEASE_S))
    silent = (
        select(jobs)
        .where(in_state(JobState.LEASED), jobs.c.lease_until <= now)
        .order_by(jobs.c.lease_until)
        .limit(_EXPIRED_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    rows = connection.execute(silent).all()
    for row in rows:
        _lose(connection, now, row)
    return len(rows)


def wake_rested(connection: Connection, now: float) -> int:
    """Queue the jobs whose wait is over; return how many, at most some hundreds."""
    far = update(jobs).where(in_state(JobState.RETRY_WAIT), jobs.c.due_at > now + BACKOFF_MOST_S)
    connection.execute(far.values(due_at=now + BACKOFF_MOST_S))
    rested = (
        select(jobs.c.job_id)
        .where(in_state(JobState.RETRY_WAIT), jobs.c.due_at <= now)
        .order_by(jobs.c.due_at)
        .limit(_EXPIRED_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    woken = list(connection.scalars(rested))
    if woken:
        queued = update(jobs).where(jobs.c.job_id.in_(woken)).values(state=JobState.QUEUED, updated_at=now)
        connection.execute(queued)
        steps = [Transition(job_id, JobState.RETRY_WAIT, JobState.QUEUED) for job_id in woken]
        transitions.note(connection, now, steps)
    return len(woken)


def _lose(connection: Connection, now: float, row: Row[Any]) -> None:
    """Count one loss for a leased job."""
    losses = row.losses + 1
    after = state_after_loss(losses)
    message = f"its worker fell silent {losses} times"
    lost: dict[str, Any] = {
        "state": after,
        "losses": losses,
        "token": None,
        "lease_until": None,
        "due_at": now,
        "updated_at": now,
    }
    if after == JobState.QUARANTINED:
        lost |= {"error_code": ErrorCode.LEASE_LOST, "error_message": message, "finished_at": now}
    connection.execute(update(jobs).where(jobs.c.job_id == row.job_id).values(lost))
    transitions.note(connection, now, [Transition(row.job_id, JobState.LEASED, after, row.worker, "lease ran out")])
    incidents.note(connection, now, row, code=ErrorCode.LEASE_LOST, message=message, evidence=Evidence())

"""The right to work on a job: taken with a token and a lease, prolonged, and lost when the lease runs out."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Double, and_, bindparam, func, literal_column, select, update

from audiofeat.catalogue import batches, incidents, transitions
from audiofeat.catalogue.descriptions import unpacked
from audiofeat.catalogue.ledger_time import LedgerTime
from audiofeat.catalogue.schema import in_state, is_lost, items, jobs
from audiofeat.catalogue.statements import Record, Statement
from audiofeat.catalogue.transitions import Transition
from audiofeat.codes import ErrorCode
from audiofeat.domain.items import Kind, KindSource, ObjectVersion
from audiofeat.domain.jobs import BACKOFF_MOST_S, Claim, Evidence, JobState, Lane, state_after_loss

# Longer than any lease that a setting would ask for: what lies beyond was written before a clock was set back.
_LONGEST_LEASE_S = 600.0
_EXPIRED_AT_ONCE = 500
_CLAIMED = (
    "job_id", "item_id", "store", "key", "version", "size_bytes", "lane", "attempt", "records", "batch_id", "trace",
    "updated_at",
)  # fmt: skip


# Statements of the hot path are made once: SQLAlchemy takes longer to build one than the database to run it. In what
# is returned, "jobs.item_id" is spelt out: SQLite's dialect leaves out the table's name, and both tables have one.
_OF_ITEM = items.c.item_id == literal_column("jobs.item_id")
_BESIDE, _LOST = jobs.alias("beside"), jobs.alias("lost")
_FIRST_LOST = (
    select(_LOST.c.job_id)
    .where(_LOST.c.lane == select(_BESIDE.c.lane).where(_BESIDE.c.job_id == bindparam("wanted")).scalar_subquery())
    .where(is_lost(_LOST))
    .order_by(_LOST.c.sequence)
    .limit(1)
    .scalar_subquery()
)
_TAKE = (
    update(jobs)
    .where(in_state(JobState.QUEUED))
    .values(
        state=JobState.LEASED,
        attempt=jobs.c.attempt + 1,
        token=bindparam("new_token"),
        worker=bindparam("taken_by"),
        lease_until=LedgerTime() + bindparam("lease_s", type_=Double()),
        updated_at=LedgerTime(),
    )
    .returning(
        *(jobs.c[name] for name in _CLAIMED),
        select(items.c.kind).where(_OF_ITEM).scalar_subquery().label("kind"),
        select(items.c.kind_source).where(_OF_ITEM).scalar_subquery().label("kind_source"),
    )
)
_take = Statement(_TAKE.where(jobs.c.job_id == bindparam("wanted")))
_take_lost_first = Statement(_TAKE.where(jobs.c.job_id == func.coalesce(_FIRST_LOST, bindparam("wanted"))))
HELD = and_(jobs.c.job_id == bindparam("held_job"), jobs.c.token == bindparam("held_token"), in_state(JobState.LEASED))
_hold = Statement(select(jobs, LedgerTime().label("now")).where(HELD).with_for_update())
_PROLONG = update(jobs).where(HELD).values(lease_until=bindparam("until"))


def claim(
    connection: Connection, now: float | None, job_id: str, *, worker: str, lease_s: float, lost_first: bool, token: str
) -> Claim | None:
    """Take a queued job; None where there is nothing to take. A silent worker's job is queued by the reconciler."""
    taken = {"wanted": job_id, "new_token": token, "taken_by": worker, "lease_s": lease_s, "now": now}
    row = (_take_lost_first if lost_first else _take).one_or_none(connection, taken)
    if row is None and lost_first:
        # Somebody was quicker with the lost one.
        row = _take.one_or_none(connection, taken)
    if row is None:
        return None
    transitions.note(connection, row.updated_at, [Transition(row.job_id, JobState.QUEUED, JobState.LEASED, worker)])
    # What was inferred from an earlier version of the audio says nothing of this one.
    given = bool(row.kind) and row.kind_source != KindSource.INFERRED
    return Claim(
        job_id=row.job_id,
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


def held_job(connection: Connection, now: float | None, claimed: Claim) -> Record:
    """Return the claim's job and the time ``now``, locked for this transaction; None where the token has moved on."""
    return _hold.one_or_none(connection, held(claimed) | {"now": now})


def heartbeat(connection: Connection, now: float, claimed: Claim, *, lease_s: float) -> bool:
    """Prolong the lease; a late worker keeps a job that nobody has taken from it."""
    return connection.execute(_PROLONG, held(claimed) | {"until": now + lease_s}).rowcount == 1


def held(claimed: Claim) -> dict[str, Any]:
    """Return the parameters by which ``HELD`` finds a claim's job while its token holds."""
    return {"held_job": claimed.job_id, "held_token": claimed.token}


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
    _lose(connection, now, rows, note="lease ran out")
    return len(rows)


def lose(connection: Connection, now: float, token: str) -> bool:
    """Count a loss for the job of a process that is known to be dead; False where the token has moved on."""
    held_by_token = select(jobs).where(in_state(JobState.LEASED), jobs.c.token == token).with_for_update()
    rows = connection.execute(held_by_token).all()
    _lose(connection, now, rows, note="process died")
    return bool(rows)


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


def _lose(connection: Connection, now: float, rows: Sequence[Record], *, note: str) -> None:
    """Count a loss for leased jobs, and have them do what was done to their batches meanwhile."""
    for row in rows:
        _count_loss(connection, now, row, note=note)
    for batch_id in {row.batch_id for row in rows if row.batch_id is not None}:
        batches.catch_up(connection, now, batch_id)


def _count_loss(connection: Connection, now: float, row: Record, *, note: str) -> None:
    losses = row.losses + 1
    after = state_after_loss(losses)
    message = f"its worker was killed or fell silent {losses} times"
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
    transitions.note(connection, now, [Transition(row.job_id, JobState.LEASED, after, row.worker, note)])
    incidents.note(connection, now, row, code=ErrorCode.LEASE_LOST, message=message, evidence=Evidence())

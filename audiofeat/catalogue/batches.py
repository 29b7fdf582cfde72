"""Batches: a cursor over the items, moved in the transaction that makes the jobs of what it passed.

So a kill between two pages repeats nothing and leaves nothing out.
"""

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, insert, literal, or_, select, tuple_, update

from audiofeat.catalogue import changes, counters, transitions
from audiofeat.catalogue.database import insert_into
from audiofeat.catalogue.schema import analyses, batches, in_state, items, jobs
from audiofeat.catalogue.transitions import Transition
from audiofeat.domain.batches import Batch, BatchScope, BatchState
from audiofeat.domain.jobs import FINAL_STATES, OPEN_STATES, Change, JobFilter, JobState, Lane
from audiofeat.errors import BatchUnknown, InvalidInput

_AFTER = {Change.PAUSE: BatchState.PAUSED, Change.RESUME: BatchState.RUNNING, Change.CANCEL: BatchState.CANCELLED}
_FOLLOWS = {BatchState.PAUSED: Change.PAUSE, BatchState.RUNNING: Change.RESUME, BatchState.CANCELLED: Change.CANCEL}
_REPEATED = ("item_id", "source_order", "store", "key", "version", "size_bytes", "records")


def create(
    connection: Connection,
    now: float,
    kind: str,
    *,
    lane: Lane,
    scope: BatchScope,
    parameters: Mapping[str, Any],
    total: int | None,
    most_open: int,
) -> Batch:
    """Begin a batch."""
    row = {
        "batch_id": secrets.token_hex(8),
        "kind": kind,
        "lane": lane,
        "state": BatchState.RUNNING,
        "scope": asdict(scope),
        "parameters": dict(parameters),
        "cursor": "",
        "total": total,
        "looked_at": 0,
        "most_open": most_open,
        "created_at": now,
        "updated_at": now,
    }
    connection.execute(insert(batches).values(row))
    return one(connection, str(row["batch_id"]))


def one(connection: Connection, batch_id: str) -> Batch:
    """Return one batch; raises BatchUnknown."""
    return _view(connection, _row(connection, batch_id))


def newest(
    connection: Connection, *, states: Iterable[BatchState], kind: str | None, after: str | None, limit: int
) -> list[Batch]:
    """Return batches in those states, all where none is named, newest first, those begun before ``after``."""
    place = tuple_(batches.c.created_at, batches.c.batch_id)
    query = select(batches).where(batches.c.state.in_(tuple(states) or tuple(BatchState)))
    if kind is not None:
        query = query.where(batches.c.kind == kind)
    if after is not None:
        begun = select(batches.c.created_at).where(batches.c.batch_id == after).scalar_subquery()
        query = query.where(place < tuple_(begun, literal(after)))
    newest_first = query.order_by(batches.c.created_at.desc(), batches.c.batch_id.desc()).limit(limit)
    return [_view(connection, row) for row in connection.execute(newest_first).all()]


def change(connection: Connection, now: float, what: Change, batch_id: str) -> Batch:
    """Pause, resume or cancel a batch and its jobs.

    Raises
    ------
    BatchUnknown
        There is no such batch.
    InvalidInput
        It has ended, or batches know no such change.
    """
    row = _row(connection, batch_id, lock=True)
    if what not in _AFTER:
        raise InvalidInput(f"a batch cannot be changed by {what.value!r}", "pause, resume or cancel it")
    if row.state in {BatchState.CANCELLED, BatchState.DONE}:
        raise InvalidInput(f"batch {batch_id} is {row.state}", "begin a new one")
    # What a person decides is not undone when a window opens.
    parameters = {**row.parameters, "held": False} if row.parameters.get("held") else row.parameters
    values = {"state": _AFTER[what], "parameters": parameters, "updated_at": now}
    connection.execute(update(batches).where(batches.c.batch_id == batch_id).values(values))
    follow(connection, now, batch_id, what)
    return one(connection, batch_id)


def waiting(connection: Connection) -> list[str]:
    """Return the running batches that have not seen every item, oldest first."""
    unseen = (batches.c.state == BatchState.RUNNING, batches.c.expanded_at.is_(None))
    return list(connection.scalars(select(batches.c.batch_id).where(*unseen).order_by(batches.c.created_at)))


def expand(connection: Connection, now: float, batch_id: str, *, limit: int) -> int:
    """Look at the next items of a running batch, as far as it has room for jobs, and make those of its scope.

    Returns how many items were seen.
    """
    batch = _row(connection, batch_id, lock=True)
    limit = min(limit, batch.most_open - _open_jobs(connection, batch))
    if batch.state != BatchState.RUNNING or batch.expanded_at is not None or limit <= 0:
        return 0
    page = select(items.c.item_id).where(items.c.item_id > batch.cursor).order_by(items.c.item_id).limit(limit)
    seen = list(connection.scalars(page))
    moved: dict[str, Any] = {"looked_at": batch.looked_at + len(seen), "updated_at": now}
    moved |= {"cursor": seen[-1]} if seen else {}
    # A page that is not full was the last one.
    moved |= {"expanded_at": now} if len(seen) < limit else {}
    connection.execute(update(batches).where(batches.c.batch_id == batch_id).values(moved))
    if seen:
        _make_jobs(connection, now, batch, BatchScope(**batch.scope), first=batch.cursor, last=seen[-1])
    return len(seen)


def settle(connection: Connection, now: float) -> int:
    """Have jobs follow their batch, and end batches whose jobs have all ended; return how many of both changed."""
    changed = 0
    for row in connection.execute(select(batches).where(batches.c.finished_at.is_(None))).all():
        state = BatchState(row.state)
        changed += follow(connection, now, row.batch_id, _FOLLOWS[state])
        ready = row.expanded_at is not None or state is BatchState.CANCELLED
        if ready and state is not BatchState.PAUSED and not _open_jobs(connection, row, most=1):
            after = BatchState.DONE if state is BatchState.RUNNING else state
            ended = {"state": after, "finished_at": now, "updated_at": now}
            unchanged = and_(batches.c.batch_id == row.batch_id, batches.c.state == state)
            changed += connection.execute(update(batches).where(unchanged).values(ended)).rowcount
    return changed


def catch_up(connection: Connection, now: float, batch_id: str) -> None:
    """Have jobs that were held meanwhile do what was done to their batch, before anybody can take them."""
    state = connection.scalar(select(batches.c.state).where(batches.c.batch_id == batch_id))
    if state in {BatchState.PAUSED, BatchState.CANCELLED}:
        follow(connection, now, batch_id, _FOLLOWS[BatchState(state)])


def follow(connection: Connection, now: float, batch_id: str, what: Change) -> int:
    """Have the jobs of a batch do what the batch does; return how many did."""
    changed = 0
    while step := changes.change(connection, now, what, JobFilter(batch_id=batch_id), limit=500):
        changed += step
    return changed


def _make_jobs(
    connection: Connection, now: float, batch: Row[Any], scope: BatchScope, *, first: str, last: str
) -> None:
    other = jobs.alias("other")
    open_job = select(other.c.job_id).where(other.c.item_id == items.c.item_id, other.c.state.in_(OPEN_STATES)).exists()
    served = (
        select(jobs.c.job_id, *(jobs.c[name] for name in _REPEATED))
        .join(items, items.c.job_id == jobs.c.job_id)
        # What is being analysed anyway will be up to date without us.
        .where(items.c.item_id > first, items.c.item_id <= last, *in_scope(scope), ~open_job)
        .order_by(items.c.item_id)
    )
    rows = connection.execute(served).all()
    if not rows:
        return
    sequence = counters.reserve(connection, counters.JOBS, count=len(rows)) - len(rows)
    made = [
        {name: getattr(row, name) for name in _REPEATED}
        | {"job_id": _job_id(batch.batch_id, row.job_id), "batch_id": batch.batch_id, "lane": batch.lane}
        | {"sequence": sequence + place, "state": JobState.QUEUED, "attempt": 0, "crashes": 0, "losses": 0}
        | {"due_at": now, "created_at": now, "updated_at": now}
        for place, row in enumerate(rows, start=1)
    ]
    connection.execute(insert_into(connection, jobs).on_conflict_do_nothing(), made)
    transitions.note(connection, now, [Transition(job["job_id"], None, JobState.QUEUED, note="batch") for job in made])


def ended_since(connection: Connection, batch_id: str, moment: float) -> int:
    """Return how many jobs of a batch have ended since a time."""
    ended = (jobs.c.updated_at > moment, jobs.c.batch_id == batch_id, in_state(*FINAL_STATES))
    return connection.scalar(select(func.count()).where(*ended)) or 0


def in_scope(scope: BatchScope) -> list[ColumnElement[bool]]:
    """Return the conditions under which an item belongs to a scope."""
    conditions: list[ColumnElement[bool]] = [items.c.hidden_at.is_(None)]
    if scope.item_kind:
        conditions.append(items.c.kind == scope.item_kind)
    if scope.store:
        conditions.append(items.c.store == scope.store)
    if scope.key_prefix:
        conditions.append(items.c.key.startswith(scope.key_prefix, autoescape=True))
    if scope.stale_against:
        wanted = or_(*(and_(analyses.c.group == g, analyses.c.version == v) for g, v in scope.stale_against.items()))
        have = select(func.count()).where(analyses.c.sha256 == items.c.sha256, wanted).scalar_subquery()
        conditions.append(have < len(scope.stale_against))
    return conditions


def _job_id(batch_id: str, repeated: str) -> str:
    return hashlib.sha256(f"{batch_id}\n{repeated}".encode()).hexdigest()


def _open_jobs(connection: Connection, batch: Row[Any], *, most: int | None = None) -> int:
    """Return how many jobs of a batch have not ended; counting stops where it may have no more."""
    some = select(jobs.c.job_id).where(jobs.c.batch_id == batch.batch_id, in_state(*OPEN_STATES))
    counted = some.limit(most or batch.most_open).subquery()
    return connection.scalar(select(func.count()).select_from(counted)) or 0


def _row(connection: Connection, batch_id: str, *, lock: bool = False) -> Row[Any]:
    query = select(batches).where(batches.c.batch_id == batch_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise BatchUnknown(f"no batch has the id {batch_id!r}")
    return row


def _view(connection: Connection, row: Row[Any]) -> Batch:
    counted = select(jobs.c.state, func.count()).where(jobs.c.batch_id == row.batch_id).group_by(jobs.c.state)
    return Batch(
        batch_id=row.batch_id,
        kind=row.kind,
        lane=Lane(row.lane),
        state=BatchState(row.state),
        scope=BatchScope(**row.scope),
        parameters=row.parameters,
        total=row.total,
        looked_at=row.looked_at,
        is_expanded=row.expanded_at is not None,
        most_open=row.most_open,
        counts={JobState(state): count for state, count in connection.execute(counted)},
        created_at=datetime.fromtimestamp(row.created_at, tz=UTC),
        finished_at=None if row.finished_at is None else datetime.fromtimestamp(row.finished_at, tz=UTC),
    )

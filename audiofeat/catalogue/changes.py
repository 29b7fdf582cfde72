"""What a person does to jobs: replay, pause, resume, cancel."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, select, update

from audiofeat.catalogue import transitions
from audiofeat.catalogue.schema import in_state, jobs
from audiofeat.catalogue.transitions import Transition
from audiofeat.domain.jobs import CHANGES, FINAL_STATES, Change, JobFilter, JobState


def change(connection: Connection, now: float, what: Change, which: JobFilter, *, limit: int) -> int:
    """Change at most ``limit`` of the jobs that are meant and can be changed, oldest first; return how many."""
    froms, after = CHANGES[what]
    able = in_state(*(froms & which.states if which.states else froms))
    query = (
        select(jobs.c.job_id, jobs.c.state, jobs.c.worker)
        .where(able, *meant(which))
        .order_by(jobs.c.sequence)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = connection.execute(query).all()
    if rows:
        changed = update(jobs).where(jobs.c.job_id.in_([row.job_id for row in rows]))
        connection.execute(changed.values(_values(now, what, after)))
        steps = [Transition(row.job_id, JobState(row.state), after, row.worker, what.value) for row in rows]
        transitions.note(connection, now, steps)
    return len(rows)


def meant(which: JobFilter) -> list[ColumnElement[bool]]:
    """Return the conditions of a filter, but for its states."""
    conditions: list[ColumnElement[bool]] = []
    if which.job_ids is not None:
        conditions.append(jobs.c.job_id.in_(which.job_ids))
    wanted = {"lane": which.lane, "error_code": which.error_code, "batch_id": which.batch_id, "key": which.key}
    conditions += [jobs.c[name] == value for name, value in wanted.items() if value is not None]
    return conditions


def _values(now: float, what: Change, after: JobState) -> dict[str, Any]:
    values: dict[str, Any] = {"state": after, "token": None, "lease_until": None, "due_at": now, "updated_at": now}
    if after in FINAL_STATES:
        values["finished_at"] = now
    if what is Change.REPLAY:
        values |= {"crashes": 0, "losses": 0, "first_storage_error_at": None, "finished_at": None}
        values |= {"error_code": None, "error_message": None}
    return values

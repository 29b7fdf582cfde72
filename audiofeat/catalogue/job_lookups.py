"""Reading jobs: what is due, what became of them, how many are where."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select, true, tuple_

from audiofeat.catalogue.changes import meant
from audiofeat.catalogue.chunks import chunks
from audiofeat.catalogue.schema import audio, in_state, jobs
from audiofeat.domain.jobs import USABLE_STATES, JobFilter, JobState, Lane
from audiofeat.errors import JobUnknown
from audiofeat.ports import JobView


def due(connection: Connection, lane: Lane, *, limit: int) -> list[str]:
    """Return ids of queued jobs, oldest first."""
    waiting = (jobs.c.lane == lane, in_state(JobState.QUEUED))
    return list(connection.scalars(select(jobs.c.job_id).where(*waiting).order_by(jobs.c.sequence).limit(limit)))


def states(connection: Connection, job_ids: Sequence[str] | None) -> dict[JobState, int]:
    """Count jobs by state."""
    counted: Counter[JobState] = Counter()
    for among in _among(job_ids):
        query = select(jobs.c.state, func.count()).where(among).group_by(jobs.c.state)
        counted.update({JobState(state): count for state, count in connection.execute(query)})
    return dict(counted)


def seconds_decoded(connection: Connection, job_ids: Sequence[str] | None) -> float:
    """Return the seconds of audio behind usable jobs."""
    total = 0.0
    for among in _among(job_ids):
        query = (
            select(func.sum(audio.c.decoded_s))
            .select_from(jobs)
            .join(audio, audio.c.sha256 == jobs.c.sha256)
            .where(among, in_state(*USABLE_STATES))
        )
        total += connection.scalar(query) or 0.0
    return total


def job(connection: Connection, job_id: str) -> JobView:
    """Return one job.

    Raises
    ------
    JobUnknown
        Where there is none with this id.
    """
    row = connection.execute(select(jobs).where(jobs.c.job_id == job_id)).one_or_none()
    if row is None:
        raise JobUnknown(f"no job has the id {job_id!r}")
    return _view(row)


def newest_jobs(
    connection: Connection,
    *,
    wanted: Iterable[JobState],
    job_ids: Sequence[str] | None,
    after: tuple[float, int] | None,
    limit: int,
) -> list[JobView]:
    """Return jobs in the ``wanted`` states, all where none is named, newest change first."""
    wanted_state = in_state(*(tuple(wanted) or tuple(JobState)))
    behind = true() if after is None else tuple_(jobs.c.updated_at, jobs.c.sequence) < after
    rows: list[Row[Any]] = []
    for among in _among(job_ids):
        query = (
            select(jobs).where(among, wanted_state, behind).order_by(jobs.c.updated_at.desc(), jobs.c.sequence.desc())
        )
        rows += connection.execute(query.limit(limit))
    rows.sort(key=lambda row: (row.updated_at, row.sequence), reverse=True)
    return [_view(row) for row in rows[:limit]]


def matching(connection: Connection, which: JobFilter, *, limit: int) -> list[JobView]:
    """Return the jobs that a filter means, newest change first."""
    query = select(jobs).where(in_state(*(which.states or JobState)), *meant(which))
    newest = query.order_by(jobs.c.updated_at.desc(), jobs.c.sequence.desc()).limit(limit)
    return [_view(row) for row in connection.execute(newest)]


def _among(job_ids: Sequence[str] | None) -> Iterator[ColumnElement[bool]]:
    """Yield conditions which together hold for each of the ids once, or for every job."""
    if job_ids is None:
        yield true()
        return
    for batch in chunks(list(dict.fromkeys(job_ids))):
        yield jobs.c.job_id.in_(batch)


def _view(row: Row[Any]) -> JobView:
    return JobView(
        job_id=row.job_id,
        item_id=row.item_id,
        store=row.store,
        key=row.key,
        lane=Lane(row.lane),
        state=JobState(row.state),
        attempt=row.attempt,
        crashes=row.crashes,
        losses=row.losses,
        error_code=row.error_code,
        error_message=row.error_message,
        updated_at=datetime.fromtimestamp(row.updated_at, tz=UTC),
        place=(row.updated_at, row.sequence),
    )

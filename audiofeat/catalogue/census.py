"""Counting: how the lanes stand, what was done lately, and who holds what."""

from datetime import UTC, datetime

from sqlalchemy import Connection, func, select

from audiofeat.catalogue.database import Database
from audiofeat.catalogue.schema import audio, embeddings, in_state, index_releases, jobs
from audiofeat.domain.items import Kind
from audiofeat.domain.jobs import USABLE_STATES, JobState, Lane
from audiofeat.ports import Census, CensusView, IndexState, LaneView

# States into which a worker puts a job; all others come about without one.
_ENDED_BY_WORKERS = USABLE_STATES | {JobState.REJECTED, JobState.QUARANTINED, JobState.DEAD}
_TIME_LENGTH = len("20261231T235959")


class SqlCensus(Census):
    """Counts on a SQL database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def census(self, *, window_s: float) -> CensusView:
        """Return how the lanes stand; what happened is counted over the last ``window_s`` seconds."""
        with self._database.reading() as connection:
            return census(connection, self._database.now(connection), window_s=window_s)


def census(connection: Connection, now: float, *, window_s: float) -> CensusView:
    """Return how all lanes stand."""
    counts: dict[Lane, dict[JobState, int]] = {lane: {} for lane in Lane}
    for lane, state, count in connection.execute(
        select(jobs.c.lane, jobs.c.state, func.count()).group_by(jobs.c.lane, jobs.c.state)
    ):
        counts[Lane(lane)][JobState(state)] = count
    lately = _lately(connection, now, window_s)
    held = select(jobs.c.worker, func.count()).where(in_state(JobState.LEASED)).group_by(jobs.c.worker)
    return CensusView(
        lanes=tuple(LaneView(lane, counts[lane], _oldest_due_s(connection, now, lane), *lately[lane]) for lane in Lane),
        held={worker: count for worker, count in connection.execute(held) if worker is not None},
        indexes={kind: _index(connection, now, kind) for kind in Kind},
    )


def _index(connection: Connection, now: float, kind: Kind) -> IndexState | None:
    """Return what was published last; a release's name begins with the time of its build."""
    query = select(index_releases).where(index_releases.c.kind == kind).order_by(index_releases.c.published_at.desc())
    row = connection.execute(query.limit(1)).one_or_none()
    if row is None:
        return None
    built_at = datetime.strptime(row.release[:_TIME_LENGTH], "%Y%m%dT%H%M%S").replace(tzinfo=UTC).timestamp()
    placed = connection.scalar(select(func.count()).select_from(embeddings).where(embeddings.c.kind == kind)) or 0
    return IndexState(
        release=row.release,
        space=row.space,
        age_s=max(0.0, now - built_at),
        items=row.items,
        coverage_ratio=row.items / max(placed, row.items, 1),
    )


def _oldest_due_s(connection: Connection, now: float, lane: Lane) -> float | None:
    """Return for how long the first of a queue has been due, as the small index of queued jobs orders them."""
    query = select(jobs.c.due_at).where(jobs.c.lane == lane, in_state(JobState.QUEUED)).order_by(jobs.c.sequence)
    due_at = connection.scalar(query.limit(1))
    return None if due_at is None else max(0.0, now - due_at)


def _lately(connection: Connection, now: float, window_s: float) -> dict[Lane, tuple[float | None, int, float]]:
    """Return by lane how long nothing happened, how many jobs ended, and how much audio was behind them."""
    touched = in_state(JobState.LEASED, *_ENDED_BY_WORKERS)
    query = (
        select(jobs.c.lane, jobs.c.state, func.max(jobs.c.updated_at), func.count(), func.sum(audio.c.decoded_s))
        .select_from(jobs)
        .join(audio, audio.c.sha256 == jobs.c.sha256, isouter=True)
        .where(jobs.c.updated_at > now - window_s, touched)
        .group_by(jobs.c.lane, jobs.c.state)
    )
    last: dict[Lane, float] = {}
    ended, audio_s = dict.fromkeys(Lane, 0), dict.fromkeys(Lane, 0.0)
    for name, state, at, count, seconds in connection.execute(query):
        lane = Lane(name)
        last[lane] = max(at, last.get(lane, at))
        if state != JobState.LEASED:
            ended[lane] += count
            audio_s[lane] += seconds or 0.0
    return {lane: (max(0.0, now - last[lane]) if lane in last else None, ended[lane], audio_s[lane]) for lane in Lane}

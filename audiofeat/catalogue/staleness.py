"""What is out of date: items that lack results of today's feature versions, and what measuring used to cost."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, and_, bindparam, cast, delete, func, or_, select

from audiofeat.catalogue.batches import in_scope
from audiofeat.catalogue.database import Database
from audiofeat.catalogue.schema import analyses, audio, in_state, items, jobs
from audiofeat.domain.batches import BatchScope
from audiofeat.domain.jobs import USABLE_STATES
from audiofeat.ports import Extent, OldResult, StaleItem, Staleness

_COST_SAMPLE = 500


class SqlStaleness(Staleness):
    """Compares what is stored with what is wanted, on a SQL database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def old_results(self, versions: Mapping[str, int], *, limit: int) -> list[OldResult]:
        """Return results below these versions of their groups where one of that version is stored, too."""
        with self._database.reading() as connection:
            return old_results(connection, versions, limit=limit)

    def drop_results(self, results: Sequence[OldResult]) -> None:
        """Forget results."""
        with self._database.writing() as (connection, _):
            if results:
                rows = [{"bytes": old.sha256, "of": old.group, "number": old.version} for old in results]
                connection.execute(_DROP, rows)

    def extent(self, scope: BatchScope) -> Extent:
        """Return how much of a scope is out of date."""
        with self._database.reading() as connection:
            return extent(connection, scope)

    def stale_items(self, scope: BatchScope, *, after: str | None = None, limit: int = 100) -> list[StaleItem]:
        """Return the items that are out of date, in the order of their ids, from the one behind ``after``."""
        with self._database.reading() as connection:
            return stale_items(connection, scope, after=after, limit=limit)

    def costs(self) -> Mapping[str, float]:
        """Return seconds of work for each second of audio, by stage, of jobs that ended lately."""
        with self._database.reading() as connection:
            return costs(connection)


def extent(connection: Connection, scope: BatchScope) -> Extent:
    """Return how much is out of date, in all and by group."""
    anything = BatchScope(scope.item_kind, scope.store, scope.key_prefix)
    whole, stale = _sums(connection, in_scope(anything)), _sums(connection, in_scope(scope))
    fresh = (
        select(analyses.c.group, func.count(), func.sum(audio.c.decoded_s))
        .select_from(items)
        .join(audio, audio.c.sha256 == items.c.sha256)
        .join(analyses, analyses.c.sha256 == items.c.sha256)
        .where(_wanted(scope), *in_scope(anything))
        .group_by(analyses.c.group)
    )
    done = {group: (count, seconds or 0.0) for group, count, seconds in connection.execute(fresh)}
    groups = {}
    for group in scope.stale_against:
        count, seconds = done.get(group, (0, 0.0))
        if whole[0] > count:
            groups[group] = (whole[0] - count, max(0.0, whole[1] - seconds))
    return Extent(whole[0], stale[0], stale[1], stale[2], groups)


_DROP = delete(analyses).where(
    analyses.c.sha256 == bindparam("bytes"),
    analyses.c.group == bindparam("of"),
    analyses.c.version == bindparam("number"),
)


def old_results(connection: Connection, versions: Mapping[str, int], *, limit: int) -> list[OldResult]:
    """Return results below these versions of their groups where one of that version is stored, too."""
    newest = analyses.alias("newest")
    pairs = [and_(newest.c.group == group, newest.c.version == version) for group, version in versions.items()]
    query = (
        select(analyses.c.sha256, analyses.c.group, analyses.c.version, analyses.c.curves_key)
        .join(newest, and_(newest.c.sha256 == analyses.c.sha256, newest.c.group == analyses.c.group))
        .where(or_(*pairs), analyses.c.version < newest.c.version)
        .limit(limit)
    )
    return [OldResult(*row) for row in connection.execute(query)]


def stale_items(connection: Connection, scope: BatchScope, *, after: str | None, limit: int) -> list[StaleItem]:
    """Return items that are out of date, each with the version that it has of every stale group."""
    conditions = [*in_scope(scope), items.c.sha256.is_not(None)] + ([items.c.item_id > after] if after else [])
    query = select(items.c.item_id, items.c.key, items.c.sha256).where(*conditions).order_by(items.c.item_id)
    rows = connection.execute(query.limit(limit)).all()
    stored: dict[str, dict[str, int]] = {}
    newest = select(analyses.c.sha256, analyses.c.group, func.max(analyses.c.version))
    newest = newest.where(analyses.c.sha256.in_([row.sha256 for row in rows]))
    for sha256, group, version in connection.execute(newest.group_by(analyses.c.sha256, analyses.c.group)):
        stored.setdefault(sha256, {})[group] = version
    found = []
    for row in rows:
        have = stored.get(row.sha256, {})
        behind = {group: have.get(group) for group, v in scope.stale_against.items() if have.get(group) != v}
        found.append(StaleItem(row.item_id, row.key, behind))
    return found


def costs(connection: Connection) -> dict[str, float]:
    """Return seconds of work for each second of audio, by stage; empty where nothing was measured yet."""
    query = (
        select(jobs.c.timings, audio.c.decoded_s)
        .join(audio, audio.c.sha256 == jobs.c.sha256)
        .where(in_state(*USABLE_STATES), jobs.c.timings.is_not(None), audio.c.decoded_s > 0)
        .order_by(jobs.c.updated_at.desc())
        .limit(_COST_SAMPLE)
    )
    spent: dict[str, float] = {}
    heard: dict[str, float] = {}
    for timings, decoded_s in connection.execute(query):
        # A job of a batch has timings of some groups only.
        for stage, seconds in timings.items():
            spent[stage] = spent.get(stage, 0.0) + seconds
            heard[stage] = heard.get(stage, 0.0) + decoded_s
    return {stage: spent[stage] / heard[stage] for stage in spent}


def _sums(connection: Connection, conditions: list[ColumnElement[bool]]) -> tuple[int, float, int]:
    """Return how many items there are, their seconds of audio, and their bytes."""
    size: Any = cast(audio.c.facts["bytes"].as_string(), BigInteger)
    query = select(func.count(), func.sum(audio.c.decoded_s), func.sum(size)).select_from(items)
    count, seconds, size_bytes = connection.execute(
        query.join(audio, audio.c.sha256 == items.c.sha256).where(*conditions)
    ).one()
    return count, seconds or 0.0, int(size_bytes or 0)


def _wanted(scope: BatchScope) -> ColumnElement[bool]:
    return or_(*(and_(analyses.c.group == g, analyses.c.version == v) for g, v in scope.stale_against.items()))

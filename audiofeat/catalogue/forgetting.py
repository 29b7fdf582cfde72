"""The end of what nobody looks at any more: history past its retention, and jobs that something took the place of."""

from sqlalchemy import Connection, Table, delete, select

from audiofeat.catalogue.object_schema import objects
from audiofeat.catalogue.schema import FORGETTABLE_STATES, in_state, incidents, items, jobs, transitions, workers


def forget(connection: Connection, before: float, *, limit: int) -> int:
    """Drop at most ``limit`` rows of each kind from before a time, oldest first; return how many.

    A job that says what an item is, or why it is not there, stays for as long as the item: by it the next listing
    knows what is unchanged. So does one about an object as it lies there now, which an item may fall back to.
    """
    dropped = sum(_history(connection, table, before, limit) for table in (transitions, incidents))
    there = (
        select(objects.c.key)
        .where(objects.c.store == jobs.c.store, objects.c.key == jobs.c.key, objects.c.version == jobs.c.version)
        .where(~objects.c.is_gone)
        .exists()
    )
    named = select(items.c.job_id).where(items.c.job_id == jobs.c.job_id).exists()
    gone = (
        select(jobs.c.job_id)
        .where(in_state(*FORGETTABLE_STATES), jobs.c.finished_at < before, ~named, ~there)
        .order_by(jobs.c.finished_at)
        .limit(limit)
    )
    dropped += connection.execute(delete(jobs).where(jobs.c.job_id.in_(list(connection.scalars(gone))))).rowcount
    return dropped + connection.execute(delete(workers).where(workers.c.seen_at < before)).rowcount


def _history(connection: Connection, table: Table, before: float, limit: int) -> int:
    # Rows are appended as time goes on, so the first are the oldest.
    first = select(table.c.id, table.c.at).order_by(table.c.id).limit(limit)
    old = [row.id for row in connection.execute(first) if row.at < before]
    return connection.execute(delete(table).where(table.c.id <= max(old))).rowcount if old else 0

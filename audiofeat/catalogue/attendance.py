"""Who works, and who leads."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, or_, select

from audiofeat.catalogue.database import insert_into
from audiofeat.catalogue.schema import leaders, workers
from audiofeat.ports import WorkerView

# A lease that ends later than this was written before a clock was set back.
_LONGEST_LEASE_S = 600.0


def lead(connection: Connection, now: float, name: str, *, holder: str, lease_s: float) -> bool:
    """Take an office that is free or was left without a word, or keep one's own."""
    row = {"holder": holder, "lease_until": now + lease_s}
    free = or_(leaders.c.holder == holder, leaders.c.lease_until <= now, leaders.c.lease_until > now + _LONGEST_LEASE_S)
    taken = insert_into(connection, leaders).values(name=name, **row)
    taken = taken.on_conflict_do_update(index_elements=[leaders.c.name], set_=row, where=free)
    return connection.execute(taken.returning(leaders.c.name)).first() is not None


def resign(connection: Connection, name: str, *, holder: str) -> None:
    """Leave an office."""
    connection.execute(delete(leaders).where(leaders.c.name == name, leaders.c.holder == holder))


def attend(connection: Connection, now: float, name: str, *, host: str, lanes: Sequence[str], slots: int) -> None:
    """Note that worker processes are there."""
    row = {"host": host, "lanes": ",".join(lanes), "slots": slots, "seen_at": now}
    new = insert_into(connection, workers).values(name=name, started_at=now, **row)
    connection.execute(new.on_conflict_do_update(index_elements=[workers.c.name], set_=row))


def leave(connection: Connection, name: str) -> None:
    """Note that worker processes have ended."""
    connection.execute(delete(workers).where(workers.c.name == name))


def present(connection: Connection, now: float, *, seen_within_s: float) -> list[WorkerView]:
    """Return who has been there lately, by name."""
    query = select(workers).where(workers.c.seen_at > now - seen_within_s).order_by(workers.c.name)
    return [
        WorkerView(
            name=row.name,
            host=row.host,
            lanes=tuple(row.lanes.split(",")),
            slots=row.slots,
            started_at=datetime.fromtimestamp(row.started_at, tz=UTC),
            seen_at=datetime.fromtimestamp(row.seen_at, tz=UTC),
        )
        for row in connection.execute(query)
    ]

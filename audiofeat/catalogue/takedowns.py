"""Items that somebody wants gone: hidden at once and for as long as nobody puts them back."""

from sqlalchemy import Connection, select, update

from audiofeat.catalogue.database import Database
from audiofeat.catalogue.object_schema import objects
from audiofeat.catalogue.objects import hide, queue_again, show
from audiofeat.catalogue.schema import items
from audiofeat.errors import ItemUnknown
from audiofeat.ports.takedowns import Takedowns


class SqlTakedowns(Takedowns):
    """Takedowns on SQLite or PostgreSQL.

    Every method raises CatalogueUnavailable or DiskFull where the database fails.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def take_down(self, item_id: str) -> None:
        """Hide an item from everything that lists, shows or finds items; raises ItemUnknown."""
        with self._database.writing() as (connection, now):
            _require(connection, item_id)
            connection.execute(update(items).where(items.c.item_id == item_id).values(taken_down_at=now))
            hide(connection, now, item_id)

    def put_back(self, item_id: str) -> list[str]:
        """Show an item again where it has an object; return ids of the jobs that place it anew."""
        with self._database.writing() as (connection, now):
            _require(connection, item_id)
            connection.execute(update(items).where(items.c.item_id == item_id).values(taken_down_at=None))
            there = select(objects.c.key).where(objects.c.item_id == item_id, ~objects.c.is_gone).limit(1)
            if connection.execute(there).first() is None:
                return []
            show(connection, [item_id])
            served = connection.scalar(select(items.c.job_id).where(items.c.item_id == item_id))
            return [row["job_id"] for row in queue_again(connection, now, [served])] if served else []

    def taken_down(self, *, after: str | None = None, limit: int = 100) -> list[str]:
        """Return ids of items that are taken down, in order, from the one behind ``after``."""
        query = select(items.c.item_id).where(items.c.taken_down_at.is_not(None)).order_by(items.c.item_id).limit(limit)
        if after is not None:
            query = query.where(items.c.item_id > after)
        with self._database.reading() as connection:
            return list(connection.scalars(query))


def _require(connection: Connection, item_id: str) -> None:
    if connection.scalar(select(items.c.item_id).where(items.c.item_id == item_id)) is None:
        raise ItemUnknown(f"no item has the id {item_id}")

"""The object ledger of :mod:`audiofeat.ports` on a SQL database: each verb is one transaction for each batch."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import and_, delete, func, insert, or_, select

from audiofeat.catalogue import happenings
from audiofeat.catalogue.chunks import chunks
from audiofeat.catalogue.database import Database, insert_into
from audiofeat.catalogue.object_schema import objects, refused_messages, syncs
from audiofeat.codes import ErrorCode
from audiofeat.domain.jobs import Lane
from audiofeat.domain.object_events import ObjectEvent
from audiofeat.domain.whereabouts import KnownObject, Observation, RefusedMessage, SyncProgress, Taken
from audiofeat.ports import ObjectLedger

MOST_REFUSED_KEPT = 10_000
_LONGEST_REASON = 2_000


class SqlObjectLedger(ObjectLedger):
    """Which object lies where, on SQLite or PostgreSQL.

    Every method raises CatalogueUnavailable or DiskFull where the database fails.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def take_events(self, events: Sequence[ObjectEvent], *, lane: Lane) -> list[Taken]:
        """Bring items and jobs in line with events: the newest of each key counts, however late the others come."""
        taken: list[Taken] = []
        for batch in chunks(events, size=happenings.BATCH):
            with self._database.writing() as (connection, now):
                taken += happenings.take_events(connection, now, batch, lane=lane)
        return taken

    def take_observations(self, store: str, observations: Sequence[Observation], *, lane: Lane) -> list[Taken]:
        """Bring items and jobs in line with a look into a store, but for keys of which something newer was heard."""
        taken: list[Taken] = []
        for batch in chunks(observations, size=happenings.BATCH):
            with self._database.writing() as (connection, now):
                taken += happenings.take_observations(connection, now, store, batch, lane=lane)
        return taken

    def known_objects(self, store: str, prefix: str, *, after: str | None, limit: int) -> list[KnownObject]:
        """Return what is known of the object ``prefix`` and those below it, by key, from the one behind ``after``."""
        query = select(objects).where(objects.c.store == store).order_by(objects.c.key).limit(limit)
        if prefix:
            folder = prefix if prefix.endswith("/") else f"{prefix}/"
            # The character behind the slash: all that begins with the folder lies before it.
            below = and_(objects.c.key >= folder, objects.c.key < f"{folder[:-1]}0")
            query = query.where(below if prefix.endswith("/") else or_(objects.c.key == prefix, below))
        if after is not None:
            query = query.where(objects.c.key > after)
        with self._database.reading() as connection:
            return [
                KnownObject(row.key, None if row.is_gone else row.version, row.revision)
                for row in connection.execute(query)
            ]

    def refuse(self, refused: Sequence[RefusedMessage]) -> None:
        """Keep messages that were not accepted, for people to see; of very many the newest."""
        if not refused:
            return
        with self._database.writing() as (connection, now):
            rows = [
                {
                    "at": now,
                    "source": one.source,
                    "code": one.code,
                    "message": one.message.replace("\0", "")[:_LONGEST_REASON],
                }
                for one in refused
            ]
            connection.execute(insert(refused_messages), rows)
            newest = connection.scalar(select(func.max(refused_messages.c.id))) or 0
            connection.execute(delete(refused_messages).where(refused_messages.c.id <= newest - MOST_REFUSED_KEPT))

    def refused_messages(self, *, limit: int = 100) -> list[RefusedMessage]:
        """Return messages that were not accepted, newest first."""
        query = select(refused_messages).order_by(refused_messages.c.id.desc()).limit(limit)
        with self._database.reading() as connection:
            return [
                RefusedMessage(row.source, ErrorCode(row.code), row.message, datetime.fromtimestamp(row.at, tz=UTC))
                for row in connection.execute(query)
            ]

    def sync_progress(self, store: str, prefix: str) -> SyncProgress | None:
        """Return how far an unfinished pass over a place has come."""
        query = select(syncs).where(syncs.c.store == store, syncs.c.prefix == prefix)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else SyncProgress(row.cursor, row.counts)

    def keep_sync_progress(self, store: str, prefix: str, progress: SyncProgress | None) -> None:
        """Write down how far a pass has come; None where it is finished."""
        with self._database.writing() as (connection, now):
            if progress is None:
                connection.execute(delete(syncs).where(syncs.c.store == store, syncs.c.prefix == prefix))
                return
            row = {"cursor": progress.cursor, "counts": progress.counts, "updated_at": now}
            new = insert_into(connection, syncs).values(store=store, prefix=prefix, **row)
            connection.execute(new.on_conflict_do_update(index_elements=[syncs.c.store, syncs.c.prefix], set_=row))

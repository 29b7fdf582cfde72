"""Bring a database to the newest form of the ledger, one starter at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, column, func, inspect, select, table

from audiofeat.catalogue.database import Database
from audiofeat.catalogue.faults import translated
from audiofeat.catalogue.migrations import NEWEST

_ADVISORY_LOCK = 0x617564696F66
_VERSION = table("alembic_version", column("version_num"))


def upgrade(database: Database) -> None:
    """Create or upgrade the tables; does nothing where they are up to date.

    Raises
    ------
    CatalogueUnavailable
        Where the database cannot be used, or was written by a newer audiofeat.
    DiskFull
        Where no space is left for the database.
    """
    with translated(database.url), _one_at_a_time(database):
        with database.writing() as (connection, _now):
            if not database.is_sqlite:
                connection.execute(select(func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
            current = revision_of(connection)
            if current != NEWEST:
                from audiofeat.catalogue.migrations.run import take_steps  # noqa: PLC0415  it loads Alembic

                take_steps(connection, current=current, name=str(database))
        database.close()


def revision_of(connection: Connection) -> str | None:
    """Return up to which step of the migrations a database has come; None before the first."""
    if not inspect(connection).has_table(_VERSION.name):
        return None
    revision: str | None = connection.scalar(select(_VERSION.c.version_num))
    return revision


@contextmanager
def _one_at_a_time(database: Database) -> Iterator[None]:
    """Hold a file lock beside a SQLite ledger: its switch to WAL fails at once where two processes try it."""
    if not database.is_sqlite:
        yield
        return
    path = Path(str(database.url.database))
    with path.with_name(f"{path.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        database.switch_to_wal()
        yield

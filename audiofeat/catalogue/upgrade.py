"""Bring a database to the newest form of the ledger, one starter at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, select

from audiofeat.catalogue.database import Database
from audiofeat.catalogue.faults import translated
from audiofeat.errors import CatalogueUnavailable

_ADVISORY_LOCK = 0x617564696F66


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
            _to_head(connection, str(database))
        database.close()


def _to_head(connection: Connection, name: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    scripts = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_revision()
    if current == scripts.get_current_head():
        return
    if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
        raise CatalogueUnavailable(
            f"the ledger {name} is of revision {current}, newer than this audiofeat", "upgrade audiofeat"
        )
    command.upgrade(config, "head")


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

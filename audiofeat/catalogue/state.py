"""What a ledger is like, without touching it."""

import time
from pathlib import Path

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from audiofeat.catalogue.database import Database
from audiofeat.domain.machine import LedgerState


def ledger_state(url: str) -> LedgerState:
    """Return a ledger's revision, the newest one, and how far the database's clock is ahead of this host's.

    Raises
    ------
    CatalogueUnavailable
        For a wrong URL, or a database that cannot be used.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    newest = ScriptDirectory.from_config(config).get_current_head() or ""
    database = Database(url)
    try:
        if database.is_sqlite and not Path(str(database.url.database)).exists():
            # Looking would create it.
            return LedgerState(str(database), None, newest, 0.0)
        with database.reading() as connection:
            revision = MigrationContext.configure(connection).get_current_revision()
            skew_s = database.now(connection) - time.time()
        return LedgerState(str(database), revision, newest, skew_s)
    finally:
        database.close()

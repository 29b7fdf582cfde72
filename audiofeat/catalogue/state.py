"""What a ledger is like, without touching it."""

import time
from pathlib import Path

from audiofeat.catalogue.database import Database
from audiofeat.catalogue.migrations import NEWEST
from audiofeat.catalogue.upgrade import revision_of
from audiofeat.domain.machine import LedgerState


def ledger_state(url: str) -> LedgerState:
    """Return a ledger's revision, the newest one, and how far the database's clock is ahead of this host's.

    Raises
    ------
    CatalogueUnavailable
        For a wrong URL, or a database that cannot be used.
    """
    database = Database(url)
    try:
        if database.is_sqlite and not Path(str(database.url.database)).exists():
            # Looking would create it.
            return LedgerState(str(database), None, NEWEST, 0.0)
        with database.reading() as connection:
            revision = revision_of(connection)
            skew_s = database.now(connection) - time.time()
        return LedgerState(str(database), revision, NEWEST, skew_s)
    finally:
        database.close()

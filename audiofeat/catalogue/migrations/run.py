"""Take the steps that a database lacks. Loads Alembic: ask for it only where there is one."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from audiofeat.errors import CatalogueUnavailable


def take_steps(connection: Connection, *, current: str | None, name: str) -> None:
    """Bring tables from a revision to the newest, over a connection and inside its transaction.

    Raises
    ------
    CatalogueUnavailable
        Where the revision is none of ours.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise CatalogueUnavailable(
            f"the ledger {name} is of revision {current}, newer than this audiofeat", "upgrade audiofeat"
        )
    command.upgrade(config, "head")

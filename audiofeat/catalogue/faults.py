"""What a database says when it fails, in words that name the ledger and a remedy, and never a password."""

from collections.abc import Iterator
from contextlib import contextmanager
from sqlite3 import Error as SqliteError

from sqlalchemy import URL
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError, StatementError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from audiofeat.errors import AudiofeatError, CatalogueUnavailable, DiskFull, InvalidInput

_DISK_FULL_SQLSTATE = "53100"
_REMEDIES = {
    "unable to open database file": "create its folder, and make it writable for this user",
    "readonly database": "make the file and its folder writable for this user",
    "file is not a database": "name another file, or move this one away",
    "malformed": "restore a copy; the file is damaged",
    "database is locked": "another process holds the ledger for long; try again, or end that process",
    "password authentication failed": "check user and password in the URL",
    "no password supplied": "check user and password in the URL",
    "role ": "create the role, or name another user in the URL",
    "permission denied": "grant this user CREATE on the schema",
}


def ledger_name(url: URL) -> str:
    """Return how messages call a ledger: its file or its URL, without the password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.render_as_string(hide_password=True)


@contextmanager
def translated(url: URL) -> Iterator[None]:
    """Turn the driver's and SQLAlchemy's errors into ours.

    Raises
    ------
    DiskFull
        Where no space is left for the database.
    InvalidInput
        Where the database cannot store a value, such as a NUL character in text on PostgreSQL.
    CatalogueUnavailable
        For all else that the database or the way to it refuses.
    """
    try:
        yield
    except IntegrityError:
        # A broken constraint is a defect of ours: it has to be seen whole.
        raise
    except (SQLAlchemyError, SqliteError, OSError) as error:
        raise _translation(error, url) from None


def _translation(error: Exception, url: URL) -> AudiofeatError:
    name, detail = ledger_name(url), _first_line(error, url)
    sqlstate = getattr(getattr(error, "orig", None), "sqlstate", None)
    if "disk is full" in detail or "No space left" in detail or sqlstate == _DISK_FULL_SQLSTATE:
        return DiskFull(f"no space is left for the ledger {name}", "free some disk space; work goes on by itself")
    if isinstance(error, StatementError) and isinstance(error.orig, AudiofeatError):
        return error.orig
    if isinstance(error, DataError):
        return InvalidInput(f"the ledger {name} cannot store a value: {detail}")
    if isinstance(error, PoolExhausted):
        return CatalogueUnavailable(f"every connection to the ledger {name} is in use", "start fewer threads")
    return CatalogueUnavailable(f"the ledger {name} cannot be used: {detail}", _remedy(detail, url))


def _remedy(detail: str, url: URL) -> str:
    for symptom, remedy in _REMEDIES.items():
        if symptom in detail:
            return remedy
    if url.get_backend_name() == "sqlite":
        return "make sure that the folder exists and is writable for this user"
    if 'database "' in detail and "does not exist" in detail:
        return f"create it: createdb {url.database}"
    return "make sure that the server runs and that host, port and database in the URL are right"


def _first_line(error: Exception, url: URL) -> str:
    cause = error.orig if isinstance(error, StatementError) else error
    text = cause.strerror or str(cause) if isinstance(cause, OSError) else str(cause)
    line = text.strip().partition("\n")[0] or type(cause).__name__
    return line.replace(url.password, "***") if isinstance(url.password, str) and url.password else line

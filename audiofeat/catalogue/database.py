"""One database behind one URL: connections of this process, transactions, the clock."""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from sqlite3 import Connection as SqliteConnection
from threading import Lock
from typing import Any

import sqlalchemy
from sqlalchemy import URL, Connection, Engine, Table, event, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError

from audiofeat.catalogue.faults import ledger_name, translated
from audiofeat.errors import CatalogueUnavailable, InvalidInput

CONNECT_TIMEOUT_S = 5
BUSY_TIMEOUT_S = 30
# A host that is cut off in the middle of a transaction must not keep its locks, and must notice.
_LOST_HOSTS = {
    "options": "-c idle_in_transaction_session_timeout=20s",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
URL_REMEDY = "use sqlite:///FOLDER/FILE or postgresql://USER:PASSWORD@HOST:PORT/DATABASE"

Clock = Callable[[], float]


class Database:
    """Connections to the ledger's database, made anew in each process that uses it.

    Parameters
    ----------
    url : str
        ``sqlite:///PATH`` or ``postgresql://...`` (psycopg 3).
    clock : callable, optional
        Returns the time in epoch seconds. By default the server's clock on PostgreSQL, so that leases of many
        hosts agree, and this host's on SQLite.

    Raises
    ------
    CatalogueUnavailable
        For a URL that names no ledger.
    """

    def __init__(self, url: str, *, clock: Clock | None = None) -> None:
        self.url = _parsed(url)
        self._clock = clock
        self._lock = Lock()
        self._engine: Engine | None = None
        self._pid = 0
        self._of_parents: list[Engine] = []

    def __str__(self) -> str:
        return ledger_name(self.url)

    @property
    def is_sqlite(self) -> bool:
        """Whether the ledger is a file on this host."""
        return self.url.get_backend_name() == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that sees one state of the ledger and writes nothing."""
        with translated(self.url), self._own_engine().connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self, *, lasting: bool = True) -> Iterator[tuple[Connection, float]]:
        """Open a transaction that may write, and tell its time; on SQLite it holds the one write lock.

        Parameters
        ----------
        lasting : bool
            Whether it has to outlive a power failure. What no worker outlives either, such as a claim, need not: it
            is seen by everybody at once, outlives every kill of a process, and costs no wait for the disk.
        """
        engine = self._own_engine().execution_options(writes=True, lasting=lasting)
        with translated(self.url), engine.connect() as connection, connection.begin():
            if not lasting and not self.is_sqlite:
                connection.exec_driver_sql("SET LOCAL synchronous_commit TO off")
            yield connection, self.now(connection)

    def switch_to_wal(self) -> None:
        """Let readers and the writer of a SQLite ledger work side by side; lasts for the life of the file."""
        with translated(self.url), closing(self._own_engine().raw_connection()) as connection:
            connection.cursor().execute("PRAGMA journal_mode=WAL")

    def close(self) -> None:
        """Close this process's idle connections; the next transaction opens new ones."""
        with self._lock:
            if self._engine is not None and self._pid == os.getpid():
                self._engine.dispose()

    def now(self, connection: Connection) -> float:
        """Return the time by which leases and waits are judged, in epoch seconds."""
        if self._clock is not None:
            return self._clock()
        if self.is_sqlite:
            return time.time()
        return float(connection.scalar(select(func.extract("epoch", func.clock_timestamp()))) or 0.0)

    def _own_engine(self) -> Engine:
        with self._lock:
            if self._engine is None or self._pid != os.getpid():
                if self._engine is not None:
                    # Collecting a parent's connections would close its sockets and drop its file locks.
                    self._of_parents.append(self._engine)
                self._engine = _engine(self.url)
                self._pid = os.getpid()
            return self._engine


def insert_into(connection: Connection, table: Table) -> "sqlite.Insert | postgresql.Insert":
    """Return an INSERT that knows ON CONFLICT in the connection's dialect."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def _parsed(url: str) -> URL:
    try:
        parsed = sqlalchemy.make_url(url)
    except (ArgumentError, ValueError):
        raise CatalogueUnavailable("the ledger's URL cannot be read", URL_REMEDY) from None
    backend = parsed.get_backend_name()
    if backend == "sqlite" and parsed.drivername in {"sqlite", "sqlite+pysqlite"}:
        if not parsed.database or parsed.database.startswith((":", "file:")):
            raise CatalogueUnavailable("a SQLite ledger has to be a file that all processes share", URL_REMEDY)
        return parsed
    if parsed.drivername in {"postgresql", "postgres", "postgresql+psycopg"}:
        return parsed.set(drivername="postgresql+psycopg")
    raise CatalogueUnavailable(f"a ledger cannot live in {parsed.drivername!r}", URL_REMEDY)


def _engine(url: URL) -> Engine:
    connect_args: Mapping[str, Any]
    if url.get_backend_name() != "sqlite":
        connect_args = {"connect_timeout": CONNECT_TIMEOUT_S, "application_name": "audiofeat", **_LOST_HOSTS}
        return sqlalchemy.create_engine(
            url, json_serializer=_json, connect_args=connect_args, pool_pre_ping=True, hide_parameters=True
        )
    connect_args = {"timeout": BUSY_TIMEOUT_S}
    engine = sqlalchemy.create_engine(url, json_serializer=_json, connect_args=connect_args, hide_parameters=True)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _json(value: object) -> str:
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"the ledger cannot store a value: {error}") from None


def _prepare(connection: SqliteConnection, _record: object) -> None:
    # The driver would begin transactions on its own, and too late for a lock.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys=ON")


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if not options.get("writes", False):
        connection.exec_driver_sql("BEGIN")
        return
    connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if options.get('lasting', True) else 'NORMAL'}")
    # A transaction that reads first and writes later could not be retried: take the write lock at once.
    connection.exec_driver_sql("BEGIN IMMEDIATE")

"""One database behind one URL: connections of this process, transactions, the clock."""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from sqlite3 import Connection as SqliteConnection
from threading import Lock
from typing import Any

import sqlalchemy
from sqlalchemy import URL, Connection, Engine, Table, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

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

_NOW = text("SELECT extract(epoch FROM clock_timestamp())::float8")
_MARK = text("SELECT pg_logical_emit_message(true, 'audiofeat', '')")
_TOUCH = text("UPDATE counters SET value = value")
# The commit that finds SQLite's log so long folds it itself, and waits for the disk.
_LOG_PAGES_MOST = 4_000
# So much of SQLite's file is mapped, the most it can: a page is then found without a system call and a copy.
_MAPPED_BYTES = 0x7FFF0000
# A server that was restarted is noticed before a connection is used that lay idle for so long.
_IDLE_S = 2.0

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
    def asking(self) -> Iterator[Connection]:
        """Lend a connection for a single statement that reads: by itself it sees one state of the ledger."""
        with translated(self.url), self._own_engine().connect() as connection:
            yield connection.execution_options(single=True)

    @contextmanager
    def writing(self, *, lasting: bool = True) -> Iterator[tuple[Connection, float]]:
        """Open a transaction that may write, and tell its time; on SQLite it holds the one write lock.

        Parameters
        ----------
        lasting : bool
            Whether it has to outlive a power failure. What no worker outlives either, such as a claim, need not, nor
            what would be worked out again: it is seen by everybody at once, outlives every kill of a process, and
            costs no wait for the disk. It lasts at the latest with the next transaction that does.
        """
        with (
            translated(self.url),
            self._own_engine().connect() as connection,
            connection.execution_options(writes=True, lasting=lasting).begin(),
        ):
            yield connection, self.now(connection)

    @contextmanager
    def attempting(self) -> Iterator[tuple[Connection, float | None]]:
        """Open a transaction for a step in the attempt at a job: it need not last, and there are many of them.

        What :class:`~audiofeat.catalogue.statements.Statement` does is sent to PostgreSQL without waiting for answers.
        The time is None where the server is to say it, as in :class:`~audiofeat.catalogue.ledger_time.LedgerTime`.
        """
        with (
            translated(self.url),
            self._own_engine().connect() as connection,
            nullcontext() if self.is_sqlite else _pipeline(connection),
            connection.execution_options(writes=True, lasting=False).begin(),
        ):
            yield connection, None if self._clock is None and not self.is_sqlite else self.now(connection)

    def settle(self) -> None:
        """Have all that can be seen by now outlive a power failure."""
        with self.writing() as (connection, _):
            # A transaction that writes nothing waits for nothing.
            connection.execute(_TOUCH if self.is_sqlite else _MARK)

    def switch_to_wal(self) -> None:
        """Let readers and the writer of a SQLite ledger work side by side; lasts for the life of the file."""
        with translated(self.url), closing(self._own_engine().raw_connection()) as connection:
            connection.cursor().execute("PRAGMA journal_mode=WAL")

    def fold_log(self) -> None:
        """Write a SQLite ledger's log into its file, so that hardly a commit has to; holds nobody up."""
        if self.is_sqlite:
            with translated(self.url), closing(self._own_engine().raw_connection()) as connection:
                connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def close(self) -> None:
        """Close this process's idle connections; the next transaction opens new ones."""
        with self._lock:
            if self._engine is not None and self._pid == os.getpid():
                self._engine.dispose()

    def now(self, connection: Connection) -> float:
        """Return the time by which leases and waits are judged, in epoch seconds."""
        if self._clock is not None:
            return self._clock()
        return time.time() if self.is_sqlite else float(connection.scalar(_NOW))

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
        engine = sqlalchemy.create_engine(
            url, json_serializer=_json, connect_args=connect_args, hide_parameters=True, isolation_level="AUTOCOMMIT"
        )
        event.listen(engine, "connect", _learn_commits)
        event.listen(engine, "begin", _begin_on_server)
        event.listen(engine, "after_cursor_execute", _await_answer)
        event.listen(engine, "checkin", _lay_down)
        event.listen(engine, "checkout", _try_again)
        return engine
    connect_args = {"timeout": BUSY_TIMEOUT_S}
    engine = sqlalchemy.create_engine(url, json_serializer=_json, connect_args=connect_args, hide_parameters=True)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _lay_down(_connection: object, record: ConnectionPoolEntry) -> None:
    record.info["idle_since"] = time.monotonic()


def _try_again(connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object) -> None:
    """Have the pool replace a connection that its server has closed meanwhile."""
    if time.monotonic() - record.info.get("idle_since", float("inf")) > _IDLE_S:
        import psycopg  # noqa: PLC0415  a driver that ledgers in a file do without

        try:
            connection.cursor().execute("SELECT 1")
            connection.rollback()
        except psycopg.OperationalError as error:
            raise DisconnectionError from error


def _learn_commits(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    """Have no commit wait for the disk, unless it is told to; and then as the server would have it."""
    cursor = connection.cursor()
    cursor.execute("SELECT current_setting('synchronous_commit'), set_config('synchronous_commit', 'off', false)")
    ((record.info["commits"], _),) = cursor.fetchall()


def _begin_on_server(connection: Connection) -> None:
    """Begin as the driver would, but without waiting where a pipeline is open."""
    cursor = connection.connection.cursor()
    cursor.execute("BEGIN")
    if connection.get_execution_options().get("lasting", False):
        cursor.execute(f"SET LOCAL synchronous_commit TO {connection.info['commits']}")


@contextmanager
def _pipeline(connection: Connection) -> Iterator[None]:
    driver: Any = connection.connection.driver_connection
    info = connection.info
    with driver.pipeline() as info["pipeline"]:
        try:
            yield
        finally:
            del info["pipeline"]


def _await_answer(connection: Connection, *_of_statement: object) -> None:
    """Have SQLAlchemy find what its statement returns, although a pipeline is open."""
    if pipeline := connection.info.get("pipeline"):
        pipeline.sync()


_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


def _json(value: object) -> str:
    try:
        return _encode(value)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"the ledger cannot store a value: {error}") from None


def _prepare(connection: SqliteConnection, _record: object) -> None:
    # The driver would begin transactions on its own, and too late for a lock.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute(f"PRAGMA wal_autocheckpoint={_LOG_PAGES_MOST}")
    connection.execute(f"PRAGMA mmap_size={_MAPPED_BYTES}")


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("single", False):
        return
    if not options.get("writes", False):
        connection.exec_driver_sql("BEGIN")
        return
    synchronous = "FULL" if options.get("lasting", True) else "NORMAL"
    if connection.info.get("synchronous") != synchronous:
        connection.exec_driver_sql(f"PRAGMA synchronous={synchronous}")
        connection.info["synchronous"] = synchronous
    # A transaction that reads first and writes later could not be retried: take the write lock at once.
    connection.exec_driver_sql("BEGIN IMMEDIATE")

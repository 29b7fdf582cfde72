"""What an attempt at a job costs the ledger, and who waits for the disk."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from contract.test_catalogue import catalogue, outcome, queue, take, version
from sqlalchemy import Engine, event

from audiofeat.catalogue import SqlCatalogue, open_catalogue
from audiofeat.catalogue.database import Database
from audiofeat.domain.items import Kind
from audiofeat.errors import CatalogueUnavailable

__all__ = ["catalogue"]


def statements(work: Callable[[], object]) -> list[str]:
    """Return what the ledger is asked while something is done, but for the beginning and end of transactions."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            seen.append(" ".join(statement.split()[:3]))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        work()
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    return seen


def test_an_attempt_takes_few_statements(catalogue: SqlCatalogue) -> None:
    """A claim is two statements and a first result, with all that it writes, fourteen: two questions, then writes."""
    job_id = queue(catalogue)
    assert len(statements(lambda: take(catalogue, job_id))) == 2
    claim = take(catalogue, queue(catalogue, version("another.wav")))
    asked = statements(lambda: catalogue.finish(claim, outcome()))
    assert [one.partition(" ")[0] for one in asked].count("SELECT") == 2
    assert len(asked) <= 14


@pytest.mark.parametrize(
    "follow",
    [lambda one: one.embeddings(Kind.TRACK), lambda one: one.settled_change()],
    ids=["fingerprints", "attributes"],
)
def test_whoever_follows_numbers_has_them_outlive_the_server(
    new_postgresql: Callable[[], str], follow: Callable[[SqlCatalogue], object]
) -> None:
    """A result does not wait for the disk; a reader that goes on from its number does, or it could be given twice."""
    url = new_postgresql()
    catalogue = open_catalogue(url)
    assert catalogue.finish(take(catalogue, queue(catalogue)), outcome())
    with psycopg.connect(url, autocommit=True) as server:
        written = server.execute("SELECT pg_current_wal_insert_lsn()").fetchone()
        follow(catalogue)
        assert written is not None
        assert server.execute("SELECT pg_current_wal_flush_lsn() >= %s::pg_lsn", written).fetchone() == (True,)
    catalogue.close()


def test_a_lasting_transaction_commits_as_the_server_would(new_postgresql: Callable[[], str]) -> None:
    """An attempt does not wait for the disk, a registration does, and both in the same connection."""
    database = Database(new_postgresql())

    def mode(connection: Any) -> str:
        return str(connection.exec_driver_sql("SHOW synchronous_commit").scalar_one())

    with database.writing() as (connection, _):
        assert mode(connection) == "on"
    with database.attempting() as (connection, now):
        assert now is None
        assert mode(connection) == "off"
    with database.writing(lasting=False) as (connection, _):
        assert mode(connection) == "off"
    database.close()


@contextmanager
def _closed_by_the_server(url: str) -> Iterator[Callable[[], object]]:
    """Have the server end every other connection to the database."""
    with psycopg.connect(url, autocommit=True) as server:
        yield lambda: server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()


def test_an_attempt_whose_connection_breaks_is_refused_and_the_next_one_works(
    new_postgresql: Callable[[], str],
) -> None:
    """A server that goes away within a pipeline costs that step, not the process's connections."""
    url = new_postgresql()
    catalogue = open_catalogue(url)
    claim = take(catalogue, queue(catalogue))
    with _closed_by_the_server(url) as close:

        def break_off(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if statement.startswith("INSERT INTO analyses"):
                close()

        event.listen(Engine, "before_cursor_execute", break_off)
        try:
            with pytest.raises(CatalogueUnavailable):
                catalogue.finish(claim, outcome())
        finally:
            event.remove(Engine, "before_cursor_execute", break_off)
    assert catalogue.finish(claim, outcome())
    catalogue.close()

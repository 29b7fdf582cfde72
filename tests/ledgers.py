"""Ledgers for the tests, on both kinds of database: migrated once and then copied, which takes a tenth of the time."""

import shutil
import sqlite3
import uuid
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from audiofeat.catalogue import open_catalogue

KINDS = ("sqlite", "postgresql")
START = 1_700_000_000.0


class Clock:
    """A clock that stands still until it is moved."""

    now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock for a ledger."""
    return Clock()


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """File of an empty ledger, to be copied."""
    path = tmp_path_factory.mktemp("empty") / "ledger.sqlite3"
    open_catalogue(f"sqlite:///{path}").close()
    with sqlite3.connect(path) as ledger:
        ledger.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    ledger.close()
    return path


@pytest.fixture(scope="session")
def new_postgresql_ledger(postgresql_server: str) -> Callable[[], str]:
    """Make an empty ledger on the server and return its URL."""
    folder, template = postgresql_server.rpartition("/")[0], f"empty_{uuid.uuid4().hex[:12]}"

    def create(name: str, how: str = "") -> str:
        with psycopg.connect(postgresql_server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}{how}".encode())
        return f"{folder}/{name}"

    open_catalogue(create(template)).close()
    return lambda: create(f"ledger_{uuid.uuid4().hex[:12]}", f" TEMPLATE {template}")


@pytest.fixture(params=KINDS)
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty ledger, on each kind of database in turn."""
    if request.param == "sqlite":
        copy = shutil.copy(request.getfixturevalue("empty_sqlite"), tmp_path / "ledger.sqlite3")
        return f"sqlite:///{copy}"
    new: Callable[[], str] = request.getfixturevalue("new_postgresql_ledger")
    return new()


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a database without any tables, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.sqlite3"
    new: Callable[[], str] = request.getfixturevalue("new_postgresql")
    return new()

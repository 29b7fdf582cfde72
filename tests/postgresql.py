"""A real database for the tests: a throw-away PostgreSQL on a free loopback port."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.ports import free_port

PASSWORD = "correct-horse"
START_S = 120.0


def _binaries() -> Path | None:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if installed:
        return installed[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def _as_server_user() -> list[str]:
    """Return the command prefix under which the server runs: it refuses root, and has to die with the tests."""
    prefix = ["setpriv", "--pdeathsig", "INT"]
    return [*prefix, "--reuid", "postgres", "--regid", "postgres", "--clear-groups"] if os.getuid() == 0 else prefix


def _wait_until_ready(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and server.poll() is None:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"PostgreSQL did not start: {log.read_text()}")


@contextmanager
def server(*, fsync: bool = False) -> Iterator[str]:
    """Run a server, and give the URL of its own database, with the password in it; skip where none is installed."""
    binaries = _binaries()
    if binaries is None:
        reason = "needs postgresql: apt-get install -y --no-install-recommends postgresql"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    # Below pytest's own folder the server's user could not enter.
    folder = Path(tempfile.mkdtemp(prefix="audiofeat-postgresql-"))
    password_file, log = folder / "password", folder / "log"
    password_file.write_text(PASSWORD)
    if os.getuid() == 0:
        owner = pwd.getpwnam("postgres")
        for path in (folder, password_file):
            os.chown(path, owner.pw_uid, owner.pw_gid)
    port, prefix = free_port(), _as_server_user()
    create = [binaries / "initdb", "-D", folder / "data", "-U", "owner", "-A", "scram-sha-256", "-E", "UTF8"]
    subprocess.run(
        [*prefix, *create, "--no-sync", "--pwfile", password_file], check=True, stdout=subprocess.DEVNULL, cwd="/"
    )
    serve = [binaries / "postgres", "-D", folder / "data", "-h", "127.0.0.1", "-p", str(port), "-k", folder]
    if not fsync:
        serve += ["-c", "fsync=off"]
    with log.open("wb") as output:
        process = subprocess.Popen([*prefix, *serve], stdout=output, stderr=output, cwd="/")
    try:
        url = f"postgresql://owner:{PASSWORD}@127.0.0.1:{port}/postgres"
        _wait_until_ready(url, process, log)
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """URL of the server's own database, with the password in it."""
    with server() as url:
        yield url


@pytest.fixture
def new_postgresql(postgresql_server: str) -> Callable[[], str]:
    """Make an empty database and return its URL."""

    def make() -> str:
        name = f"ledger_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(postgresql_server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return f"{postgresql_server.rpartition('/')[0]}/{name}"

    return make

"""Opening a ledger: made on first use, kept up to date, and clear about what is wrong."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, event

from audiofeat.catalogue import migrations, open_catalogue
from audiofeat.catalogue.schema import metadata
from audiofeat.domain.items import Kind, ObjectVersion
from audiofeat.domain.jobs import JobState, Registration
from audiofeat.errors import CatalogueUnavailable, DiskFull


def plain_engine(url: str) -> Engine:
    return sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))


def registrations(count: int) -> list[Registration]:
    return [Registration(ObjectVersion("music", f"{n}.wav", "1")) for n in range(count)]


def test_the_migrations_make_the_tables_that_the_code_uses(database_url: str) -> None:
    """Alembic finds no difference between a migrated database and the schema module."""
    open_catalogue(database_url)
    with plain_engine(database_url).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_newest_step_is_the_last() -> None:
    """What a ledger is held against before Alembic is loaded is where Alembic's steps end."""
    folder = str(Path(migrations.__file__).parent)
    assert ScriptDirectory(folder).get_current_head() == migrations.NEWEST


def test_a_ledger_that_is_up_to_date_is_opened_without_the_migrations(tmp_path: Path) -> None:
    """Neither Alembic nor PostgreSQL's driver is loaded, which would take longer than all else."""
    url = f"sqlite:///{tmp_path}/ledger.sqlite3"
    open_catalogue(url).register(registrations(1))
    code = f"import sys; from audiofeat.catalogue import open_catalogue; print(open_catalogue({url!r}).states())"
    told = f"{code}; print({{'alembic', 'psycopg'}} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[1] == "set()"


def test_opening_again_keeps_what_is_there(database_url: str) -> None:
    """The second opening changes nothing."""
    first = open_catalogue(database_url).register(registrations(3))
    again = open_catalogue(database_url).register(registrations(3))
    assert [job.is_new for job in again] == [False, False, False]
    assert [job.job_id for job in again] == [job.job_id for job in first]


def test_processes_that_start_together_make_one_ledger(database_url: str) -> None:
    """Six processes that open an empty database at once all succeed."""
    ready, go = os.pipe()
    children = []
    for n in range(6):
        child = os.fork()
        if child == 0:
            os.close(go)
            os.read(ready, 1)
            status = 1
            try:
                open_catalogue(database_url).register(registrations(n + 1))
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    os.close(go)
    os.close(ready)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 6
    assert sum(open_catalogue(database_url).states().values()) == 6


def test_a_kill_inside_the_migration_leaves_an_empty_database(database_url: str) -> None:
    """The tables come all at once or not at all, so the next start begins anew."""

    def kill_before(statement: str) -> None:
        if "CREATE TABLE jobs" in statement:
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        event.listen(Engine, "before_cursor_execute", lambda *call: kill_before(call[2]))
        try:
            open_catalogue(database_url)
        finally:
            os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert len(open_catalogue(database_url).register(registrations(2))) == 2


def test_threads_that_register_the_same_objects_agree(ledger_url: str) -> None:
    """Four threads register one list at once: each object is new to exactly one of them."""
    catalogue = open_catalogue(ledger_url)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: catalogue.register(registrations(50)), range(4)))
    assert sum(job.is_new for answer in answers for job in answer) == 50
    assert len({job.item_id for answer in answers for job in answer}) == 50


def test_a_ledger_of_a_newer_audiofeat_is_left_alone(ledger_url: str) -> None:
    """A revision that this code does not know is refused before anything is written."""
    open_catalogue(ledger_url)
    with plain_engine(ledger_url).begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(CatalogueUnavailable, match=r"revision 9999, newer than this audiofeat \(upgrade audiofeat\)"):
        open_catalogue(ledger_url)


def test_a_release_is_recorded_once_however_often_published(ledger_url: str) -> None:
    """Promoting an old release again moves its time and adds no row."""
    catalogue = open_catalogue(ledger_url)
    for recall in (0.96, 0.97):
        catalogue.record_release("r1", kind=Kind.TRACK, space="tracks-1", items=10, recall=recall)
    with plain_engine(ledger_url).connect() as connection:
        rows = connection.exec_driver_sql("SELECT release, items, recall FROM index_releases").all()
    assert [tuple(row) for row in rows] == [("r1", 10, 0.97)]


def test_sqlite_survives_power_loss_by_its_settings(tmp_path: Path) -> None:
    """WAL is on; what was promised is synced with its commit, and what would be done again with the next such one."""
    modes: list[int] = []
    listener = event.listens_for(Engine, "commit")(
        lambda connection: modes.append(connection.exec_driver_sql("PRAGMA synchronous").scalar_one())
    )
    try:
        catalogue = open_catalogue(f"sqlite:///{tmp_path}/ledger.sqlite3")
        [job] = catalogue.register(registrations(1))
        assert set(modes) == {2}
        modes.clear()
        claim = catalogue.claim(job.job_id, worker="w", lease_s=10)
        assert claim is not None
        catalogue.reject(claim, code="not_audio", message="text")
        assert set(modes) == {1}
        modes.clear()
        catalogue.settle()
    finally:
        event.remove(Engine, "commit", listener)
    with sqlite3.connect(tmp_path / "ledger.sqlite3") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert set(modes) == {2}


def test_connections_that_a_server_closed_meanwhile_are_replaced(
    new_postgresql: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a restart of PostgreSQL: who comes back to an idle connection does not notice."""
    monkeypatch.setattr("audiofeat.catalogue.database._IDLE_S", 0.0)
    url = new_postgresql()
    catalogue = open_catalogue(url)
    catalogue.register(registrations(1))
    with plain_engine(url).begin() as connection:
        mine = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'audiofeat'"
        assert connection.exec_driver_sql(f"{mine} AND datname = current_database()").all() == [(True,)]
    assert catalogue.states() == {JobState.QUEUED: 1}


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "cannot be read"),
        ("ledger.db", "cannot be read"),
        ("postgresql://u:sesame@host:port/x", "cannot be read"),
        ("sqlite://", "has to be a file"),
        ("sqlite:///:memory:", "has to be a file"),
        ("mysql://root:sesame@localhost/x", "cannot live in 'mysql'"),
        ("postgresql+psycopg2://u:sesame@localhost/x", r"cannot live in 'postgresql\+psycopg2'"),
    ],
)
def test_a_url_that_names_no_ledger_is_refused(url: str, message: str) -> None:
    """The remedy shows a URL that works, the message never the password."""
    with pytest.raises(CatalogueUnavailable, match=message) as caught:
        open_catalogue(url)
    assert caught.value.remedy.startswith("use sqlite:///")
    assert "sesame" not in str(caught.value)


def test_an_unreachable_server_is_named_without_its_password() -> None:
    """Host and port are in the message, the password is not."""
    with pytest.raises(
        CatalogueUnavailable, match=r"audiofeat:\*\*\*@127\.0\.0\.1:9/x cannot be used.*refused"
    ) as caught:
        open_catalogue("postgresql://audiofeat:sesame@127.0.0.1:9/x")
    assert "server runs" in caught.value.remedy
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "remedy"),
    [("correct-horse", "sesame", "check user and password"), ("/postgres", "/nowhere", "createdb nowhere")],
)
def test_a_server_that_refuses_says_what_to_do(postgresql_server: str, old: str, new: str, remedy: str) -> None:
    """A wrong password and a missing database have remedies of their own."""
    with pytest.raises(CatalogueUnavailable) as caught:
        open_catalogue(postgresql_server.replace(old, new))
    assert remedy in caught.value.remedy
    assert "sesame" not in str(caught.value)
    assert "correct-horse" not in str(caught.value)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """The ledger never makes folders where a path was mistyped."""
    with pytest.raises(CatalogueUnavailable, match=r"absent/l\.sqlite3 cannot be used: No such file.*folder exists"):
        open_catalogue(f"sqlite:///{tmp_path}/absent/l.sqlite3")


def test_a_file_that_is_no_database_is_kept(tmp_path: Path) -> None:
    """Another program's file is refused and not touched."""
    path = tmp_path / "notes.txt"
    path.write_text("not a ledger " * 100)
    with pytest.raises(CatalogueUnavailable, match=r"not a database.*name another file"):
        open_catalogue(f"sqlite:///{path}")
    assert path.read_text() == "not a ledger " * 100


def test_a_read_only_folder_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    """A user who may not write is told so."""
    tmp_path.chmod(0o555)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        if os.getuid() == 0:
            os.setuid(65534)
        try:
            open_catalogue(f"sqlite:///{tmp_path}/ledger.sqlite3")
        except CatalogueUnavailable as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as message:
        assert "Permission denied (make sure that the folder exists and is writable" in message.read()


def test_a_full_disk_is_told_apart(tmp_path: Path) -> None:
    """Where SQLite finds no room, the error is DiskFull; the ledger works again once there is room."""
    url = f"sqlite:///{tmp_path}/ledger.sqlite3"
    catalogue = open_catalogue(url)
    listener = event.listens_for(Engine, "begin")(
        lambda connection: connection.exec_driver_sql("PRAGMA max_page_count = 1")
    )
    try:
        with pytest.raises(DiskFull, match="no space is left for the ledger"):
            catalogue.register(registrations(2_000))
    finally:
        event.remove(Engine, "begin", listener)
    catalogue.close()
    assert len(catalogue.register(registrations(2_000))) == 2_000

"""``audiofeat ingest`` over a folder: what it says, what it leaves alone, and what a kill -9 costs."""

import json
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from shutil import copy, copytree

import pytest

from commands import SAMPLES, Run, kill, processes_of, wait_until

OBJECTS = len(list((SAMPLES / "audio").iterdir()))
DECODABLE = OBJECTS - 1


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of the samples: their modification times are their versions."""
    return copytree(SAMPLES / "audio", tmp_path / "music")


def count(home: Path, query: str) -> int:
    """Return the number that a query over the ledger gives; 0 while there is no ledger."""
    try:
        with sqlite3.connect(f"file:{home}/catalogue.sqlite3?mode=ro", uri=True) as ledger:
            return int(ledger.execute(query).fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def ended(home: Path) -> int:
    """Return how many jobs have ended."""
    return count(home, "select count(*) from jobs where state in ('done', 'degraded', 'rejected')")


def every_item_exactly_once(home: Path) -> None:
    """Check that each object has one ended job, one finishing transition and one row for each feature group."""
    assert ended(home) == count(home, "select count(*) from jobs") == OBJECTS
    finishes = "from transitions where to_state in ('done', 'degraded')"
    assert count(home, f"select count(*) {finishes}") == count(home, f"select count(distinct job_id) {finishes}")
    assert count(home, "select count(*) from items") == OBJECTS
    assert count(home, "select count(distinct item_id) from embeddings") == DECODABLE - 1  # silence has none
    groups = count(home, 'select count(distinct "group") from analyses')
    assert count(home, "select count(*) from analyses") == groups * count(home, "select count(*) from audio")


@pytest.mark.alone
def test_ingest_then_nothing_to_do(audiofeat: Run, folder: Path, tmp_path: Path) -> None:
    """A first run analyses all and names failures; a second run over unchanged audio is over before a worker starts."""
    first = audiofeat("ingest", folder)
    assert first.returncode == 3, first.stderr
    assert f"{OBJECTS} objects: 2 degraded, {DECODABLE - 2} done, 1 rejected; 0 unchanged" in first.stdout
    assert "liner_notes.mp3  not_audio" in first.stdout
    every_item_exactly_once(tmp_path / "home")
    assert not processes_of(tmp_path / "home")

    began = time.monotonic()
    second = audiofeat("ingest", folder)
    assert second.returncode == 0
    assert f"nothing to do: {OBJECTS} objects, all unchanged" in second.stdout
    assert time.monotonic() - began < 3

    (folder / "pad_slow_tide.ogg").touch()
    third = audiofeat("ingest", folder)
    assert f"1 objects: 1 done; {OBJECTS - 1} unchanged" in third.stdout
    shown = json.loads(audiofeat("show", "pad_slow_tide.ogg", "--json").stdout)
    assert shown["features"]["tonal"]["key"] == "C"
    assert shown["features"]["tonal"]["mode"] == "major"


@pytest.mark.parametrize("victim", ["everything", "the workers"])
def test_kill_in_the_middle(
    audiofeat: Run, environment: dict[str, str], folder: Path, tmp_path: Path, victim: str
) -> None:
    """After a kill -9 of everything and a rerun, or of the workers alone, every item is there exactly once."""
    home = tmp_path / "home"
    running = subprocess.Popen(
        [sys.executable, "-m", "audiofeat", "ingest", str(folder)], env=environment, cwd=tmp_path
    )
    try:
        wait_until(lambda: ended(home) >= 5)
        if victim == "everything":
            running.kill()
            running.wait()
            wait_until(lambda: not processes_of(home), timeout_s=10)
            assert 5 <= ended(home) < OBJECTS
            assert audiofeat("ingest", folder).returncode == 3
        else:
            kill(processes_of(home, "-m workers"))
            assert running.wait(timeout=120) == 3
    finally:
        running.kill()
        running.wait()
    every_item_exactly_once(home)
    wait_until(lambda: not processes_of(home), timeout_s=10)


def test_second_ingest_takes_over_from_the_first(audiofeat: Run, environment: dict[str, str], tmp_path: Path) -> None:
    """Two commands share broker and workers; when the one that started them ends, the other goes on with its own."""
    home = tmp_path / "home"
    clips = sorted((SAMPLES / "audio").iterdir())
    for name, chosen in (("few", clips[:3]), ("many", clips[3:])):
        (tmp_path / name).mkdir()
        for clip in chosen:
            copy(clip, tmp_path / name)
    first = subprocess.Popen([sys.executable, "-m", "audiofeat", "ingest", "few"], env=environment, cwd=tmp_path)
    wait_until((home / "broker" / "url").exists)
    second = audiofeat("ingest", "many")
    assert first.wait(timeout=60) == 0
    assert second.returncode == 3, second.stderr
    every_item_exactly_once(home)
    wait_until(lambda: not processes_of(home), timeout_s=10)


def test_sigterm_leaves_nothing_behind(environment: dict[str, str], folder: Path, tmp_path: Path) -> None:
    """A terminated run ends its workers and broker, and leaves no scratch folder and no socket."""
    home = tmp_path / "home"
    running = subprocess.Popen(
        [sys.executable, "-m", "audiofeat", "ingest", str(folder)], env=environment, cwd=tmp_path
    )
    wait_until(lambda: ended(home) >= 3)
    socket = Path((home / "broker" / "url").read_text().removeprefix("redis+socket://"))
    running.terminate()
    assert running.wait(timeout=45) == 1
    wait_until(lambda: not processes_of(home), timeout_s=10)
    assert not socket.parent.exists()
    assert not list((home / "scratch").iterdir())
    assert count(home, "select count(*) from jobs where crashes + losses > 0") == 0


def test_what_is_left_out_is_told(audiofeat: Run, tmp_path: Path) -> None:
    """Names that do not end as audio are counted, and two objects with one reference are named."""
    music = tmp_path / "music"
    music.mkdir()
    for name in ("a.ogg", "b.ogg", "cover.jpg"):
        copy(SAMPLES / "audio" / "pad_slow_tide.ogg", music / name)
    (tmp_path / "feed.csv").write_text("path,reference,title\na.ogg,x-1,Slow [Live] [/b]\nb.ogg,x-1,Slow [Live] [/b]\n")
    done = audiofeat("ingest", music, "--metadata", "feed.csv")
    assert done.returncode == 3
    assert "1 objects left out" in done.stderr
    assert "a.ogg shares its reference" in done.stderr
    shown = audiofeat("show", "b.ogg")
    assert shown.returncode == 0, shown.stderr
    assert "Slow [Live] [/b]" in shown.stdout


def test_mended_rights_are_noticed(audiofeat: Run, tmp_path: Path) -> None:
    """What ended for want of the object is queued again when the object is listed again."""
    music = tmp_path / "music"
    music.mkdir()
    copy(SAMPLES / "audio" / "pad_slow_tide.ogg", music / "a.ogg")
    assert audiofeat("ingest", music).returncode == 0
    with sqlite3.connect(tmp_path / "home" / "catalogue.sqlite3") as ledger:
        ledger.execute("update jobs set state = 'rejected', error_code = 'access_denied'")
    again = audiofeat("ingest", music)
    assert again.returncode == 0
    assert "1 objects: 1 done" in again.stdout

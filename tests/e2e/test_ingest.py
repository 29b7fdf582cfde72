"""``audiofeat ingest`` over a folder: what it says, what it leaves alone, and what a kill -9 costs."""

import json
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from shutil import copytree

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
        wait_until(lambda: ended(home) >= 5, timeout_s=60)
        if victim == "everything":
            running.kill()
            running.wait()
            wait_until(lambda: not processes_of(home), timeout_s=10)
            assert 5 <= ended(home) < OBJECTS
            assert audiofeat("ingest", folder).returncode == 3
        else:
            kill(processes_of(home, "celery"))
            assert running.wait(timeout=120) == 3
    finally:
        running.kill()
        running.wait()
    every_item_exactly_once(home)
    wait_until(lambda: not processes_of(home), timeout_s=10)

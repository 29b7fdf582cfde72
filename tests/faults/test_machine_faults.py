"""Faults around a running ``audiofeat up``: a broker that loses everything, nonsense in its queues, and the end."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import kombu
import pytest
from faults import chaos

from audiofeat.broker import QUEUES
from commands import SAMPLES, kill, processes_of, wait_until

CLIPS = ("pad_slow_tide.ogg", "noise_grey_weather.ogg", "brass_harbour_call.ogg", "dnb_neon_circuit.ogg")
COPIES = 6
ROOT = Path(__file__).parents[2]


@contextmanager
def running(environment: dict[str, str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Register copies of some clips, then run ``audiofeat up`` over them."""
    music = folder / "music"
    music.mkdir()
    for n in range(COPIES):
        for clip in CLIPS:
            # Bytes of their own, or all but the first would be known.
            (music / f"{n}-{clip}").write_bytes((SAMPLES / "audio" / clip).read_bytes() + bytes([n]))
    register = [sys.executable, "-c", chaos.REGISTER, str(music)]
    subprocess.run(register, env=environment, cwd=folder, check=True)
    command = [sys.executable, "-m", "audiofeat", "up", "--no-api", "--workers", "2"]
    process = subprocess.Popen(command, env=environment, cwd=folder)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(40)


def count(home: Path, condition: str) -> int:
    with closing(sqlite3.connect(f"file:{home}/catalogue.sqlite3?mode=ro", uri=True, timeout=30)) as ledger:
        return int(ledger.execute(f"select count(*) from jobs where {condition}").fetchone()[0])  # noqa: S608  our own words


def ended(home: Path) -> int:
    return count(home, f"state in {chaos.ENDED}")


def test_fault_12_a_broker_that_starts_empty_is_filled_again(environment: dict[str, str], tmp_path: Path) -> None:
    """Killed, its file removed: every job is done once, with no loss and no crash counted."""
    home = tmp_path / "home"
    with running(environment, tmp_path):
        wait_until(lambda: ended(home) >= 2)
        kill(processes_of(home, "unixsocket"))
        shutil.rmtree(home / "broker" / "appendonlydir", ignore_errors=True)
        before, lost_at = ended(home), time.monotonic()
        wait_until(lambda: ended(home) > before + 2)
        refilled_s = time.monotonic() - lost_at
        wait_until(lambda: ended(home) == COPIES * len(CLIPS))
    assert refilled_s < 45
    assert count(home, "crashes > 0") == 0


def test_fault_25_nonsense_in_the_queues_stops_no_worker(environment: dict[str, str], tmp_path: Path) -> None:
    """Pickle, broken JSON, an unknown task and a huge message are put aside; the jobs behind them are done."""
    home = tmp_path / "home"
    with running(environment, tmp_path):
        wait_until((home / "broker" / "url").exists)
        url = (home / "broker" / "url").read_text()
        with kombu.Connection(url) as connection, connection.channel() as channel:
            producer = kombu.Producer(channel)
            task = {"id": "x", "task": "audiofeat.nothing", "lang": "py"}
            for queue in QUEUES:
                for body, kind, headers in (
                    (b"\x80\x04.", "application/x-python-serialize", task),
                    (b"{", "application/json", {**task, "task": "audiofeat.analyse"}),
                    (b"[[], {}, {}]", "application/json", task),
                    (
                        b"[[" + b"1," * 500_000 + b"1], {}, {}]",
                        "application/json",
                        {**task, "task": "audiofeat.ingest"},
                    ),
                ):
                    producer.publish(
                        body, routing_key=queue, content_type=kind, content_encoding="utf-8", headers=headers
                    )
        wait_until(lambda: ended(home) == COPIES * len(CLIPS), timeout_s=150)
    assert count(home, "crashes + losses > 0") == 0


def test_fault_19_an_installation_told_to_end_ends_in_time(environment: dict[str, str], tmp_path: Path) -> None:
    """SIGTERM under load: gone within 30 s with all it started, nothing leased, no crash and no loss counted."""
    home = tmp_path / "home"
    with running(environment, tmp_path) as process:
        wait_until(lambda: ended(home) >= 2)
        told = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(45) == 0
        took_s = time.monotonic() - told
    assert took_s < 30
    assert ended(home) < COPIES * len(CLIPS), "it had ended before it was told to"
    assert count(home, "state = 'leased'") == count(home, "crashes + losses > 0") == 0
    wait_until(lambda: not processes_of(home), timeout_s=10)
    assert not list((home / "scratch").iterdir())


@pytest.mark.slow
def test_fault_19_workers_are_told_to_end_again_and_again() -> None:
    """The short form of ``python -m tests.faults.cycles``: nothing leased, nothing counted, nothing left behind."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AUDIOFEAT_")}
    command = [sys.executable, "-m", "tests.faults.cycles", "--cycles", "4"]
    ran = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, cwd=ROOT)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "failed exits 0, leased 0, crashes and losses counted 0" in ran.stdout
    assert "left behind: 0 processes, 0 temporary folders" in ran.stdout


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_fault_4_random_kills_lose_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """The short form of ``make chaos``: a dozen kills of any process, nothing lost, nothing done twice."""
    os.environ.pop("AUDIOFEAT_HOME", None)
    chaos.main(["--jobs", "120", "--kills", "12", "--kill-s", "100", "--most-s", "500", "--seed", "3"])
    account = capfd.readouterr().out
    assert "lost 0, double effects 0, good jobs quarantined 0" in account
    assert "left behind: 0 processes" in account

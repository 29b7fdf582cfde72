"""Many small jobs on four workers, random kill -9 of every kind of process, and an account of it: ``make chaos``.

Embedded: SQLite ledger, Valkey, Celery's prefork pool, ``audiofeat up`` as reconciler. Most jobs end at the probe, as
text does that is called audio; one in a hundred is a second of sound and ends with features. Nothing is simulated:
what is killed is a pool process, a worker, the broker, or the reconciler with everything below it.

``python -m tests.faults.chaos --jobs 20000 --kills 300``
"""

import argparse
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

WORKERS = 4
ENDED = "('done', 'degraded', 'rejected')"
LOST = "('process died', 'lease ran out')"
# What is killed, and how often; the reconciler takes all below it along.
VICTIMS = {"pool process": 70, "worker": 12, "broker": 12, "reconciler": 6}
RECOVERY_PROMISED_S = 15.0
# Has a ledger know every file of a folder.
REGISTER = """
import sys
from audiofeat.bootstrap import Services, load_settings
from audiofeat.domain.jobs import Lane
from audiofeat.services.register import register_listing
from audiofeat.storage.location import parse_location
services = Services(load_settings())
store = services.stores.at(parse_location(sys.argv[1]))
register_listing(store, "", catalogue=services.catalogue, lane=Lane.NORMAL, kind=None)
"""
_SOUND_EVERY = 100
_LEAST_PAUSE_S = 0.1
# A kill is noted after the signal was sent, and a claim when it was asked for.
_CLOCKS_S = 0.1
_WORKERS = "-m workers"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print the account, and fail where anything promised was not kept."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=5_000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--kill-s", type=float, default=1_800.0, help="kill for so many seconds at most")
    parser.add_argument("--most-s", type=float, default=3_600.0, help="give up after so many seconds")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="audiofeat-chaos-") as folder:
        chaos = Chaos(Path(folder), jobs=options.jobs, seed=options.seed)
        return chaos.run(kills=options.kills, kill_s=options.kill_s, most_s=options.most_s)


class Chaos:
    """One installation in a folder of its own, and what was done to it."""

    def __init__(self, folder: Path, *, jobs: int, seed: int) -> None:
        self._folder, self._home, self._jobs = folder, folder / "home", jobs
        self._random = random.Random(seed)
        self._environment = {**os.environ, "AUDIOFEAT_HOME": str(self._home), "AUDIOFEAT_COLD_WORKERS": "0"}
        self._up: subprocess.Popen[bytes] | None = None
        self.kills: list[tuple[float, str]] = []

    def run(self, *, kills: int, kill_s: float, most_s: float) -> int:
        """Make the files, register them, kill while they are worked off, and account for it."""
        self._make_files()
        self._register()
        began = time.monotonic()
        print(f"{self._jobs} jobs, {WORKERS} workers, {kills} kills asked", flush=True)
        try:
            self._start()
            self._kill_until(kills, began + kill_s)
            while self._count(f"state in {ENDED}") < self._jobs and time.monotonic() < began + most_s:
                self._revive()
                time.sleep(1)
        finally:
            self._stop()
        return self._account(time.monotonic() - began)

    def _make_files(self) -> None:
        (self._folder / "music").mkdir()
        rng = np.random.default_rng(0)
        for n in range(self._jobs):
            path = self._folder / "music" / f"{n:06d}.wav"
            if n % _SOUND_EVERY:
                path.write_text(f"this is text number {n}")
            else:
                soundfile.write(path, 0.1 * rng.standard_normal(8_000), 8_000)

    def _register(self) -> None:
        """Have the ledger know every file; nobody works yet."""
        command = [sys.executable, "-c", REGISTER, str(self._folder / "music")]
        subprocess.run(command, env=self._environment, check=True)

    def _start(self) -> None:
        command = [sys.executable, "-m", "audiofeat", "up", "--no-api", "--workers", str(WORKERS)]
        with (self._folder / "up.log").open("ab") as log:
            self._up = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log, cwd=self._folder)

    def _revive(self) -> None:
        if self._up is None or self._up.poll() is not None:
            self._start()

    def _kill_until(self, kills: int, deadline: float) -> None:
        """Kill at random moments that come so often that the asked number is reached while there is work.

        A moment is a number of jobs that have ended since the last kill: without progress nothing would be left to
        disturb.
        """
        next_at = 0.0
        while len(self.kills) < kills and time.monotonic() < deadline:
            time.sleep(_LEAST_PAUSE_S)
            self._revive()
            ended = self._count(f"state in {ENDED}")
            if ended == self._jobs:
                return
            if ended < next_at:
                continue
            (kind,) = self._random.choices(list(VICTIMS), weights=list(VICTIMS.values()))
            victims = self._processes(kind)
            if victims:
                os.kill(self._random.choice(victims), signal.SIGKILL)
                self.kills.append((time.time(), kind))
                left = max(1, kills - len(self.kills))
                next_at = ended + self._random.uniform(0, 2 * (self._jobs - ended) / (left + 1))
                if len(self.kills) % 50 == 0:
                    print(f"  {len(self.kills)} kills, {ended} jobs ended", flush=True)

    def _processes(self, kind: str) -> list[int]:
        if self._up is None:
            return []
        if kind == "reconciler":
            return [self._up.pid]
        below = _children(self._up.pid)
        if kind == "broker":
            return [pid for pid in below if _WORKERS not in _command(pid)]
        workers = [pid for pid in below if _WORKERS in _command(pid)]
        if kind == "worker":
            return workers
        return [child for worker in workers for child in _children(worker) if _WORKERS in _command(child)]

    def _stop(self) -> None:
        if self._up is not None and self._up.poll() is None:
            self._up.terminate()
            try:
                self._up.wait(40)
            except subprocess.TimeoutExpired:
                self._up.kill()

    def _ledger(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self._home}/catalogue.sqlite3?mode=ro", uri=True, timeout=30)

    def _count(self, condition: str) -> int:
        with closing(self._ledger()) as ledger:
            return int(ledger.execute(f"select count(*) from jobs where {condition}").fetchone()[0])  # noqa: S608  our own words

    def _account(self, took_s: float) -> int:
        with closing(self._ledger()) as ledger:
            states = dict(ledger.execute("select state, count(*) from jobs group by state"))
            ends, ended = ledger.execute(
                f"select count(*), count(distinct job_id) from transitions where to_state in {ENDED}"  # noqa: S608  our own words
            ).fetchone()
            sounds = len(range(0, self._jobs, _SOUND_EVERY))
            (features,) = ledger.execute("select count(distinct sha256) from analyses").fetchone()
            losses, crashes = ledger.execute("select sum(losses), sum(crashes) from jobs").fetchone()
            (sound,) = ledger.execute("pragma integrity_check").fetchone()
            recoveries = self._recoveries(ledger)
        orphans = [pid for pid in _all_processes() if str(self._home) in _environment_of(pid)]
        folders = list((self._home / "scratch").glob("*"))
        lost = self._jobs - sum(states.get(state, 0) for state in ("done", "degraded", "rejected", "quarantined"))
        due = np.array([recovery.due_s for recovery in recoveries] or [0.0])
        taken = np.array([recovery.taken_s for recovery in recoveries] or [0.0])
        p99 = float(np.quantile(taken, 0.99))
        print(f"{took_s:.0f} s, {self._jobs / took_s:.1f} jobs/s; killed: {dict(Counter(k for _, k in self.kills))}")
        print(f"states {states}; losses {losses}, crashes {crashes}; ledger integrity {sound}")
        print(f"lost {lost}, double effects {ends - ended}, good jobs quarantined {states.get('quarantined', 0)}")
        print(f"items with features {features} of {sounds}")
        print(
            f"{len(recoveries)} jobs recovered after a kill: p50 {np.median(taken):.1f} s, p99 {p99:.1f} s; "
            f"due again p50 {np.median(due):.1f} s, p99 {np.quantile(due, 0.99):.1f} s"
        )
        for victim in VICTIMS:
            of_it = [recovery.taken_s for recovery in recoveries if recovery.victim == victim]
            if of_it:
                p50, p99_of_it = np.quantile(of_it, [0.5, 0.99])
                print(f"  {victim}: {len(of_it)}, p50 {p50:.1f} s, p99 {p99_of_it:.1f} s, most {max(of_it):.1f} s")
        print(f"left behind: {len(orphans)} processes, {len(folders)} temporary folders")
        kept = lost == 0 and ends == ended and not states.get("quarantined") and sound == "ok" and features == sounds
        kept = kept and not orphans and p99 <= RECOVERY_PROMISED_S
        print("kept" if kept else "NOT kept")
        return 0 if kept else 1

    def _recoveries(self, ledger: sqlite3.Connection) -> list["_Recovery"]:
        """Return how the jobs that a kill had stopped went on."""
        found = []
        lost = ledger.execute(f"select id, job_id, at from transitions where note in {LOST}").fetchall()  # noqa: S608  our own words
        for step, job_id, at in lost:
            taken = "select min(at) from transitions where job_id = ? and id > ? and to_state = 'leased'"
            (again,) = ledger.execute(taken, (job_id, step)).fetchone()
            held = "select max(at) from transitions where job_id = ? and id < ? and to_state = 'leased'"
            (since,) = ledger.execute(held, (job_id, step)).fetchone()
            kills = [kill for kill in self.kills if since - _CLOCKS_S <= kill[0] <= at]
            if again is not None and kills:
                killed, victim = min(kills)
                found.append(_Recovery(at - killed, again - killed, victim))
        return found


class _Recovery(NamedTuple):
    """Seconds from a kill until the job that it stopped was due, and until another worker had it."""

    due_s: float
    taken_s: float
    victim: str


def _all_processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").glob("[0-9]*") if int(path.name) != os.getpid()]


def _children(parent: int) -> list[int]:
    found = []
    for path in Path(f"/proc/{parent}/task").glob("*/children"):
        try:
            found += [int(pid) for pid in path.read_text().split()]
        except OSError:
            continue
    return found


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _environment_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
    except OSError:
        return ""


if __name__ == "__main__":
    sys.exit(main())

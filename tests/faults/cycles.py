"""Workers that are told to end under load, again and again: SIGTERM, and an account of what was left.

Each cycle starts a Celery worker with two pool processes on a ledger with due jobs, waits until it holds some, and
sends SIGTERM. It has to be gone within 30 s, with nothing leased, no crash and no loss counted, no process, no folder
left. All workers are forked from one process that has loaded everything, or imports would take most of the time.

``python -m tests.faults.cycles --cycles 1000``
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

PROMISED_S = 30.0
_SECONDS, _RATE_HZ = 60, 8_000
_QUEUED_AT_LEAST = 6
# What does not end within this gives its job back: most cycles meet jobs that do, some meet jobs that do not.
_SOFT_SHUTDOWN_S = 0.3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print the account, and fail where anything promised was not kept."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cycles", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    from audiofeat.embedded_broker import EmbeddedBroker  # noqa: PLC0415  after the environment is set

    with tempfile.TemporaryDirectory(prefix="audiofeat-cycles-") as folder:
        home = Path(folder) / "home"
        os.environ |= {"AUDIOFEAT_HOME": str(home), "REMAP_SIGTERM": "SIGQUIT", "AUDIOFEAT_LOG_FORMAT": "json"}
        with EmbeddedBroker(home):
            return Cycles(Path(folder), seed=options.seed).run(options.cycles)


class Cycles:
    """One installation in a folder of its own, whose worker is started and ended."""

    def __init__(self, folder: Path, *, seed: int) -> None:
        from audiofeat.bootstrap import Services, load_settings  # noqa: PLC0415  reads the environment
        from audiofeat.services.reconcile import Reconciler  # noqa: PLC0415  after the environment is set
        from audiofeat.storage.directory import DirectoryStore  # noqa: PLC0415  after the environment is set
        from workers import app, base  # noqa: PLC0415  after the environment is set

        self._folder, self._random = folder, random.Random(seed)
        (folder / "music").mkdir()
        self._store = DirectoryStore(folder / "music")
        self._services = Services(load_settings())
        self._reconciler = Reconciler(self._services.catalogue, self._services.queue, slots=2)
        self._made = 0
        base.open_nursery()
        self._nursery = base.nursery()
        self._app = app.app
        self._app.conf.worker_soft_shutdown_timeout = _SOFT_SHUTDOWN_S

    def run(self, cycles: int) -> int:
        """Start and end a worker so many times, and account for it."""
        began = time.monotonic()
        exits_s, orphans, failed = [], 0, 0
        for cycle in range(cycles):
            worker = self._start()
            self._wait_for_work()
            time.sleep(self._random.uniform(0, 0.3))
            told = time.monotonic()
            os.kill(worker, signal.SIGTERM)
            failed += not self._ended(worker)
            exits_s.append(time.monotonic() - told)
            orphans += self._orphans(worker)
            if (cycle + 1) % 100 == 0:
                print(f"  {cycle + 1} cycles, {time.monotonic() - began:.0f} s", flush=True)
        return self._account(exits_s, orphans, failed, time.monotonic() - began)

    def _queued(self) -> int:
        from audiofeat.domain.jobs import JobState  # noqa: PLC0415  after the environment is set

        return self._services.catalogue.states().get(JobState.QUEUED, 0)

    def _top_up(self) -> None:
        """Have enough jobs due; the audio of jobs that have ended makes room."""
        from audiofeat.domain.items import ObjectVersion  # noqa: PLC0415  after the environment is set
        from audiofeat.domain.jobs import Registration  # noqa: PLC0415  after the environment is set

        for _ in range(_QUEUED_AT_LEAST - self._queued()):
            self._made += 1
            key = f"{self._made:06d}.wav"
            sound = np.random.default_rng(self._made).normal(0, 0.1, _SECONDS * _RATE_HZ)
            soundfile.write(self._folder / "music" / key, sound, _RATE_HZ)
            found = self._store.head(key)
            audio = ObjectVersion(self._store.name, key, found.version, found.size_bytes)
            self._services.catalogue.register([Registration(audio)])
            (self._folder / "music" / f"{self._made - 100:06d}.wav").unlink(missing_ok=True)

    def _start(self) -> int:
        self._top_up()
        self._reconciler.step()
        worker = os.fork()
        if worker:
            return worker
        status = 1
        try:
            os.setsid()
            log = os.open(self._folder / "workers.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.dup2(log, 1)
            os.dup2(log, 2)
            options = ["--queues", "ingest,cold,normal,bulk", "--concurrency", "2", "--hostname", "cycle@%h"]
            quiet = ["--loglevel", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"]
            self._app.worker_main(["--quiet", "worker", *options, *quiet])
            status = 0
        except SystemExit as end:
            status = int(end.code or 0)
        finally:
            os._exit(status)

    def _wait_for_work(self) -> None:
        from audiofeat.domain.jobs import JobState  # noqa: PLC0415  after the environment is set

        deadline = time.monotonic() + 60
        while not self._services.catalogue.states().get(JobState.LEASED):
            assert time.monotonic() < deadline, (self._folder / "workers.log").read_text()[-3_000:]
            self._reconciler.step()
            time.sleep(0.05)

    def _ended(self, worker: int) -> bool:
        deadline = time.monotonic() + PROMISED_S
        while time.monotonic() < deadline:
            pid, status = os.waitpid(worker, os.WNOHANG)
            if pid:
                return status == 0
            time.sleep(0.01)
        os.killpg(worker, signal.SIGKILL)
        os.waitpid(worker, 0)
        return False

    def _orphans(self, worker: int) -> int:
        """Count what is left of a worker a moment after its end: processes of its session, extraction servers."""
        deadline = time.monotonic() + 2
        left = [worker]
        while left and time.monotonic() < deadline:
            left = [*_of_session(worker), *_children_of(self._nursery.pid)]
            time.sleep(0.02)
        return len(left)

    def _account(self, exits_s: list[float], orphans: int, failed: int, took_s: float) -> int:
        from audiofeat.domain.jobs import JobState  # noqa: PLC0415  after the environment is set

        catalogue = self._services.catalogue
        states = {state.value: count for state, count in catalogue.states().items()}
        jobs = catalogue.jobs(limit=self._made)
        counted = sum(job.crashes + job.losses for job in jobs)
        released = sum(job.attempt > 1 for job in jobs)
        leased = states.get(JobState.LEASED, 0)
        folders = len(list((self._folder / "home" / "scratch").iterdir()))
        print(f"{len(exits_s)} cycles in {took_s:.0f} s; {states}, {released} jobs were given back and taken again")
        p50, p99 = np.quantile(exits_s, [0.5, 0.99])
        print(f"exit after p50 {p50:.2f} s, p99 {p99:.2f} s, most {max(exits_s):.2f} s")
        print(f"failed exits {failed}, leased {leased}, crashes and losses counted {counted}")
        print(f"left behind: {orphans} processes, {folders} temporary folders")
        kept = not (failed or leased or counted or orphans or folders)
        print("kept" if kept else "NOT kept")
        return 0 if kept else 1


def _of_session(leader: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        # State, parent, group, session.
        if int(fields[3]) == leader and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


def _children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


if __name__ == "__main__":
    sys.exit(main())

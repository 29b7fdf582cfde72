"""Celery workers as child processes of a command."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from audiofeat.errors import WorkersFailed
from audiofeat.extraction.sandbox import die_with_parent

_STOP_PATIENCE_S = 28.0
_RESTARTS_MOST = 5
_WELL_AFTER_S = 60.0


class Workers:
    """Celery workers, started again where they are killed; none where another command of this home runs them.

    Parameters
    ----------
    home : Path
        Holds the lock and the workers' log.
    pools : mapping
        Queues, in the order in which they are looked at, and the number of processes, by the name of a worker.
    """

    def __init__(self, home: Path, pools: Mapping[str, tuple[Sequence[str], int]]) -> None:
        self._home = home
        self._pools = pools
        self._lock: IO[str] | None = None
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._restarts: list[float] = []

    def __enter__(self) -> Self:
        self._own()
        return self

    def _own(self) -> None:
        """Start workers, unless another command runs some for this home."""
        from audiofeat.embedded_broker import lock_of

        self._lock = lock_of(self._home / "workers.lock")
        if self._lock is not None:
            for name in self._pools:
                self._start(name)

    def _start(self, name: str) -> None:
        queues, concurrency = self._pools[name]
        command = [sys.executable, "-m", "workers", "--queues", ",".join(queues)]
        command += ["--concurrency", str(concurrency), "--hostname", f"{name}@{socket.gethostname()}"]
        with (self._home / "workers.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "AUDIOFEAT_HOME": str(self._home), "REMAP_SIGTERM": "SIGQUIT"},
                preexec_fn=partial(die_with_parent, os.getpid()),
            )

    def keep_alive(self) -> None:
        """Start the workers again where they were killed, and take over from a command that has ended.

        Raises
        ------
        WorkersFailed
            Where starting them again does not help.
        """
        if self._lock is None:
            self._own()
        for name, process in list(self._processes.items()):
            if process.poll() is not None:
                self._count_restart()
                self._start(name)

    def _count_restart(self) -> None:
        now = time.monotonic()
        self._restarts = [*(at for at in self._restarts if now - at < _WELL_AFTER_S), now]
        if len(self._restarts) > _RESTARTS_MOST * len(self._pools):
            raise WorkersFailed("the workers end as soon as they are started", f"read {self._home / 'workers.log'}")

    def dismiss(self) -> None:
        """Ask the workers to end; leaving waits for it."""
        for process in self._processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.dismiss()
        deadline = time.monotonic() + _STOP_PATIENCE_S
        for process in self._processes.values():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if self._lock is not None:
            self._lock.close()

"""What one machine runs for itself while a command needs it: broker, workers, and the pass that keeps them busy."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Self

from audiofeat.bootstrap import Services
from audiofeat.errors import AudiofeatError, DiskFull, WorkersFailed
from audiofeat.extraction.sandbox import die_with_parent

if TYPE_CHECKING:
    from audiofeat.broker import EmbeddedBroker

_STOP_PATIENCE_S = 30.0
_RESTARTS_MOST = 5
_PATIENCE_S = 30.0
_LEAST_FREE_BYTES = 16 << 20


class Workers:
    """Celery workers as a child process; none where another command of this home already runs them.

    Parameters
    ----------
    home : Path
        Holds the lock and the workers' log.
    concurrency : int
        Pool processes.
    """

    def __init__(self, home: Path, *, concurrency: int) -> None:
        self._home = home
        self._concurrency = concurrency
        self._lock: IO[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._restarts = 0

    def __enter__(self) -> Self:
        self._own()
        return self

    def _own(self) -> None:
        """Start workers, unless another command runs some for this home."""
        from audiofeat.broker import lock_of

        self._lock = lock_of(self._home / "workers.lock")
        if self._lock is None:
            return
        for left in (self._home / "scratch").glob("ingest-*"):
            shutil.rmtree(left, ignore_errors=True)
        self._start()

    def _start(self) -> None:
        command = [sys.executable, "-m", "celery", "--app", "workers.app", "--quiet", "worker"]
        queues = "cold,normal,bulk,ingest"
        options = ["--queues", queues, "--concurrency", str(self._concurrency), "--loglevel", "WARNING"]
        options += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        with (self._home / "workers.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *options],
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
        if self._process is None:
            self._own()
            return
        if self._process.poll() is None:
            return
        self._restarts += 1
        if self._restarts > _RESTARTS_MOST:
            raise WorkersFailed("the workers end as soon as they are started", f"read {self._home / 'workers.log'}")
        self._start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_STOP_PATIENCE_S)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        if self._lock is not None:
            self._lock.close()


class Machine:
    """Broker (where none is configured), workers and reconciler of one command.

    Parameters
    ----------
    services : Services
        Of this process.
    workers : int
        Pool processes to run here; 0 for none.
    """

    def __init__(self, services: Services, *, workers: int) -> None:
        self._services = services
        self._workers = workers
        self._stack = ExitStack()
        self._pool: Workers | None = None
        self._broker: EmbeddedBroker | None = None
        self._next = 0.0
        self._well_at = time.monotonic()

    def __enter__(self) -> Self:
        from audiofeat.broker import EmbeddedBroker

        settings = self._services.settings
        with self._stack as stack:
            if settings.is_embedded:
                self._broker = stack.enter_context(EmbeddedBroker(settings.home))
            if self._workers:
                self._pool = stack.enter_context(Workers(settings.home, concurrency=self._workers))
            self._connect()
            # A broker that refuses from the start is an error; one that is lost on the way is waited for.
            self._reconciler.step()
            self._stack = stack.pop_all()
        return self

    def _connect(self) -> None:
        from audiofeat.services.reconcile import Reconciler

        self._services.forget_queue()
        slots = self._workers or self._services.settings.workers
        self._reconciler = Reconciler(self._services.catalogue, self._services.queue, slots=slots)

    def tick(self) -> None:
        """Do what is due: revive broker and workers, reconcile ledger and broker. Call it several times a second.

        Raises
        ------
        DiskFull
            Nothing can be written any more; what was written is whole.
        WorkersFailed
            The workers end as soon as they are started.
        BrokerUnavailable, CatalogueUnavailable
            For half a minute without a break.
        """
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + self._services.settings.reconcile_s
        _require_space(self._services.home)
        try:
            if self._broker and self._broker.keep_alive():
                self._connect()
            if self._pool:
                self._pool.keep_alive()
            self._reconciler.step()
            self._well_at = now
        except AudiofeatError as error:
            if not error.retryable or now - self._well_at > _PATIENCE_S:
                raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()


def _require_space(home: Path) -> None:
    free_bytes = shutil.disk_usage(home).free
    if free_bytes < _LEAST_FREE_BYTES:
        raise DiskFull(
            f"{free_bytes >> 20} MB are left under {home}, {_LEAST_FREE_BYTES >> 20} are needed",
            "free some or set AUDIOFEAT_HOME; what is done stays done, so run it again",
        )

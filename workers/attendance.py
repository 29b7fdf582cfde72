"""A worker's own sign of life in the ledger, a look whether it still hears, and the broom behind its predecessors."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence

from celery import Celery, signals
from celery.worker.state import active_requests

from audiofeat import logs
from audiofeat.bootstrap import Services
from audiofeat.broker import depth_of
from audiofeat.errors import AudiofeatError
from audiofeat.forks import between_forks
from audiofeat.services.scratch import sweep

_LOOK_S = 1.0
_DEAF_AFTER_S = 5.0
_DEAF_LOOKS = 3
_log = logs.get_logger(__name__)


class Attendance(threading.Thread):
    """Says for one worker that it is there and that it leaves; ends it where it takes no messages any more.

    A consumer that lost its broker while every slot was busy may stay deaf for ever, and looks alive: Celery counts
    messages whose acknowledgement could not be sent as being worked on. Whoever runs the worker starts it anew.

    Parameters
    ----------
    name : str
        Of the worker, the same after a restart.
    queues : sequence of str
        That it takes messages from.
    slots : int
        Its pool processes.
    """

    def __init__(self, services: Services, app: Celery, *, name: str, queues: Sequence[str], slots: int) -> None:
        super().__init__(name="attendance", daemon=True)
        self._services = services
        self._app = app
        self._worker = f"{socket.gethostname()}:{name}"
        self._queues = tuple(queues)
        self._slots = slots
        self._ended = threading.Event()
        self._heard_at = time.monotonic()
        self._deaf_looks = 0
        signals.task_received.connect(self._hear, weak=False)

    def run(self) -> None:
        """Attend until the end."""
        attend_at = 0.0
        while not self._ended.wait(_LOOK_S):
            if time.monotonic() >= attend_at:
                attend_at = time.monotonic() + self._services.settings.lease_s
                _try(self._attend)
            _try(self._sweep)
            _try(self._listen)
        _try(lambda: self._services.catalogue.leave(self._worker))

    def end(self) -> None:
        """Leave; the thread ends by itself."""
        self._ended.set()

    def _hear(self, **_: object) -> None:
        self._heard_at = time.monotonic()

    def _attend(self) -> None:
        host = socket.gethostname()
        self._services.catalogue.attend(self._worker, host=host, lanes=self._queues, slots=self._slots)

    def _sweep(self) -> None:
        """Give back at once what killed processes of this host held, instead of waiting for their leases."""
        swept = sweep(self._services.home / "scratch", lose=self._services.catalogue.lose)
        if swept:
            _log.info("scratch_swept", folders=swept)

    def _listen(self) -> None:
        """Look whether messages wait although a slot is free and nothing was heard for a while."""
        idle = time.monotonic() - self._heard_at > _DEAF_AFTER_S and len(active_requests) < self._slots
        waiting = idle and any(depth_of(self._app, queue) for queue in self._queues)
        self._deaf_looks = self._deaf_looks + 1 if waiting else 0
        if self._deaf_looks == _DEAF_LOOKS:
            _log.error("consumer_stalled", queues=self._queues)
            # What it would wait for is mostly what it can no longer acknowledge; work under way is given back.
            self._app.conf.worker_soft_shutdown_timeout = 0
            os.kill(os.getpid(), signal.SIGTERM)


def _try(act: Callable[[], None]) -> None:
    try:
        with between_forks():
            act()
    except (AudiofeatError, OSError) as error:
        _log.warning("attendance_failed", problem=error)

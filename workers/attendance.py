"""A worker's own sign of life in the ledger, a look whether it still hears, and the broom behind its predecessors."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from celery import Celery, signals
from celery.worker.state import active_requests, reserved_requests

from audiofeat import logs
from audiofeat.bootstrap import Services
from audiofeat.broker import depth_of
from audiofeat.errors import AudiofeatError
from audiofeat.forks import between_forks
from audiofeat.services.scratch import sweep

_LOOK_S = 1.0
_DEAF_AFTER_S = 5.0
_DEAF_LOOKS = 3
_FULL_LOOKS = 2
_log = logs.get_logger(__name__)


class Attendance(threading.Thread):
    """Says for one worker that it is there and that it leaves; ends it where it takes no messages any more.

    A consumer on Redis that lost its broker while every slot was busy stays deaf and looks alive: it reads nothing
    then, and messages whose acknowledgement could not be sent count as being worked on for ever. It is told so. One
    that hears nothing for another reason is ended; whoever runs the worker starts it anew.

    Parameters
    ----------
    consumer : celery.worker.consumer.Consumer
        That takes the messages; its name is the worker's, the same after a restart.
    queues : sequence of str
        That it takes messages from.
    slots : int
        Its pool processes.
    """

    def __init__(self, services: Services, app: Celery, consumer: Any, *, queues: Sequence[str], slots: int) -> None:  # noqa: ANN401  its class has no types
        super().__init__(name="attendance", daemon=True)
        self._services = services
        self._app = app
        self._consumer = consumer
        self._worker = f"{socket.gethostname()}:{consumer.hostname}"
        self._queues = tuple(queues)
        self._slots = slots
        self._ended = threading.Event()
        self._heard_at = time.monotonic()
        self._deaf_looks = self._full_looks = 0
        signals.task_received.connect(self._hear, weak=False)

    def run(self) -> None:
        """Attend until the end."""
        attend_at = 0.0
        while not self._ended.is_set():
            if time.monotonic() >= attend_at:
                attend_at = time.monotonic() + self._services.settings.lease_s
                _try(self._attend)
            _try(self._sweep)
            # In the event loop, between what it does: while the worker ends, it does nothing and nothing is amiss.
            self._consumer.hub.call_soon(self._notice_loss)
            _try(self._listen)
            self._ended.wait(_LOOK_S)
        _try(lambda: self._services.catalogue.leave(self._worker))

    def end(self) -> None:
        """Leave; the thread ends by itself."""
        self._ended.set()

    def _hear(self, **_: object) -> None:
        self._heard_at = time.monotonic()
        self._full_looks = 0

    def _attend(self) -> None:
        host = socket.gethostname()
        self._services.catalogue.attend(self._worker, host=host, lanes=self._queues, slots=self._slots)

    def _sweep(self) -> None:
        """Give back at once what killed processes of this host held, instead of waiting for their leases."""
        swept = sweep(self._services.home / "scratch", lose=self._services.catalogue.lose)
        if swept:
            _log.info("scratch_swept", folders=swept)

    def _notice_loss(self) -> None:
        """Have the consumer connect anew where it holds more messages than are worked on, and so takes none."""
        # While it connects there is no task consumer; RabbitMQ's channel, which is always read, keeps no such count.
        channel = getattr(self._consumer.task_consumer, "channel", None)
        held = getattr(channel, "qos", None)
        full = held is not None and not held.can_consume() and len(reserved_requests) < self._slots
        self._full_looks = self._full_looks + 1 if full and not self._ended.is_set() else 0
        if self._full_looks >= _FULL_LOOKS:
            _log.warning("broker_loss_noticed", queues=self._queues)
            raise ConnectionResetError("acknowledgements could not be sent")

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

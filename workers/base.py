"""The base of every task: one set of services for each process, and the one place that decides about errors."""

import socket
import time
from functools import cached_property
from typing import Any

import celery
from billiard.process import current_process
from celery.exceptions import Reject

from audiofeat import bootstrap, logs
from audiofeat.errors import AudiofeatError
from audiofeat.extraction.client import Nursery
from workers.refusals import queue_of, refuse

_PAUSE_S = 5.0
_nurseries: list[Nursery] = []
_log = logs.get_logger(__name__)


def open_nursery() -> None:
    """Have extraction servers of the processes that this one will fork come from one, unless there is one already."""
    if not _nurseries:
        _nurseries.append(Nursery())


def nursery() -> Nursery | None:
    """Return where extraction servers come from, if from anywhere."""
    return _nurseries[0] if _nurseries else None


class Task(celery.Task[Any, Any]):
    """A task whose errors end in a log line and the ledger; only what may pass puts its message back into the queue."""

    abstract = True

    @cached_property
    def services(self) -> bootstrap.Services:
        """The services of this process, wired at its first task."""
        # A pool process that is replaced hands its place, and so its name, to its successor.
        place = getattr(current_process(), "index", 0)
        settings = bootstrap.load_settings()
        return bootstrap.Services(settings, process=f"{self.request.hostname}.{place}", nursery=nursery())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  a task's own types
        """Run the task; its message goes back into the queue where store, ledger or broker failed."""
        with logs.bound(task=self.name, task_id=self.request.id):
            try:
                return super().__call__(*args, **kwargs)
            except AudiofeatError as error:
                if not error.retryable:
                    # Into the dead letters, where the broker has some.
                    refuse(self.services, queue_of(self.request), error)
                    raise Reject(str(error), requeue=False) from error
                _log.warning("message_requeued", code=error.code, problem=error)
                time.sleep(_PAUSE_S)
                raise Reject(str(error), requeue=True) from error

    @property
    def worker_name(self) -> str:
        """Who works on the job, for the ledger."""
        return f"{socket.gethostname()}:{self.request.hostname or 'worker'}"

    def on_failure(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:  # noqa: ARG002, ANN401  Celery's
        """Log a failure once, with its code; the reconciler brings the job back where it is still due."""
        code = exc.code.value if isinstance(exc, AudiofeatError) else type(exc).__name__
        _log.error("task_failed", task=self.name, task_id=task_id, code=code, message=exc)

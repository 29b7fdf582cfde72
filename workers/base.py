"""The base of every task: one set of services for each process, and the one place that decides about errors."""

import logging
import socket
import time
from functools import cached_property
from typing import Any

import celery
from celery.exceptions import Reject

from audiofeat import bootstrap
from audiofeat.errors import AudiofeatError

_PAUSE_S = 5.0
log = logging.getLogger("audiofeat.workers")


class Task(celery.Task[Any, Any]):
    """A task whose errors end in a log line and the ledger; only what may pass puts its message back into the queue."""

    abstract = True

    @cached_property
    def services(self) -> bootstrap.Services:
        """The services of this process, wired at its first task."""
        return bootstrap.Services(bootstrap.load_settings())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  a task's own types
        """Run the task; what a fault of store, ledger or broker stopped goes back into its queue."""
        try:
            return super().__call__(*args, **kwargs)
        except AudiofeatError as error:
            if not error.retryable:
                raise
            time.sleep(_PAUSE_S)
            raise Reject(str(error), requeue=True) from error

    @property
    def worker_name(self) -> str:
        """Who works on the job, for the ledger."""
        return f"{socket.gethostname()}:{self.request.hostname or 'worker'}"

    def on_failure(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:  # noqa: ARG002, ANN401  Celery's
        """Log a failure once, with its code; the reconciler brings the job back where it is still due."""
        code = exc.code.value if isinstance(exc, AudiofeatError) else type(exc).__name__
        log.error("task_failed task=%s id=%s code=%s message=%s", self.name, task_id, code, exc)

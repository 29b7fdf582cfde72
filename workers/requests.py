"""A request that notices when its acknowledgement was not sent.

Celery logs that and goes on. On Redis and Valkey the message then counts as being worked on for ever, and a worker
whose every slot was busy when the broker was lost takes no message any more, while it looks alive.
"""

from typing import ClassVar

from celery.worker.request import Request as CeleryRequest
from kombu.asynchronous.hub import Hub


class Request(CeleryRequest):
    """Has the worker connect anew where the broker did not hear of a task's end.

    ``loop`` is the worker's event loop, once it runs; Celery forgets the current one when it connects anew.
    """

    loop: ClassVar[Hub | None] = None

    def acknowledge(self) -> None:
        """Acknowledge the message."""
        try:
            super().acknowledge()
        finally:
            self._require_sent()

    def reject(self, requeue: bool = False) -> None:  # noqa: FBT001, FBT002  Celery's
        """Reject the message."""
        try:
            super().reject(requeue)
        finally:
            self._require_sent()

    def _require_sent(self) -> None:
        if self.loop is not None and not self.message.acknowledged:
            self.loop.call_soon(_lose_connection)


def _lose_connection() -> None:
    """Raise in the worker's event loop what a lost connection raises there."""
    raise ConnectionResetError("the broker was lost with an acknowledgement")

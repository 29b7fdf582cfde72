"""A worker's own sign of life in the ledger, and the broom behind its killed predecessors."""

import socket
import threading
from collections.abc import Callable, Sequence

from audiofeat import logs
from audiofeat.bootstrap import Services
from audiofeat.errors import AudiofeatError
from audiofeat.services.scratch import sweep

_log = logs.get_logger(__name__)


class Attendance(threading.Thread):
    """Says for one worker, once for each lease, that it is there; says so when it leaves.

    Parameters
    ----------
    name : str
        Of the worker, the same after a restart.
    queues : sequence of str
        That it takes messages from.
    slots : int
        Its pool processes.
    """

    def __init__(self, services: Services, *, name: str, queues: Sequence[str], slots: int) -> None:
        super().__init__(name="attendance", daemon=True)
        self._services = services
        self._worker = f"{socket.gethostname()}:{name}"
        self._queues = tuple(queues)
        self._slots = slots
        self._ended = threading.Event()

    def run(self) -> None:
        """Attend until the end."""
        while True:
            self._try(self._attend)
            if self._ended.wait(self._services.settings.lease_s):
                self._try(lambda: self._services.catalogue.leave(self._worker))
                return

    def end(self) -> None:
        """Leave; the thread ends by itself."""
        self._ended.set()

    def _attend(self) -> None:
        host = socket.gethostname()
        self._services.catalogue.attend(self._worker, host=host, lanes=self._queues, slots=self._slots)
        swept = sweep(self._services.home / "scratch")
        if swept:
            _log.info("scratch_swept", folders=swept)

    @staticmethod
    def _try(act: Callable[[], None]) -> None:
        try:
            act()
        except (AudiofeatError, OSError) as error:
            _log.warning("attendance_failed", problem=error)

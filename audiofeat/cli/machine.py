"""What one machine runs for itself while a command needs it: broker, workers, and the pass that keeps them busy."""

import time
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

from audiofeat import logs
from audiofeat.bootstrap import Services
from audiofeat.cli.pool import Workers
from audiofeat.domain.jobs import Lane
from audiofeat.errors import AudiofeatError, DiskFull

if TYPE_CHECKING:
    from audiofeat.embedded_broker import EmbeddedBroker

_PATIENCE_S = 30.0
# A leader that falls silent for so many passes is followed by another.
_OFFICE_PASSES = 3
_log = logs.get_logger(__name__)


class Machine:
    """Broker (where none is configured), workers and reconciler of one command.

    Parameters
    ----------
    services : Services
        Of this process.
    workers, cold_workers : int
        Pool processes to run here, for all lanes and for new items alone; 0 for none.
    stays : bool
        Whether to wait for whatever can be mended, a full disk or a lost broker, for as long as it takes.
    """

    def __init__(self, services: Services, *, workers: int, cold_workers: int = 0, stays: bool = False) -> None:
        self._services = services
        self._workers = workers
        self._cold_workers = cold_workers if workers else 0
        self._stays = stays
        self._stack = ExitStack()
        self._pool: Workers | None = None
        self._broker: EmbeddedBroker | None = None
        self._next = 0.0
        self._well_at = time.monotonic()
        self._problem: AudiofeatError | None = None

    def __enter__(self) -> Self:
        from audiofeat.broker import COLD_QUEUES, QUEUES
        from audiofeat.embedded_broker import EmbeddedBroker

        settings = self._services.settings
        with self._stack as stack:
            if settings.is_embedded:
                self._broker = stack.enter_context(EmbeddedBroker(settings.home))
            if self._workers:
                pools = {"all": (QUEUES, self._workers)}
                pools |= {"cold": (COLD_QUEUES, self._cold_workers)} if self._cold_workers else {}
                self._pool = stack.enter_context(Workers(settings.home, pools))
            self._connect()
            # A broker that refuses from the start is an error; one that is lost on the way is waited for.
            self._services.queue.depth(Lane.NORMAL)
            self._reconciler.step()
            self._stack = stack.pop_all()
        return self

    def _connect(self) -> None:
        from audiofeat.metadata_sources.feeds import source_name
        from audiofeat.services.reconcile import Reconciler
        from audiofeat.services.refresh import Refresher

        settings = self._services.settings
        self._services.forget_queue()
        self._reconciler = Reconciler(
            self._services.catalogue,
            self._services.queue,
            slots=self._workers + self._cold_workers or settings.workers,
            lease_s=settings.lease_s,
            office_s=_OFFICE_PASSES * settings.reconcile_s,
            retention_s=settings.retention_days * 86_400,
        )
        named = [source_name(source) for source in settings.metadata_refresh]
        self._refresher = Refresher(self._services.catalogue, self._services.queue, named)

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
        try:
            self._revive()
            if now >= self._next:
                self._next = now + self._services.settings.reconcile_s
                self._pass()
                self._recovered(now)
            elif self._problem is None:
                self._reconciler.feed()
        except AudiofeatError as error:
            self._note(error)
            impatient = isinstance(error, DiskFull) or now - self._well_at > _PATIENCE_S
            if not error.retryable or (impatient and not self._stays):
                raise

    def _recovered(self, now: float) -> None:
        if self._problem is not None:
            _log.warning("machine_recovered", code=self._problem.code)
        self._problem, self._well_at = None, now

    def _note(self, error: AudiofeatError) -> None:
        if self._problem is None or self._problem.code != error.code:
            _log.warning("machine_waits", code=error.code, problem=error)
        self._problem = error

    def _revive(self) -> None:
        """Start again what was killed: at once, while those who lost it still try by themselves."""
        if self._broker and self._broker.keep_alive():
            self._connect()
        if self._pool:
            self._pool.keep_alive()

    def _pass(self) -> None:
        from audiofeat.services.scratch import require_space

        require_space(self._services.home)
        self._reconciler.step()
        self._refresher.step()

    def dismiss(self) -> None:
        """Ask the workers to end; leaving waits for it."""
        if self._pool:
            self._pool.dismiss()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.dismiss()
        with suppress(AudiofeatError):
            self._reconciler.resign()
        self._stack.close()

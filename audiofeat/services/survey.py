"""How the whole installation stands: lanes, workers, indexes, and what is wrong with them in sentences."""

import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Thread

from audiofeat.errors import AudiofeatError
from audiofeat.forks import between_forks
from audiofeat.ports import Catalogue, LaneView, Survey, WorkerState, WorkerView

_WINDOW_S = 300.0
# In leases: a worker says once in each that it is there.
_ABSENT_AFTER_LEASES = 3
_LOOKING_RATIO = 9
_LEAST_AGE_S = 1.0
_PATIENCE_S = 2.0


@dataclass(slots=True)
class Surveyor:
    """Looks at ledger and indexes; a look that was costly is not repeated soon.

    Parameters
    ----------
    stall_s : float
        How long something may be due before a worker with a free slot counts as stalled.
    lease_s : float
        Of a job.
    """

    catalogue: Catalogue
    home: Path
    stall_s: float
    lease_s: float
    _last: Survey | None = None
    _took_s: float = 0.0
    _fresh_until: float = 0.0
    _looking: Lock = field(default_factory=Lock)

    def look(self) -> Survey:
        """Return how everything stands now, or stood a moment ago.

        A ledger so large that counting takes long is counted behind the back of whoever asks: probes and Prometheus
        do not wait for it, but for the first time.

        Raises
        ------
        CatalogueUnavailable
            Without the ledger nothing can be said.
        """
        if self._last is None:
            return self._renew()
        if time.monotonic() >= self._fresh_until:
            if self._took_s <= _PATIENCE_S:
                return self._renew()
            if self._looking.acquire(blocking=False):
                Thread(target=self._renew_aside, name="survey", daemon=True).start()
        return self._last

    def _renew(self) -> Survey:
        began = time.monotonic()
        try:
            last = self._survey()
        except AudiofeatError:
            self._last = None
            raise
        self._took_s = time.monotonic() - began
        # Counting millions of jobs takes a while: spend a tenth of the time on it.
        self._fresh_until = time.monotonic() + max(_LEAST_AGE_S, _LOOKING_RATIO * self._took_s)
        self._last = last
        return last

    def _renew_aside(self) -> None:
        try:
            # Whoever asks next learns what is wrong.
            with suppress(AudiofeatError), between_forks():
                self._renew()
        finally:
            self._looking.release()

    def _survey(self) -> Survey:
        window_s = max(_WINDOW_S, self.stall_s)
        counted = self.catalogue.census(window_s=window_s)
        present = self.catalogue.workers(seen_within_s=_ABSENT_AFTER_LEASES * self.lease_s)
        attended = {lane for worker in present for lane in worker.lanes}
        waiting = [lane.lane.value for lane in counted.lanes if lane.oldest_due_s is not None]
        return Survey(
            lanes=counted.lanes,
            workers=tuple(
                WorkerState(worker, held, stalled_lanes(worker, held, counted.lanes, stall_s=self.stall_s))
                for worker in present
                for held in (counted.held.get(worker.name, 0),)
            ),
            unattended_lanes=tuple(lane for lane in waiting if lane not in attended),
            indexes=counted.indexes,
            free_bytes=shutil.disk_usage(self.home).free,
            window_s=window_s,
        )


def stalled_lanes(worker: WorkerView, held: int, lanes: Sequence[LaneView], *, stall_s: float) -> tuple[str, ...]:
    """Return the lanes in which something has been due for long, that nobody touches, and this worker could take from.

    A worker all of whose slots are taken is busy, not stalled, however long its jobs are.
    """
    if held >= worker.slots:
        return ()
    return tuple(
        lane.lane.value
        for lane in lanes
        if lane.lane.value in worker.lanes
        and lane.oldest_due_s is not None
        and lane.oldest_due_s > stall_s
        and (lane.idle_s is None or lane.idle_s > stall_s)
    )

"""Keep the broker in step with the ledger: wake what is due, ring for it, ring again what the broker lost."""

import time
from collections.abc import Callable

from audiofeat.domain.jobs import Lane
from audiofeat.ports import Catalogue, TaskQueue

# Deep enough that short files do not drain it between two passes.
_SLOTS_AHEAD = 16
_RING_AGAIN_S = 5.0


class Reconciler:
    """One pass does all; run it every second or few, from one place.

    Parameters
    ----------
    slots : int
        Jobs that the workers can hold at a time; each lane is kept some times as deep.
    """

    def __init__(
        self, catalogue: Catalogue, queue: TaskQueue, *, slots: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._catalogue = catalogue
        self._queue = queue
        self._most = _SLOTS_AHEAD * slots
        self._clock = clock
        self._rung: dict[str, float] = {}

    def step(self) -> int:
        """Expire leases and top up every lane; return how many jobs were rung for.

        Raises
        ------
        BrokerUnavailable
            The ledger is in order all the same; the next pass rings.
        """
        self._catalogue.expire_leases()
        self._catalogue.wake_rested()
        return sum(self._top_up(lane) for lane in Lane)

    def _top_up(self, lane: Lane) -> int:
        due = self._catalogue.due(lane, limit=4 * self._most)
        if not due:
            return 0
        depth, now = self._queue.depth(lane), self._clock()
        # A queued job that was rung for while the queue is empty: its message was lost, or is just being claimed.
        quiet_s = _RING_AGAIN_S if depth == 0 else float("inf")
        fresh = [job_id for job_id in due if now - self._rung.get(job_id, -quiet_s) >= quiet_s]
        chosen = fresh[: max(0, self._most - depth)]
        if chosen:
            self._queue.ring(chosen, lane)
        self._rung = {job_id: at for job_id, at in self._rung.items() if now - at < 20 * _RING_AGAIN_S}
        self._rung |= dict.fromkeys(chosen, now)
        return len(chosen)

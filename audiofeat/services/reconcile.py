"""Keep the broker in step with the ledger, and the ledger in order: one elected process does, the others stand by."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from audiofeat import logs
from audiofeat.domain.items import Kind
from audiofeat.domain.jobs import Lane
from audiofeat.ports import Catalogue, TaskQueue
from audiofeat.services.duplicates import find_new
from audiofeat.services.offices import new_holder
from audiofeat.services.reprocess import keep_windows

OFFICE = "reconciler"
# In leases of a job: who has not been heard of for so long does no work.
_ABSENT_AFTER_LEASES = 3
_SLOTS_AHEAD = 2
# Deeper, and what is brought back would wait long behind what was rung for before.
_SLOTS_AHEAD_MOST = 8
_RING_AGAIN_S = 5.0
_TIDY_S = 60.0
_SETTLE_S = 5.0
# Shows that gained episodes are listened to then for what is heard again.
_HEAR_S = 300.0
_SHOWS_AT_ONCE = 10
# The two clocks may drift so far apart between two passes; more is a clock that was set.
_JUMP_S = 2.0
_BATCH_PAGE = 500
_EXPANSION_S = 0.5
_LOOK_S = 0.3
_log = logs.get_logger(__name__)


@dataclass(slots=True)
class _Feed:
    """How one lane is kept full: how many messages ahead, and which jobs were rung for when."""

    ahead: int
    rung: dict[str, float] = field(default_factory=dict)
    is_hungry: bool = True

    def lost_before(self, due: Sequence[str], depth: int, now: float) -> float:
        """Return until when a job must have been rung for to be rung for again, as it is still queued.

        Where the lane is empty its message was lost, or is just being claimed. Where jobs were taken that were rung for
        long after it, it was lost with a worker that had fetched it, or its job came back into the queue.
        """
        waiting = set(due)
        overtaken_at = max((at for job_id, at in self.rung.items() if job_id not in waiting), default=float("-inf"))
        return (now if depth == 0 else overtaken_at) - _RING_AGAIN_S


class Reconciler:
    """One full pass does all; run it every second or few from as many places as you like: one of them acts.

    Parameters
    ----------
    slots : int
        Jobs that the workers can hold at a time where none of them has said so itself.
    lease_s : float
        Of a job.
    office_s : float
        How long the others wait for a leader that has fallen silent.
    retention_s : float
        How long history is kept.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        queue: TaskQueue,
        *,
        slots: int,
        lease_s: float = 8.0,
        office_s: float = 3.0,
        retention_s: float = float("inf"),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._catalogue = catalogue
        self._queue = queue
        self._slots = slots
        self._lease_s = lease_s
        self._office_s = office_s
        self._retention_s = retention_s
        self._clock = clock
        self._holder = new_holder()
        self._feeds = {lane: _Feed(_SLOTS_AHEAD * slots) for lane in Lane}
        self._leads = False
        self._seen: tuple[float, float] | None = None
        self._steady_at = self._tidy_at = self._settle_at = self._hear_at = float("-inf")

    def step(self) -> int:
        """Do a full pass where this process leads, or may lead now; return how many jobs were rung for.

        Raises
        ------
        BrokerUnavailable
            The ledger is in order all the same; the next pass rings.
        """
        leads = self._catalogue.lead(OFFICE, holder=self._holder, lease_s=self._office_s)
        if leads != self._leads:
            _log.info("reconciler_leads" if leads else "reconciler_stands_by", holder=self._holder)
        self._leads = leads
        if not leads:
            return 0
        self._keep_in_order()
        for feed in self._feeds.values():
            feed.is_hungry = True
        rung = self.feed()
        for kind in Kind:
            find_new(kind, catalogue=self._catalogue, most_s=_LOOK_S)
        self._hear()
        return rung

    def feed(self) -> int:
        """Top up the lanes that had something due at the last look; cheap enough for several times a second."""
        if not self._leads:
            return 0
        hungry = [(lane, feed) for lane, feed in self._feeds.items() if feed.is_hungry]
        if not hungry:
            return 0
        return sum(self._top_up(lane, feed) for lane, feed in hungry)

    def resign(self) -> None:
        """Let another process lead at once."""
        if self._leads:
            self._leads = False
            self._catalogue.resign(OFFICE, holder=self._holder)

    def _keep_in_order(self) -> None:
        now = self._clock()
        if self._clock_was_set(now):
            _log.warning("clock_jumped", waits_s=self._lease_s)
            # Every lease looks wrong; whoever is alive prolongs its own in that time.
            self._steady_at = now + self._lease_s
        if now >= self._steady_at:
            self._catalogue.expire_leases()
        self._catalogue.wake_rested()
        keep_windows(self._catalogue, datetime.now().astimezone().time())
        self._catalogue.settle_batches()
        while self._catalogue.expand_batches(page=_BATCH_PAGE) and self._clock() < now + _EXPANSION_S:
            pass
        if now >= self._settle_at:
            self._settle_at = now + _SETTLE_S
            self._catalogue.settle()
        if now >= self._tidy_at:
            self._tidy_at = now + _TIDY_S
            self._slots = self._slots_of_all() or self._slots
            if self._retention_s < float("inf"):
                self._catalogue.forget(before=self._catalogue.time() - self._retention_s)

    def _hear(self) -> None:
        now = self._clock()
        if now >= self._hear_at:
            shows = self._catalogue.shows_to_hear(limit=_SHOWS_AT_ONCE)
            if shows:
                self._queue.hear_repeats(shows)
            # There may be more of them than are asked for at a time.
            self._hear_at = now + (_TIDY_S if len(shows) == _SHOWS_AT_ONCE else _HEAR_S)

    def _clock_was_set(self, now: float) -> bool:
        """Tell whether the ledger's clock and this process's have gone apart since the last pass."""
        ledger = self._catalogue.time()
        before, self._seen = self._seen, (ledger, now)
        return before is not None and abs((ledger - before[0]) - (now - before[1])) > _JUMP_S

    def _slots_of_all(self) -> int:
        return sum(w.slots for w in self._catalogue.workers(seen_within_s=_ABSENT_AFTER_LEASES * self._lease_s))

    def _top_up(self, lane: Lane, feed: _Feed) -> int:
        """Ring for due jobs until the lane is about twice as deep as there are slots, deeper while it drains fast."""
        least = _SLOTS_AHEAD * self._slots
        due = self._catalogue.due(lane, limit=4 * max(feed.ahead, least))
        feed.is_hungry = bool(due)
        if not due:
            return 0
        depth, now = self._queue.depth(lane), self._clock()
        feed.ahead = _next_ahead(feed.ahead, depth, least=least, most=_SLOTS_AHEAD_MOST * self._slots)
        lost_before = feed.lost_before(due, depth, now)
        fresh = [job_id for job_id in due if feed.rung.get(job_id, float("-inf")) <= lost_before]
        chosen = fresh[: max(0, feed.ahead - depth)]
        if chosen:
            self._queue.ring(chosen, lane)
        feed.rung = {job_id: at for job_id, at in feed.rung.items() if now - at < 20 * _RING_AGAIN_S}
        feed.rung |= dict.fromkeys(chosen, now)
        return len(chosen)


def _next_ahead(ahead: int, depth: int, *, least: int, most: int) -> int:
    """Return how deep to keep a lane: twice as deep where it ran dry, half as deep where it stays full."""
    if depth == 0:
        ahead *= 2
    elif depth > ahead // 2:
        ahead //= 2
    return max(least, min(most, ahead))

"""Keep sources on the network fresh: one elected process rings for what is due, workers ask for a while at a time."""

import time
from collections.abc import Callable, Iterator, Sequence

from audiofeat import logs
from audiofeat.domain.source_records import MatchState
from audiofeat.errors import Busy
from audiofeat.ports import Catalogue, Described, RecordSource, Round, TaskQueue
from audiofeat.services.fetch_metadata import fetch, tracks
from audiofeat.services.offices import new_holder
from audiofeat.source_errors import SourceProblem

_LOOK_S = 10.0
_OFFICE_S = 60.0
# A ring that nobody has answered for so long was lost.
_RING_AGAIN_S = 600.0
_SLICE_S = 60.0
# A source that fails is asked again after so long, and no later than it would be anyway.
_AFTER_PROBLEM_S = 1_800.0
_log = logs.get_logger(__name__)


class Refresher:
    """Rings for sources that are due; call it as often as you like, from as many places as you like.

    Parameters
    ----------
    sources : sequence of str
        As the ledger calls them; where they are, the workers know.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        queue: TaskQueue,
        sources: Sequence[str],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._catalogue, self._queue, self._sources, self._clock = catalogue, queue, sources, clock
        self._holder = new_holder()
        self._look_at = float("-inf")
        self._rung: dict[str, float] = {}

    def step(self) -> int:
        """Ring for what is due, where this process is the one that does; return for how many sources.

        Raises
        ------
        BrokerUnavailable
            They are rung for at a later look.
        """
        now = self._clock()
        if not self._sources or now < self._look_at:
            return 0
        self._look_at = now + _LOOK_S
        if not self._catalogue.lead("refresher", holder=self._holder, lease_s=_OFFICE_S):
            return 0
        due = [name for name in self._sources if self._is_due(name, now)]
        for name in due:
            self._queue.refresh(name)
            self._rung[name] = now
        return len(due)

    def _is_due(self, name: str, now: float) -> bool:
        if now - self._rung.get(name, float("-inf")) < _RING_AGAIN_S:
            return False
        return self._catalogue.round_of(name).due_at <= self._catalogue.time()


def refresh_source(catalogue: Catalogue, source: RecordSource, *, every_s: float, slice_s: float = _SLICE_S) -> bool:
    """Ask a source, if that is due, for about ``slice_s``; return whether there is more to ask for at once.

    What was asked is known, so a slice that is lost costs no second asking. A source that fails is left for a while,
    and nothing that it said before is touched.
    """
    found, now = catalogue.round_of(source.name), catalogue.time()
    if found.due_at > now:
        return False
    items = _Slice(
        tracks(catalogue, after=found.after) if source.is_of_the_world else iter(()), until=time.monotonic() + slice_s
    )
    try:
        done = fetch(catalogue, source, items)
    except Busy:
        return False
    except SourceProblem as problem:
        _log.warning("source_not_refreshed", source=source.name, code=problem.code, problem=problem)
        pause_s = min(_AFTER_PROBLEM_S, every_s)
        catalogue.keep_round(source.name, Round(found.after, catalogue.time() + pause_s))
        return False
    has_more = items.is_cut
    catalogue.keep_round(
        source.name, Round(items.last, 0.0) if has_more else Round("", catalogue.time() + every_s)
    )  # fmt: skip
    _log.info(
        "source_refreshed", source=source.name, records=done.records, unreadable=done.unreadable,
        matched=done.states.get(MatchState.MATCHED, 0), withdrawn=len(done.withdrawn), more=has_more,
    )  # fmt: skip
    return has_more


class _Slice(Iterator[Described]):
    """Some of the items, until a moment has come."""

    def __init__(self, items: Iterator[Described], *, until: float) -> None:
        self._items, self._until = items, until
        self.last, self.is_cut = "", False

    def __next__(self) -> Described:
        if time.monotonic() >= self._until:
            self.is_cut = True
            raise StopIteration
        item = next(self._items)
        self.last = item.item_id
        return item

"""Measure anew what newer versions of feature groups would find otherwise: plan it, run it, watch it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from audiofeat.domain import registry
from audiofeat.domain.batches import Batch, BatchScope, BatchState
from audiofeat.domain.items import Kind
from audiofeat.domain.jobs import FAILED_STATES, FINAL_STATES, Lane
from audiofeat.domain.kept_models import versions_in_use
from audiofeat.domain.window import Window
from audiofeat.errors import InvalidInput
from audiofeat.ports import Catalogue, Extent, ObjectStore

KIND = "reprocess"
_PAGE = 500
RATE_WINDOW_S = 300.0
_WHERE = "kind=track or episode, store=NAME, key=PREFIX, group=NAME (repeated for several)"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a reprocessing would come to.

    Parameters
    ----------
    versions : mapping
        Today's version of each group that is compared.
    cpu_s : float or None
        Estimate from the timings of jobs that ended lately; None where there are none.
    """

    scope: BatchScope
    versions: Mapping[str, int]
    extent: Extent
    cpu_s: float | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a reprocessing is.

    Parameters
    ----------
    total : int
        Items that it is about, as far as is known.
    ended, failed : int
        Jobs that have ended, and those of them without features.
    per_minute : float
        Jobs that ended lately, for each minute.
    left_s : float or None
        How long the rest takes at this rate; None where nothing moves.
    """

    batch: Batch
    total: int
    ended: int
    failed: int
    per_minute: float
    left_s: float | None

    @property
    def is_held(self) -> bool:
        """Whether it waits for its window, rather than for a person."""
        return self.batch.state is BatchState.PAUSED and bool(self.batch.parameters.get("held"))


def scope_of(terms: Iterable[str], versions: Mapping[str, int] = registry.GROUP_VERSIONS) -> BatchScope:
    """Return the scope that ``FIELD=VALUE`` terms describe; none means the whole catalogue and every group.

    ``versions`` are those that the catalogue wants, its own heads among them.

    Raises
    ------
    InvalidInput
        A term has another form, an unknown field or value, or a field that is given twice.
    """
    given: dict[str, str] = {}
    groups: list[str] = []
    for term in terms:
        name, sign, value = term.partition("=")
        if name == "group" and value in versions:
            groups.append(value)
        elif sign and value and name in {"kind", "store", "key"} and name not in given:
            given[name] = value
        else:
            raise InvalidInput(f"{term!r} selects nothing", _WHERE)
    if given.get("kind") not in {None, *Kind}:
        raise InvalidInput(f"there are no items of kind {given['kind']!r}", _WHERE)
    wanted = {group: versions[group] for group in groups or versions}
    return BatchScope(given.get("kind"), given.get("store"), given.get("key"), wanted)


def plan(scope: BatchScope, *, catalogue: Catalogue) -> Plan:
    """Compare what is stored with today's versions, and estimate what bringing it up to date costs."""
    extent = catalogue.extent(scope)
    return Plan(scope, scope.stale_against, extent, _estimate_s(extent, catalogue.costs()))


def begin(
    scope: BatchScope, *, catalogue: Catalogue, lane: Lane = Lane.BULK, window: str | None = None
) -> tuple[Batch | None, Plan]:
    """Begin a batch over what is stale; None where nothing is.

    Raises
    ------
    InvalidInput
        The window is none.
    """
    if window is not None:
        Window.parse(window)
    planned = plan(scope, catalogue=catalogue)
    if not planned.extent.stale_items:
        return None, planned
    parameters: dict[str, Any] = {"window": window, "cpu_s": planned.cpu_s, "audio_s": planned.extent.audio_s}
    batch = catalogue.create_batch(
        KIND, lane=lane, scope=scope, parameters=parameters, total=planned.extent.stale_items
    )
    return batch, planned


def progress(batch: Batch, *, catalogue: Catalogue) -> Progress:
    """Return how far a batch is, and at which rate it goes."""
    ended = sum(batch.counts.get(state, 0) for state in FINAL_STATES)
    # What was made into jobs counts, and before all of it was, what was planned.
    made = sum(batch.counts.values())
    total = made if batch.is_expanded else max(made, batch.total or 0)
    lately = catalogue.ended_lately(batch.batch_id, window_s=RATE_WINDOW_S)
    if lately:
        # A young batch has not had the whole window.
        age_s = (datetime.now(batch.created_at.tzinfo) - batch.created_at).total_seconds()
        per_second = lately / min(RATE_WINDOW_S, max(age_s, 1.0))
    else:
        per_second = 0.0
    is_open = batch.state in {BatchState.RUNNING, BatchState.PAUSED}
    left_s = (total - ended) / per_second if per_second and is_open else None
    failed = sum(batch.counts.get(state, 0) for state in FAILED_STATES)
    return Progress(batch, total, ended, failed, 60 * per_second, left_s)


def keep_windows(catalogue: Catalogue, moment: time) -> int:
    """Hold batches whose window is closed at a time of day, let those go on whose window is open; return how many."""
    return catalogue.keep_windows(lambda window: moment in Window.parse(window))


def _estimate_s(extent: Extent, costs: Mapping[str, float]) -> float | None:
    if "pass" not in costs:
        return None
    heard = {group: seconds for group, (_, seconds) in extent.groups.items()}
    # What a stale group reads has to be measured for as much audio as the group itself.
    for group in extent.groups:
        for read in registry.GROUP_READS.get(group, ()):
            heard[read] = max(heard.get(read, 0.0), heard[group])
    return costs["pass"] * extent.audio_s + sum(costs.get(group, 0.0) * seconds for group, seconds in heard.items())


def prune(*, catalogue: Catalogue, artefacts: ObjectStore) -> int:
    """Drop results of older versions where one of today's is stored, with their curves; return how many.

    What is stale and has no successor yet stays, and so does what a newer audiofeat has measured. Stopped in the middle
    it goes on where it is called again: curves go before the row that names them.
    """
    dropped = 0
    while old := catalogue.old_results(versions_in_use(catalogue.models()), limit=_PAGE):
        for result in old:
            if result.curves_key:
                artefacts.delete(result.curves_key)
        catalogue.drop_results(old)
        dropped += len(old)
    return dropped

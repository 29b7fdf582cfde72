"""Take in what a source says: read in a stream, find the items, keep the records, merge."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from audiofeat.domain.matching import BY_NAMES
from audiofeat.domain.source_records import Match, MatchState, SourceRecord, Unreadable, Visit
from audiofeat.ports import Catalogue, Described, RecordSource
from audiofeat.services.match_records import match
from audiofeat.source_errors import SourceProblem

_BATCH = 500
MOST_PROBLEMS = 1_000


@dataclass(slots=True)
class Imported:
    """What became of a source's records.

    Parameters
    ----------
    records : int
        That were read.
    unreadable : int
        That were skipped; ``problems`` holds the first of them.
    states : dict
        Records by what became of them.
    items : int
        How often an item was merged anew.
    withdrawn : set of str
        Ids of the items of which the source has taken something back.
    """

    source: str
    records: int = 0
    unreadable: int = 0
    items: int = 0
    withdrawn: set[str] = field(default_factory=set)
    states: dict[MatchState, int] = field(default_factory=dict)
    problems: list[Unreadable] = field(default_factory=list)


def take_in(
    catalogue: Catalogue,
    source: RecordSource,
    *,
    items: Iterable[Described] = (),
    batch: int = _BATCH,
    tell: Callable[[Imported], None] = lambda _: None,
) -> Imported:
    """Keep everything that a source says, and merge what it is about, in the order in which it comes.

    Parameters
    ----------
    items : iterable of Described
        For sources that are asked about items.
    batch : int
        How many records are kept at a time.
    tell : callable
        Told of the progress, batch by batch.
    """
    bring_up_to_date(catalogue)
    imported = Imported(source.name)
    records: list[SourceRecord] = []
    visits: list[Visit] = []

    def keep() -> None:
        if records:
            _keep(catalogue, imported, records, is_of_the_world=source.is_of_the_world)
        for visit in visits:
            catalogue.keep_visit(visit)
        records.clear()
        visits.clear()
        tell(imported)

    try:
        for told in source.fetch(items):
            if isinstance(told, SourceRecord):
                records.append(told)
            elif isinstance(told, Visit):
                visits.append(told)
            elif isinstance(told, Unreadable):
                imported.unreadable += 1
                imported.problems += [told][: MOST_PROBLEMS - len(imported.problems)]
            else:
                keep()
                imported.withdrawn |= catalogue.withdraw(told)
            if len(records) + len(visits) >= batch:
                keep()
    except SourceProblem:
        # What came until then is true all the same.
        keep()
        raise
    keep()
    return imported


def _keep(catalogue: Catalogue, imported: Imported, records: Sequence[SourceRecord], *, is_of_the_world: bool) -> None:
    matches = match(catalogue, records)
    states = {(one.record.source, one.record.record_id): one.state for one in matches}
    imported.records += len(records)
    for state in states.values():
        imported.states[state] = imported.states.get(state, 0) + 1
    kept = [one for one in matches if not (is_of_the_world and _is_idle(one))]
    if kept:
        imported.items += catalogue.keep_matches(kept)
        # An item that a table has given its guid finds what a feed said of it before.
        match_for(catalogue, {one.item_id for one in kept if one.state is MatchState.MATCHED})


def _is_idle(match: Match) -> bool:
    """Tell whether a match says nothing in a source that has something near to everything: none, or a likeness."""
    return match.state is MatchState.UNMATCHED or (match.state is MatchState.WAITING and match.rule == BY_NAMES)


def match_for(catalogue: Catalogue, item_ids: Collection[str]) -> int:
    """Match the records that came before their items, or before what they are found by; return how many."""
    records = catalogue.records_for(item_ids)
    if records:
        matches = [one for one in match(catalogue, records) if one.state is not MatchState.UNMATCHED]
        if matches:
            catalogue.keep_matches(matches)
    return len(records)


def match_again(catalogue: Catalogue) -> int:
    """Look once more for the items of records that found none, because they came first; return how many did now."""
    after, found = None, 0
    while records := catalogue.records_without_item(after=after, limit=_BATCH):
        matches = match(catalogue, records)
        # Also what found none: by its keys it is found when its item comes.
        catalogue.keep_matches(matches)
        found += len({(m.record.source, m.record.record_id) for m in matches if m.state is not MatchState.UNMATCHED})
        after = (records[-1].source, records[-1].record_id)
    return found


def bring_up_to_date(catalogue: Catalogue, *, page: int = 1_000, tell: Callable[[int], None] = lambda _: None) -> int:
    """Merge anew all items that were last merged under another policy; return how many. Fetches nothing."""
    done = 0
    while merged := catalogue.remerge_page(limit=page):
        done += merged
        tell(done)
    return done

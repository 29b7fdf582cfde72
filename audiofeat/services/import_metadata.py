"""Take in what a source says: read in a stream, find the items, keep the records, merge."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice

from audiofeat.domain.source_records import MatchState, SourceRecord, Unreadable
from audiofeat.ports import Catalogue, Described, RecordSource
from audiofeat.services.match_records import match

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
    """

    source: str
    records: int = 0
    unreadable: int = 0
    items: int = 0
    states: dict[MatchState, int] = field(default_factory=dict)
    problems: list[Unreadable] = field(default_factory=list)


def take_in(
    catalogue: Catalogue,
    source: RecordSource,
    *,
    items: Iterable[Described] = (),
    tell: Callable[[Imported], None] = lambda _: None,
) -> Imported:
    """Keep everything that a source says, and merge what it is about.

    Parameters
    ----------
    items : iterable of Described
        For sources that are asked about items.
    tell : callable
        Told of the progress, batch by batch.
    """
    bring_up_to_date(catalogue)
    imported = Imported(source.name)
    received = iter(source.fetch(items))
    while batch := list(islice(received, _BATCH)):
        records = [one for one in batch if isinstance(one, SourceRecord)]
        problems = [one for one in batch if isinstance(one, Unreadable)]
        imported.records += len(records)
        imported.unreadable += len(problems)
        imported.problems += problems[: MOST_PROBLEMS - len(imported.problems)]
        if records:
            matches = match(catalogue, records)
            imported.items += catalogue.keep_matches(matches)
            states = {(one.record.source, one.record.record_id): one.state for one in matches}
            for state in states.values():
                imported.states[state] = imported.states.get(state, 0) + 1
        tell(imported)
    return imported


def match_again(catalogue: Catalogue) -> int:
    """Look once more for the items of records that found none, because they came first; return how many did now."""
    after, found = None, 0
    while records := catalogue.records_without_item(after=after, limit=_BATCH):
        matches = [one for one in match(catalogue, records) if one.state is not MatchState.UNMATCHED]
        if matches:
            catalogue.keep_matches(matches)
        found += len({(one.record.source, one.record.record_id) for one in matches})
        after = (records[-1].source, records[-1].record_id)
    return found


def bring_up_to_date(catalogue: Catalogue, *, page: int = 1_000, tell: Callable[[int], None] = lambda _: None) -> int:
    """Merge anew all items that were last merged under another policy; return how many. Fetches nothing."""
    done = 0
    while merged := catalogue.remerge_page(limit=page):
        done += merged
        tell(done)
    return done

"""Ask a source on the network about items: one process at a time, whoever starts it."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence

from audiofeat.domain.filters import Condition
from audiofeat.domain.items import Kind
from audiofeat.errors import Busy
from audiofeat.ports import Catalogue, Described, RecordSource
from audiofeat.services.import_metadata import Imported, take_in
from audiofeat.services.offices import alone

# A source that is asked once a second fills so many in half a minute; what is kept needs no second asking.
_BATCH = 20
_PAGE = 100
_OFFICE_S = 600.0


def fetch(
    catalogue: Catalogue,
    source: RecordSource,
    items: Iterable[Described] = (),
    *,
    tell: Callable[[Imported], None] = lambda _: None,
) -> Imported:
    """Ask a source, and keep what it says.

    Raises
    ------
    Busy
        Another process asks it: two would go beyond its rate.
    """
    office = f"source {source.name}"
    with alone(office, catalogue, lease_s=_OFFICE_S) as holder:
        if holder is None:
            raise Busy(f"{source.name} is being asked by another process", "wait until that has ended")

        def told(imported: Imported) -> None:
            catalogue.lead(office, holder=holder, lease_s=_OFFICE_S)
            tell(imported)

        return take_in(catalogue, source, items=items, batch=_BATCH, tell=told)


def tracks(catalogue: Catalogue, conditions: Sequence[Condition] = (), *, after: str = "") -> Iterator[Described]:
    """Yield the tracks that meet all conditions, in the order of their ids, from the one behind ``after``."""
    ids = sorted(catalogue.matching(Kind.TRACK, conditions))
    ids = ids[bisect_right(ids, after) :]
    for start in range(0, len(ids), _PAGE):
        page = catalogue.described(ids[start : start + _PAGE])
        yield from (page[item_id] for item_id in sorted(page))

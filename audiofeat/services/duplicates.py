"""Finds items that are the same thing over again, and writes them down as groups or, where it is less sure, as pairs.

Each item is looked at once, when it is new, and again when something of it changed. A false group hides an item from
every answer, a missed one shows it twice: so only what :mod:`audiofeat.services.copies` is sure of makes a group. What
is near and as long is suggested to a person.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from audiofeat.domain.duplicates import Evidence, Link, Method
from audiofeat.domain.items import Kind
from audiofeat.domain.neighbours import NEAR_DUPLICATE_DISTANCE
from audiofeat.errors import IndexMissing
from audiofeat.ports import Catalogue, IndexReader, PrintRow
from audiofeat.services.copies import Look, print_of
from audiofeat.services.offices import alone

_AS_LONG_S = 1.0
_NEIGHBOURS = 5
_PAGE = 200
_OFFICE = "duplicates"
_LEASE_S = 60.0
_WAIT_S = 0.2


@dataclass(slots=True)
class Found:
    """What a look came to: items, new links by method, new suggestions."""

    items: int = 0
    joined: Counter[Method] = field(default_factory=Counter)
    suggested: int = 0


def find(*, catalogue: Catalogue, indexes: IndexReader | None = None) -> Found:
    """Look through all items again; groups that are there already stay, and splits are kept to.

    Parameters
    ----------
    catalogue : Catalogue
        Where fingerprints come from and groups go.
    indexes : IndexReader, optional
        Where given, items without a fingerprint that lie near each other and are as long are suggested too.
    """
    while not (found := _from_the_beginning(catalogue)):
        time.sleep(_WAIT_S)
    if indexes is not None:
        near = [link for kind in Kind for link in _near(catalogue, kind=kind, indexes=indexes)]
        found.suggested += catalogue.suggest_duplicates(near)
    return found


def find_new(kind: Kind, *, catalogue: Catalogue, most_s: float = float("inf")) -> Found:
    """Look for about ``most_s`` at what is new since the last look; at nothing where somebody else is at it."""
    found, end = Found(), time.monotonic() + most_s
    if not catalogue.embeddings(kind, after_sequence=catalogue.looked_through(kind), limit=1):
        return found
    with alone(_OFFICE, catalogue, lease_s=_LEASE_S) as holder:
        while holder and _look_at_page(kind, catalogue, found) and time.monotonic() < end:
            if not catalogue.lead(_OFFICE, holder=holder, lease_s=_LEASE_S):
                break
    return found


def split(item_ids: Sequence[str], *, catalogue: Catalogue) -> int:
    """Keep items apart from what they were grouped with, and have later copies of them found; return how many pairs."""
    pairs = catalogue.split_duplicates(item_ids)
    _look_at(catalogue.prints_of(item_ids), item_ids, catalogue, Found())
    return pairs


def _from_the_beginning(catalogue: Catalogue) -> Found | None:
    with alone(_OFFICE, catalogue, lease_s=_LEASE_S) as holder:
        if holder is None:
            return None
        catalogue.forget_marks()
        found = Found()
        for kind in Kind:
            while _look_at_page(kind, catalogue, found):
                catalogue.lead(_OFFICE, holder=holder, lease_s=_LEASE_S)
        return found


def _look_at_page(kind: Kind, catalogue: Catalogue, found: Found) -> bool:
    """Look at the next items of a kind; return whether there were any."""
    rows = catalogue.embeddings(kind, after_sequence=catalogue.looked_through(kind), limit=_PAGE)
    if not rows:
        return False
    new = dict.fromkeys(row.item_id for row in rows)
    # Whoever was known by one that is another thing by now, or gone, has to be known by itself.
    looked_at = [*new, *(item_id for item_id in catalogue.copies_of(new) if item_id not in new)]
    place = {item_id: number for number, item_id in enumerate(looked_at)}
    prints = sorted(catalogue.prints_of(looked_at), key=lambda row: place[row.item_id])
    _look_at([row for row in prints if row.kind is kind], looked_at, catalogue, found)
    found.items += len(new)
    catalogue.move_look(kind, max(row.sequence for row in rows))
    return True


def _look_at(rows: Sequence[PrintRow], looked_at: Sequence[str], catalogue: Catalogue, found: Found) -> None:
    """Join items to what they are copies of, and have those that are copies of nothing known by their marks."""
    look = Look(rows, catalogue)
    for row in rows:
        look.at(row)
    for method in Method:
        links = [link for link in look.same.values() if link.evidence.method is method]
        found.joined[method] += catalogue.join_duplicates(links)
    found.suggested += catalogue.suggest_duplicates(look.like)
    # What somebody split is joined to nothing: it is known by itself.
    groups = catalogue.duplicate_groups_of(sorted({name for link in look.same.values() for name in link.pair}))
    known = {
        item_id: look.marks[item_id]
        for item_id in look.marks
        if item_id not in look.same or groups.get(item_id) != groups.get(look.same[item_id].evidence.of, "")
    }
    catalogue.keep_marks(looked_at, known)


def _pages(catalogue: Catalogue, kind: Kind) -> Iterator[dict[str, PrintRow]]:
    after: str | None = None
    while page := catalogue.items(kind=kind, after=after, limit=_PAGE):
        yield {row.item_id: row for row in catalogue.prints_of([view.item_id for view in page])}
        after = page[-1].item_id


def _near(catalogue: Catalogue, *, kind: Kind, indexes: IndexReader) -> Iterator[Link]:
    """Yield pairs that lie near each other and are as long, where one has no fingerprint that could tell."""
    try:
        index = indexes.current(kind)
    except IndexMissing:
        return
    for rows in _pages(catalogue, kind):
        near: dict[str, dict[str, float]] = {}
        for item_id in rows:
            vector = index.vector_of(item_id)
            hits = () if vector is None else index.search(vector, _NEIGHBOURS, space=index.space.id)
            close = [hit for hit in hits if hit.distance < NEAR_DUPLICATE_DISTANCE]
            near[item_id] = {name: hit.distance for hit in close for name in hit.item_ids if name > item_id}
        others = {
            row.item_id: row for row in catalogue.prints_of(sorted({name for each in near.values() for name in each}))
        }
        for item_id, distances in near.items():
            for other, distance in distances.items():
                ours, theirs = rows[item_id], others.get(other)
                if theirs is None or (print_of(ours) is not None and print_of(theirs) is not None):
                    continue
                difference_s = theirs.duration_s - ours.duration_s
                if abs(difference_s) <= _AS_LONG_S:
                    evidence = Evidence(
                        Method.DISTANCE, item_id, duration_difference_s=round(difference_s, 3),
                        distance=round(distance, 4),
                    )  # fmt: skip
                    yield Link(other, evidence)

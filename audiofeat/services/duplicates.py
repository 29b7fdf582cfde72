"""Finds items that are the same thing over again, and writes them down as groups or, where it is less sure, as pairs.

A false group hides an item from every answer, a missed one shows it twice: so only equal bytes, equal samples and
fingerprints that fit over nearly all of both items make a group. What is near and as long is suggested to a person.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from audiofeat.domain.duplicates import Evidence, Link, Method
from audiofeat.domain.fingerprints import ITEM_S, Fit, Print, candidates, decoded, fit
from audiofeat.domain.items import Kind
from audiofeat.domain.neighbours import NEAR_DUPLICATE_DISTANCE
from audiofeat.errors import IndexMissing, InvalidInput
from audiofeat.ports import Catalogue, IndexReader, PrintRow

# Encodings of one recording differ in at most .07 of the bits, different recordings in at least .33.
SAME_BIT_ERROR_RATIO = 0.15
LIKE_BIT_ERROR_RATIO = 0.25
_LEAST_OVERLAP_RATIO = 0.8
_MOST_DIFFERENCE_S = 7.0
_MOST_DIFFERENCE_RATIO = 0.05
_AS_LONG_S = 1.0
_NEIGHBOURS = 5
_PAGE = 2_000


@dataclass(frozen=True, slots=True)
class Found:
    """What a look through a catalogue came to: items, new links by method, new suggestions."""

    items: int
    joined: Mapping[Method, int]
    suggested: int


@dataclass(frozen=True, slots=True)
class _Item:
    row: PrintRow
    print: Print | None


def find(*, catalogue: Catalogue, indexes: IndexReader | None = None) -> Found:
    """Look through all items; groups that are there already stay, and splits are kept to.

    Parameters
    ----------
    catalogue : Catalogue
        Where fingerprints come from and groups go.
    indexes : IndexReader, optional
        Where given, near items that are as long are suggested too.
    """
    rows = list(_pages(catalogue))
    joined: dict[Method, int] = {}
    suggested: list[Link] = []
    for kind in Kind:
        ours = [row for row in rows if row.kind is kind]
        distinct: list[PrintRow] = ours
        for method, key in ((Method.AUDIO_HASH, "sha256"), (Method.PCM_HASH, "pcm_sha256")):
            links, distinct = equal(distinct, key=key, method=method)
            joined[method] = joined.get(method, 0) + catalogue.join_duplicates(links)
        items = {row.item_id: _Item(row, _print_of(row)) for row in distinct}
        same, like = alike(items)
        joined[Method.FINGERPRINT] = joined.get(Method.FINGERPRINT, 0) + catalogue.join_duplicates(same)
        suggested += like
        if indexes is not None:
            suggested += list(_near(items, kind=kind, indexes=indexes))
    return Found(len(rows), joined, catalogue.suggest_duplicates(suggested))


def equal(rows: Iterable[PrintRow], *, key: str, method: Method) -> tuple[list[Link], list[PrintRow]]:
    """Return links between items with one and the same hash, and the first item of each hash."""
    first: dict[str, PrintRow] = {}
    links, distinct = [], []
    for row in rows:
        value = getattr(row, key)
        known = None if value is None else first.setdefault(value, row)
        if known is None or known is row:
            distinct.append(row)
        else:
            links.append(Link(row.item_id, Evidence(method, known.item_id)))
    return links, distinct


def alike(items: Mapping[str, _Item]) -> tuple[list[Link], list[Link]]:
    """Return links between items of which the fingerprints say that they are the same, and that they may be.

    Two groups become one only where their first items fit as well: a chain of likenesses is no likeness.
    """
    prints = {item_id: item.print for item_id, item in items.items() if item.print is not None}
    judged = [(found, pair) for pair in candidates(prints) if (found := fit(prints[pair[0]], prints[pair[1]]))]
    first_of = {item_id: item_id for item_id in prints}
    same, like = [], []
    for found, (one, other) in sorted(judged, key=lambda entry: (entry[0].bit_error_ratio, entry[1])):
        link = _link(items[other].row, items[one].row, found)
        if not _is_as_long(items[one].row, items[other].row) or not _covers(found, prints[one], prints[other]):
            continue
        if found.bit_error_ratio > SAME_BIT_ERROR_RATIO:
            if found.bit_error_ratio <= LIKE_BIT_ERROR_RATIO:
                like.append(link)
            continue
        firsts = _first(first_of, one), _first(first_of, other)
        if firsts[0] != firsts[1] and _fit_too(items, prints, *firsts):
            first_of[max(firsts)] = min(firsts)
            same.append(link)
    return same, like


def _pages(catalogue: Catalogue) -> Iterator[PrintRow]:
    after: str | None = None
    while page := catalogue.prints(after=after, limit=_PAGE):
        yield from page
        after = page[-1].item_id


def _print_of(row: PrintRow) -> Print | None:
    if row.chromaprint is None:
        return None
    try:
        return decoded(row.chromaprint)
    except InvalidInput:
        return None


def _near(items: Mapping[str, _Item], *, kind: Kind, indexes: IndexReader) -> Iterator[Link]:
    """Yield pairs that lie near each other and are as long, unless their fingerprints say that they are two things."""
    try:
        index = indexes.current(kind)
    except IndexMissing:
        return
    for item_id, item in items.items():
        vector = index.vector_of(item_id)
        if vector is None:
            continue
        for hit in index.search(vector, _NEIGHBOURS, space=index.space.id):
            for other in hit.item_ids if hit.distance < NEAR_DUPLICATE_DISTANCE else ():
                theirs = items.get(other)
                if theirs is None or other <= item_id:
                    continue
                # Had both fingerprints, and were these alike, they would have been found by them.
                if item.print is not None and theirs.print is not None:
                    continue
                difference_s = theirs.row.duration_s - item.row.duration_s
                if abs(difference_s) <= _AS_LONG_S:
                    evidence = Evidence(
                        Method.DISTANCE, item_id, duration_difference_s=round(difference_s, 3),
                        distance=round(hit.distance, 4),
                    )  # fmt: skip
                    yield Link(other, evidence)


def _link(row: PrintRow, of: PrintRow, found: Fit) -> Link:
    return Link(
        row.item_id,
        Evidence(
            Method.FINGERPRINT,
            of.item_id,
            bit_error_ratio=round(found.bit_error_ratio, 4),
            offset_s=round(found.offset_s, 2),
            overlap_s=round(found.overlap_s, 2),
            duration_difference_s=round(row.duration_s - of.duration_s, 3),
        ),
    )


def _is_as_long(one: PrintRow, other: PrintRow) -> bool:
    """Tell whether two items may be the same with a little cut off: an edit or an extended version is another thing."""
    short, long = sorted((one.duration_s, other.duration_s))
    return long - short <= max(min(_MOST_DIFFERENCE_S, short / 4), _MOST_DIFFERENCE_RATIO * short)


def _covers(found: Fit, one: Print, other: Print) -> bool:
    """Tell whether nearly all of the shorter fingerprint took part."""
    return found.overlap_s >= _LEAST_OVERLAP_RATIO * min(len(one), len(other)) * ITEM_S


def _first(first_of: dict[str, str], item_id: str) -> str:
    while first_of[item_id] != item_id:
        item_id = first_of[item_id]
    return item_id


def _fit_too(items: Mapping[str, _Item], prints: Mapping[str, Print], one: str, other: str) -> bool:
    found = fit(prints[one], prints[other])
    is_same = found is not None and found.bit_error_ratio <= SAME_BIT_ERROR_RATIO
    return is_same and found is not None and _is_as_long(items[one].row, items[other].row)

"""Tells what an item is a copy of: by equal bytes, equal samples, or fingerprints that fit over nearly all of both.

It is compared with those that are copies of nothing; a few marks of its bytes, its samples and its
fingerprint tell which, so that a catalogue of any size costs a few questions to the ledger.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from audiofeat.domain.duplicates import Evidence, Link, Method
from audiofeat.domain.fingerprints import ITEM_S, LEAST_COMMON_MARKS, Fit, Print, decoded, fit, marks
from audiofeat.errors import InvalidInput
from audiofeat.ports import Duplicates, PrintRow

# Encodings of one recording differ in at most .07 of the bits, different recordings in at least .33.
SAME_BIT_ERROR_RATIO = 0.15
LIKE_BIT_ERROR_RATIO = 0.25
# A mark that more items have, such as that of silence, tells nothing.
_MOST_WITH_A_MARK = 256
_MOST_COMPARED = 32
_LEAST_OVERLAP_RATIO = 0.8
_MOST_DIFFERENCE_S = 7.0
_MOST_DIFFERENCE_RATIO = 0.05


class Look:
    """Some items beside those that are known by marks, one after the other."""

    def __init__(self, rows: Sequence[PrintRow], catalogue: Duplicates) -> None:
        self._prints = {row.item_id: print_of(row) for row in rows}
        self._rows = {row.item_id: row for row in rows}
        own = {row.item_id: self._marks_of(row) for row in rows}
        known = catalogue.known_by({mark for each in own.values() for mark in each})
        self._known: defaultdict[int, list[str]] = defaultdict(list)
        for mark, names in known.items():
            self._known[mark] = [name for name in names if name not in self._rows]
        others = {name for item_id in own for name in self._candidates(own[item_id])}
        for row in catalogue.prints_of(sorted(others)):
            self._rows[row.item_id], self._prints[row.item_id] = row, print_of(row)
        self.same: dict[str, Link] = {}
        self.like: list[Link] = []
        self.marks: dict[str, list[int]] = own

    def at(self, row: PrintRow) -> None:
        """Find what an item is a copy of, or may be."""
        judged = [
            link
            for name in self._candidates(self.marks[row.item_id])
            if (other := self._rows.get(name)) is not None
            and other.kind is row.kind
            and (link := self._judged(row, other)) is not None
        ]
        same = [link for link in judged if _is_same(link.evidence)]
        if same:
            self.same[row.item_id] = min(same, key=_rank)
        self.like += [link for link in judged if not _is_same(link.evidence)]
        self.marks[row.item_id] = [
            mark for mark in self.marks[row.item_id] if len(self._known[mark]) < _MOST_WITH_A_MARK
        ]
        if not same:
            for mark in self.marks[row.item_id]:
                self._known[mark].append(row.item_id)

    def _marks_of(self, row: PrintRow) -> list[int]:
        one = self._prints[row.item_id]
        return [*_hash_marks(row), *(marks(one) if one is not None else ())]

    def _candidates(self, own: Iterable[int]) -> list[str]:
        """Return who has enough marks in common, most first; one of the bytes or of the samples is enough."""
        shared: Counter[str] = Counter()
        for mark in own:
            names = self._known[mark]
            if len(names) <= _MOST_WITH_A_MARK:
                shared.update(dict.fromkeys(names, LEAST_COMMON_MARKS if mark < 0 else 1))
        return [name for name, count in shared.most_common(_MOST_COMPARED) if count >= LEAST_COMMON_MARKS]

    def _judged(self, row: PrintRow, other: PrintRow) -> Link | None:
        if row.sha256 == other.sha256:
            return Link(row.item_id, Evidence(Method.AUDIO_HASH, other.item_id))
        if row.pcm_sha256 is not None and row.pcm_sha256 == other.pcm_sha256:
            return Link(row.item_id, Evidence(Method.PCM_HASH, other.item_id))
        one, two = self._prints[row.item_id], self._prints[other.item_id]
        if one is None or two is None or not _is_as_long(row, other):
            return None
        found = fit(two, one)
        if found is None or found.bit_error_ratio > LIKE_BIT_ERROR_RATIO or not _covers(found, one, two):
            return None
        return _link(row, other, found)


def _hash_marks(row: PrintRow) -> list[int]:
    """Return negative marks, as those of fingerprints never are."""
    hashes = (row.sha256, row.pcm_sha256)
    named = [f"{name}:{value}".encode() for name, value in zip(("audio", "pcm"), hashes, strict=True) if value]
    return [-1 - int.from_bytes(hashlib.blake2b(name, digest_size=7).digest()) for name in named]


def _is_same(evidence: Evidence) -> bool:
    return evidence.bit_error_ratio is None or evidence.bit_error_ratio <= SAME_BIT_ERROR_RATIO


def _rank(link: Link) -> tuple[int, float, str]:
    """Order links, the surest first."""
    return list(Method).index(link.evidence.method), link.evidence.bit_error_ratio or 0.0, link.evidence.of


def print_of(row: PrintRow) -> Print | None:
    """Return an item's fingerprint, or None where it has none that can be read."""
    if row.chromaprint is None:
        return None
    try:
        return decoded(row.chromaprint)
    except InvalidInput:
        return None


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

"""Which items of a kind can be placed in a space of today, in arrays; their fingerprints are read a page at a time.

A fingerprint takes more than 2 kB, what is held of an item here 45 bytes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.descriptor import DIMENSIONS
from audiofeat.domain.items import Kind
from audiofeat.domain.registry import GROUP_VERSIONS
from audiofeat.errors import IndexEmpty, IndexIncomplete
from audiofeat.ports import Catalogue, EmbeddingRow, FingerprintNote

# As many as are placed at once, so that the same items come to the same bits.
PAGE_ROWS = 4_096


@dataclass(frozen=True, slots=True, eq=False)
class Inventory:
    """The items of a kind whose fingerprints are current.

    Parameters
    ----------
    kind : Kind
        What they are.
    ids : NDArray[np.bytes_]
        Their ids in UTF-8, ascending.
    audios : NDArray[np.uint64]
        A hash of each item's audio: copies have the same.
    highest_sequence : int
        Up to which number of the ledger fingerprints were counted in.
    """

    kind: Kind
    ids: NDArray[np.bytes_]
    audios: NDArray[np.uint64]
    highest_sequence: int

    def __len__(self) -> int:
        return len(self.ids)

    def distinct(self) -> NDArray[np.intp]:
        """Return the places of the items with which each audio comes first."""
        return np.sort(np.unique(self.audios, return_index=True)[1])

    def rows(self, catalogue: Catalogue, places: NDArray[np.intp] | None = None) -> Iterator[list[EmbeddingRow]]:
        """Yield pages of fingerprints in the order of ids, of all items or of some.

        Whatever has gone or changed its kind meanwhile is left out: its new number is above the highest here.
        """
        ids = self.ids if places is None else self.ids[places]
        for start in range(0, len(ids), PAGE_ROWS):
            names = [name.decode() for name in ids[start : start + PAGE_ROWS].tolist()]
            found = catalogue.embeddings_by_id(names)
            rows = [found[name] for name in names if name in found]
            current = [r for r in rows if r.kind is self.kind and _is_current(r.version, r.descriptor.size)]
            if current:
                yield current

    def sample(self, catalogue: Catalogue, most: int) -> list[EmbeddingRow]:
        """Return fingerprints of up to ``most`` distinct audios, evenly chosen."""
        places = self.distinct()
        chosen = np.linspace(0, len(places) - 1, min(len(places), most)).round().astype(int)
        return [row for page in self.rows(catalogue, places[chosen]) for row in page]


def inventory_of(kind: Kind, catalogue: Catalogue, *, least_coverage_ratio: float = 0.0) -> Inventory:
    """Return what there is of a kind.

    Raises
    ------
    IndexIncomplete
        Of too many items the fingerprint is of an older version.
    IndexEmpty
        No item is left.
    """
    pages: list[tuple[NDArray[np.bytes_], NDArray[np.uint64], NDArray[np.bool_]]] = []
    highest = 0
    while notes := catalogue.fingerprinted(kind, after_sequence=highest, limit=PAGE_ROWS):
        pages.append(_packed(notes))
        highest = notes[-1].sequence
    if not pages:
        raise _nothing(kind)
    ids, audios, states = (np.concatenate(parts) for parts in zip(*pages, strict=True))
    order = np.argsort(ids, kind="stable")
    # What was analysed again meanwhile was read twice, and stands where it was read last.
    order = order[np.append(ids[order][1:] != ids[order][:-1], True)]
    of_today, current = states[order].T
    if of_today.sum() < least_coverage_ratio * len(order):
        raise IndexIncomplete(
            f"{len(order) - of_today.sum():,} of {len(order):,} {kind.value}s have a fingerprint of an older version; "
            "vectors of two versions are not compared",
            "audiofeat reprocess run --where group=descriptor",
        )
    if not current.any():
        raise _nothing(kind)
    return Inventory(kind, ids[order[current]], audios[order[current]], highest)


def _packed(notes: Sequence[FingerprintNote]) -> tuple[NDArray[np.bytes_], NDArray[np.uint64], NDArray[np.bool_]]:
    """Return ids, hashes of audios, and of each whether it is of today's version and whether it can be placed."""
    today = GROUP_VERSIONS["descriptor"]
    audios = b"".join(blake2b(note.sha256.encode(), digest_size=8).digest() for note in notes)
    return (
        np.array([note.item_id.encode() for note in notes], dtype=np.bytes_),
        np.frombuffer(audios, dtype=np.uint64),
        np.array([(note.version == today, _is_current(note.version, note.dims)) for note in notes]),
    )


def _is_current(version: int, dims: int) -> bool:
    """Tell whether a fingerprint is one that a new space reads; that of a removed item is empty."""
    return version == GROUP_VERSIONS["descriptor"] and dims == len(DIMENSIONS)


def _nothing(kind: Kind) -> IndexEmpty:
    return IndexEmpty(f"no {kind.value} has been analysed", "audiofeat ingest PATH")

"""Builds an index of everything analysed so far, and publishes it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain import reference as shipped
from audiofeat.domain.descriptor import DIMENSIONS
from audiofeat.domain.fitting import fit
from audiofeat.domain.items import Kind
from audiofeat.domain.registry import GROUP_VERSIONS
from audiofeat.domain.space import Space, blocks_all, embed_all, to_json
from audiofeat.errors import IndexEmpty, IndexIncomplete
from audiofeat.ports import Catalogue, EmbeddingRow, IndexContents, IndexPublisher, ReleaseView

_LEAST_COVERAGE_RATIO = 0.999


def build_index(
    kind: Kind, *, catalogue: Catalogue, publisher: IndexPublisher, reference: Space | None = None
) -> ReleaseView:
    """Snapshot a kind, fit its space, build, measure, publish, and note the release in the ledger.

    Parameters
    ----------
    kind : Kind
        Tracks and episodes have an index each.
    catalogue : Catalogue
        Where the fingerprints come from.
    publisher : IndexPublisher
        What builds and publishes.
    reference : Space, optional
        The space for fewer than 200 distinct audios, by default the one that is shipped.

    Raises
    ------
    IndexEmpty
        No item of this kind has a fingerprint.
    IndexIncomplete
        More than one fingerprint in a thousand is of an older version.
    RecallTooLow, PointerMoved, StoreError
        As they say; what was served before is still served.
    """
    contents = snapshot(catalogue.embeddings(kind), kind=kind, reference=reference)
    # A release must not name what a power failure can still take back.
    catalogue.settle()
    view = publisher.publish(contents)
    catalogue.record_release(view.release, kind=kind, space=view.space, items=view.items, recall=view.recall)
    return view


def snapshot(rows: Sequence[EmbeddingRow], *, kind: Kind, reference: Space | None = None) -> IndexContents:
    """Return what an index of these fingerprints contains: one row for each distinct vector, in the order of item ids.

    Items whose fingerprint says nothing, as of silence, are left out.

    Raises
    ------
    IndexIncomplete
        More than one fingerprint in a thousand is of an older version.
    IndexEmpty
        No item is left.
    """
    newest = {row.item_id: row for row in rows}
    space_reference = reference or shipped.load(kind)
    current = [row for row in newest.values() if row.version == GROUP_VERSIONS["descriptor"]]
    if len(current) < _LEAST_COVERAGE_RATIO * len(newest):
        raise IndexIncomplete(
            f"{len(newest) - len(current):,} of {len(newest):,} {kind.value}s have a fingerprint of an older version; "
            "vectors of two versions are not compared",
            "audiofeat reprocess run --where group=descriptor",
        )
    usable = sorted((row for row in current if row.descriptor.shape == (len(DIMENSIONS),)), key=lambda row: row.item_id)
    if not usable:
        raise IndexEmpty(f"no {kind.value} has been analysed", "audiofeat ingest PATH")
    # Copies would pull centre and scale towards themselves.
    distinct_audio = {row.sha256: row.descriptor for row in usable}
    space = fit(np.stack(list(distinct_audio.values())), kind=kind, reference=space_reference)
    descriptors = np.stack([row.descriptor for row in usable])
    vectors = embed_all(space, descriptors)

    # Thousands of equal vectors would fill a tree's leaves and hide the true neighbours of each other.
    items_by_vector: dict[bytes, list[str]] = {}
    first_row: dict[bytes, int] = {}
    for place, (row, vector) in enumerate(zip(usable, vectors, strict=True)):
        if vector.any():
            items_by_vector.setdefault(vector.tobytes(), []).append(row.item_id)
            first_row.setdefault(vector.tobytes(), place)
    if not first_row:
        raise IndexEmpty(f"nothing could be measured in any {kind.value}", "audiofeat ingest PATH")
    firsts = list(first_row.values())
    return IndexContents(
        space=space,
        rows=[tuple(items) for items in items_by_vector.values()],
        vectors=vectors[firsts],
        blocks=blocks_all(space, descriptors[firsts]),
        highest_sequence=max(row.sequence for row in rows),
    )


def fit_reference(descriptors: NDArray[np.float32], kind: Kind) -> str:
    """Return the JSON of a reference space, shipped as ``audiofeat/domain/reference/<kind>-<version>.json``."""
    return to_json(fit(descriptors, kind=kind))

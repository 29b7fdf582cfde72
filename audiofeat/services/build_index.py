"""Builds an index of everything analysed so far, and publishes it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np

from audiofeat.domain.items import Kind
from audiofeat.domain.registry import GROUP_VERSIONS
from audiofeat.domain.space import Space, blocks_all, embed_all
from audiofeat.errors import IndexEmpty, IndexIncomplete, SpaceMismatch
from audiofeat.evaluation.index_quality import QualityFigures, clearly_worse, judged_rows, quality_of
from audiofeat.ports import Catalogue, EmbeddingRow, IndexContents, IndexPublisher, ObjectStore, ReleaseView
from audiofeat.services.duplicates import find_new
from audiofeat.services.fit_space import artists_of, is_current, keep, space_for, words_of_items
from audiofeat.space_errors import QualityTooLow

_LEAST_COVERAGE_RATIO = 0.999


def build_index(
    kind: Kind,
    *,
    catalogue: Catalogue,
    publisher: IndexPublisher,
    artefacts: ObjectStore,
    reference: Space | None = None,
    space: Space | None = None,
    is_told: bool = False,
    is_forced: bool = False,
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
    artefacts : ObjectStore
        Where the descriptors of pieces of items are, and where the space is kept.
    reference : Space, optional
        The space for fewer than 100 distinct audios, by default the one that is shipped.
    space : Space, optional
        One that was fitted before, instead of fitting one now.
    is_told : bool
        Give tracks the group of what their metadata says, where a space is fitted.
    is_forced : bool
        Publish an index that is clearly worse than the one that is served.

    Raises
    ------
    IndexEmpty
        No item of this kind has a fingerprint.
    IndexIncomplete
        More than one fingerprint in a thousand is of an older version.
    SpaceMismatch
        The space is of another kind.
    QualityTooLow
        The index is clearly worse than the one that is served.
    RecallTooLow, PointerMoved, StoreError
        As they say; what was served before is still served.
    """
    if space is not None and space.kind is not kind:
        raise SpaceMismatch(f"space {space.id} is one of {space.kind.value}s, not of {kind.value}s")
    rows = catalogue.embeddings(kind)
    current = usable(rows, kind=kind)
    if space is None:
        space = space_for(
            current, kind=kind, catalogue=catalogue, artefacts=artefacts, reference=reference, is_told=is_told
        )
    keep(space, artefacts)
    find_new(kind, catalogue=catalogue)
    groups = catalogue.duplicate_groups_of([row.item_id for row in current])
    highest = max(row.sequence for row in rows)
    contents = snapshot(current, space=space, highest_sequence=highest, groups=groups, catalogue=catalogue)
    # A release must not name what a power failure can still take back.
    catalogue.settle()
    quality = _judged(contents, live=publisher.quality(kind), catalogue=catalogue, is_forced=is_forced)
    view = publisher.publish(contents, quality=quality)
    catalogue.record_release(view.release, kind=kind, space=view.space, items=view.items, recall=view.recall)
    return view


def _judged(
    contents: IndexContents, *, live: Mapping[str, float | None], catalogue: Catalogue, is_forced: bool
) -> dict[str, float | None]:
    """Return the figures of what would be published; raises QualityTooLow where it is clearly worse than what is live.

    Figures of a kind that this audiofeat does not know are not compared.
    """
    artists = artists_of([contents.rows[row][0] for row in judged_rows(len(contents.rows))], catalogue)
    found = quality_of(contents, artists=artists)
    known = {name: live[name] for name in asdict(found) if name in live}
    if not is_forced and len(known) == len(asdict(found)):
        reasons = clearly_worse(found, QualityFigures.read(known))
        if reasons:
            kind = contents.space.kind.value
            raise QualityTooLow(
                f"the new {kind} index is clearly worse than the one that is served: {'; '.join(reasons)}",
                "what is served stays; where this is meant: audiofeat index build --force",
            )
    return asdict(found)


def usable(rows: Sequence[EmbeddingRow], *, kind: Kind) -> list[EmbeddingRow]:
    """Return the newest fingerprint of each item that an index can hold, in the order of item ids.

    Raises
    ------
    IndexIncomplete
        More than one fingerprint in a thousand is of an older version.
    IndexEmpty
        No item is left.
    """
    newest = {row.item_id: row for row in rows}
    of_today = [row for row in newest.values() if row.version == GROUP_VERSIONS["descriptor"]]
    if len(of_today) < _LEAST_COVERAGE_RATIO * len(newest):
        raise IndexIncomplete(
            f"{len(newest) - len(of_today):,} of {len(newest):,} {kind.value}s have a fingerprint of an older version; "
            "vectors of two versions are not compared",
            "audiofeat reprocess run --where group=descriptor",
        )
    found = sorted((row for row in of_today if is_current(row)), key=lambda row: row.item_id)
    if not found:
        raise IndexEmpty(f"no {kind.value} has been analysed", "audiofeat ingest PATH")
    return found


def snapshot(
    rows: Sequence[EmbeddingRow],
    *,
    space: Space,
    highest_sequence: int,
    groups: Mapping[str, str] | None = None,
    catalogue: Catalogue | None = None,
) -> IndexContents:
    """Return what an index of these fingerprints contains: one row for each distinct vector or group, in their order.

    Of a group of duplicates, named by item id, the first item's vector stands for all. The catalogue tells the words of
    items, where the space places some.
    Items whose fingerprint says nothing, as of silence, are left out; raises IndexEmpty where none is left.
    """
    descriptors = np.stack([row.descriptor for row in rows])
    vectors = embed_all(space, descriptors)

    # Thousands of equal vectors would fill a tree's leaves and hide the true neighbours of each other.
    items_by_vector: dict[bytes | str, list[str]] = {}
    first_row: dict[bytes | str, int] = {}
    for place, (row, vector) in enumerate(zip(rows, vectors, strict=True)):
        if vector.any():
            key = (groups or {}).get(row.item_id) or vector.tobytes()
            items_by_vector.setdefault(key, []).append(row.item_id)
            first_row.setdefault(key, place)
    if not first_row:
        raise IndexEmpty(f"nothing could be measured in any {space.kind.value}", "audiofeat ingest PATH")
    firsts = list(first_row.values())
    is_told = space.text is not None and catalogue is not None
    texts = (
        words_of_items(space.kind, [rows[row].item_id for row in firsts], catalogue) if is_told and catalogue else ()
    )
    return IndexContents(
        space=space,
        rows=[tuple(items) for items in items_by_vector.values()],
        vectors=vectors[firsts],
        blocks=blocks_all(space, descriptors[firsts], texts),
        highest_sequence=highest_sequence,
    )

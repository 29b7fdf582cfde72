"""Builds an index of everything analysed so far, and publishes it."""

from collections.abc import Mapping
from dataclasses import asdict

from audiofeat.domain.items import Kind
from audiofeat.domain.space import Space
from audiofeat.errors import SpaceMismatch
from audiofeat.evaluation.index_quality import QualityFigures, clearly_worse, judged_rows, quality_of
from audiofeat.ports import Catalogue, IndexContents, IndexPublisher, ObjectStore, ReleaseView
from audiofeat.services.duplicates import find_new
from audiofeat.services.fit_space import artists_of, keep, space_for
from audiofeat.services.inventory import inventory_of
from audiofeat.services.snapshot import snapshot
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
        No item of this kind has a fingerprint that says anything.
    IndexIncomplete
        More than one fingerprint in a thousand is of an older version.
    SpaceMismatch
        The space is of another kind.
    QualityTooLow
        The index is clearly worse than the one that is served.
    RecallTooLow, PointerMoved, DiskFull, StoreError
        As they say; what was served before is still served.
    """
    if space is not None and space.kind is not kind:
        raise SpaceMismatch(f"space {space.id} is one of {space.kind.value}s, not of {kind.value}s")
    inventory = inventory_of(kind, catalogue, least_coverage_ratio=_LEAST_COVERAGE_RATIO)
    if space is None:
        space = space_for(inventory, catalogue=catalogue, artefacts=artefacts, reference=reference, is_told=is_told)
    keep(space, artefacts)
    find_new(kind, catalogue=catalogue)
    with publisher.workspace() as folder:
        contents = snapshot(inventory, space=space, catalogue=catalogue, folder=folder)
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

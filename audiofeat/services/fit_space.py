"""Fits spaces on what has been analysed, and keeps them by their hash; no audio is read."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from audiofeat.domain import reference as shipped
from audiofeat.domain.fitting import FIT_FROM_ITEMS, FIT_MOST_ITEMS, fit
from audiofeat.domain.items import Kind
from audiofeat.domain.registry import GROUP_VERSIONS
from audiofeat.domain.scaling import Matrix
from audiofeat.domain.space import Space, from_json, to_json
from audiofeat.domain.texts import Words, fit_texts
from audiofeat.domain.told import words_of
from audiofeat.errors import InvalidInput, ObjectMissing
from audiofeat.ports import Catalogue, ObjectStore
from audiofeat.services.curves import load_curves
from audiofeat.services.inventory import Inventory, inventory_of
from audiofeat.space_errors import SpaceUnknown

# What varies within recordings is pooled over all of them: more would cost time and change little.
MOST_WITH_PIECES = 2_000
_FOLDER = "spaces/"
_PAGE = 500


def fit_space(
    kind: Kind, *, catalogue: Catalogue, artefacts: ObjectStore, reference: Space | None = None, is_told: bool = False
) -> Space:
    """Return the space for everything of a kind that has been analysed, kept under its id.

    Parameters
    ----------
    kind : Kind
        Tracks and episodes have a space each.
    catalogue, artefacts
        Where descriptors, and those of the pieces of items, come from.
    reference : Space, optional
        The space for fewer than 100 distinct audios, by default the one that is shipped.
    is_told : bool
        Give tracks the group of what their metadata says, too; episodes always have theirs.

    Raises
    ------
    IndexEmpty
        No item of this kind has a fingerprint.
    """
    inventory = inventory_of(kind, catalogue)
    space = space_for(inventory, catalogue=catalogue, artefacts=artefacts, reference=reference, is_told=is_told)
    keep(space, artefacts)
    return space


def space_for(
    inventory: Inventory,
    *,
    catalogue: Catalogue,
    artefacts: ObjectStore,
    reference: Space | None = None,
    is_told: bool = False,
) -> Space:
    """Return the space for some items, fitted on up to 20,000 of them; copies of one audio count once."""
    kind, audios = inventory.kind, len(inventory.distinct())
    sample = inventory.sample(catalogue, FIT_MOST_ITEMS)
    space = reference or shipped.load(kind)
    if audios >= FIT_FROM_ITEMS:
        pieces = pieces_of([row.sha256 for row in sample], catalogue=catalogue, artefacts=artefacts)
        descriptors = np.stack([row.descriptor for row in sample])
        space = fit(descriptors, kind=kind, items=audios, pieces=list(pieces.values()))
    # What episodes are about is told by those who describe them; what tracks are said to be is asked for.
    if not (is_told or kind is Kind.EPISODE):
        return space
    texts = fit_texts(words_of_items(kind, [row.item_id for row in sample], catalogue))
    return space if texts is None else replace(space, text=texts)


def words_of_items(kind: Kind, item_ids: Sequence[str], catalogue: Catalogue) -> list[Words]:
    """Return the words of what metadata says of each item."""
    found: list[Words] = []
    for start in range(0, len(item_ids), _PAGE):
        page = item_ids[start : start + _PAGE]
        views = catalogue.items_by_id(page)
        found += [words_of(kind, views[name].metadata if name in views else {}) for name in page]
    return found


def pieces_of(audios: Iterable[str], *, catalogue: Catalogue, artefacts: ObjectStore) -> dict[str, Matrix]:
    """Return the descriptors of the pieces of up to 2,000 audios, evenly chosen, by sha256; short audios have none."""
    names = sorted(audios)
    chosen = np.linspace(0, len(names) - 1, min(len(names), MOST_WITH_PIECES)).round().astype(int)
    pieces: dict[str, Matrix] = {}
    for sha256 in (names[number] for number in chosen):
        analysis = catalogue.analyses_of_audio(sha256).get("descriptor")
        if analysis is None or analysis.curves_key is None or analysis.version != GROUP_VERSIONS["descriptor"]:
            continue
        try:
            parts = load_curves(artefacts, analysis.curves_key)["parts"]
        except ObjectMissing:
            continue
        if parts is not None:
            pieces[sha256] = np.array(parts, dtype=np.float32)
    return pieces


def keep(space: Space, artefacts: ObjectStore) -> None:
    """Store a space under its id; the same space is stored once."""
    artefacts.put(f"{_FOLDER}{space.id}.json", to_json(space).encode())


def stored(space_id: str, artefacts: ObjectStore) -> Space:
    """Return a kept space, or a shipped one, by its id; raises SpaceUnknown."""
    for kind in Kind:
        reference = shipped.load(kind)
        if reference.id == space_id:
            return reference
    if not space_id.isalnum():
        raise InvalidInput(f"{space_id!r} is not the id of a space", "audiofeat space list")
    try:
        body, _ = artefacts.get(f"{_FOLDER}{space_id}.json")
    except ObjectMissing as error:
        raise SpaceUnknown(f"there is no space {space_id}", "audiofeat space list") from error
    return from_json(body)


def kept(artefacts: ObjectStore) -> list[Space]:
    """Return the shipped spaces, then those that were fitted here in the order of their ids."""
    bodies = (artefacts.get(found.key)[0] for found in artefacts.list(_FOLDER))
    spaces = [*(shipped.load(kind) for kind in Kind), *map(from_json, bodies)]
    return list({space.id: space for space in spaces}.values())


def artists_of(item_ids: Sequence[str], catalogue: Catalogue) -> dict[str, str]:
    """Return the artist of each item of which one is known."""
    artists = {}
    for start in range(0, len(item_ids), _PAGE):
        for item_id, view in catalogue.items_by_id(item_ids[start : start + _PAGE]).items():
            if view.metadata.get("artist"):
                artists[item_id] = str(view.metadata["artist"])
    return artists

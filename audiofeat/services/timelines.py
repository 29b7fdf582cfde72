"""The timeline of an episode of the catalogue, from what is stored of it; no audio is read."""

from collections.abc import Collection
from typing import Any

from audiofeat.domain import registry
from audiofeat.domain.items import Kind
from audiofeat.domain.timelines import GROUPS, Stretch, Timeline, timeline
from audiofeat.errors import InvalidInput, ItemNotAnalysed, ObjectMissing
from audiofeat.ports import Analysis, Catalogue, ItemView, ObjectStore
from audiofeat.services.curves import load_curves


def of_episode(view: ItemView, *, catalogue: Catalogue, artefacts: ObjectStore) -> Timeline:
    """Return the timeline of an episode, of which only what that needs is read.

    Raises
    ------
    ItemNotAnalysed
        Nothing is stored of it yet.
    InvalidInput
        It is a track.
    """
    record = stored_record(view, catalogue=catalogue, artefacts=artefacts, groups=GROUPS)
    if view.kind is not Kind.EPISODE:
        raise InvalidInput(
            f"{view.reference or view.key} is a track, and timelines are of episodes",
            "a track's sections are among its features: audiofeat inspect, or /features?curves=true",
        )
    return of_item(view, record, catalogue=catalogue)


def stored_record(
    view: ItemView, *, catalogue: Catalogue, artefacts: ObjectStore, groups: Collection[str] | None = None
) -> dict[str, Any]:
    """Return what is stored of an item, or some feature groups of it, in the form of a record with its curves.

    Raises
    ------
    ItemNotAnalysed
        Nothing is stored of it yet.
    """
    analyses = catalogue.analyses_of_audio(view.sha256) if view.sha256 else {}
    public = {
        name: one
        for name, one in analyses.items()
        if name not in registry.INTERNAL_GROUPS and (groups is None or name in groups)
    }
    if not public:
        raise ItemNotAnalysed(f"{view.reference or view.key} is {view.state.value}", "audiofeat failures")
    return {
        "source": f"{view.store}/{view.key}",
        "status": "degraded" if view.flags else "ok",
        "flags": list(view.flags),
        "audio": dict(view.audio),
        "features": {name: {**one.values, **_curves(one, artefacts)} for name, one in public.items()},
        "reasons": {f"{name}.{field}": why for name, one in public.items() for field, why in one.reasons.items()},
    }


def of_item(view: ItemView, record: dict[str, Any], *, catalogue: Catalogue) -> Timeline:
    """Return the timeline of an item whose stored record is given, with what other episodes have and its chapters."""
    repeats = [
        Stretch(heard.start_s, heard.end_s, repeat.kind.value, round(1 - 2 * heard.bit_error_ratio, 3))
        for repeat, heard in catalogue.repeats_in(view.item_id)
    ]
    said = view.metadata.get("chapters")
    return timeline(
        record["features"], record["audio"]["decoded_duration_s"], repeats=repeats, said=str(said) if said else None
    )


def _curves(analysis: Analysis, artefacts: ObjectStore) -> dict[str, Any]:
    if analysis.curves_key is None:
        return {}
    try:
        return load_curves(artefacts, analysis.curves_key)
    except ObjectMissing:
        return {}

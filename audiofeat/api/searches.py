"""From the wire format of lookups to seeds and rules."""

import numpy as np

from audiofeat.domain import filters, targets
from audiofeat.domain.items import Kind
from audiofeat.domain.lookups import ItemSeed, Rules, Seed, TargetSeed, ThingSeed, VectorSeed
from audiofeat.domain.neighbours import Engine
from audiofeat.domain.things import ThingKind
from audiofeat.services.listening import Listener
from schemas import lookups


def rules_of(asked: lookups.SearchRules) -> Rules:
    """Return the rules of a request; raises InvalidInput, naming what is wrong and a correct value."""
    said: dict[str, filters.Said] = {
        name: what.model_dump(by_alias=True, exclude_none=True) if isinstance(what, lookups.Range) else what
        for name, what in asked.filters.items()
    }
    return Rules(
        k=asked.k,
        engine=Engine(asked.engine),
        show_duplicates=asked.duplicates == "show",
        artist_cap=asked.artist_cap,
        album_cap=asked.album_cap,
        keep_ratio=asked.keep_ratio,
        weights=asked.weights,
        about=asked.about,
        conditions=filters.read(said) + filters.parse(asked.where),
        include=None if asked.include is None else tuple(asked.include),
        exclude=tuple(asked.exclude),
    )


def kind_of(asked: lookups.SearchRules) -> Kind | None:
    """Return the kind of a request's answers, where it tells."""
    return Kind(asked.kind) if asked.kind else None


def seed_of(seed: lookups.Seed, *, listener: Listener, kind: Kind | None) -> Seed:
    """Return a seed; an object is listened to now. Raises InvalidInput, and as the listener does."""
    if seed.vector is not None and seed.space is not None:
        return VectorSeed(np.array(seed.vector), seed.space, seed.weight)
    if seed.target is not None:
        target = targets.parse(seed.target) if isinstance(seed.target, str) else targets.checked(seed.target)
        return TargetSeed(target, seed.weight)
    if seed.object is not None:
        return listener.to_object(seed.object.store, seed.object.key, kind=kind, weight=seed.weight)
    for kind_of_thing in ThingKind:
        named = getattr(seed, kind_of_thing.value)
        if named is not None:
            return ThingSeed(kind_of_thing, named, seed.weight)
    names = {"item": seed.item, "reference": seed.reference, "isrc": seed.isrc, "mbid": seed.mbid}
    [(naming, name)] = [(naming, name) for naming, name in names.items() if name is not None]
    return ItemSeed(name, naming, seed.weight)

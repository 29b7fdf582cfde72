"""Where items, and things that have items, lie in an index."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.items import Kind
from audiofeat.domain.lookups import ThingSeed
from audiofeat.domain.pooling import Pooled, pool
from audiofeat.domain.things import Thing
from audiofeat.errors import ItemNotAnalysed
from audiofeat.ports import Catalogue, Membership, VectorIndex

# Of a thing with more items the first so many by id count: ids are hashes, so that is a sample.
MOST_POOLED = 10_000


class Place(NamedTuple):
    """Where something lies: unit vector, and blocks where its release has them."""

    vector: NDArray[np.float32]
    blocks: NDArray[np.float32] | None


class Held(NamedTuple):
    """A thing, and its items."""

    thing: Thing
    members: tuple[Membership, ...]

    @property
    def kind(self) -> Kind:
        """What most of its items are."""
        kinds = [member.kind for member in self.members]
        return max(Kind, key=kinds.count)


class PooledThings(NamedTuple):
    """Things as one vector each, with their items; rows are in the order of ``thing_ids``."""

    thing_ids: list[str]
    members: list[list[Membership]]
    vectors: list[NDArray[np.float32]]
    pooled: Pooled


def starts_of(names: NDArray[np.str_]) -> NDArray[np.intp]:
    """Return where each run of equal names begins."""
    if not len(names):
        return np.zeros(0, dtype=np.intp)
    return np.flatnonzero(np.concatenate([[True], names[1:] != names[:-1]]))


def held(seed: ThingSeed, catalogue: Catalogue) -> Held:
    """Return a thing with its items; raises ThingUnknown, InvalidInput or ItemNotAnalysed where it has none."""
    thing = catalogue.find_thing(seed.kind, seed.name)
    members = catalogue.items_of([thing.thing_id], most=MOST_POOLED)
    if not members:
        raise ItemNotAnalysed(f"no item of {thing.kind.value} {thing.title} has been analysed", "audiofeat failures")
    return Held(thing, tuple(members))


def pooled(members: Sequence[Membership], index: VectorIndex) -> PooledThings:
    """Return things by their items, which come thing after thing."""
    vectors = index.vectors_of([member.item_id for member in members])
    names = np.array([member.thing_id for member in members])
    starts = starts_of(names)
    found = pool(vectors, np.array([member.weight for member in members], dtype=np.float64), starts)
    spans = [slice(low, high) for low, high in pairwise([*starts.tolist(), len(members)])]
    return PooledThings(
        [members[span.start].thing_id for span in spans],
        [list(members[span]) for span in spans],
        [vectors[span] for span in spans],
        found,
    )


def blocks_of(members: Sequence[Membership], index: VectorIndex) -> NDArray[np.float32] | None:
    """Return the weighted mean of the blocks of some items; None in an early release."""
    rows = index.blocks_of_all([member.item_id for member in members])
    if rows is None:
        return None
    weights = np.where(rows.any(axis=1), [member.weight for member in members], 0.0)
    return np.asarray(weights @ rows / max(weights.sum(), np.finfo(np.float64).tiny), dtype=np.float32)


def place_of_thing(thing: Held, index: VectorIndex) -> Place:
    """Return where a thing lies among items of the index's kind; raises ItemNotAnalysed where that is nowhere."""
    members = [member for member in thing.members if member.kind == index.space.kind]
    found = pooled(members, index)
    if not members or not found.pooled.vectors[0].any():
        raise ItemNotAnalysed(
            f"{thing.thing.kind.value} {thing.thing.title} has no {index.space.kind.value}s to compare by, "
            "or they cancel each other out",
            "name another kind of item, or another thing",
        )
    return Place(found.pooled.vectors[0], blocks_of(members, index))

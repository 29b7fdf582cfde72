"""Finds the artists, albums, shows or collections that lie nearest to a question.

Each thing is one vector, pooled from its items. All of them are held and compared exactly; those that come nearest are
then pooled anew from what the ledger and the index say at this moment: an answer never tells of an item that is gone.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain import genres
from audiofeat.domain.items import Kind
from audiofeat.domain.lookups import Rules, Seed
from audiofeat.domain.neighbours import Engine, Facts, explain
from audiofeat.domain.similarity import GroupSimilarity, distances, group_similarities_all
from audiofeat.domain.things import Thing, ThingKind
from audiofeat.errors import InvalidInput
from audiofeat.ports import Candidate, Catalogue, IndexReader, Membership
from audiofeat.services.held_things import COST_RATIO, HeldThings
from audiofeat.services.places import MOST_POOLED, PooledThings, blocks_of, pooled
from audiofeat.services.seeds import Question, question

_SPARE = 16
_MOST_BATCH = 20_000
_LEAST_MEETING_RATIO = 0.5
_MOST_BEFORE_FILTER = 100


@dataclass(frozen=True, slots=True)
class ThingNeighbour:
    """One line of an answer.

    Parameters
    ----------
    rank : int
        From 1.
    thing : Thing
        What was found.
    items : int
        How many of its items can be compared.
    consistency : float or None
        How alike they are: the mean cosine of two of them; None of a single one.
    distance : float
        Exact angular distance, 0 to 2, lower is nearer.
    groups : Mapping[str, GroupSimilarity]
        How alike the two are in each feature group, by the mean of their items.
    closest : str
        Id of its item that lies nearest to what was asked for.
    why : str
        In one plain sentence.
    """

    rank: int
    thing: Thing
    items: int
    consistency: float | None
    distance: float
    groups: Mapping[str, GroupSimilarity]
    closest: str
    why: str


@dataclass(frozen=True, slots=True)
class ThingAnswer:
    """The lines of an answer, best first; ``asked`` or ``item`` is the seed where that is one thing or item."""

    asked: Thing | None
    item: Candidate | None
    of: ThingKind
    kind: Kind
    engine: Engine
    space: str
    release: str
    neighbours: tuple[ThingNeighbour, ...]
    considered: int
    dropped: Mapping[str, int]


class ThingFinder:
    """Finds things; may be used from many threads.

    Parameters
    ----------
    catalogue, indexes
        Where items and vectors come from.
    fresh_s : float
        How long all things, as vectors, count as new, at least, in seconds.
    cost_ratio : float
        How many times as long as reading them takes.
    """

    def __init__(
        self, catalogue: Catalogue, indexes: IndexReader, *, fresh_s: float = 0.0, cost_ratio: float = COST_RATIO
    ) -> None:
        self._catalogue = catalogue
        self._indexes = indexes
        self._held = HeldThings(catalogue, fresh_s=fresh_s, cost_ratio=cost_ratio)

    def nearest(
        self, seeds: Sequence[Seed], of: ThingKind, rules: Rules, *, kind: Kind | None = None, least_items: int = 1
    ) -> ThingAnswer:
        """Return the things that answer some seeds best; never one that was asked about, or has the item asked about.

        Parameters
        ----------
        seeds : sequence of Seed
            As of a lookup of items; a target cannot be one.
        of : ThingKind
            What is looked for.
        rules : Rules
            ``k``, engine and conditions count. A thing meets conditions where at least half of its items do.
        kind : Kind, optional
            By which items things are compared, where no seed tells.
        least_items : int
            Of how many items a thing has to be, at least.

        Raises
        ------
        InvalidInput
            Seeds or rules cannot be used here.
        ItemUnknown, ThingUnknown, ItemNotAnalysed, SpaceMismatch, IndexMissing
            As they say.
        """
        if rules.weights or rules.include is not None or rules.exclude or rules.keep_ratio < 1:
            raise InvalidInput("weights, variety and lists of items order items, not things", "leave them out")
        asked = question(seeds, catalogue=self._catalogue, indexes=self._indexes, engine=rules.engine, kind=kind)
        if asked.place is None or asked.target is not None:
            raise InvalidInput("things are found by how they sound, and a target is no sound", "name an item or thing")
        found, considered, dropped = self._ranked(asked, of, rules, least_items)
        things = self._catalogue.things_by_id([line.thing_id for line in found])
        return ThingAnswer(
            asked=asked.things[0].thing if len(seeds) == len(asked.things) == 1 else None,
            item=asked.items[0] if len(seeds) == len(asked.items) == 1 else None,
            of=of,
            kind=asked.kind,
            engine=rules.engine,
            space=asked.index.space.id,
            release=asked.index.release,
            neighbours=tuple(self._lines(asked, [line for line in found if line.thing_id in things], things)),
            considered=considered,
            dropped={rule: count for rule, count in dropped.items() if count},
        )

    def _ranked(
        self, asked: Question, of: ThingKind, rules: Rules, least_items: int
    ) -> "tuple[list[_Near], int, Counter[str]]":
        """Look through things from the nearest on, a batch at a time, until enough are left."""
        if asked.place is None:
            raise InvalidInput("there is no place to search around")
        held = self._held.current(of, asked.index)
        scores = held.vectors @ asked.place.vector
        order = np.argsort(-scores, kind="stable")
        near: list[_Near] = []
        dropped: Counter[str] = Counter()
        considered, wanted = 0, rules.k + _SPARE
        only: frozenset[str] | None = None
        while considered < len(order) and len(near) < rules.k:
            if rules.conditions and only is None and considered >= _MOST_BEFORE_FILTER:
                # Few pass: from here on only those are looked at of which an item does.
                only = frozenset(self._catalogue.things_having(of, asked.kind, rules.conditions))
            batch = held.thing_ids[order[considered : considered + wanted]].tolist()
            considered += len(batch)
            listed = batch if only is None else [one for one in batch if one in only]
            dropped["filtered"] += len(batch) - len(listed)
            near += self._exact(asked, listed, rules, least_items, dropped)
            wanted = min(2 * wanted, _MOST_BATCH)
        near.sort(key=lambda one: (one.distance, one.thing_id))
        return near[: rules.k], considered, dropped

    def _exact(
        self, asked: Question, thing_ids: Sequence[str], rules: Rules, least_items: int, dropped: Counter[str]
    ) -> "Iterator[_Near]":
        """Yield those of some things that may answer, pooled from what is known now."""
        if asked.place is None:
            return
        members = self._catalogue.items_of(
            thing_ids, kind=asked.kind, conditions=rules.conditions, most=MOST_POOLED
        )  # fmt: skip
        found = pooled(members, asked.index)
        away = distances(found.pooled.vectors, asked.place.vector)
        themselves = {one.thing.thing_id for one in asked.things}
        items = {item.item_id for item in asked.items}
        for row, thing_id in enumerate(found.thing_ids):
            own = found.members[row]
            if thing_id in themselves:
                continue
            if not found.pooled.vectors[row].any():
                dropped["nothing_to_compare_by"] += 1
            elif any(member.item_id in items for member in own):
                dropped["has_the_item"] += 1
            elif sum(member.meets for member in own) < _LEAST_MEETING_RATIO * len(own):
                dropped["filtered"] += 1
            elif found.pooled.items[row] < least_items:
                dropped["too_few_items"] += 1
            else:
                yield _Near.of(found, row, float(away[row]), asked.place.vector)

    def _lines(
        self, asked: Question, found: "Sequence[_Near]", things: Mapping[str, Thing]
    ) -> Iterator[ThingNeighbour]:
        blocks = [blocks_of(line.members, asked.index) for line in found]
        rows = [block for block in blocks if block is not None]
        groups: Sequence[Mapping[str, GroupSimilarity]] = [{} for _ in found]
        if asked.place is not None and asked.place.blocks is not None and rows and len(rows) == len(found):
            groups = group_similarities_all(asked.index.space, asked.place.blocks, np.stack(rows))
        ours = _genre_of_question(asked)
        for rank, (line, similar) in enumerate(zip(found, groups, strict=True), start=1):
            why = explain(duplicate=None, groups=similar, ours=Facts(), theirs=Facts())
            common = genres.common(ours, genres.most([one.genre for one in line.members]))
            yield ThingNeighbour(
                rank=rank,
                thing=things[line.thing_id],
                items=line.items,
                consistency=line.consistency,
                distance=line.distance,
                groups=similar,
                closest=line.closest,
                why=f"{why}; both mostly {common}" if common else why,
            )


@dataclass(frozen=True, slots=True)
class _Near:
    """A thing that may answer."""

    thing_id: str
    members: Sequence[Membership]
    items: int
    consistency: float | None
    distance: float
    closest: str

    @classmethod
    def of(cls, found: PooledThings, row: int, distance: float, place: NDArray[np.float32]) -> "_Near":
        members, consistency = found.members[row], float(found.pooled.consistency[row])
        return cls(
            thing_id=found.thing_ids[row],
            members=members,
            items=int(found.pooled.items[row]),
            consistency=None if np.isnan(consistency) else consistency,
            distance=distance,
            closest=members[int(np.argmax(found.vectors[row] @ place))].item_id,
        )


def _genre_of_question(asked: Question) -> str | None:
    packed = [one.genre for one in chain.from_iterable(thing.members for thing in asked.things)]
    packed += [genres.packed(str(item.metadata.get("genre", ""))) for item in asked.items]
    return genres.most(packed)

"""Finds what in the catalogue sounds like an item, and says why."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.items import Kind
from audiofeat.domain.jobs import USABLE_STATES
from audiofeat.domain.neighbours import Duplicate, Engine, Facts, duplicate_of, explain
from audiofeat.domain.similarity import GroupSimilarity, group_similarities
from audiofeat.domain.space import blocks_all, embed
from audiofeat.errors import InvalidInput, ItemNotAnalysed
from audiofeat.ports import Catalogue, Hit, IndexReader, ItemView, VectorIndex

MOST_NEIGHBOURS = 1000
_SPARE = 16


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One line of an answer.

    Parameters
    ----------
    rank : int
        From 1.
    item : ItemView
        What was found.
    distance : float
        Exact angular distance, 0 to 2, lower is nearer.
    groups : Mapping[str, GroupSimilarity]
        How alike the two are in each feature group, and the group's share of the whole similarity.
    duplicate : Duplicate or None
        Whether it is the same thing over again.
    why : str
        The same in one plain sentence.
    copies : tuple of str
        Ids of other items with the same audio, collapsed into this line.
    """

    rank: int
    item: ItemView
    distance: float
    groups: Mapping[str, GroupSimilarity]
    duplicate: Duplicate | None
    why: str
    copies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """The neighbours of an item, nearest first, and what was left out on the way (a count by rule)."""

    item: ItemView
    engine: Engine
    space: str
    release: str
    neighbours: tuple[Neighbour, ...]
    dropped: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Found:
    item: ItemView
    distance: float
    copies: tuple[str, ...] = ()


def neighbours(
    name: str,
    *,
    catalogue: Catalogue,
    indexes: IndexReader,
    k: int = 10,
    engine: Engine = Engine.ANNOY,
    show_duplicates: bool = False,
) -> Answer:
    """Return the ``k`` items that sound most like one item of the catalogue.

    Parameters
    ----------
    name : str
        Id, reference, alias, object key or its last path part.
    catalogue, indexes
        Where items and vectors come from.
    k : int
        1 to 1000.
    engine : Engine
        How candidates are found; distances are exact either way.
    show_duplicates : bool
        List items with the same audio as lines of their own. Otherwise those of the asked item are left out, and
        those of a neighbour are collapsed into its line.

    Raises
    ------
    InvalidInput
        ``k`` is out of range.
    ItemUnknown, ItemNotAnalysed, IndexMissing
        As they say.
    """
    if not 1 <= k <= MOST_NEIGHBOURS:
        raise InvalidInput(f"k must be 1 to {MOST_NEIGHBOURS}, this is {k}")
    item = catalogue.find_item(name)
    if item.kind is None or item.sha256 is None:
        raise _not_analysed(item)
    index = indexes.current(item.kind, engine=engine)
    vector, blocks = _place_of(item, index, catalogue)
    found, dropped = _nearest(_Rules(item, k, show_duplicates), vector, index, catalogue)
    facts = _facts_of(item, catalogue)
    lines = []
    for rank, near in enumerate(found, start=1):
        theirs = index.blocks_of(near.item.item_id)
        groups = {} if blocks is None or theirs is None else group_similarities(index.space, blocks, theirs)
        duplicate = duplicate_of(same_audio=near.item.sha256 == item.sha256, distance=near.distance)
        why = explain(duplicate=duplicate, groups=groups, ours=facts, theirs=_facts_of(near.item, catalogue))
        lines.append(Neighbour(rank, near.item, near.distance, groups, duplicate, why, near.copies))
    return Answer(item, engine, index.space.id, index.release, tuple(lines), dropped)


def _place_of(
    item: ItemView, index: VectorIndex, catalogue: Catalogue
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Return an item's vector and blocks; an early release has no blocks."""
    vector = index.vector_of(item.item_id)
    if vector is not None:
        return vector, index.blocks_of(item.item_id)
    row = catalogue.embedding_of(item.item_id)
    if row is None:
        raise _not_analysed(item)
    try:
        return embed(index.space, row.descriptor), blocks_all(index.space, row.descriptor[None])[0]
    except InvalidInput as error:
        raise ItemNotAnalysed(f"{_title(item)} has nothing to compare by: {error.message}") from error


@dataclass(frozen=True, slots=True)
class _Rules:
    """What makes an item a line of the answer."""

    asked: ItemView
    k: int
    show_duplicates: bool

    def apply(self, hits: list[Hit], views: Mapping[str, ItemView]) -> tuple[list[_Found], dict[str, int]]:
        """Return the first ``k`` lines, and how many items each rule left out."""
        dropped: Counter[str] = Counter()
        lines: dict[str, _Found] = {}
        for near in self._candidates(hits, views, dropped):
            sha256 = near.item.sha256
            line = near.item.item_id if self.show_duplicates or sha256 is None else sha256
            if sha256 == self.asked.sha256 and not self.show_duplicates:
                dropped["same_audio_as_the_item"] += 1
            elif line in lines:
                dropped["same_audio_as_a_neighbour"] += 1
                lines[line] = replace(lines[line], copies=(*lines[line].copies, near.item.item_id))
            elif len(lines) < self.k:
                lines[line] = near
        return list(lines.values()), dict(dropped)

    def _candidates(self, hits: list[Hit], views: Mapping[str, ItemView], dropped: Counter[str]) -> Iterator[_Found]:
        """Yield the items behind the hits, never the one that was asked about."""
        for hit in hits:
            for item_id in hit.item_ids:
                view = views.get(item_id)
                if item_id == self.asked.item_id:
                    continue
                if view is None:
                    dropped["not_in_the_catalogue"] += 1
                elif view.kind is not self.asked.kind:
                    dropped["of_another_kind"] += 1
                else:
                    yield _Found(view, hit.distance)


def _nearest(
    rules: _Rules, vector: NDArray[np.float32], index: VectorIndex, catalogue: Catalogue
) -> tuple[list[_Found], dict[str, int]]:
    """Ask for more until ``k`` are left after every rule, or the index has no more."""
    wanted = rules.k + _SPARE
    while True:
        hits = index.search(vector, wanted, space=index.space.id)
        views = catalogue.items_by_id([item_id for hit in hits for item_id in hit.item_ids])
        found, dropped = rules.apply(hits, views)
        if len(found) >= rules.k or len(hits) < wanted:
            return found, dropped
        wanted *= 2


def _facts_of(item: ItemView, catalogue: Catalogue) -> Facts:
    """Return tempo, key and mode; of a track only, since speech has none that mean anything."""
    if item.kind is not Kind.TRACK or item.sha256 is None:
        return Facts()
    analyses = catalogue.analyses_of_audio(item.sha256)
    rhythm = analyses["rhythm"].values if "rhythm" in analyses else {}
    tonal = analyses["tonal"].values if "tonal" in analyses else {}
    return Facts(rhythm.get("tempo_bpm"), tonal.get("key"), tonal.get("mode"))


def _not_analysed(item: ItemView) -> ItemNotAnalysed:
    if item.state in USABLE_STATES:
        return ItemNotAnalysed(f"{_title(item)} has nothing to compare by: it is silent or too short")
    return ItemNotAnalysed(f"{_title(item)} has no fingerprint: it is {item.state.value}", "audiofeat failures")


def _title(item: ItemView) -> str:
    return item.reference or item.key

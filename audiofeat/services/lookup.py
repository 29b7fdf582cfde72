"""Finds what in the catalogue sounds like some seeds, and says why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from audiofeat.domain.items import Kind
from audiofeat.domain.lookups import MOST_NEIGHBOURS, ItemSeed, Rules, Seed
from audiofeat.domain.manner import shared
from audiofeat.domain.neighbours import Duplicate, Engine, duplicate_of, explain, explain_target
from audiofeat.domain.similarity import GroupSimilarity, group_similarities_all, with_about
from audiofeat.ports import Candidate, Catalogue, IndexReader
from audiofeat.services.ranking import Found, rank
from audiofeat.services.seeds import Question, question

# Each takes a look into the ledger, and who reads more lines reads no sentences.
_TOLD_IN_WORDS = 20
__all__ = ["MOST_NEIGHBOURS", "Answer", "Neighbour", "answer", "neighbours"]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One line of an answer.

    Parameters
    ----------
    rank : int
        From 1.
    item : Candidate
        What was found.
    distance : float or None
        Exact angular distance, 0 to 2, lower is nearer; None where a target alone was asked for.
    relevance : float
        What lines are ranked by: the cosine by the space's or the query's weights, mixed with the closeness to a
        target where there is one; 1 at most.
    groups : Mapping[str, GroupSimilarity]
        How alike the two are in each feature group, and the group's share of the whole similarity.
    duplicate : Duplicate or None
        Whether it is the same thing over again.
    why : str
        The same in one plain sentence.
    copies : tuple of str
        Ids of its duplicates, collapsed into this line.
    """

    rank: int
    item: Candidate
    distance: float | None
    relevance: float
    groups: Mapping[str, GroupSimilarity]
    duplicate: Duplicate | None
    why: str
    copies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """The lines of an answer, best first, and what was left out on the way (a count by rule).

    ``item`` is the seed where that is one item; ``degraded`` names what could not be told.
    """

    item: Candidate | None
    kind: Kind
    engine: Engine
    space: str
    release: str
    neighbours: tuple[Neighbour, ...]
    considered: int
    dropped: Mapping[str, int]
    degraded: tuple[str, ...] = ()


def neighbours(name: str, *, catalogue: Catalogue, indexes: IndexReader, rules: Rules | None = None) -> Answer:
    """Return the items that sound most like one item of the catalogue, by any of its names; raises as ``answer``."""
    return answer([ItemSeed(name)], catalogue=catalogue, indexes=indexes, rules=rules or Rules())


def answer(
    seeds: Sequence[Seed], *, catalogue: Catalogue, indexes: IndexReader, rules: Rules, kind: Kind | None = None
) -> Answer:
    """Return the items that answer some seeds best.

    Parameters
    ----------
    seeds : sequence of Seed
        Taken together: a weighted mean of directions, and a target.
    catalogue, indexes
        Where items and vectors come from.
    rules : Rules
        Which items may be lines, and how they are ordered.
    kind : Kind, optional
        What answers are; needed where no seed tells.

    Raises
    ------
    InvalidInput
        Seeds or rules cannot be used together.
    ItemUnknown, ItemNotAnalysed, SpaceMismatch, IndexMissing
        As they say.
    """
    asked = question(seeds, catalogue=catalogue, indexes=indexes, engine=rules.engine, kind=kind)
    if rules.about:
        rules = replace(rules, weights=with_about(asked.index.space, rules.weights, rules.about))
    ranked = rank(asked, rules, catalogue)
    groups = _groups(ranked.lines, asked, rules)
    in_common = _in_common(asked, ranked.lines, catalogue)
    lines = tuple(
        _line(place, found, asked, groups.get(found.item.item_id, {}), in_common.get(found.item.item_id, ""))
        for place, found in enumerate(ranked.lines, start=1)
    )
    has_groups = asked.place is None or all(line.groups for line in lines)
    return Answer(
        item=asked.items[0] if len(seeds) == len(asked.items) == 1 else None,
        kind=asked.kind,
        engine=rules.engine,
        space=asked.index.space.id,
        release=asked.index.release,
        neighbours=lines,
        considered=ranked.considered,
        dropped=ranked.dropped,
        degraded=() if has_groups else ("no_group_similarities",),
    )


def _in_common(asked: Question, lines: Sequence[Found], catalogue: Catalogue) -> dict[str, str]:
    """Return in words, by item, how an episode that was asked for and each answer are made alike."""
    if asked.kind is not Kind.EPISODE or len(asked.items) != 1:
        return {}
    ours = _features(asked.items[0], catalogue)
    return {line.item.item_id: shared(ours, _features(line.item, catalogue)) for line in lines[:_TOLD_IN_WORDS]}


def _features(item: Candidate, catalogue: Catalogue) -> dict[str, Mapping[str, object]]:
    return {name: one.values for name, one in catalogue.analyses_of_audio(item.sha256).items()}


def _line(
    place: int, found: Found, asked: Question, groups: Mapping[str, GroupSimilarity], in_common: str
) -> Neighbour:
    duplicate = None
    if found.distance is not None:
        is_same = found.item.sha256 in asked.hashes
        is_single = len(asked.items) == 1 or bool(asked.hashes)
        duplicate = duplicate_of(same_audio=is_same, distance=found.distance) if is_single else None
    if asked.place is None:
        why = explain_target(found.item.facts, found.relevance)
    else:
        why = explain(duplicate=duplicate, groups=groups, ours=asked.facts, theirs=found.item.facts)
        why = "; ".join(part for part in (why, in_common) if part)
    return Neighbour(place, found.item, found.distance, found.relevance, groups, duplicate, why, found.copies)


def _groups(lines: Sequence[Found], asked: Question, rules: Rules) -> dict[str, dict[str, GroupSimilarity]]:
    """Return by item how alike it and the question are in each group; nothing of items without blocks."""
    if asked.place is None or asked.place.blocks is None:
        return {}
    ids = [line.item.item_id for line in lines]
    rows = asked.index.blocks_of_all(ids)
    if rows is None or not ids:
        return {}
    similar = group_similarities_all(asked.index.space, asked.place.blocks, rows, rules.weights or None)
    return dict(zip(ids, similar, strict=True))

"""From a question to the items that answer it: candidates in growing batches, rules, an exact ranking.

A list that filters, caps or copies leave short asks for more: a batch of candidates at a time while the filters let
enough of them through, then every item that meets the filters, compared exactly. It is only ever short when nothing
else meets the rules.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain import diversity
from audiofeat.domain.lookups import Rules
from audiofeat.domain.similarity import distances, is_far, weighed
from audiofeat.errors import InvalidInput, ItemUnknown
from audiofeat.ports import Candidate, Catalogue, Hit, Passing
from audiofeat.services.places import Place
from audiofeat.services.seeds import Question

_SPARE = 16
# What is ranked anew, or made varied, is chosen from at least so many.
_POOL = 200
_GROWTH = 16
_MARGIN = 1.5
_WIDER = 4
# From here on a filter has its whole subset compared instead of more candidates looked through.
_LAST_BATCH = 2_000
_LEAST_PASSING_RATIO = 0.02


class Found(NamedTuple):
    """An item that answers, and what was collapsed into its line."""

    item: Candidate
    distance: float | None
    relevance: float
    copies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ranked:
    """The lines, how many items each rule left out, and how many were looked at."""

    lines: tuple[Found, ...]
    dropped: dict[str, int]
    considered: int


def rank(question: Question, rules: Rules, catalogue: Catalogue) -> Ranked:
    """Return the items that answer a question best.

    Raises
    ------
    InvalidInput, ItemUnknown
        A weight names no group or cannot be used here; a listed item does not exist.
    """
    ranking = _Ranking(question, rules, catalogue)
    if question.place is None:
        return ranking.by_target()
    if rules.include is not None:
        return ranking.among(ranking.included)
    return ranking.by_place()


class _Ranking:
    """One lookup under way."""

    def __init__(self, question: Question, rules: Rules, catalogue: Catalogue) -> None:
        self._question = question
        self._rules = rules
        self._catalogue = catalogue
        self._excluded = _ids(rules.exclude, "exclude", catalogue)
        self.included = None if rules.include is None else _ids(rules.include, "include", catalogue)
        self._known: dict[str, Candidate] = {}
        self._read: set[str] = set()
        self._weighed = self._weigh() if rules.weights else None
        pooled = rules.weights or rules.keep_ratio < 1 or question.target is not None
        self._first_batch = max(2 * rules.k + _SPARE, _POOL if pooled else 0)

    def by_place(self) -> Ranked:
        """Ask the index for more until enough are left after every rule, or there are no more."""
        conditions = self._rules.conditions
        passing = self._question.index.passing(conditions) if conditions else None
        is_told = not conditions or (passing is not None and passing.is_whole)
        wanted = self._first_batch if is_told else max(self._first_batch, _WIDER * self._rules.k)
        while True:
            hits = self._search(wanted, only=passing)
            ranked = self._ranked(hits)
            if len(ranked.lines) >= self._rules.k or len(hits) < wanted:
                return _with(ranked, passing.left_out if passing else 0)
            passing_ratio = 1.0 - ranked.dropped.get("filtered", 0) / max(ranked.considered, 1)
            if not is_told and (wanted >= _LAST_BATCH or passing_ratio < _LEAST_PASSING_RATIO):
                return self.among(self._catalogue.matching(self._question.kind, conditions))
            # So many that enough should be left, if what is farther off is left as often.
            expected = int(_MARGIN * self._rules.k * ranked.considered / max(len(ranked.lines), 1))
            wanted = max(2 * wanted, min(expected, _LAST_BATCH))

    def among(self, item_ids: Collection[str] | None) -> Ranked:
        """Compare every one of some items, and hand on as many as the rules need."""
        wanted = max(self._first_batch, _POOL)
        while True:
            hits = self._search(wanted, only=item_ids)
            ranked = self._ranked(hits)
            if len(ranked.lines) >= self._rules.k or len(hits) < wanted:
                return ranked
            wanted *= _GROWTH

    def by_target(self) -> Ranked:
        """Have the ledger order items by how near their features come to the target."""
        question, wanted = self._question, self._first_batch
        if question.target is None:
            raise InvalidInput("a lookup needs a seed or a target")
        if self.included is not None:
            near = self._catalogue.closeness(self.included, question.target)
            return self._ranked([Hit((item_id,), 0.0) for item_id in near], closeness=near)
        while True:
            near = self._catalogue.nearest_to_target(
                question.kind, question.target, self._rules.conditions, limit=wanted
            )
            ranked = self._ranked([Hit((item_id,), 0.0) for item_id in near], closeness=near)
            if len(ranked.lines) >= self._rules.k or len(near) < wanted:
                return ranked
            wanted *= _GROWTH

    def _search(self, k: int, *, only: Collection[str] | Passing | None = None) -> list[Hit]:
        index, place = self._question.index, self._question.place
        if place is None:
            raise InvalidInput("a target alone has no place to search around")
        hits = index.search(place.vector, k, space=index.space.id, only=only)
        weights = self._rules.weights
        if weights and place.blocks is not None and not isinstance(only, Collection) and is_far(index.space, weights):
            # What is alike by them may lie anywhere in the space.
            found = {name for hit in hits for name in hit.item_ids}
            more = [name for name in index.alike(place.blocks, k, weights=weights) if name not in found]
            away = distances(index.vectors_of(more), place.vector) if more else ()
            hits = [*hits, *(Hit((name,), float(one)) for name, one in zip(more, away, strict=True))]
        return hits

    def _ranked(self, hits: Sequence[Hit], *, closeness: dict[str, float] | None = None) -> Ranked:
        dropped: Counter[str] = Counter()
        ids = [item_id for hit in hits for item_id in hit.item_ids]
        new = [item_id for item_id in ids if item_id not in self._read]
        self._read.update(new)
        self._known |= self._catalogue.candidates(new, self._rules.conditions)
        pool = self._collapsed(self._answering(hits, self._known, dropped), dropped)
        if self._question.target is not None and closeness is None and pool:
            closeness = self._catalogue.closeness([one.item.item_id for one in pool], self._question.target)
        relevance = self._relevance(pool, closeness or {})
        caps = _caps(pool, self._rules)
        chosen = self._chosen(pool, relevance, caps)
        dropped.update(self._passed_over(relevance, chosen, caps))
        lines = tuple(pool[place]._replace(relevance=float(relevance[place])) for place in chosen)
        if closeness is not None and self._question.place is None:
            lines = tuple(line._replace(distance=None) for line in lines)
        return Ranked(lines, {rule: count for rule, count in dropped.items() if count}, len(ids))

    def _answering(
        self, hits: Sequence[Hit], known: dict[str, Candidate], dropped: Counter[str]
    ) -> Iterator[tuple[Candidate, float]]:
        """Yield the items behind the hits that may answer, never one that was asked about."""
        question = self._question
        asked = {item.item_id for item in (*question.items, *question.members)}
        missing = "filtered" if self._rules.conditions else "not_in_the_catalogue"
        for hit in hits:
            for item_id in hit.item_ids:
                item = known.get(item_id)
                if item_id in asked:
                    continue
                if item is None:
                    dropped[missing] += 1
                elif item.kind != question.kind:
                    dropped["of_another_kind"] += 1
                elif item_id in self._excluded:
                    dropped["excluded"] += 1
                else:
                    yield item, hit.distance

    def _collapsed(self, items: Iterator[tuple[Candidate, float]], dropped: Counter[str]) -> list[Found]:
        """Leave out what is the asked item over again, and put copies of a candidate into one line."""
        asked = self._question
        groups = {item.group_id for item in (*asked.items, *asked.members) if item.group_id}
        hashes = asked.hashes | {item.sha256 for item in asked.members}
        lines: dict[str, Found] = {}
        owners: dict[str, str] = {}
        for item, distance in items:
            if self._rules.show_duplicates:
                lines[item.item_id] = Found(item, distance, 0.0)
            elif item.sha256 in hashes or item.group_id in groups:
                same = "same_audio_as_the_item" if item.sha256 in hashes else "duplicate_of_the_item"
                dropped[same] += 1
            elif owner := owners.get(item.sha256) or owners.get(item.group_id or ""):
                same = "same_audio" if lines[owner].item.sha256 == item.sha256 else "duplicate"
                dropped["same_audio_as_a_neighbour" if same == "same_audio" else "duplicate_of_a_neighbour"] += 1
                lines[owner] = lines[owner]._replace(copies=(*lines[owner].copies, item.item_id))
            else:
                lines[item.item_id] = Found(item, distance, 0.0)
                owners[item.sha256] = item.item_id
                if item.group_id:
                    owners[item.group_id] = item.item_id
        return list(lines.values())

    def _relevance(self, pool: Sequence[Found], closeness: dict[str, float]) -> NDArray[np.float64]:
        """Return how well each candidate answers: a cosine, mixed with the closeness to a target where there is one."""
        question = self._question
        near = np.array([closeness.get(one.item.item_id, 0.0) for one in pool])
        if question.place is None:
            return near
        if self._weighed is not None:
            away = distances(weighed(question.index.space, self._blocks(pool), self._rules.weights), self._weighed)
        else:
            away = np.array([one.distance for one in pool], dtype=np.float64)
        cosine = 1.0 - away * away / 2.0
        return (
            cosine if question.target is None else (1 - question.target_share) * cosine + question.target_share * near
        )

    def _chosen(self, pool: Sequence[Found], relevance: NDArray[np.float64], caps: diversity.Caps) -> list[int]:
        rules = self._rules
        if rules.keep_ratio == 1.0:
            return diversity.plain(relevance, rules.k, caps=caps)
        vectors = self._question.index.vectors_of([one.item.item_id for one in pool])
        return diversity.diversified(relevance, vectors, rules.k, keep_ratio=rules.keep_ratio, caps=caps)

    def _passed_over(
        self, relevance: NDArray[np.float64], chosen: Sequence[int], caps: diversity.Caps
    ) -> dict[str, int]:
        """Count what was more relevant than the last line, by the rule that left it out."""
        if not chosen:
            return {}
        least = relevance[list(chosen)].min()
        left = relevance >= least if len(chosen) == self._rules.k else np.ones(len(relevance), dtype=bool)
        left[list(chosen)] = False
        by_rule = {"over_the_artist_cap": self._rules.artist_cap, "over_the_album_cap": self._rules.album_cap}
        counts: dict[str, int] = {}
        for rule, full in zip([rule for rule, cap in by_rule.items() if cap], caps.full(chosen), strict=True):
            counts[rule] = int((left & full).sum())
            left &= ~full
        counts["for_variety"] = int((left & (relevance > least)).sum())
        return counts

    def _weigh(self) -> NDArray[np.float32]:
        place, index = self._question.place, self._question.index
        if place is None:
            raise InvalidInput("weights of feature groups need a seed to compare with", "leave out weights")
        row: NDArray[np.float32] = weighed(
            index.space, _require_blocks(place, index.release)[None], self._rules.weights
        )[0]
        return row

    def _blocks(self, pool: Sequence[Found]) -> NDArray[np.float32]:
        index = self._question.index
        blocks = index.blocks_of_all([one.item.item_id for one in pool])
        return np.zeros((len(pool), index.space.block_dims), dtype=np.float32) if blocks is None else blocks


def _with(ranked: Ranked, left_out: int) -> Ranked:
    """Count what the filters had left out before anything was compared."""
    if not left_out:
        return ranked
    filtered = ranked.dropped.get("filtered", 0) + left_out
    return Ranked(ranked.lines, {**ranked.dropped, "filtered": filtered}, ranked.considered + left_out)


def _require_blocks(place: Place, release: str) -> NDArray[np.float32]:
    if place.blocks is None:
        raise InvalidInput(
            f"neither a plain vector nor the index {release}, if it is an early one, tells feature groups apart",
            "leave out weights, or ask by an item of an index built by this version",
        )
    return place.blocks


def _caps(pool: Sequence[Found], rules: Rules) -> diversity.Caps:
    artists = [one.item.artist for one in pool]
    return diversity.Caps.of([(artists, rules.artist_cap), ([_album(one.item) for one in pool], rules.album_cap)])


def _album(item: Candidate) -> str | None:
    """Return by what an item's album is told: two artists may have an album of one name."""
    return None if item.album is None else f"{item.artist or ''}\n{item.album}"


def _ids(names: Sequence[str], rule: str, catalogue: Catalogue) -> frozenset[str]:
    if not names:
        return frozenset()
    known = catalogue.named(names)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ItemUnknown(f"{rule}: no item is called {unknown[0]!r}", "list ids or references")
    return frozenset(known.values())

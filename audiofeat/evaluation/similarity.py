"""How well a space says what sounds alike, beside simpler systems, with intervals over artists.

Two protocols. *Whole*: each system is fitted on all items, as an index is, and ranks all of them. *Unseen artists*: the
artists are halved at random, several times; each system is fitted on one half and ranks the other alone, so that
neither fitting nor candidates know the artists asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from audiofeat.evaluation import retrieval, statistics
from audiofeat.evaluation.retrieval import Array, Bools, Rows
from audiofeat.evaluation.statistics import Estimate, bootstrap_mean
from audiofeat.evaluation.systems import OURS, Sounding, System

WHOLE, UNSEEN = "whole", "unseen artists"
_SPLITS = 5
_SEED = 7
_LEAST_ITEMS_OF_GENRE = 10
_LEAST_TO_SPLIT = 20

# Figure: what is to be found, and the label whose bearers are no candidates.
RETRIEVAL: Mapping[str, tuple[str, str | None]] = {
    "same_track_map": ("track", None),
    "same_artist_map": ("artist", None),
    "same_artist_album_filter_map": ("artist", "album"),
    "same_album_map": ("album", None),
    "same_album_artist_filter_map": ("album", "artist"),
    "same_genre_artist_filter_map": ("genre", "artist"),
    "same_show_map": ("show", None),
}
# Figure: what is to be found, and among how many of the nearest.
RECALL: Mapping[str, tuple[str, int]] = {"same_show_recall_at_5": ("show", 5)}
LISTS = (
    "intra_list_distance", "smallest_pair_distance", "artists_per_list", "coverage_ratio", "gini", "n10_skew",
    "antihub_ratio",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measured:
    """One figure of one system under one protocol; NaN where the items do not determine it."""

    protocol: str
    figure: str
    system: str
    estimate: Estimate
    queries: int
    genre: str | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """Our figure against a system's, query by query: the difference and its 95 % interval, and the ratio."""

    protocol: str
    figure: str
    system: str
    difference: Estimate
    ratio: float
    queries: int


@dataclass(frozen=True)
class Outcome:
    """All figures, and what the plots are drawn from."""

    measured: list[Measured]
    compared: list[Compared]
    occurrences: Array
    distances: Mapping[str, Array]


def measure(items: Sequence[Sounding], systems: Mapping[str, System]) -> Outcome:
    """Measure every system on some items.

    Parameters
    ----------
    items : sequence of Sounding
        What is asked for and found.
    systems : Mapping[str, System]
        As ``systems_of`` gives them; ``audiofeat`` is compared with every other.
    """
    every = np.arange(len(items))
    labels = _Labels(items)
    whole = {name: system(every, every) for name, system in systems.items()}
    measured, compared = _judged(WHOLE, labels, {name: _precisions(labels, d, every) for name, d in whole.items()})
    splits = _splits(labels.clusters)
    if splits:
        scores = {name: _unseen(labels, system, splits) for name, system in systems.items()}
        more, held = _judged(UNSEEN, labels, scores)
        measured, compared = measured + more, compared + held
    near = {name: retrieval.lists(d) for name, d in whole.items()}
    for name in systems:
        measured += _of_lists(name, near[name], whole[OURS], labels)
    return Outcome(measured, compared, retrieval.occurrences(near[OURS]), _by_relation(whole[OURS], labels))


class _Labels:
    """Who belongs to whom; an unknown label belongs to nobody."""

    def __init__(self, items: Sequence[Sounding]) -> None:
        self.artists = [item.labels.get("artist") for item in items]
        self.genres = [item.labels.get("genre") for item in items]
        self.clusters = [
            next(
                (f"{by} {item.labels[by]}" for by in ("show", "artist", "album", "track") if by in item.labels),
                item.name,
            )
            for item in items
        ]
        self._items = items

    def same(self, label: str, rows: Rows) -> Bools:
        """Return which pairs share a label; an item is not its own mate. An album is one of an artist's."""
        names = [self._name(label, row) for row in rows.tolist()]
        known = np.array([name is not None for name in names])
        spelt = np.array([name or "" for name in names])
        same: Bools = (spelt[:, None] == spelt[None]) & known[:, None] & known[None]
        np.fill_diagonal(same, val=False)
        return same

    def _name(self, label: str, row: int) -> str | None:
        return self._items[row].labels.get(label)

    def has(self, label: str) -> bool:
        return any(label in item.labels for item in self._items)


def _precisions(labels: _Labels, distances: Array, rows: Rows) -> dict[str, Array]:
    """Return the average precision, or the recall, of each query for each figure whose labels are known."""
    others = ~np.eye(len(rows), dtype=bool)
    found = {}
    for figure, (wanted, filtered) in RETRIEVAL.items():
        if labels.has(wanted) and (filtered is None or labels.has(filtered)):
            allowed = others if filtered is None else others & ~labels.same(filtered, rows)
            found[figure] = retrieval.average_precision(distances, labels.same(wanted, rows), allowed)
    for figure, (wanted, among) in RECALL.items():
        if labels.has(wanted):
            found[figure] = retrieval.recall_at(distances, labels.same(wanted, rows), others, among)
    return found


def _splits(clusters: Sequence[str]) -> list[tuple[Rows, Rows]]:
    """Return pairs of rows to fit on and rows to ask, no artist on both sides; each half is asked once a split."""
    names = np.unique(clusters)
    if len(names) < _LEAST_TO_SPLIT:
        return []
    rng = np.random.default_rng(_SEED)
    pairs = []
    for _ in range(_SPLITS):
        chosen = set(rng.permutation(names)[: len(names) // 2].tolist())
        inside = np.array([cluster in chosen for cluster in clusters])
        one, other = np.flatnonzero(inside), np.flatnonzero(~inside)
        pairs += [(one, other), (other, one)]
    return pairs


def _unseen(labels: _Labels, system: System, splits: Sequence[tuple[Rows, Rows]]) -> dict[str, Array]:
    """Return each query's average precision over the splits."""
    totals: dict[str, Array] = {}
    counts: dict[str, Array] = {}
    for fitted_on, asked in splits:
        for figure, precision in _precisions(labels, system(fitted_on, asked), asked).items():
            known = np.isfinite(precision)
            totals.setdefault(figure, np.zeros(len(labels.clusters)))[asked[known]] += precision[known]
            counts.setdefault(figure, np.zeros(len(labels.clusters)))[asked[known]] += 1
    return {
        figure: np.divide(total, counts[figure], out=np.full(len(total), np.nan), where=counts[figure] > 0)
        for figure, total in totals.items()
    }


def _judged(
    protocol: str, labels: _Labels, scores: Mapping[str, Mapping[str, Array]]
) -> tuple[list[Measured], list[Compared]]:
    """Return the mean of every figure of every system, by genre as well, and ours against each other."""
    measured, compared = [], []
    clusters = np.array(labels.clusters)
    for figure, ours in scores[OURS].items():
        known = np.isfinite(ours)
        if not known.any():
            continue
        for system, by_figure in scores.items():
            theirs, named = by_figure[figure][known], clusters[known].tolist()
            estimate = bootstrap_mean(theirs, named)
            measured.append(Measured(protocol, figure, system, estimate, int(known.sum())))
            if protocol == WHOLE:
                measured += _by_genre(figure, system, by_figure[figure], labels)
            if system != OURS:
                difference = bootstrap_mean(ours[known] - theirs, named)
                ratio = statistics.mean(ours[known]) / estimate.value if estimate.value > 0 else np.nan
                compared.append(Compared(protocol, figure, system, difference, ratio, int(known.sum())))
    return measured, compared


def _by_genre(figure: str, system: str, precision: Array, labels: _Labels) -> list[Measured]:
    found = []
    for genre in sorted({genre for genre in labels.genres if genre}):
        chosen = np.array([name == genre for name in labels.genres]) & np.isfinite(precision)
        if np.count_nonzero(chosen) >= _LEAST_ITEMS_OF_GENRE:
            value = statistics.mean(precision[chosen])
            estimate = Estimate(value, np.nan, np.nan)
            found.append(Measured(WHOLE, figure, system, estimate, int(np.count_nonzero(chosen)), genre))
    return found


def _of_lists(system: str, near: Rows, ours: Array, labels: _Labels) -> list[Measured]:
    """Return what the lists of a system look like; distances within lists are those of our space for all systems."""
    counts = retrieval.occurrences(near)
    intra, smallest = retrieval.within_lists(ours, near)
    values = {
        "intra_list_distance": statistics.mean(intra),
        "smallest_pair_distance": statistics.mean(smallest),
        "artists_per_list": statistics.mean(retrieval.different(near, labels.artists))
        if any(labels.artists)
        else np.nan,
        "coverage_ratio": float((counts > 0).mean()),
        "gini": retrieval.gini(counts),
        "n10_skew": retrieval.skewness(counts),
        "antihub_ratio": float((counts == 0).mean()),
    }
    return [
        Measured(WHOLE, name, system, Estimate(values[name], np.nan, np.nan), len(near))
        for name in LISTS
        if np.isfinite(values[name])
    ]


def _by_relation(distances: Array, labels: _Labels) -> dict[str, Array]:
    """Return the distances of pairs of one artist, of one genre, and of all others."""
    every = np.arange(len(distances))
    upper = np.triu(np.ones_like(distances, dtype=bool), k=1)
    artist, genre = labels.same("artist", every) & upper, labels.same("genre", every) & upper
    relations = {"same artist": artist, "same genre": genre & ~artist, "others": upper & ~artist & ~genre}
    return {name: distances[pairs] for name, pairs in relations.items() if pairs.any()}

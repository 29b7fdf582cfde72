"""Choosing a list: at most so many of one artist and album, and as varied as its relevance allows.

Maximal marginal relevance (Carbonell & Goldstein, SIGIR 1998) with the mean similarity to what is chosen, whose
strength is not a constant: of many strengths the one is taken whose list is the most varied among those that keep the
wanted share of the plain list's relevance. What relevance is left over is then spent on exchanges of single items, each
time the one that adds most variety (as in the exchange heuristic for maximum diversity, Ghosh 1996).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
_STRENGTHS = 12
_MOST_EXCHANGES = 64
_ROUNDING = 1e-12
# One pair has no choice to speak of.
_LEAST_LINES = 3


@dataclass(frozen=True, eq=False)
class Caps:
    """At most how many of one artist and of one album a list has.

    Parameters
    ----------
    labels : tuple of NDArray[np.intp]
        For each rule, shape (n,), what a candidate is capped by; negative where nothing is known, which is not capped.
    most : tuple of int
        For each rule, how many.
    """

    labels: tuple[Ints, ...] = ()
    most: tuple[int, ...] = ()

    @classmethod
    def of(cls, rules: Sequence[tuple[Sequence[str | None], int]]) -> "Caps":
        """Return caps by names, None where there is none; a cap of 0 is no rule."""
        used = [(_numbered(names), most) for names, most in rules if most]
        return cls(tuple(labels for labels, _ in used), tuple(most for _, most in used))

    def full(self, chosen: Sequence[int]) -> list[NDArray[np.bool_]]:
        """Return for each rule which candidates it bars beside some that are chosen."""
        barred = []
        for labels, most in zip(self.labels, self.most, strict=True):
            counts = np.bincount(labels[list(chosen)] + 1, minlength=int(labels.max(initial=0)) + 2)
            barred.append((labels >= 0) & (counts[labels + 1] >= most))
        return barred


def plain(relevance: Floats, k: int, *, caps: Caps) -> list[int]:
    """Return the ``k`` most relevant candidates that the caps let through, most relevant first; ties in their order."""
    counts: list[Counter[int]] = [Counter() for _ in caps.labels]
    labels = [labels.tolist() for labels in caps.labels]
    chosen: list[int] = []
    for place in np.argsort(-relevance, kind="stable").tolist():
        rules = [(names[place], count, most) for names, count, most in zip(labels, counts, caps.most, strict=True)]
        if any(name >= 0 and count[name] >= most for name, count, most in rules):
            continue
        for name, count, _ in rules:
            count[name] += 1
        chosen.append(place)
        if len(chosen) == k:
            break
    return chosen


def diversified(relevance: Floats, vectors: NDArray[np.float32], k: int, *, keep_ratio: float, caps: Caps) -> list[int]:
    """Return the most varied list found that keeps a share of the relevance of the plain one.

    Parameters
    ----------
    relevance : NDArray[np.float64], shape (n,)
        Of each candidate, higher is better.
    vectors : NDArray[np.float32], shape (n, dims)
        Unit vectors; the variety of a list is the mean of one minus the cosine over its pairs.
    k : int
        How many to choose.
    keep_ratio : float
        Share of the plain list's mean relevance that has to be kept, 0 to 1.
    caps : Caps
        Hold for the list as they do for the plain one.

    Returns
    -------
    list of int
        Places of the chosen ones, most relevant first.
    """
    first = plain(relevance, k, caps=caps)
    kept = keep_ratio * relevance[first].mean() if first else 0.0
    if len(first) < _LEAST_LINES or len(first) == len(relevance) or not kept > 0:
        return first
    similarity = np.asarray(vectors @ vectors.T, dtype=np.float64)
    apart = 1.0 - similarity
    lists = _marginal(relevance, similarity, len(first), np.linspace(0.0, 1.0, _STRENGTHS), caps)
    lists = np.vstack([lists, [first]])
    fits = relevance[lists].mean(axis=1) >= kept - _ROUNDING
    variety = apart[lists[:, :, None], lists[:, None, :]].sum(axis=(1, 2))
    best = lists[int(np.argmax(np.where(fits, variety, -1.0)))]
    chosen = _exchanged(best, relevance, apart, kept * len(first), caps)
    return sorted(chosen.tolist(), key=lambda place: (-relevance[place], place))


def _marginal(relevance: Floats, similarity: Floats, k: int, strengths: Floats, caps: Caps) -> Ints:
    """Return one list a strength, shape (strengths, k), chosen side by side by falling marginal relevance."""
    rows = np.arange(len(strengths))
    weight = strengths[:, None]
    near = np.zeros((len(strengths), len(relevance)))
    barred = np.zeros_like(near, dtype=bool)
    counts = [np.zeros((len(strengths), int(labels.max(initial=0)) + 2), dtype=np.intp) for labels in caps.labels]
    lists = np.empty((len(strengths), k), dtype=np.intp)
    for step in range(k):
        marginal = (1.0 - weight) * relevance - weight * near / max(step, 1)
        marginal[barred] = -np.inf
        picked = marginal.argmax(axis=1)
        lists[:, step] = picked
        near += similarity[picked]
        barred[rows, picked] = True
        for labels, count, most in zip(caps.labels, counts, caps.most, strict=True):
            name = labels[picked]
            count[rows, name] += 1
            full = (count[rows, name] >= most) & (name >= 0)
            barred |= full[:, None] & (labels == name[:, None])
    return lists


def _exchanged(chosen: Ints, relevance: Floats, apart: Floats, kept: float, caps: Caps) -> Ints:
    """Exchange one item at a time for the one that adds most variety, while relevance and caps allow it."""
    chosen = chosen.copy()
    for _ in range(_MOST_EXCHANGES):
        slack = relevance[chosen].sum() - kept
        total = apart[:, chosen].sum(axis=1)
        gain = total[None, :] - apart[chosen] - total[chosen][:, None]
        gain[relevance[chosen][:, None] - relevance[None, :] > slack + _ROUNDING] = -np.inf
        gain[:, chosen] = -np.inf
        for labels, most in zip(caps.labels, caps.most, strict=True):
            inside = labels[chosen]
            others = (labels[None, :] == inside[:, None]).sum(axis=0)[None, :] - (inside[:, None] == labels[None, :])
            gain[(others >= most) & (labels >= 0)[None, :]] = -np.inf
        out, into = divmod(int(gain.argmax()), gain.shape[1])
        if gain[out, into] <= _ROUNDING:
            break
        chosen[out] = into
    return chosen


def _numbered(names: Sequence[str | None]) -> Ints:
    known: dict[str | None, int] = {name: number for number, name in enumerate(dict.fromkeys(names))}
    known[None] = -1
    return np.array([known[name] for name in names], dtype=np.intp)

"""Figures over many items, and how far chance may have moved them.

A figure that the data cannot give (a correlation of constants, a curve without negatives) is NaN here, and null with
a reason in the report.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1_000
SEED = 20_240
_COVERED_PERCENT = 95
_DEFINED_LEAST_RATIO = 0.5
_CALIBRATION_BINS = 10

Array = NDArray[np.float64]
Statistic = Callable[[Array], float]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its interval; NaN where the data do not give it."""

    value: float
    low: float
    high: float


def bootstrap(rows: Array, clusters: Sequence[str], statistic: Statistic) -> Estimate:
    """Return a statistic of rows and its 95 % percentile interval, resampling whole clusters.

    Parameters
    ----------
    rows : array of shape (items, columns)
        What was measured of each item.
    clusters : sequence of str
        The group of each item; its members are drawn together.
    statistic : callable
        From rows to a figure.

    References
    ----------
    Davison & Hinkley, *Bootstrap Methods and their Application*, 1997, 3.8.
    """
    value = statistic(rows)
    members = _members(clusters)
    if len(members) < 2:  # noqa: PLR2004  one cluster tells nothing of the others
        return Estimate(value, np.nan, np.nan)
    rng = np.random.default_rng(SEED)
    drawn = [
        statistic(rows[np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))])])
        for _ in range(RESAMPLES)
    ]
    defined = np.array([figure for figure in drawn if np.isfinite(figure)])
    if len(defined) < _DEFINED_LEAST_RATIO * RESAMPLES:
        return Estimate(value, np.nan, np.nan)
    outside = (100 - _COVERED_PERCENT) / 2
    low, high = np.percentile(defined, [outside, 100 - outside])
    return Estimate(value, float(low), float(high))


def bootstrap_mean(values: Array, clusters: Sequence[str]) -> Estimate:
    """Return the mean of what is known and its 95 % percentile interval, as :func:`bootstrap` does but all at once.

    Parameters
    ----------
    values : array of shape (items,)
        NaN where nothing is known; such items are not drawn.
    clusters : sequence of str
        The group of each item; its members are drawn together.
    """
    known = np.isfinite(values)
    if not known.any():
        return Estimate(np.nan, np.nan, np.nan)
    value = float(values[known].mean())
    _, numbers = np.unique(np.asarray(clusters)[known], return_inverse=True)
    sizes = np.bincount(numbers).astype(np.float64)
    sums = np.bincount(numbers, weights=values[known])
    if len(sizes) < 2:  # noqa: PLR2004  one cluster tells nothing of the others
        return Estimate(value, np.nan, np.nan)
    rng = np.random.default_rng(SEED)
    drawn = rng.integers(0, len(sizes), (RESAMPLES, len(sizes)))
    outside = (100 - _COVERED_PERCENT) / 2
    low, high = np.percentile(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1), [outside, 100 - outside])
    return Estimate(value, float(low), float(high))


def _members(clusters: Sequence[str]) -> list[NDArray[np.int64]]:
    _, numbers = np.unique(np.asarray(clusters), return_inverse=True)
    return [np.flatnonzero(numbers == number) for number in range(int(numbers.max()) + 1)]


def mean(values: Array) -> float:
    """Return the mean of what is known."""
    known = values[np.isfinite(values)]
    return float(np.mean(known)) if len(known) else np.nan


def median(values: Array) -> float:
    """Return the median of what is known."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else np.nan


def largest(values: Array) -> float:
    """Return the largest of what is known."""
    known = values[np.isfinite(values)]
    return float(np.max(known)) if len(known) else np.nan


def auroc(scores: Array, positive: Array) -> float:
    """Return the probability that a positive has the higher score, ties counting half.

    References
    ----------
    Hanley & McNeil, *Radiology* 143, 1982.
    """
    known = np.isfinite(scores)
    scores, is_positive = scores[known], positive[known] > 0
    positives, negatives = scores[is_positive], scores[~is_positive]
    if not len(positives) or not len(negatives):
        return np.nan
    ordered = np.sort(negatives)
    below = np.searchsorted(ordered, positives, side="left")
    upto = np.searchsorted(ordered, positives, side="right")
    return float(np.mean(below + upto) / (2 * len(negatives)))


def pearson(first: Array, second: Array) -> float:
    """Return the linear correlation over the pairs of which both are known."""
    known = np.isfinite(first) & np.isfinite(second)
    first, second = first[known], second[known]
    if len(first) < 3 or not np.ptp(first) or not np.ptp(second):  # noqa: PLR2004  two points lie on a line
        return np.nan
    return float(np.corrcoef(first, second)[0, 1])


def spearman(first: Array, second: Array) -> float:
    """Return the correlation of ranks, ties sharing theirs."""
    known = np.isfinite(first) & np.isfinite(second)
    return pearson(_ranks(first[known]), _ranks(second[known]))


def _ranks(values: Array) -> Array:
    _, numbers, counts = np.unique(values, return_inverse=True, return_counts=True)
    shared: Array = (np.cumsum(counts) - (counts - 1) / 2)[numbers]
    return shared


def macro_f1(truth: Array, probabilities: Array, *, present: float) -> float:
    """Return the mean F1 over the classes (columns) that occur; ``present`` is the least probability that says yes."""
    said = probabilities >= present
    hits = np.sum((truth > 0) & said, axis=0)
    wanted = np.sum(truth > 0, axis=0)
    given = np.sum(said, axis=0)
    f1 = 2 * hits / np.maximum(wanted + given, 1)
    return float(np.mean(f1[wanted > 0])) if wanted.any() else np.nan


def mean_average_precision(truth: Array, scores: Array) -> float:
    """Return the average precision over items, averaged over the classes that occur; equal scores count together.

    References
    ----------
    Manning et al., *Introduction to Information Retrieval*, 2008, 8.4.
    """
    found = [_average_precision(truth[:, c] > 0, scores[:, c]) for c in range(truth.shape[1]) if np.any(truth[:, c])]
    return float(np.mean(found)) if found else np.nan


def _average_precision(positive: NDArray[np.bool_], scores: Array) -> float:
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(positive[order])
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    gained = np.diff(np.concatenate(([0], hits[ends])))
    return float(np.sum(gained * hits[ends] / (ends + 1)) / hits[-1])


def calibration_error(truth: Array, probabilities: Array) -> float:
    """Return the expected calibration error over all pairs of item and class, in ten equal bins.

    References
    ----------
    Naeini et al., AAAI 2015.
    """
    happened, said = truth.ravel() > 0, probabilities.ravel()
    if not len(said):
        return np.nan
    bins = np.minimum((said * _CALIBRATION_BINS).astype(np.int64), _CALIBRATION_BINS - 1)
    weight = np.bincount(bins, minlength=_CALIBRATION_BINS)
    distance = np.bincount(bins, weights=happened - said, minlength=_CALIBRATION_BINS)
    return float(np.sum(np.abs(distance)) / np.sum(weight))


def balanced_accuracy(truth: Array, said: Array) -> float:
    """Return the mean recall over the classes that occur in the truth."""
    return float(np.mean([np.mean(said[truth == kind] == kind) for kind in np.unique(truth)])) if len(truth) else np.nan


def confusion(truth: Array, said: Array, classes: int) -> list[list[int]]:
    """Return counts: a row for each true class, a column for each answer, the last for none."""
    table: list[list[Any]] = np.zeros((classes, classes + 1), dtype=int).tolist()
    for true, answer in zip(truth.astype(int), said.astype(int), strict=True):
        table[true][answer] += 1
    return table

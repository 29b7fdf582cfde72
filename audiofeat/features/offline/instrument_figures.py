"""How well a head names families: figures of clips whose families are known."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from audiofeat.domain.families import FAMILIES
from audiofeat.features.frames import Floats

_SEED = 1
_RESAMPLES = 300


def figures(truth: NDArray[np.bool_], given: Floats) -> dict[str, Any]:
    """Return macro-F1, mAP and calibration of probabilities, shape (clips, families), and each family's figures.

    What has an interval is given as value, lower and upper end (95 %, resampled clips).
    """
    rng = np.random.default_rng(_SEED)
    draws = [rng.integers(len(truth), size=len(truth)) for _ in range(_RESAMPLES)]
    metrics = {
        "macro_f1": macro_f1, "mean_average_precision": mean_average_precision, "calibration_error": calibration_error
    }  # fmt: skip
    said: dict[str, Any] = {"clips": len(truth)}
    for name, metric in metrics.items():
        spread = np.percentile([metric(truth[draw], given[draw]) for draw in draws], (2.5, 97.5))
        said[name] = [round(float(value), 3) for value in (metric(truth, given), *spread)]
        said[f"always_yes_{name}"] = round(metric(truth, np.ones_like(given)), 3)
    said["families"] = {}
    for n, family in enumerate(FAMILIES):
        is_said, sure, there = given[:, n] > 0.5, given[:, n] > 0.7, truth[:, n]
        said["families"][family] = {
            "positives": int(there.sum()),
            "f1": round(macro_f1(truth[:, [n]], given[:, [n]]), 3),
            "average_precision": round(mean_average_precision(truth[:, [n]], given[:, [n]]), 3),
            "auroc": round(auroc(there, given[:, n]), 3) if there.any() else None,
            "false_alarms": round(float(is_said[~there].mean()), 3),
            "precision_above_0.7": round(float(there[sure].mean()), 3) if sure.any() else None,
        }
    return said


def macro_f1(truth: NDArray[np.bool_], given: Floats) -> float:
    """Return the mean F1 of the families, present from a probability of 0.5 on."""
    said = given > 0.5
    return float(np.mean(2 * (said & truth).sum(axis=0) / np.maximum(said.sum(axis=0) + truth.sum(axis=0), 1)))


def mean_average_precision(truth: NDArray[np.bool_], given: Floats) -> float:
    """Return the mean over families of the mean precision at each positive, equal scores in the order of the clips."""
    order = np.argsort(-given, axis=0, kind="stable")
    ranked = np.take_along_axis(truth, order, axis=0)
    precision = ranked.cumsum(axis=0) / np.arange(1, len(ranked) + 1)[:, None]
    return float(np.mean((precision * ranked).sum(axis=0) / np.maximum(ranked.sum(axis=0), 1)))


def auroc(truth: NDArray[np.bool_], given: Floats) -> float:
    """Return the probability that a positive has the higher score, ties counting half."""
    many = int(truth.sum())
    return float((rankdata(given)[truth].sum() - many * (many + 1) / 2) / (many * max(len(truth) - many, 1)))


def calibration_error(truth: NDArray[np.bool_], given: Floats) -> float:
    """Return the mean distance of probability and share, over ten bins of all families together."""
    bins = np.minimum((given * 10).astype(int), 9).ravel()
    many = np.bincount(bins, minlength=10)
    gap = np.bincount(bins, given.ravel() - truth.ravel(), minlength=10)
    return float(np.abs(gap).sum() / many.sum())

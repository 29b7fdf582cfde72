"""Fits heads for families of instruments: logistic regression that starts from what the shipped head says.

Coefficients shrink towards leaving the shipped log-odds as they are, so that few labels change little.

References
----------
Cox, "Two further applications of a model for binary regression", Biometrika 45, 1958 (slope and offset of log-odds);
Hoerl & Kennard, Technometrics 12, 1970 (shrinkage).
"""

from collections.abc import Sequence

import numpy as np

from audiofeat.domain.family_heads import INPUTS, FamilyOutput
from audiofeat.domain.head_fitting import Array, folds, short
from audiofeat.domain.heads import CLIP, Term
from audiofeat.errors import InvalidInput

LEAST_OF_EACH = 8
_SLOPE_PENALTY, _OFFSET_PENALTY, _TERM_PENALTY = 10.0, 1.0, 10.0
_STEPS, _HALVINGS, _ENOUGH = 30, 20, 1e-9
_LEAST_SPREAD = 1e-9


def output_of(rows: Array, truth: Array, *, family: str, weights: Array, origin: str) -> FamilyOutput:
    """Return how the log-odds of one family are to be moved.

    Parameters
    ----------
    rows : array of shape (items, inputs)
        ``INPUTS`` of each item.
    truth : array of shape (items,)
        1 where the family is to be heard, else 0.
    family : str
        Whose log-odds are moved.
    weights : array of shape (items,)
        Such as the number of raters.
    origin : str
        What it is fitted on, in a few words.
    """
    shares = weights / weights.sum() * len(truth)
    own = INPUTS.index(family)
    centre = np.average(rows, axis=0, weights=shares)
    scale = np.sqrt(np.average(np.square(rows - centre), axis=0, weights=shares))
    # A family's own log-odds have the slope.
    used = np.flatnonzero((scale > _LEAST_SPREAD) & (np.arange(len(INPUTS)) != own))
    away = np.clip((rows[:, used] - centre[used]) / scale[used], -CLIP, CLIP)
    columns = np.column_stack((rows[:, own], np.ones(len(truth)), away))
    expected = np.array([1.0, 0.0, *np.zeros(len(used))])
    penalties = np.array([_SLOPE_PENALTY, _OFFSET_PENALTY, *np.full(len(used), _TERM_PENALTY)])
    slope, offset, *found = _newton(columns, truth, shares, expected, penalties)
    terms = tuple(
        Term(INPUTS[column], short(centre[column]), short(scale[column]), short(weight))
        for column, weight in zip(used, found, strict=True)
    )
    return FamilyOutput(short(slope), short(offset), terms, origin)


def unseen(rows: Array, truth: Array, *, family: str, weights: Array, artists: Sequence[str]) -> Array:
    """Return the log-odds that fits give items of artists that they had not seen.

    Raises
    ------
    InvalidInput
        There are too few items or artists, or too few items with or without the family.
    """
    positives = int(truth.sum())
    if min(positives, len(truth) - positives) < LEAST_OF_EACH:
        raise InvalidInput(
            f"{family} is in {positives} of {len(truth)} labelled items, which is too few to fit on, or too many",
            f"label at least {LEAST_OF_EACH} items with it and as many without",
        )
    said = np.zeros(len(truth))
    for inside, share in folds(artists):
        others = ~inside
        output = output_of(rows[others], truth[others], family=family, weights=weights[others], origin="")
        said[inside] += share * np.array([output.log_odds(family, row) for row in rows[inside].tolist()])
    return said


def log_loss(log_odds: Array, truth: Array, weights: Array) -> float:
    """Return the mean cost of the truth in nats: that of a coin is 0.69."""
    return float(np.average(np.logaddexp(0, np.where(truth > 0, -log_odds, log_odds)), weights=weights))


def _newton(columns: Array, truth: Array, shares: Array, expected: Array, penalties: Array) -> Array:
    """Return the coefficients of least penalised cost; each step is halved until it gains."""

    def cost(coefficients: Array) -> float:
        log_odds = columns @ coefficients
        apart = float(penalties @ np.square(coefficients - expected)) / 2
        return float(shares @ np.logaddexp(0, np.where(truth > 0, -log_odds, log_odds))) + apart

    found, best = expected, cost(expected)
    for _ in range(_STEPS):
        probability = 1 / (1 + np.exp(-np.clip(columns @ found, -50, 50)))
        slope = columns.T @ (shares * (probability - truth)) + penalties * (found - expected)
        curvature = (columns.T * (shares * probability * (1 - probability))) @ columns + np.diag(penalties)
        step = np.linalg.solve(curvature, slope)
        tried = (found - step / 2**halving for halving in range(_HALVINGS))
        better = next((one for one in tried if cost(one) < best - _ENOUGH), None)
        if better is None:
            break
        found, best = better, cost(better)
    return found

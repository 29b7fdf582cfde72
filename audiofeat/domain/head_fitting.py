"""Fits heads: ridge regression in which no feature may count against its own correlation, thinned out step by step.

Where the literature says what a feature does, weights shrink towards that instead of 0. What is reported is always of
artists that the fit had not seen, the choice of features included.

References
----------
Hoerl & Kennard, Technometrics 12, 1970 (ridge); Guyon et al., Machine Learning 46, 2002 (elimination); Slawski & Hein,
"Non-negative least squares for high-dimensional linear models", EJS 7, 2013 (signs instead of a penalty).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from audiofeat.domain.heads import CLIP, Output, Term
from audiofeat.errors import InvalidInput

MOST_TERMS = 15
LEAST_ITEMS, LEAST_ARTISTS = 30, 10
_PENALTY = 30.0
_FOLDS, _ROUNDS = 9, 3
_DROPPED = 0.1
_LEAST_SPREAD = 1e-9
_SEED = 20_240
_DIGITS = 6

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Material:
    """Labelled items.

    Parameters
    ----------
    features : tuple of str
        Names of the columns of ``rows``.
    rows : array of shape (items, features)
        NaN where nothing was measured.
    weights : array of shape (items,)
        Such as the number of raters.
    artists : sequence of str
        Items of one artist are never in both fit and test.
    expected : mapping
        Weights that the literature lets expect: they give the sign, and these features stay in.
    """

    features: tuple[str, ...]
    rows: Array
    weights: Array
    artists: Sequence[str]
    expected: Mapping[str, float] = field(default_factory=dict)

    def some(self, chosen: NDArray[np.bool_]) -> "Material":
        """Return a part of the items."""
        artists = [artist for artist, wanted in zip(self.artists, chosen, strict=True) if wanted]
        return Material(self.features, self.rows[chosen], self.weights[chosen], artists, self.expected)


@dataclass(frozen=True)
class _Fit:
    columns: NDArray[np.int64]
    centre: Array
    scale: Array
    weight: Array
    mean: float
    spread: float

    def scores(self, rows: Array) -> Array:
        """Return predictions in standard deviations; what was not measured counts as usual."""
        away = np.clip((rows[:, self.columns] - self.centre) / self.scale, -CLIP, CLIP)
        found: Array = np.nan_to_num(away) @ self.weight
        return found


def _fitted(material: Material, truth: Array, most_terms: int) -> _Fit:
    shares = material.weights / material.weights.sum()
    mean = float(shares @ truth)
    spread = float(np.sqrt(shares @ np.square(truth - mean)))
    known = np.isfinite(material.rows)
    filled = np.where(known, material.rows, 0.0)
    weight = known * shares[:, None]
    total = np.maximum(weight.sum(axis=0), 1e-12)
    centre = (weight * filled).sum(axis=0) / total
    scale = np.sqrt((weight * np.square(filled - centre)).sum(axis=0) / total)
    usable = np.flatnonzero((scale > _LEAST_SPREAD) & known.any(axis=0))
    if not len(usable) or not spread:
        raise InvalidInput("the labels or the features of all items are the same", "label items that differ")
    away = np.nan_to_num(np.clip((material.rows[:, usable] - centre[usable]) / scale[usable], -CLIP, CLIP))
    gram = len(truth) * (away * shares[:, None]).T @ away
    pull = len(truth) * (away * shares[:, None]).T @ ((truth - mean) / spread)
    expected = np.array([material.expected.get(material.features[column], 0.0) for column in usable])
    kept, found = np.arange(len(usable)), _signed(gram, pull, expected)
    while True:
        stays = (found != 0) | (expected[kept] != 0)
        kept, found = kept[stays], found[stays]
        if len(kept) <= most_terms:
            break
        dropped = min(max(1, int(_DROPPED * len(kept))), len(kept) - most_terms)
        rank = np.where(expected[kept] != 0, np.inf, np.abs(found))
        kept = np.sort(kept[np.argsort(-rank, kind="stable")[: len(kept) - dropped]])
        found = _signed(gram[np.ix_(kept, kept)], pull[kept], expected[kept])
    columns = usable[kept]
    return _Fit(columns, centre[columns], scale[columns], found, mean, spread)


def _signed(gram: Array, pull: Array, expected: Array) -> Array:
    """Return the ridge weights under the condition that each has its expected sign, or that of its own correlation."""
    signs = np.where(np.where(expected, expected, pull) < 0, -1.0, 1.0)
    pull = pull + _PENALTY * expected
    lower = np.linalg.cholesky((gram + _PENALTY * np.eye(len(gram))) * np.outer(signs, signs))
    found, _ = nnls(lower.T, np.linalg.solve(lower, signs * pull))
    weights: Array = signs * found
    return weights


def folds(artists: Sequence[str]) -> Iterator[tuple[NDArray[np.bool_], float]]:
    """Give the items to be judged by a fit on all others, and what their answers weigh among all rounds.

    Each of three rounds cuts the artists into nine folds anew, so that every item is judged three times.

    Raises
    ------
    InvalidInput
        There are too few items or artists.
    """
    names = np.array(artists)
    different = np.unique(names)
    if len(names) < LEAST_ITEMS or len(different) < LEAST_ARTISTS:
        raise InvalidInput(
            f"{len(names)} labelled items by {len(different)} artists are too few to fit and judge a model on",
            f"label at least {LEAST_ITEMS} items by at least {LEAST_ARTISTS} artists",
        )
    rng = np.random.default_rng(_SEED)
    for _ in range(_ROUNDS):
        for fold in np.array_split(rng.permutation(different), _FOLDS):
            yield np.isin(names, fold), 1 / _ROUNDS


def unseen(material: Material, truth: Array, *, most_terms: int = MOST_TERMS) -> tuple[Array, Array]:
    """Return what fits say of items of artists that they had not seen, and those artists' truth, standardised alike.

    Raises
    ------
    InvalidInput
        There are too few items or artists.
    """
    said, true = np.zeros(len(truth)), np.zeros(len(truth))
    for inside, share in folds(material.artists):
        fit = _fitted(material.some(~inside), truth[~inside], most_terms)
        said[inside] += share * fit.scores(material.rows[inside])
        true[inside] += share * (truth[inside] - fit.mean) / fit.spread
    return said, true


def output_of(
    material: Material, truth: Array, *, is_rank: bool, origin: str, error: float, most_terms: int = MOST_TERMS
) -> Output:
    """Return the output that is fitted on all items; its error comes from :func:`unseen`."""
    fit = _fitted(material, truth, most_terms)
    columns = zip(fit.columns, fit.centre, fit.scale, fit.weight, strict=True)
    terms = tuple(
        Term(material.features[column], short(centre), short(scale), short(weight))
        for column, centre, scale, weight in columns
    )
    return Output(terms, short(fit.mean), short(fit.spread), short(error), is_rank, origin)


def error_of(said: Array, true: Array, weights: Array) -> float:
    """Return the root mean square error in standard deviations."""
    return float(np.sqrt(np.average(np.square(said - true), weights=weights)))


def short(number: float) -> float:
    """Return a coefficient with the digits that are kept."""
    return float(f"{number:.{_DIGITS}g}")

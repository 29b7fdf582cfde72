"""Whether copies of an item, and its halves, are found to be what they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from audiofeat.domain.scaling import Array, Matrix
from audiofeat.evaluation.copies import HALVES
from audiofeat.evaluation.retrieval import Bools, angular
from audiofeat.evaluation.statistics import Estimate, bootstrap_mean


@dataclass(frozen=True, slots=True)
class Robustness:
    """What became of one kind of copy.

    Parameters
    ----------
    copy : str
        Its kind; ``halves`` for the two halves of items.
    found_first : Estimate
        Share of copies whose nearest other is the right one: of a half the other half among all halves, of any other
        copy the item itself among all items.
    cosine_median, cosine_least : float
        Of copy and item, or of the two halves.
    items : int
        On how many items.
    """

    copy: str
    found_first: Estimate
    cosine_median: float
    cosine_least: float
    items: int


def robustness_of(
    names: tuple[str, ...],
    chosen: Sequence[int],
    vectors: Mapping[str, Matrix],
    whole: Matrix,
    *,
    clusters: Sequence[str],
) -> list[Robustness]:
    """Return what became of the copies of some items.

    Parameters
    ----------
    names : tuple of str
        Kinds of copies.
    chosen : sequence of int
        The rows of ``whole`` of which there are copies.
    vectors : Mapping[str, NDArray[np.float32]]
        By kind, a row a copied item; NaN or zeros where there is none.
    whole : NDArray[np.float32]
        The vectors of all items.
    clusters : sequence of str
        The artist of each copied item.
    """
    if names == HALVES:
        return _halves(*(vectors[name] for name in names), clusters=clusters)
    found = []
    for name in names:
        made = _made(vectors[name])
        if made.any():
            rows = np.asarray(chosen)[made]
            right = angular(vectors[name][made], whole).argmin(axis=1) == rows
            cosines = (vectors[name][made].astype(np.float64) * whole[rows]).sum(axis=1)
            found.append(_row(name, right, cosines, [clusters[place] for place in np.flatnonzero(made).tolist()]))
    return found


def _halves(first: Matrix, second: Matrix, *, clusters: Sequence[str]) -> list[Robustness]:
    made = _made(first) & _made(second)
    count = int(made.sum())
    if count < 2:  # noqa: PLR2004  a half needs others than its own
        return []
    both = np.concatenate([first[made], second[made]])
    distances = angular(both, both)
    np.fill_diagonal(distances, np.inf)
    nearest = distances.argmin(axis=1)
    right = nearest == (np.arange(2 * count) + count) % (2 * count)
    cosines = (first[made].astype(np.float64) * second[made]).sum(axis=1)
    named = [clusters[place] for place in np.flatnonzero(made).tolist()]
    return [_row("halves", right, cosines, named + named)]


def _made(vectors: Matrix) -> Bools:
    return np.asarray(np.isfinite(vectors).all(axis=1) & vectors.any(axis=1))


def _row(name: str, right: Bools, cosines: Array, clusters: Sequence[str]) -> Robustness:
    estimate = bootstrap_mean(right.astype(np.float64), clusters)
    return Robustness(name, estimate, float(np.median(cosines)), float(cosines.min()), len(cosines))

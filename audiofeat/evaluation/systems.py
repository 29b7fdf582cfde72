"""What is held beside each other: our space, and simpler ways to say what sounds alike.

Every system is fitted on some items and gives the distances among some others, so that none has seen the artists it is
judged by.

References
----------
Single Gaussian of MFCC, symmetric Kullback-Leibler divergence: Mandel & Ellis, ISMIR 2005.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from audiofeat.domain.descriptor import DESCRIPTOR_VERSION, LENGTHS, N_MFCC, NAMES
from audiofeat.domain.fitting import fit
from audiofeat.domain.items import Kind
from audiofeat.domain.scaling import Matrix
from audiofeat.domain.similarity import weighed
from audiofeat.domain.space import Space, blocks_all, embed_all
from audiofeat.domain.texts import Words, fit_texts
from audiofeat.evaluation.retrieval import Array, Rows, angular, euclidean

OURS = "audiofeat"
RANDOM = "random"
MFCC_STATISTICS = "MFCC mean and deviation"
MFCC_GAUSSIAN = "MFCC Gaussian"
GENRE = "genre tags"
_SEED = 20_251
_COVARIANCE_FLOOR = 0.1
_LEAST_VARIANCE = 1e-3
# No sound comes near; what is made of it stays finite.
_MOST_LOG_VARIANCE = 100.0

# From the rows to fit on and the rows asked for to the distances among the latter.
System = Callable[[Rows, Rows], Array]


@dataclass(frozen=True, eq=False)
class Sounding:
    """An item as similarity is measured by: its descriptor, those of its pieces, and what it belongs to.

    Parameters
    ----------
    name : str
        Unique.
    descriptor : NDArray[np.float32]
        Of today's version.
    pieces : NDArray[np.float32] or None
        Descriptors of its pieces, a row each.
    labels : Mapping[str, str]
        ``artist``, ``album``, ``track`` and ``genre``, as far as they are known.
    told : Words
        What is said of it, without its artist, whose items are to be found.
    """

    name: str
    descriptor: Matrix
    pieces: Matrix | None
    labels: Mapping[str, str]
    told: Words = field(default_factory=dict)


def space_of(items: Sequence[Sounding], *, kind: Kind) -> Space:
    """Return a space that is fitted on some items, however few."""
    pieces = [item.pieces for item in items if item.pieces is not None]
    return fit(np.stack([item.descriptor for item in items]), kind=kind, pieces=pieces)


def systems_of(
    items: Sequence[Sounding],
    *,
    kind: Kind,
    space: Space | None = None,
    theirs: Mapping[str, Array] | None = None,
    weights: Mapping[str, float] | None = None,
) -> dict[str, System]:
    """Return every system that can be measured on some items.

    Parameters
    ----------
    items : sequence of Sounding
        All items; systems name them by their place.
    kind : Kind
        What they are.
    space : Space, optional
        A frozen space to be measured; by default one is fitted on the rows to fit on.
    theirs : Mapping[str, Array], optional
        Numbers of other programs, a row an item, NaN where one gave none.
    weights : Mapping[str, float], optional
        Of feature groups, as a query names them: measured as a system of its own.
    """
    descriptors = np.stack([item.descriptor for item in items])

    def ours(fitted_on: Rows, asked: Rows) -> Array:
        placed = space or space_of([items[row] for row in fitted_on], kind=kind)
        vectors = embed_all(placed, descriptors[asked])
        return angular(vectors, vectors)

    def ours_weighed(fitted_on: Rows, asked: Rows) -> Array:
        known = [items[row] for row in fitted_on]
        placed = space or replace(space_of(known, kind=kind), text=fit_texts([item.told for item in known]))
        blocks = blocks_all(placed, descriptors[asked], [items[row].told for row in asked])
        vectors = weighed(placed, blocks, weights)
        return angular(vectors, vectors)

    means, covariances = _gaussians(descriptors)
    deviations = np.sqrt(np.diagonal(covariances, axis1=1, axis2=2))
    systems: dict[str, System] = {
        OURS: ours,
        RANDOM: _random,
        MFCC_STATISTICS: _standardised(np.concatenate([means, deviations], axis=1)),
        MFCC_GAUSSIAN: lambda _, asked: _divergences(means[asked], covariances[asked]),
    }
    if weights:
        systems[f"{OURS}, {', '.join(f'{group} {weight:g}' for group, weight in weights.items())}"] = ours_weighed
    systems |= {name: _standardised(numbers) for name, numbers in (theirs or {}).items()}
    genres = [item.labels.get("genre") for item in items]
    if any(genres):
        systems[GENRE] = _by_genre(genres)
    return systems


def _random(_: Rows, asked: Rows) -> Array:
    return np.random.default_rng(_SEED).random((len(asked), len(asked)))


def _by_genre(genres: Sequence[str | None]) -> System:
    """Return a system that puts the genre of the asked item first, and knows nothing else."""
    names = np.array([genre or f"?{row}" for row, genre in enumerate(genres)])

    def distances(fitted_on: Rows, asked: Rows) -> Array:
        other: Array = (names[asked][:, None] != names[asked][None]) + 0.5 * _random(fitted_on, asked)
        return other

    return distances


def _standardised(numbers: Array) -> System:
    """Return the Euclidean distance of numbers that are brought to mean 0 and deviation 1."""

    def distances(fitted_on: Rows, asked: Rows) -> Array:
        rows = numbers[fitted_on]
        known = np.isfinite(rows).any(axis=0)
        centre, scale = np.nanmean(rows[:, known], axis=0), np.nanstd(rows[:, known], axis=0)
        values = (numbers[asked][:, known] - centre)[:, scale > 0] / scale[scale > 0]
        values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
        return euclidean(values, values)

    return distances


def _gaussians(descriptors: Matrix) -> tuple[Array, Array]:
    """Return mean and covariance of the MFCC of each item: the descriptor holds the covariance's logarithm."""
    width = LENGTHS[DESCRIPTOR_VERSION]
    places: dict[str, Any] = dict(zip(NAMES, range(width), strict=True))
    means = np.nan_to_num(descriptors[:, [places[f"mfcc_{n}_mean"] for n in range(N_MFCC)]].astype(np.float64))
    covariances = np.zeros((len(descriptors), N_MFCC, N_MFCC))
    upper = np.triu_indices(N_MFCC)
    logarithms = descriptors[:, [places[f"mfcc_logcov_{a}_{b}"] for a, b in zip(*upper, strict=True)]]
    for row, values in enumerate(np.nan_to_num(logarithms.astype(np.float64))):
        logarithm = np.zeros((N_MFCC, N_MFCC))
        logarithm[upper] = values
        variances, axes = np.linalg.eigh(logarithm + np.triu(logarithm, 1).T)
        variances = np.maximum(np.exp(np.minimum(variances, _MOST_LOG_VARIANCE)) - _COVARIANCE_FLOOR, _LEAST_VARIANCE)
        covariances[row] = (axes * variances) @ axes.T
    return means, covariances


def _divergences(means: Array, covariances: Array) -> Array:
    """Return the symmetric Kullback-Leibler divergences of some Gaussians."""
    inverses = np.linalg.inv(covariances)
    traces = np.einsum("iab,jba->ij", inverses, covariances)
    # (m_i - m_j)' P_i (m_i - m_j), without an array of every pair's difference
    own = np.einsum("ia,iab,ib->i", means, inverses, means)
    cross = np.einsum("iab,ib->ia", inverses, means) @ means.T
    other = np.einsum("ja,iab,jb->ij", means, inverses, means, optimize=True)
    between = own[:, None] - 2 * cross + other
    divergences: Array = traces + traces.T + between + between.T - 2 * N_MFCC
    return divergences

"""How near two unit vectors of one space are, as a whole and in each feature group.

Distance is angular, ``sqrt(2 - 2 cos)``: 0 for the same direction, sqrt(2) for unrelated, at most 2.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.items import Kind
from audiofeat.domain.space import Space
from audiofeat.domain.texts import TOLD
from audiofeat.errors import InvalidInput, SpaceMismatch

UNIT_TOLERANCE = 1e-3
# With every group at weight 1 a space as it is fitted agrees to .48, and 97 of 100 are among the nearest 200.
_LEAST_AGREEMENT = 0.4
_UNTOLD = {
    Kind.EPISODE: (
        "what items are about is not known in this index: fewer than 20 had a description when it was built",
        "bring titles, descriptions, genres or persons with audiofeat metadata import, then audiofeat index build",
    ),
    Kind.TRACK: (
        "what items are said to be is not known in this index: it was built without metadata, or fewer than 20 had any",
        "audiofeat index build track --metadata",
    ),
}


@dataclass(frozen=True, slots=True)
class GroupSimilarity:
    """How alike two items are within one feature group.

    Parameters
    ----------
    similarity : float or None
        Cosine of the two blocks, -1 to 1; None where one item has nothing measured there.
    share : float
        The group's part of the whole similarity, 0 to 1; the shares of all groups add up to 1, or are all 0.
    """

    similarity: float | None
    share: float


def require_same(first: str, second: str) -> None:
    """Raise SpaceMismatch unless two space ids are one."""
    if first != second:
        raise SpaceMismatch(
            f"vectors of space {first} and space {second} cannot be compared", "embed both in one space"
        )


def require_unit(vector: NDArray[np.float32], *, dims: int) -> NDArray[np.float32]:
    """Return the vector as float32; raises InvalidInput unless it has ``dims`` finite values and length 1."""
    if np.shape(vector) != (dims,):
        raise InvalidInput(f"a vector must have {dims} values, this has shape {np.shape(vector)}")
    norm = float(np.linalg.norm(np.asarray(vector, dtype=np.float64)))
    if not abs(norm - 1.0) <= UNIT_TOLERANCE:
        raise InvalidInput(f"a vector must be finite and of length 1, this has length {norm:.4g}")
    return np.asarray(vector, dtype=np.float32)


def distances(vectors: NDArray[np.float32], vector: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the exact angular distance of each row of unit vectors, 0 to 2.

    Of unit vectors ``sqrt(2 - 2 cos)`` is the length of the difference, which stays exact down to 0.
    """
    difference = np.asarray(vectors, dtype=np.float64) - vector
    return np.asarray(np.sqrt((difference * difference).sum(axis=1)))


def weights_of(space: Space, weights: Mapping[str, float] | None = None) -> dict[str, float]:
    """Return what each feature group of a space weighs: the space's own weights where a query names no other.

    Raises
    ------
    InvalidInput
        A group is unknown, a weight is negative or not finite, or all are 0.
    """
    asked = dict(weights or {})
    if unknown := sorted(set(asked) - set(space.groups)):
        raise InvalidInput(f"there is no feature group {unknown[0]!r}", f"known are {', '.join(space.groups)}")
    for group, weight in asked.items():
        if not (math.isfinite(weight) and weight >= 0):
            raise InvalidInput(f"the weight of {group} is {weight}", "a weight is 0 or more; 1 is usual")
    chosen = {group: float(asked.get(group, space.group_weights.get(group, 0.0))) for group in space.groups}
    if not any(chosen.values()):
        raise InvalidInput("every feature group has weight 0", "give one of them a weight above 0")
    return chosen


def with_about(space: Space, weights: Mapping[str, float], about: float) -> dict[str, float]:
    """Return weights in which what is told of items counts a share of the whole, and what is heard the rest.

    Parameters
    ----------
    weights : Mapping[str, float]
        Of a query; what it names beside what is told keeps its proportions.
    about : float
        0: sound alone; 1: what is told alone.

    Raises
    ------
    InvalidInput
        The space was fitted without what is told.
    """
    if about <= 0:
        return dict(weights)
    if space.text is None:
        raise InvalidInput(*_UNTOLD[space.kind])
    told = TOLD[space.kind]
    sound = {group: weight for group, weight in weights_of(space, weights).items() if group != told}
    whole = math.sqrt(sum(weight**2 for weight in sound.values())) or 1.0
    heard = math.sqrt(1 - about) / whole
    return {**{group: heard * weight for group, weight in sound.items()}, told: math.sqrt(about)}


def weighed(
    space: Space, blocks: NDArray[np.float32], weights: Mapping[str, float] | None = None
) -> NDArray[np.float32]:
    """Return unit vectors, one a row of blocks, in which each feature group weighs what a query asks for.

    Their :func:`distances` are what a query with weights ranks by. A row in which nothing that weighs anything was
    measured is a row of zeros. Raises as :func:`weights_of`.
    """
    scaled = np.asarray(blocks, dtype=np.float64) * _scales(space, weights)
    norms = np.sqrt((scaled * scaled).sum(axis=1, keepdims=True))
    unit = np.divide(scaled, norms, out=np.zeros_like(scaled), where=norms > 0)
    return np.asarray(unit, dtype=np.float32)


def likenesses(
    space: Space, blocks: NDArray[np.floating], asked: NDArray[np.float32], weights: Mapping[str, float]
) -> NDArray[np.float32]:
    """Return the cosine of each row of blocks with another row by weights of a query; 0 where nothing was measured."""
    [wanted] = weighed(space, asked[None], weights)
    scaled = blocks.astype(np.float32) * _scales(space, weights).astype(np.float32)
    norms = np.sqrt(np.einsum("ij,ij->i", scaled, scaled))
    cosines: NDArray[np.float32] = np.divide(scaled @ wanted, norms, out=np.zeros_like(norms), where=norms > 0)
    return cosines


def _scales(space: Space, weights: Mapping[str, float] | None) -> NDArray[np.float64]:
    scales = np.empty(space.block_dims)
    for group, weight in weights_of(space, weights).items():
        scales[space.groups[group]] = weight
    return scales


def is_far(space: Space, weights: Mapping[str, float]) -> bool:
    """Tell whether a query weighs feature groups so unlike the space that its nearest items are no good candidates.

    Raises as :func:`weights_of`.
    """
    own, asked = (np.square(list(weights_of(space, some).values())) for some in (None, weights))
    agreement = float(own @ asked) / (float(np.linalg.norm(own) * np.linalg.norm(asked)) or 1.0)
    # What is told lies in no place of the space at all.
    return agreement < _LEAST_AGREEMENT or weights.get(TOLD[space.kind], 0.0) > 0


def group_similarities_all(
    space: Space, a: NDArray[np.float32], rows: NDArray[np.float32], weights: Mapping[str, float] | None = None
) -> list[dict[str, GroupSimilarity]]:
    """Return what :func:`group_similarities` says of one item beside each of several, a row of blocks each."""
    weighing = {group: weight for group, weight in weights_of(space, weights).items() if weight > 0}
    left, right = a.astype(np.float64), rows.astype(np.float64)
    # Groups lie side by side, so that one pass sums all of them.
    starts = [block.start for block in space.groups.values()]
    chosen = [place for place, group in enumerate(space.groups) if group in weighing]
    dots = np.add.reduceat(right * left, starts, axis=1).T[chosen]
    squares = np.add.reduceat(right * right, starts, axis=1).T[chosen]
    norms = np.sqrt(np.add.reduceat(left * left, starts)[chosen][:, None] * squares)
    parts = np.maximum(dots, 0.0) * np.square(list(weighing.values()))[:, None]
    total = parts.sum(axis=0)
    shares = np.divide(parts, total, out=np.zeros_like(parts), where=total > 0)
    cosines = np.clip(np.divide(dots, norms, out=np.zeros_like(dots), where=norms > 0), -1.0, 1.0)
    told = [
        [cosine if norm > 0 else None for cosine, norm in zip(*row, strict=True)]
        for row in zip(cosines.T.tolist(), norms.T.tolist(), strict=True)
    ]
    return [
        {group: GroupSimilarity(*pair) for group, pair in zip(weighing, zip(one, share, strict=True), strict=True)}
        for one, share in zip(told, shares.T.tolist(), strict=True)
    ]


def group_similarities(
    space: Space, a: NDArray[np.float32], b: NDArray[np.float32], weights: Mapping[str, float] | None = None
) -> dict[str, GroupSimilarity]:
    """Return, for each feature group that weighs anything, how alike two items are by their blocks.

    Parameters
    ----------
    space : Space
        In which both lie.
    a, b : NDArray[np.float32]
        One row of ``blocks_all`` each.
    weights : Mapping[str, float], optional
        By group, instead of the space's own.
    """
    return group_similarities_all(space, a, b[None], weights)[0]

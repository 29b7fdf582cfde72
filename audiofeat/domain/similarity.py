"""How near two unit vectors of one space are, as a whole and in each feature group.

Distance is angular, ``sqrt(2 - 2 cos)``: 0 for the same direction, sqrt(2) for unrelated, at most 2.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.descriptor import DIMENSIONS, GROUPS
from audiofeat.domain.space import Space
from audiofeat.errors import InvalidInput, SpaceMismatch

UNIT_TOLERANCE = 1e-3
_GROUPS = np.array([slot.group for slot in DIMENSIONS])


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


def group_similarities(space: Space, a: NDArray[np.float32], b: NDArray[np.float32]) -> dict[str, GroupSimilarity]:
    """Return, for each feature group that weighs anything in a space, how alike two of its embeddings are."""
    products: dict[str, tuple[float | None, float]] = {}
    for group in GROUPS:
        inside = (group == _GROUPS) & (space.weight > 0)
        if inside.any():
            left, right = a[inside].astype(np.float64), b[inside].astype(np.float64)
            dot = float(left @ right)
            norms = float(np.sqrt((left @ left) * (right @ right)))
            products[group] = (float(np.clip(dot / norms, -1.0, 1.0)) if norms > 0 else None, max(dot, 0.0))
    total = sum(part for _, part in products.values())
    return {
        group: GroupSimilarity(similarity, part / total if total > 0 else 0.0)
        for group, (similarity, part) in products.items()
    }

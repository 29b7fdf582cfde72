"""Where items lie: a space turns a descriptor into a unit vector.

A space is fitted once and frozen. Its id is the hash of its content, so equal ids mean comparable vectors.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.descriptor import DESCRIPTOR_VERSION, DIMENSIONS, GROUPS, Dimension
from audiofeat.domain.items import Kind
from audiofeat.errors import InvalidInput, SpaceMismatch

SPACE_VERSION = 1
CLIP = 4.0


def _part(slot: Dimension) -> str:
    if slot.group == "timbre":
        return "timbre_covariance" if "_logcov_" in slot.name else "timbre_mfcc"
    if slot.group == "rhythm":
        pieces = {"tempo_circle_cos": "tempo", "tempo_circle_sin": "tempo", "modulation_4_hz": "syllables"}
        return f"rhythm_{pieces.get(slot.name, 'pulse')}"
    return slot.group


PARTS = np.array([_part(slot) for slot in DIMENSIONS])
_IS_LOG = np.array([slot.transform == "log" for slot in DIMENSIONS])
_GROUPS = np.array([slot.group for slot in DIMENSIONS])
# The two coordinates of a circle keep their geometry: scaled one by one, the circle would become an ellipse.
IS_CIRCLE = PARTS == "rhythm_tempo"


@dataclass(frozen=True, eq=False)
class Space:
    """A frozen way from descriptors to unit vectors.

    Parameters
    ----------
    name : str
        For people, such as ``track-1``.
    kind : Kind
        What lies in it; tracks and episodes never share a space.
    version : int
        Raised when the recipe changes.
    descriptor_version : int
        The version of the descriptor that it reads.
    items : int
        How many items it was fitted on.
    centre, scale, weight : NDArray[np.float64]
        One value a dimension: an embedding is ``clip((x - centre) / scale, -4, 4) * weight``, brought to length 1.
    part_weights : Mapping[str, float]
        What each part was meant to weigh, for people; ``weight`` already contains it.

    Attributes
    ----------
    id : str
        The first 16 hexadecimal digits of the sha256 of the canonical JSON.
    """

    name: str
    kind: Kind
    version: int
    descriptor_version: int
    items: int
    centre: NDArray[np.float64]
    scale: NDArray[np.float64]
    weight: NDArray[np.float64]
    part_weights: Mapping[str, float]
    id: str = field(init=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be a space, and compute the id."""
        if self.descriptor_version != DESCRIPTOR_VERSION:
            raise SpaceMismatch(
                f"space {self.name} reads descriptor version {self.descriptor_version}, "
                f"this audiofeat measures version {DESCRIPTOR_VERSION}",
                "build a new index: audiofeat index build",
            )
        for name in ("centre", "scale", "weight"):
            values = getattr(self, name)
            if values.shape != (len(DIMENSIONS),) or not np.isfinite(values).all():
                raise InvalidInput(f"space {self.name}: {name} must be {len(DIMENSIONS)} finite numbers")
        if (self.scale <= 0).any():
            raise InvalidInput(f"space {self.name}: every scale must be above 0")
        object.__setattr__(self, "id", hashlib.sha256(to_json(self).encode()).hexdigest()[:16])

    @property
    def dims(self) -> int:
        """Length of an embedding."""
        return len(self.centre)

    @cached_property
    def groups(self) -> Mapping[str, slice]:
        """Where each feature group's own values lie in an item's blocks."""
        ends = np.cumsum([0, *(np.count_nonzero(group == _GROUPS) for group in GROUPS)]).tolist()
        return {group: slice(low, high) for group, (low, high) in zip(GROUPS, pairwise(ends), strict=True)}

    @property
    def block_dims(self) -> int:
        """Length of an item's blocks."""
        return int(max(block.stop for block in self.groups.values()))

    @cached_property
    def group_weights(self) -> Mapping[str, float]:
        """What each feature group weighs where nobody asks for anything else, 0 or more."""
        squares = dict.fromkeys(GROUPS, 0.0)
        for part, weight in self.part_weights.items():
            squares[part.partition("_")[0]] += weight**2
        return {group: math.sqrt(square) for group, square in squares.items()}


def to_json(space: Space) -> str:
    """Return the canonical JSON of a space: the same space gives the same bytes."""
    body = {
        "name": space.name,
        "kind": space.kind.value,
        "version": space.version,
        "descriptor_version": space.descriptor_version,
        "items": space.items,
        "centre": space.centre.tolist(),
        "scale": space.scale.tolist(),
        "weight": space.weight.tolist(),
        "part_weights": dict(space.part_weights),
    }
    return json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)


def from_json(text: str | bytes) -> Space:
    """Return the space behind :func:`to_json`.

    Raises
    ------
    InvalidInput
        The text is not a space.
    SpaceMismatch
        It reads another version of the descriptor.
    """
    try:
        body: dict[str, Any] = json.loads(text)
        for name in ("centre", "scale", "weight"):
            body[name] = np.array(body[name], dtype=np.float64)
        return Space(**{**body, "kind": Kind(body["kind"])})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidInput(f"this is not the JSON of a space: {error}") from error


def embed(space: Space, descriptor: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return an item's unit vector in a space.

    Raises
    ------
    InvalidInput
        The descriptor has another length, or nothing in it was measured.
    """
    vector: NDArray[np.float32] = embed_all(space, np.atleast_2d(descriptor))[0]
    if not vector.any():
        raise InvalidInput(f"nothing that space {space.name} looks at was measured in this item")
    return vector


def embed_all(space: Space, descriptors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return one unit vector a row; a row of zeros stands for an item in which nothing was measured."""
    vectors = standardised(transformed(descriptors), space.centre, space.scale) * space.weight
    norms = np.sqrt((vectors * vectors).sum(axis=1, keepdims=True))
    unit: NDArray[np.float64] = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
    return unit.astype(np.float32)


def blocks_all(space: Space, descriptors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return one row of blocks an item: each feature group by itself, of typical length 1, zeros if not measured.

    From them come a group's similarity and the query-time weights of groups; see ``domain.similarity``.
    """
    standard = standardised(transformed(descriptors), space.centre, space.scale)
    blocks = np.zeros((len(standard), space.block_dims))
    for group, block in space.groups.items():
        values = standard[:, group == _GROUPS]
        blocks[:, block] = values / math.sqrt(values.shape[1])
    return blocks.astype(np.float32)


def transformed(descriptors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Apply each dimension's transform; whatever is not finite becomes NaN."""
    values = np.array(descriptors, dtype=np.float64)
    if values.shape[1:] != (len(DIMENSIONS),):
        raise InvalidInput(f"descriptors must be rows of {len(DIMENSIONS)} values, these have shape {values.shape}")
    values[~np.isfinite(values)] = np.nan
    values[:, _IS_LOG] = np.log(np.maximum(values[:, _IS_LOG], 1e-6))
    return values


def standardised(
    values: NDArray[np.float64], centre: NDArray[np.float64], scale: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return values on the scale of a space, clipped; what was not measured counts nothing: 0."""
    return np.nan_to_num(np.clip((values - centre) / scale, -CLIP, CLIP), nan=0.0)

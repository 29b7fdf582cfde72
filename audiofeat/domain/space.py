"""Where items lie: a space turns a descriptor into a unit vector.

A space is fitted once and frozen. Its id is the hash of its content, so equal ids mean comparable vectors.

The values of a descriptor are brought to one scale, clipped and weighed, and what was not measured counts nothing.
Directions in which pieces of one recording differ among themselves are damped: what changes within a minute says
little about whose minute it is. The feature groups are brought to their weights, and where enough items were there to
fit it on, a projection keeps the directions in which items differ most.

References
----------
Damping within recordings, without labels: Hatch et al., "Within-class covariance normalization", Interspeech 2006.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.descriptor import GROUPS, LENGTHS, Dimension, dimensions_of
from audiofeat.domain.items import Kind
from audiofeat.domain.scaling import Array, Matrix, packed, standardised, transformed, unpacked
from audiofeat.domain.texts import TOLD, TextModel, Words
from audiofeat.errors import InvalidInput, SpaceMismatch

SPACE_VERSION = 2
_FIRST_VERSION, _FIRST_CLIP = 1, 4.0
_CHUNK_ROWS = 4096


@dataclass(frozen=True, eq=False)
class Space:
    """A frozen way from descriptors to unit vectors.

    Parameters
    ----------
    name : str
        For people, such as ``track-2``.
    kind : Kind
        What lies in it; tracks and episodes never share a space.
    version : int
        Raised when the recipe changes; spaces of every earlier version are read for ever.
    descriptor_version : int
        The version of the descriptor that it reads.
    items : int
        How many items it was fitted on.
    centre, scale, weight : NDArray[np.float64]
        One value a dimension: ``clip((x - centre) / scale) * weight``.
    clip : float
        The largest number of scales that counts.
    part_weights : Mapping[str, float]
        What each part of a group weighs inside it, for people; ``weight`` already contains it.
    directions : NDArray[np.float32]
        Orthonormal columns, shape (dimensions, directions): where pieces of one recording differ most.
    damping : NDArray[np.float64]
        By what each direction is multiplied, 0 to 1.
    group_norms : Mapping[str, float]
        Typical length of each feature group's values at this stage; 0 where it has no spread.
    group_weights : Mapping[str, float]
        What each group weighs in an embedding; it has blocks also where that is 0.
    bases : Mapping[str, NDArray[np.float32]]
        By group, orthonormal columns on which its block is kept; empty where blocks are kept whole.
    projection : NDArray[np.float32] or None
        Orthonormal columns, shape (dimensions, embedding); None where embeddings are not reduced.
    text : TextModel or None
        Places what is told of items, as a group of blocks and no part of embeddings.

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
    centre: Array
    scale: Array
    weight: Array
    clip: float
    part_weights: Mapping[str, float]
    directions: Matrix
    damping: Array
    group_norms: Mapping[str, float]
    group_weights: Mapping[str, float]
    bases: Mapping[str, Matrix]
    projection: Matrix | None
    text: TextModel | None = None
    id: str = field(init=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be a space, and compute the id."""
        if self.descriptor_version not in LENGTHS:
            raise SpaceMismatch(
                f"space {self.name} reads descriptor version {self.descriptor_version}, "
                f"this audiofeat knows version {', '.join(map(str, LENGTHS))}",
                "build a new index: audiofeat index build",
            )
        width = LENGTHS[self.descriptor_version]
        shapes = {"centre": (width,), "scale": (width,), "weight": (width,), "damping": self.directions.shape[1:]}
        matrices = {"directions": self.directions, **self.bases}
        matrices |= {} if self.projection is None else {"projection": self.projection}
        for name, shape in shapes.items():
            values = getattr(self, name)
            if values.shape != shape or not np.isfinite(values).all():
                raise InvalidInput(f"space {self.name}: {name} must be {shape[0]} finite numbers")
        for name, matrix in matrices.items():
            rows = len(self._inside[name]) if name in self.bases else width
            if matrix.ndim != 2 or len(matrix) != rows or not np.isfinite(matrix).all():  # noqa: PLR2004  a matrix
                raise InvalidInput(f"space {self.name}: {name} must be {rows} rows of finite numbers")
        if (self.scale <= 0).any():
            raise InvalidInput(f"space {self.name}: every scale must be above 0")
        object.__setattr__(self, "id", hashlib.sha256(to_json(self).encode()).hexdigest()[:16])

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """What it reads of a descriptor, in order."""
        return dimensions_of(self.descriptor_version)

    @property
    def dims(self) -> int:
        """Length of an embedding."""
        return len(self.centre) if self.projection is None else self.projection.shape[1]

    @cached_property
    def groups(self) -> Mapping[str, slice]:
        """Where each feature group's own values lie in an item's blocks."""
        widths = [self.bases[g].shape[1] if g in self.bases else len(inside) for g, inside in self._inside.items()]
        names, ends = [*self._inside], np.cumsum([0, *widths]).tolist()
        if self.text is not None:
            names, ends = [*names, TOLD[self.kind]], [*ends, ends[-1] + self.text.dims]
        return {group: slice(low, high) for group, (low, high) in zip(names, pairwise(ends), strict=True)}

    @property
    def block_dims(self) -> int:
        """Length of an item's blocks."""
        return int(max(block.stop for block in self.groups.values()))

    @cached_property
    def _inside(self) -> Mapping[str, NDArray[np.intp]]:
        """The dimensions of each feature group."""
        group_of = np.array([slot.group for slot in self.dimensions])
        return {g: np.flatnonzero(group_of == g) for g in GROUPS if g in group_of and g in self.group_weights}

    def reads(self, descriptor: Matrix) -> bool:
        """Tell whether a descriptor, or rows of them, has what this space reads: later versions only append."""
        return np.shape(descriptor)[-1] in LENGTHS.values() and np.shape(descriptor)[-1] >= len(self.centre)

    def values(self, descriptors: Matrix) -> Array:
        """Return scaled, clipped, weighed and damped values, one row a descriptor; 0 where nothing was measured."""
        if np.ndim(descriptors) != 2 or not self.reads(descriptors):  # noqa: PLR2004  rows of values
            raise InvalidInput(
                f"space {self.name} reads rows of {len(self.centre)} values, these have shape {np.shape(descriptors)}"
            )
        values = transformed(descriptors, self.dimensions)
        values = standardised(values, self.centre, self.scale, clip=self.clip) * self.weight
        if len(self.damping):
            along = values @ self.directions.astype(np.float64)
            values -= (along * (1 - self.damping)) @ self.directions.T.astype(np.float64)
        return values

    def weighed(self, values: Array) -> Array:
        """Return values with each feature group at its weight."""
        gain = np.zeros(len(self.centre))
        for group, inside in self._inside.items():
            norm = self.group_norms.get(group, 0.0)
            gain[inside] = self.group_weights.get(group, 0.0) / norm if norm > 0 else 0.0
        return values * gain

    def blocks(self, values: Array, texts: Sequence[Words] = ()) -> Array:
        """Return each group by itself, of typical length 1."""
        blocks = np.zeros((len(values), self.block_dims))
        for group, inside in self._inside.items():
            norm = self.group_norms.get(group, 0.0)
            if norm > 0:
                own = values[:, inside] / norm
                blocks[:, self.groups[group]] = own @ self.bases[group] if group in self.bases else own
        if self.text is not None and texts:
            blocks[:, self.groups[TOLD[self.kind]]] = self.text.place(texts)
        return blocks


def to_json(space: Space) -> str:
    """Return the canonical JSON of a space: the same space gives the same bytes."""
    body: dict[str, Any] = {
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
    if space.version > _FIRST_VERSION:
        body |= {
            "clip": space.clip,
            "directions": packed(space.directions),
            "damping": space.damping.tolist(),
            "group_norms": dict(space.group_norms),
            "group_weights": dict(space.group_weights),
            "bases": {group: packed(matrix) for group, matrix in space.bases.items()},
            "projection": None if space.projection is None else packed(space.projection),
        }
    if space.text is not None:
        body["text"] = space.text.to_dict()
    return json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)


def from_json(text: str | bytes) -> Space:
    """Return the space behind :func:`to_json`.

    Raises
    ------
    InvalidInput
        The text is not a space.
    SpaceMismatch
        It reads a version of the descriptor that is not known here.
    """
    try:
        body: dict[str, Any] = json.loads(text)
        if body["version"] == _FIRST_VERSION:
            body |= _first(body)
        else:
            body["directions"] = unpacked(body["directions"])
            body["bases"] = {group: unpacked(packed) for group, packed in body["bases"].items()}
            body["projection"] = None if body["projection"] is None else unpacked(body["projection"])
        body["text"] = TextModel.from_dict(body["text"]) if "text" in body else None
        for name in ("centre", "scale", "weight", "damping"):
            body[name] = np.array(body[name], dtype=np.float64)
        return Space(**{**body, "kind": Kind(body["kind"])})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidInput(f"this is not the JSON of a space: {error}") from error


def _first(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the first version left unsaid: no damping, no projection, groups at the length their parts give."""
    squares = dict.fromkeys(GROUPS, 0.0)
    for part, weight in body["part_weights"].items():
        squares[part.partition("_")[0]] += weight**2
    norms = {group: math.sqrt(square) for group, square in squares.items()}
    return {
        "clip": _FIRST_CLIP,
        "directions": np.zeros((len(body["centre"]), 0), dtype=np.float32),
        "damping": [],
        "group_norms": norms,
        "group_weights": norms,
        "bases": {},
        "projection": None,
    }


def embed(space: Space, descriptor: Matrix) -> Matrix:
    """Return an item's unit vector in a space.

    Raises
    ------
    InvalidInput
        The descriptor has another length, or nothing in it was measured.
    """
    vector: Matrix = embed_all(space, np.atleast_2d(descriptor))[0]
    if not vector.any():
        raise InvalidInput(f"nothing that space {space.name} looks at was measured in this item")
    return vector


def embed_all(space: Space, descriptors: Matrix) -> Matrix:
    """Return one unit vector a row; a row of zeros stands for an item in which nothing was measured."""
    vectors = np.zeros((len(descriptors), space.dims), dtype=np.float32)
    for start in range(0, len(descriptors), _CHUNK_ROWS):
        rows = slice(start, start + _CHUNK_ROWS)
        placed = space.weighed(space.values(descriptors[rows]))
        if space.projection is not None:
            placed = placed @ space.projection
        norms = np.sqrt((placed * placed).sum(axis=1, keepdims=True))
        vectors[rows] = np.divide(placed, norms, out=np.zeros_like(placed), where=norms > 0)
    return vectors


def blocks_all(space: Space, descriptors: Matrix, texts: Sequence[Words] = ()) -> Matrix:
    """Return one row of blocks an item: each feature group by itself, of typical length 1, zeros if not measured.

    ``texts`` are the words of each item, or nothing. What is made of blocks: see ``domain.similarity``.
    """
    blocks = np.zeros((len(descriptors), space.block_dims), dtype=np.float32)
    for start in range(0, len(descriptors), _CHUNK_ROWS):
        rows = slice(start, start + _CHUNK_ROWS)
        blocks[rows] = space.blocks(space.values(descriptors[rows]), texts[rows])
    return blocks

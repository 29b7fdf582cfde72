"""Brings the values of descriptors to one scale, in which they can be weighed against each other."""

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.descriptor import Dimension

Array = NDArray[np.float64]
Matrix = NDArray[np.float32]
_QUARTILES_OF_NORMAL = 1.349
_MOST_SPREADS = 6.0


def transformed(descriptors: Matrix, dimensions: tuple[Dimension, ...]) -> Array:
    """Apply each dimension's transform; whatever is not finite becomes NaN."""
    values = np.array(descriptors[..., : len(dimensions)], dtype=np.float64)
    values[~np.isfinite(values)] = np.nan
    is_log = np.array([slot.transform == "log" for slot in dimensions])
    values[..., is_log] = np.log(np.maximum(values[..., is_log], 1e-6))
    return values


def standardised(values: Array, centre: Array, scale: Array, *, clip: float) -> Array:
    """Return values on the scale of a space, clipped; what was not measured counts nothing: 0."""
    return np.nan_to_num(np.clip((values - centre) / scale, -clip, clip), nan=0.0)


def centres_and_scales(values: Array) -> tuple[Array, Array]:
    """Return mean and standard deviation of each column after mad values are drawn in; a scale of 0: no spread."""
    low, middle, high = _quartiles(values)
    smallest = 1e-6 * np.maximum(1.0, np.abs(middle))
    spread = (high - low) / _QUARTILES_OF_NORMAL
    # More than half of the items may share one value (the width of mono recordings) while the others differ.
    reach = np.where(spread > smallest, _MOST_SPREADS * spread, np.inf)
    known = np.isfinite(values)
    counts = np.maximum(known.sum(axis=0), 1)
    drawn_in = np.where(known, np.clip(np.where(known, values, middle), middle - reach, middle + reach), 0.0)
    means = drawn_in.sum(axis=0) / counts
    away = np.where(known, drawn_in - means, 0.0)
    deviations = np.sqrt((away * away).sum(axis=0) / counts)
    return means, np.where(deviations > smallest, deviations, 0.0)


def _quartiles(values: Array) -> tuple[Array, Array, Array]:
    """Return the quartiles of what is known of each column, 0 where nothing is."""
    ordered = np.sort(values, axis=0)
    last = np.maximum(np.isfinite(values).sum(axis=0) - 1, 0)
    found = []
    for part in (0.25, 0.5, 0.75):
        place = part * last
        below = np.floor(place).astype(int)
        above = np.minimum(below + 1, last)
        lower, upper = (np.take_along_axis(ordered, row[None], axis=0)[0] for row in (below, above))
        found.append(np.nan_to_num(lower + (place - below) * (upper - lower), nan=0.0))
    return found[0], found[1], found[2]


def typical_norm(rows: Array) -> float:
    """Return the root mean square length of those rows in which anything was measured."""
    squares = (rows * rows).sum(axis=1)
    known = squares[squares > 0]
    return float(f"{np.sqrt(known.mean()):.7g}") if len(known) else 0.0


def rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keep seven significant digits: all that float32 holds, and a stable JSON."""
    return np.array([float(f"{value:.7g}") for value in values])


def packed(matrix: Matrix) -> dict[str, Any]:
    """Return a matrix as JSON can hold it: its shape, and float32 as base64."""
    little = np.ascontiguousarray(matrix, dtype="<f4")
    return {"shape": list(matrix.shape), "float32": base64.b64encode(little.tobytes()).decode("ascii")}


def unpacked(body: Mapping[str, Any]) -> Matrix:
    """Return the matrix behind :func:`packed`."""
    values = np.frombuffer(base64.b64decode(body["float32"], validate=True), dtype="<f4")
    return values.reshape(body["shape"]).astype(np.float32)

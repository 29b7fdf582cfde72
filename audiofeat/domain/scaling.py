"""Brings the values of descriptors to one scale, in which they can be weighed against each other."""

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


def centre_and_scale(column: Array) -> tuple[float, float]:
    """Return mean and standard deviation after mad values are drawn in; a scale of 0 where there is no spread."""
    known = column[np.isfinite(column)]
    if not len(known):
        return 0.0, 0.0
    low, middle, high = np.percentile(known, (25, 50, 75))
    smallest = 1e-6 * max(1.0, abs(middle))
    spread = (high - low) / _QUARTILES_OF_NORMAL
    # More than half of the items may share one value (the width of mono recordings) while the others differ.
    if spread > smallest:
        known = np.clip(known, middle - _MOST_SPREADS * spread, middle + _MOST_SPREADS * spread)
    deviation = float(known.std())
    return float(known.mean()), deviation if deviation > smallest else 0.0


def typical_norm(rows: Array) -> float:
    """Return the root mean square length of those rows in which anything was measured."""
    squares = (rows * rows).sum(axis=1)
    known = squares[squares > 0]
    return float(f"{np.sqrt(known.mean()):.7g}") if len(known) else 0.0


def rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keep seven significant digits: all that float32 holds, and a stable JSON."""
    return np.array([float(f"{value:.7g}") for value in values])

"""Fits a space on a catalogue: centre and scale of each dimension, and what each part of the descriptor weighs."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.descriptor import DESCRIPTOR_VERSION
from audiofeat.domain.items import Kind
from audiofeat.domain.space import IS_CIRCLE, PARTS, SPACE_VERSION, Space, standardised, transformed
from audiofeat.errors import InvalidInput

FIT_FROM_ITEMS = 200

# A part is a feature group, or a piece of one that deserves a weight of its own. Tempo and key tell pieces of one
# artist apart rather than artists or shows, so they weigh little among tracks and nothing among episodes.
WEIGHTS: Mapping[Kind, Mapping[str, float]] = {
    Kind.TRACK: {
        "timbre_mfcc": 1.4,
        "timbre_covariance": 1.4,
        "spectral": 1.0,
        "tonal": 1.0,
        "rhythm_tempo": 0.2,
        "rhythm_pulse": 0.2,
        "rhythm_syllables": 0.2,
        "instrumentation": 0.35,
        "loudness": 0.35,
        "stereo": 0.17,
    },
    Kind.EPISODE: {
        "timbre_mfcc": 1.6,
        "timbre_covariance": 1.4,
        "spectral": 1.2,
        "tonal": 0.0,
        "rhythm_tempo": 0.0,
        "rhythm_pulse": 0.2,
        "rhythm_syllables": 0.4,
        "instrumentation": 0.35,
        "loudness": 0.5,
        "stereo": 0.17,
    },
}


def fit(descriptors: NDArray[np.float32], *, kind: Kind, reference: Space | None = None) -> Space:
    """Return the space for a catalogue.

    Parameters
    ----------
    descriptors : NDArray[np.float32]
        One row an item, NaN where nothing was measured.
    kind : Kind
        What the items are; decides the weights.
    reference : Space, optional
        Returned as it is where the catalogue has fewer than ``FIT_FROM_ITEMS`` items, too few to fit on.

    Raises
    ------
    InvalidInput
        The rows are not descriptors, or there are none and no reference.
    """
    if reference is not None and len(descriptors) < FIT_FROM_ITEMS:
        return reference
    values = transformed(descriptors)
    if not len(values):
        raise InvalidInput(f"a space for {kind.value}s needs at least one descriptor")
    centre, scale = np.zeros(values.shape[1]), np.zeros(values.shape[1])
    for column in range(values.shape[1]):
        centre[column], scale[column] = _centre_and_scale(values[:, column])
    centre[IS_CIRCLE], scale[IS_CIRCLE] = 0.0, 1.0
    spread = scale > 0
    scale[~spread] = 1.0
    centre, scale = _rounded(centre), _rounded(scale)

    standard, known = standardised(values, centre, scale), np.isfinite(values)
    weight = np.zeros_like(scale)
    for part, part_weight in WEIGHTS[kind].items():
        inside = (part == PARTS) & spread
        norm = _typical_norm(standard[known[:, inside].any(axis=1)][:, inside])
        if norm > 0:
            weight[inside] = part_weight / norm
    return Space(
        name=f"{kind.value}-{SPACE_VERSION}",
        kind=kind,
        version=SPACE_VERSION,
        descriptor_version=DESCRIPTOR_VERSION,
        items=len(values),
        centre=centre,
        scale=scale,
        weight=_rounded(weight),
        part_weights=WEIGHTS[kind],
    )


def _centre_and_scale(column: NDArray[np.float64]) -> tuple[float, float]:
    """Return median and robust standard deviation; a scale of 0 where there is no spread."""
    known = column[np.isfinite(column)]
    if not len(known):
        return 0.0, 0.0
    low, centre, high = np.percentile(known, (25, 50, 75))
    smallest = 1e-6 * max(1.0, abs(centre))
    # More than half of the items may share one value (the width of mono recordings) while the others differ.
    for spread in ((high - low) / 1.349, known.std()):
        if spread > smallest:
            return float(centre), float(spread)
    return float(centre), 0.0


def _typical_norm(rows: NDArray[np.float64]) -> float:
    """Return the root mean square length of some rows."""
    return float(np.sqrt((rows * rows).sum(axis=1).mean())) if len(rows) else 0.0


def _rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keep seven significant digits: all that float32 holds, and a stable JSON."""
    return np.array([float(f"{value:.7g}") for value in values])

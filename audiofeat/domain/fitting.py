"""Fits a space on a catalogue, without a label: what is usual, what a recording varies by itself, what tells apart.

References
----------
Log-covariances of cepstra and their damping within recordings were chosen by measurement: docs/adr/0025-spaces.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from audiofeat.domain.descriptor import DESCRIPTOR_VERSION, DIMENSIONS, GROUPS
from audiofeat.domain.items import Kind
from audiofeat.domain.scaling import Array, Matrix, centres_and_scales, rounded, standardised, transformed, typical_norm
from audiofeat.domain.space import SPACE_VERSION, Space
from audiofeat.errors import InvalidInput

FIT_FROM_ITEMS = 100
# Directions in which items differ take many items to show, and whole vectors of fewer cost little.
REDUCE_FROM_ITEMS = 10_000
FIT_MOST_ITEMS = 20_000
REDUCED_DIMS = 64
_CLIP = 2.0
_DIRECTIONS = 96
_SHRINKAGE = 0.3
# The largest blocks, where embeddings are reduced; groups that have less are kept whole.
_BLOCK_DIMS: Mapping[str, int] = {"timbre": 48, "spectral": 24}


@dataclass(frozen=True)
class Recipe:
    """What feature groups weigh among items of a kind, and what parts weigh inside their group."""

    groups: Mapping[str, float]
    parts: Mapping[str, float]


# Tempo and key tell pieces of one artist apart rather than artists or shows, so they weigh little among tracks and
# nothing among episodes.
RECIPES: Mapping[Kind, Recipe] = {
    Kind.TRACK: Recipe(
        groups={
            "timbre": 2.5, "spectral": 1.6, "tonal": 0.3, "rhythm": 0.3, "instrumentation": 0.3, "loudness": 0.15,
            "stereo": 0.2, "mood": 0.0,
        },
        parts={
            "timbre_mfcc": 1.0, "timbre_covariance": 2.0, "spectral": 2.0, "tonal": 1.0, "rhythm_tempo": 1.0,
            "rhythm_pulse": 1.0, "rhythm_syllables": 1.0, "instrumentation": 1.0, "loudness": 1.0, "stereo": 1.0,
            "mood": 1.0,
        },
    ),
    Kind.EPISODE: Recipe(
        groups={
            "timbre": 1.4, "spectral": 0.6, "tonal": 0.0, "rhythm": 0.4, "instrumentation": 0.35, "loudness": 0.5,
            "stereo": 0.17, "mood": 0.0, "delivery": 1.0, "production": 0.6, "make_up": 0.6, "structure": 0.15,
        },
        parts={
            "timbre_mfcc": 1.6, "timbre_covariance": 1.4, "spectral": 1.2, "tonal": 1.0, "rhythm_tempo": 0.0,
            "rhythm_pulse": 0.5, "rhythm_syllables": 1.0, "instrumentation": 1.0, "loudness": 1.0, "stereo": 1.0,
            "mood": 1.0, "delivery": 1.0, "production": 1.0, "make_up": 1.0, "structure": 1.0,
        },
    ),
}  # fmt: skip


def _part(name: str, group: str) -> str:
    if group == "timbre":
        return "timbre_covariance" if "_logcov_" in name else "timbre_mfcc"
    if group == "rhythm":
        pieces = {"tempo_circle_cos": "tempo", "tempo_circle_sin": "tempo", "modulation_4_hz": "syllables"}
        return f"rhythm_{pieces.get(name, 'pulse')}"
    return group


_PARTS = np.array([_part(slot.name, slot.group) for slot in DIMENSIONS])
_GROUPS = np.array([slot.group for slot in DIMENSIONS])
# The two coordinates of a circle keep their geometry: scaled one by one, the circle would become an ellipse.
_IS_CIRCLE = _PARTS == "rhythm_tempo"


def fit(
    descriptors: Matrix,
    *,
    kind: Kind,
    items: int | None = None,
    reference: Space | None = None,
    pieces: Sequence[Matrix] = (),
) -> Space:
    """Return the space for a catalogue.

    Parameters
    ----------
    descriptors : NDArray[np.float32]
        One row an item, NaN where nothing was measured. Of more than ``FIT_MOST_ITEMS`` an even selection is used.
    kind : Kind
        What the items are; decides the weights.
    items : int, optional
        How many items there are, where the rows are an even selection of them already.
    reference : Space, optional
        Returned as it is where the catalogue has fewer than ``FIT_FROM_ITEMS`` items, too few to fit on.
    pieces : sequence of NDArray[np.float32]
        For some of the items, descriptors of pieces of each, a row a piece: they show what varies within a recording.
        Without any, nothing is damped.

    Raises
    ------
    InvalidInput
        The rows are not descriptors, or there are none and no reference.
    """
    items = len(descriptors) if items is None else items
    if reference is not None and items < FIT_FROM_ITEMS:
        return reference
    if not len(descriptors) or descriptors.shape[1:] != (len(DIMENSIONS),):
        raise InvalidInput(
            f"a space for {kind.value}s needs at least one row of {len(DIMENSIONS)} values, not {descriptors.shape}"
        )
    chosen = np.linspace(0, len(descriptors) - 1, min(len(descriptors), FIT_MOST_ITEMS)).round().astype(int)
    values = transformed(descriptors[chosen], DIMENSIONS)
    centre, scale, weight = _scaled(values, RECIPES[kind].parts)
    directions, damping = _varying_within(pieces, centre, scale, weight)
    space = Space(
        name=f"{kind.value}-{SPACE_VERSION}",
        kind=kind,
        version=SPACE_VERSION,
        descriptor_version=DESCRIPTOR_VERSION,
        items=items,
        centre=centre,
        scale=scale,
        weight=weight,
        clip=_CLIP,
        part_weights=RECIPES[kind].parts,
        directions=directions,
        damping=damping,
        group_norms=dict.fromkeys(GROUPS, 1.0),
        group_weights=RECIPES[kind].groups,
        bases={},
        projection=None,
    )
    damped = space.values(descriptors[chosen])
    space = replace(space, group_norms={group: typical_norm(damped[:, group == _GROUPS]) for group in GROUPS})
    if items < REDUCE_FROM_ITEMS:
        return space
    bases = {group: _widest(damped[:, group == _GROUPS], dims) for group, dims in _BLOCK_DIMS.items()}
    return replace(space, bases=bases, projection=_widest(space.weighed(damped), REDUCED_DIMS))


def _scaled(values: Array, part_weights: Mapping[str, float]) -> tuple[Array, Array, Array]:
    """Return centre, scale and weight of each dimension; the weight is 0 where there is no spread."""
    centre, scale = centres_and_scales(values)
    centre[_IS_CIRCLE], scale[_IS_CIRCLE] = 0.0, 1.0
    spread = scale > 0
    scale[~spread] = 1.0
    centre, scale = rounded(centre), rounded(scale)
    standard = standardised(values, centre, scale, clip=_CLIP)
    weight = np.zeros_like(scale)
    for part, part_weight in part_weights.items():
        inside = (part == _PARTS) & spread
        norm = typical_norm(standard[:, inside])
        if norm > 0:
            weight[inside] = part_weight / norm
    return centre, scale, rounded(weight)


def _varying_within(pieces: Sequence[Matrix], centre: Array, scale: Array, weight: Array) -> tuple[Matrix, Array]:
    """Return the directions in which pieces of one recording differ most, and by what to multiply each.

    The pooled covariance about each recording's mean is shrunk towards its mean eigenvalue; damping a direction by the
    inverse root of its share brings all to the variance of the directions that are left alone.
    """
    scatter, freedom = np.zeros((len(centre), len(centre))), 0
    for rows in pieces:
        standard = standardised(transformed(rows, DIMENSIONS), centre, scale, clip=_CLIP) * weight
        measured = standard[np.isfinite(rows).any(axis=1)]
        away = measured - measured.mean(axis=0) if len(measured) else measured
        scatter += away.T @ away
        freedom += max(len(measured) - 1, 0)
    own = np.flatnonzero(np.diag(scatter) > 0)
    if freedom == 0 or len(own) <= 1:
        return np.zeros((len(centre), 0), dtype=np.float32), np.zeros(0)
    covariance = scatter[np.ix_(own, own)] / freedom
    shrunk = (1 - _SHRINKAGE) * covariance
    shrunk[np.diag_indices(len(own))] += _SHRINKAGE * np.trace(covariance) / len(own)
    variances, axes = np.linalg.eigh(shrunk)
    count = min(_DIRECTIONS, freedom, len(own) - 1)
    rest = variances[: len(own) - count].mean()
    directions = np.zeros((len(centre), count), dtype=np.float32)
    directions[own] = axes[:, len(own) - count :]
    return directions, rounded(np.sqrt(rest / variances[len(own) - count :]))


def _widest(values: Array, dims: int) -> Matrix:
    """Return the orthonormal directions in which rows reach furthest from 0, the widest first.

    From 0, not from their mean: what was not measured is 0 and stays so.
    """
    _, axes = np.linalg.eigh(values.T @ values)
    return np.ascontiguousarray(axes[:, ::-1][:, :dims], dtype=np.float32)

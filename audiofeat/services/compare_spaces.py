"""Hold two spaces against each other on the same items."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from audiofeat.domain.space import Space, embed_all
from audiofeat.errors import IndexEmpty, SpaceMismatch
from audiofeat.evaluation import retrieval, statistics
from audiofeat.evaluation.index_quality import quality_of
from audiofeat.ports import Catalogue, IndexContents
from audiofeat.services.fit_space import artists_of
from audiofeat.services.inventory import inventory_of


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two spaces differ.

    Parameters
    ----------
    items : int
        On how many.
    rank_agreement : float
        Mean over items of Spearman's rank correlation of the distances of all others, -1 to 1.
    shared_neighbours_ratio : float
        Mean share of the ten nearest that both name, 0-1.
    figures : pair of Mapping[str, float or None]
        Figures of each, as an index built in it would have them.
    """

    items: int
    rank_agreement: float
    shared_neighbours_ratio: float
    figures: tuple[Mapping[str, float | None], Mapping[str, float | None]]


def compare_spaces(first: Space, second: Space, *, catalogue: Catalogue, most: int) -> Comparison:
    """Place the same items in both spaces; their vectors are never compared with each other.

    Raises
    ------
    SpaceMismatch
        The spaces are of two kinds.
    IndexEmpty
        Fewer than three items can be placed in both.
    """
    if first.kind is not second.kind:
        raise SpaceMismatch(
            f"space {first.id} is one of {first.kind.value}s and space {second.id} one of {second.kind.value}s",
            "compare two spaces of one kind",
        )
    rows = inventory_of(first.kind, catalogue).sample(catalogue, most)
    descriptors = np.stack([row.descriptor for row in rows])
    sides = [embed_all(space, descriptors) for space in (first, second)]
    placed = np.flatnonzero(np.logical_and.reduce([side.any(axis=1) for side in sides]))
    if len(placed) < 3:  # noqa: PLR2004  with two there is nothing to order
        raise IndexEmpty(f"fewer than three {first.kind.value}s can be compared", "audiofeat ingest PATH")
    item_ids = [rows[place].item_id for place in placed.tolist()]
    artists = artists_of(item_ids, catalogue)
    distances = [retrieval.angular(side[placed], side[placed]) for side in sides]
    agreement = [statistics.spearman(one, other) for one, other in zip(*distances, strict=True)]
    near = [retrieval.lists(side) for side in distances]
    shared = [len(set(one) & set(other)) / len(one) for one, other in zip(*(n.tolist() for n in near), strict=True)]
    figures = [
        _figures(space, side[placed], item_ids, artists) for space, side in zip((first, second), sides, strict=True)
    ]
    return Comparison(len(placed), float(np.nanmean(agreement)), float(np.mean(shared)), (figures[0], figures[1]))


def _figures(
    space: Space, vectors: np.ndarray, item_ids: list[str], artists: Mapping[str, str]
) -> dict[str, float | None]:
    blocks = np.zeros((len(vectors), space.block_dims), dtype=np.float32)
    figures = quality_of(IndexContents(space, [(name,) for name in item_ids], vectors, blocks, 0), artists=artists)
    return {
        "same_artist_map": figures.same_artist_map,
        "n10_skew": figures.n10_skew,
        "antihub_ratio": figures.antihub_ratio,
        "mean_distance": figures.mean_distance,
    }

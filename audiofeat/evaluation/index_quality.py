"""The figures by which an index is held against the one that is served, before it takes its place.

They need no audio and, but for one, no labels, and are measured on up to 5,000 rows, so that they cost seconds at any
size. ``quality_of`` measures what would be published; ``clearly_worse`` names, in plain words, what speaks against it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from audiofeat.domain.item_rows import ItemRows
from audiofeat.evaluation.retrieval import angular, average_precision, lists, occurrences, skewness
from audiofeat.ports import IndexContents

_MOST_ROWS = 5_000
_LEAST_QUERIES = 50
_LEAST_ROWS = 100
# What sampling and a few new records may move is not worse; these bounds lie well beyond it.
_ITEMS_KEPT_RATIO = 0.5
_ANTIHUBS_MORE = 0.03
_SKEW_MORE = 1.0
_SPREAD_RATIO = 0.6
_PRECISION_RATIO = 0.8


@dataclass(frozen=True, slots=True)
class QualityFigures:
    """How good an index is.

    Parameters
    ----------
    items : int
        Items inside.
    rows_measured : int
        Distinct vectors on which the rest was measured.
    n10_skew : float
        Skewness of the number of top-10 lists in which a row stands: above 1, hubs rule the lists.
    antihub_ratio : float
        Share of rows that stand in no top-10 list and so are never recommended, 0-1.
    mean_distance : float
        Mean angular distance of two rows, 0-2: near 0 the space has collapsed.
    same_artist_map : float or None
        Mean average precision of the other items of the artist, 0-1; None where too few artists are known.
    """

    items: int
    rows_measured: int
    n10_skew: float
    antihub_ratio: float
    mean_distance: float
    same_artist_map: float | None = None

    @classmethod
    def read(cls, kept: Mapping[str, float | None]) -> Self:
        """Return the figures that were kept with a release."""
        whole = {"items", "rows_measured"}
        numbers = {name: int(value or 0) if name in whole else value for name, value in kept.items()}
        return cls(**numbers)  # type: ignore[arg-type]  # of the mapping that asdict() makes


def judged_rows(rows: int) -> list[int]:
    """Return the rows of an index on which it is judged: evenly chosen, at most 5,000."""
    chosen: list[int] = np.linspace(0, rows - 1, min(rows, _MOST_ROWS)).round().astype(int).tolist()
    return chosen


def quality_of(contents: IndexContents, *, artists: Mapping[str, str] | None = None) -> QualityFigures:
    """Return the figures of what would be published.

    Parameters
    ----------
    contents : IndexContents
        As a publisher gets it.
    artists : Mapping[str, str], optional
        Artist by item id, of as many items as are known.
    """
    rows = contents.rows
    chosen = judged_rows(len(rows))
    vectors = np.asarray(contents.vectors[chosen], dtype=np.float32)
    distances = angular(vectors, vectors)
    counts = occurrences(lists(distances))
    others = distances[~np.eye(len(distances), dtype=bool)]
    return QualityFigures(
        items=rows.items if isinstance(rows, ItemRows) else sum(map(len, rows)),
        rows_measured=len(chosen),
        n10_skew=skewness(counts),
        antihub_ratio=float((counts == 0).mean()) if len(chosen) > 1 else 0.0,
        mean_distance=float(others.mean()) if len(others) else 0.0,
        same_artist_map=_same_artist(distances, [rows[row][0] for row in chosen], artists or {}),
    )


def _same_artist(distances: np.ndarray, item_ids: list[str], artists: Mapping[str, str]) -> float | None:
    names = np.array([artists.get(item_id, "") for item_id in item_ids])
    same = (names[:, None] == names[None]) & (names != "")[:, None]
    np.fill_diagonal(same, val=False)
    precision = average_precision(distances, same, ~np.eye(len(names), dtype=bool))
    known = precision[np.isfinite(precision)]
    return float(known.mean()) if len(known) >= _LEAST_QUERIES else None


def clearly_worse(new: QualityFigures, live: QualityFigures) -> list[str]:
    """Return in what a new index is clearly worse than the one that is served; empty where it may be published.

    Examples
    --------
    >>> live = QualityFigures(1000, 1000, 0.4, 0.01, 1.2)
    >>> clearly_worse(QualityFigures(1000, 1000, 0.4, 0.2, 1.2), live)
    ['20.0 % of its items stand in no list of ten, 1.0 % did']
    """
    reasons = []
    if new.items < _ITEMS_KEPT_RATIO * live.items:
        reasons.append(f"it holds {new.items:,} items, {live.items:,} are served")
    artists, before = new.same_artist_map, live.same_artist_map
    if artists is not None and before is not None and artists < _PRECISION_RATIO * before:
        reasons.append(f"items of one artist find each other with a precision of {artists:.3f}, {before:.3f} before")
    if min(new.rows_measured, live.rows_measured) < _LEAST_ROWS:
        return reasons
    if new.antihub_ratio > live.antihub_ratio + _ANTIHUBS_MORE:
        share, served = 100 * new.antihub_ratio, 100 * live.antihub_ratio
        reasons.append(f"{share:.1f} % of its items stand in no list of ten, {served:.1f} % did")
    if new.n10_skew > max(live.n10_skew, 0.0) + _SKEW_MORE:
        reasons.append(f"few items rule its lists: a skewness of {new.n10_skew:.2f}, {live.n10_skew:.2f} before")
    if new.mean_distance < _SPREAD_RATIO * live.mean_distance:
        reasons.append(
            f"its items lie {new.mean_distance:.2f} apart on average, {live.mean_distance:.2f} before: it tells less"
        )
    return reasons

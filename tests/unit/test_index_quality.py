"""The figures that decide whether an index may take the place of the one that is served."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from audiofeat.domain.fitting import fit
from audiofeat.domain.items import Kind
from audiofeat.evaluation.index_quality import QualityFigures, clearly_worse, quality_of
from audiofeat.ports import IndexContents
from tests.descriptors import descriptors

LIVE = QualityFigures(1_000, 1_000, 0.4, 0.01, 1.3, same_artist_map=0.3)


def contents(vectors: NDArray[np.float64]) -> IndexContents:
    """Return an index of some directions; a tenth of the rows stand for two items."""
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    rows = [(f"{row}", f"{row}-copy") if row % 10 == 0 else (f"{row}",) for row in range(len(unit))]
    return IndexContents(fit(descriptors(5), kind=Kind.TRACK), rows, unit, np.zeros((len(unit), 1), np.float32), 1)


def test_a_healthy_index_may_follow_itself() -> None:
    """Even vectors have few anti-hubs, and an index is not worse than itself or than a slightly larger one."""
    vectors = np.random.default_rng(1).normal(size=(600, 6))
    figures = quality_of(contents(vectors))
    assert (figures.items, figures.rows_measured) == (660, 600)
    assert figures.antihub_ratio < 0.05
    assert figures.mean_distance == pytest.approx(np.sqrt(2), abs=0.15)
    assert figures.same_artist_map is None
    assert clearly_worse(figures, figures) == []
    assert clearly_worse(quality_of(contents(vectors[:500])), figures) == []


def test_a_collapsed_space_is_refused() -> None:
    """Where all vectors point the same way, distances shrink, and that is said."""
    rng = np.random.default_rng(1)
    good = quality_of(contents(rng.normal(size=(400, 12))))
    collapsed = quality_of(contents(rng.normal(size=(400, 12)) + 5.0))
    assert any("apart" in reason for reason in clearly_worse(collapsed, good))


def test_artists_that_no_longer_find_each_other_are_a_reason() -> None:
    """The precision of artists is measured where they are known, and a shuffle of the vectors loses it."""
    rng = np.random.default_rng(2)
    centres = rng.normal(size=(60, 20))
    vectors = np.repeat(centres, 5, axis=0) + rng.normal(0, 0.3, (300, 20))
    artists = {f"{row}": f"artist-{row // 5}" for row in range(300)}
    live = quality_of(contents(vectors), artists=artists)
    new = quality_of(contents(rng.permutation(vectors)), artists=artists)
    assert live.same_artist_map is not None
    assert live.same_artist_map > 0.9
    assert any("artist" in reason for reason in clearly_worse(new, live))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"items": 400}, "400"),
        ({"antihub_ratio": 0.06}, "no list"),
        ({"n10_skew": 2.0}, "rule"),
        ({"mean_distance": 0.5}, "apart"),
        ({"same_artist_map": 0.2}, "artist"),
    ],
)
def test_each_figure_can_speak_against_an_index(change: dict[str, float], said: str) -> None:
    """One bad figure is one reason, in words."""
    reasons = clearly_worse(replace(LIVE, **change), LIVE)
    assert len(reasons) == 1
    assert said in reasons[0]


@pytest.mark.parametrize(
    "change",
    [{"items": 600}, {"antihub_ratio": 0.03}, {"n10_skew": 1.2}, {"mean_distance": 1.0}, {"same_artist_map": None}],
)
def test_small_changes_are_no_reason(change: dict[str, float]) -> None:
    """What chance may move does not stop a release."""
    assert clearly_worse(replace(LIVE, **change), LIVE) == []


def test_tiny_indexes_are_judged_by_their_size_only() -> None:
    """A dozen items tell nothing about hubs."""
    tiny = replace(LIVE, rows_measured=12, items=12, antihub_ratio=0.5, n10_skew=3.0, same_artist_map=None)
    assert clearly_worse(tiny, replace(LIVE, items=14, rows_measured=14)) == []


def test_one_row_has_figures() -> None:
    """The smallest index there is."""
    assert quality_of(contents(np.ones((1, 4)))).mean_distance == 0.0

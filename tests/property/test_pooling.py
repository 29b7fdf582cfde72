"""What holds of every group of items that is pooled into one vector."""

from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from audiofeat.domain.pooling import pool

_WEIGHT = st.floats(0.125, 8.0, width=32)


@st.composite
def groups(draw: st.DrawFn) -> list[tuple[NDArray[np.float32], NDArray[np.float64]]]:
    """Return some groups of unit vectors, some of them zeros, with weights."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    found = []
    for size in draw(st.lists(st.integers(1, 6), min_size=1, max_size=4)):
        vectors = rng.normal(size=(size, 5)) + 0.5
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors[np.array(draw(st.lists(st.booleans(), min_size=size, max_size=size)))] = 0.0
        weights = np.array(draw(st.lists(_WEIGHT, min_size=size, max_size=size)))
        found.append((vectors.astype(np.float32), weights))
    return found


@given(groups())
def test_a_pool_is_what_its_pairs_say(given_groups: list[tuple[NDArray[np.float32], NDArray[np.float64]]]) -> None:
    """Direction of the weighted mean, count, and mean cosine of different items, whatever stands beside a group."""
    sizes = [len(weights) for _, weights in given_groups]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp)
    pooled = pool(np.concatenate([v for v, _ in given_groups]), np.concatenate([w for _, w in given_groups]), starts)
    for row, (vectors, weights) in enumerate(given_groups):
        is_placed = vectors.any(axis=1)
        placed, counted = vectors[is_placed].astype(np.float64), weights[is_placed]
        assert pooled.items[row] == len(placed)
        if not len(placed):
            assert not pooled.vectors[row].any()
            continue
        mean = counted @ placed
        np.testing.assert_allclose(pooled.vectors[row], mean / np.linalg.norm(mean), atol=1e-5)
        if len(placed) == 1:
            assert np.isnan(pooled.consistency[row])
        else:
            pairs = np.outer(counted, counted)
            np.fill_diagonal(pairs, 0.0)
            wanted = (pairs * (placed @ placed.T)).sum() / pairs.sum()
            np.testing.assert_allclose(pooled.consistency[row], wanted, atol=1e-4)


@given(groups(), st.randoms(use_true_random=False))
def test_order_and_scale_of_weights_do_not_matter(
    given_groups: list[tuple[NDArray[np.float32], NDArray[np.float64]]],
    random: Random,
) -> None:
    """A group is the same in any order, and with all weights multiplied."""
    [(vectors, weights), *_] = given_groups
    order = np.arange(len(weights))
    random.shuffle(order)
    start = np.zeros(1, dtype=np.intp)
    one, other = pool(vectors, weights, start), pool(vectors[order], 3.0 * weights[order], start)
    np.testing.assert_allclose(one.vectors, other.vectors, atol=1e-5)
    np.testing.assert_allclose(one.consistency, other.consistency, atol=1e-4, equal_nan=True)


def test_opposites_have_no_direction() -> None:
    """Items that cancel each other out pool to no vector, and no thing pools to none."""
    vectors = np.array([[1.0, 0.0], [-1.0, 0.0]], dtype=np.float32)
    pooled = pool(vectors, np.ones(2), np.zeros(1, dtype=np.intp))
    assert not pooled.vectors.any()
    assert pooled.consistency[0] == -1.0
    assert len(pool(vectors[:0], np.zeros(0), np.zeros(0, dtype=np.intp)).vectors) == 0

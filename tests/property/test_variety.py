"""Any pool of candidates: caps hold, the relevance that was asked for is kept, and variety is never lost."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from audiofeat.domain.diversity import Caps, diversified, plain


def drawn(seed: int, count: int, artists: int) -> tuple[np.ndarray, np.ndarray, list[str | None]]:
    """Return relevances, unit vectors and artists, some of them unknown, some items copies of others."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(0, 1, (count, 8)) + rng.normal(0, 1, 8)
    vectors[rng.random(count) < 0.2] = vectors[0]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    relevance = vectors @ vectors[int(rng.integers(count))]
    names = [None if rng.random() < 0.1 else f"artist {rng.integers(artists)}" for _ in range(count)]
    return relevance, vectors.astype(np.float32), names


def variety(vectors: np.ndarray, places: list[int]) -> float:
    """Return the sum of one minus the cosine over all pairs."""
    some = vectors[places].astype(np.float64)
    return float((1 - some @ some.T).sum())


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 10_000), count=st.integers(1, 60), artists=st.integers(1, 20), k=st.integers(1, 25),
    cap=st.integers(0, 3), keep_ratio=st.floats(0.5, 1.0),
)  # fmt: skip
def test_rules_hold_for_every_list(*, seed: int, count: int, artists: int, k: int, cap: int, keep_ratio: float) -> None:
    """No place twice, no artist too often, as long as the plain list, relevant enough, and at least as varied."""
    relevance, vectors, names = drawn(seed, count, artists)
    caps = Caps.of([(names, cap)])
    first = plain(relevance, k, caps=caps)
    found = diversified(relevance, vectors, k, keep_ratio=keep_ratio, caps=caps)
    assert len(set(found)) == len(found) == len(first)
    counts = Counter(names[place] for place in found if names[place] is not None)
    assert not cap or max(counts.values(), default=0) <= cap
    assert relevance[found].tolist() == sorted(relevance[found], reverse=True)
    before = relevance[first].mean()
    assert relevance[found].mean() >= min(keep_ratio * before, before) - 1e-9
    assert variety(vectors, found) >= variety(vectors, first) - 1e-6


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 40), cap=st.integers(1, 3), k=st.integers(1, 25))
def test_a_capped_list_is_short_only_without_others(seed: int, count: int, cap: int, k: int) -> None:
    """As many as the artists allow: the greedy list is as long as any."""
    relevance, _, names = drawn(seed, count, artists=6)
    most = sum(min(cap, number) for name, number in Counter(names).items() if name is not None) + names.count(None)
    assert len(plain(relevance, k, caps=Caps.of([(names, cap)]))) == min(k, most)

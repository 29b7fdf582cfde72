"""Any catalogue and any ends: a journey keeps to its rules, and takes smaller steps than the leap."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiofeat.domain.journeys import Bounds, Stop, find_way, key_steps, tempo_ratio, waypoints
from audiofeat.domain.neighbours import Facts

KEYS = ("C", "D", "E", "F#", "A")


def made(seed: int, count: int) -> list[Stop]:
    """Return stops in all directions of a low-dimensional space, some without facts, some the same file."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(0, 1, (count, 4))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return [
        Stop(
            vector.astype(np.float32),
            Facts(float(rng.uniform(60, 180)), str(rng.choice(KEYS)), str(rng.choice(["major", "minor"])))
            if rng.random() < 0.9
            else Facts(),
            f"artist {rng.integers(8)}",
            frozenset({f"item {n}", f"file {rng.integers(2, count)}" if n > 1 else f"end {n}"}),
        )
        for n, vector in enumerate(vectors)
    ]


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 10_000), count=st.integers(10, 120), length=st.integers(3, 12), cap=st.integers(0, 3),
    ratio=st.sampled_from([1.05, 1.2, 1.5]), fifths=st.integers(0, 6), chance=st.integers(0, 5),
)  # fmt: skip
def test_every_step_keeps_to_the_rules(
    *, seed: int, count: int, length: int, cap: int, ratio: float, fifths: int, chance: int
) -> None:
    """Tempo, key, artists and files; the same draw gives the same way."""
    stops, bounds = made(seed, count), Bounds(ratio, fifths)
    points = waypoints(stops[0].vector, stops[1].vector, length)
    layers = [list(range(2, count))] * (length - 2)
    way = find_way(stops, layers, points, bounds=bounds, artist_cap=cap, seed=chance)
    assert way == find_way(stops, layers, points, bounds=bounds, artist_cap=cap, seed=chance)
    if way is None:
        return
    whole = [stops[place] for place in (0, *way, 1)]
    assert len(whole) == length
    for before, after in pairwise(whole):
        assert (tempo_ratio(before.facts, after.facts) or 1.0) <= ratio + 1e-6
        assert (key_steps(before.facts, after.facts) or 0) <= fifths
    marks = [mark for stop in whole for mark in stop.marks]
    assert len(marks) == len(set(marks))
    artists = Counter(stop.artist for stop in whole)
    ends = Counter([stops[0].artist, stops[1].artist])
    assert not cap or all(number <= max(cap, ends[artist]) for artist, number in artists.items())


def test_steps_are_smaller_than_the_leap() -> None:
    """Among a thousand items in all directions no step is half as long as the leap, and seeds give other ways."""
    stops = made(4, 1_000)
    points = waypoints(stops[0].vector, stops[1].vector, 8)
    layers = [list(range(2, 1_000))] * 6
    way = find_way(stops, layers, points, bounds=Bounds(1.5, 6), artist_cap=2)
    assert way is not None
    whole = np.stack([stops[place].vector for place in (0, *way, 1)])
    steps = np.linalg.norm(np.diff(whole, axis=0), axis=1)
    assert steps.max() < 0.5 * np.linalg.norm(whole[-1] - whole[0])
    others = {
        tuple(find_way(stops, layers, points, bounds=Bounds(1.5, 6), artist_cap=2, seed=n) or ()) for n in range(5)
    }
    assert len(others) >= 4


def test_waypoints_divide_the_arc() -> None:
    """Unit vectors at even angles; opposite and equal ends give no nonsense."""
    a, b = np.array([1, 0, 0], np.float32), np.array([0, 1, 0], np.float32)
    points = waypoints(a, b, 4)
    assert np.degrees(np.arccos(points @ a)) == pytest.approx([30, 60], abs=1e-4)
    for end in (a, -a):
        assert np.isfinite(waypoints(a, end, 5)).all()


@pytest.mark.parametrize(
    ("ours", "theirs", "steps"),
    [
        (("C", "major"), ("G", "major"), 1),
        (("C", "major"), ("A", "minor"), 0),
        (("C", "major"), ("F#", "major"), 6),
        (("A", "minor"), ("E", "minor"), 1),
    ],
)
def test_keys_lie_on_a_circle(ours: tuple[str, str], theirs: tuple[str, str], steps: int) -> None:
    """Fifths are one step apart, relative keys none."""
    assert key_steps(Facts(None, *ours), Facts(None, *theirs)) == steps
    assert tempo_ratio(Facts(60.0), Facts(121.0)) == pytest.approx(121 / 120)

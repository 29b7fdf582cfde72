"""Rates and cursors under anything that comes."""

import json
from typing import Any

import pytest
from fastapi.exceptions import RequestValidationError
from hypothesis import given
from hypothesis import strategies as st

from audiofeat.api.cursors import Pages
from audiofeat.api.rates import RateLimiter


class Ring:
    """A ring that has a secret and nothing else."""

    def secret(self, name: str) -> bytes:
        return name.encode().ljust(32, b"\0")


RING: Any = Ring()
POSITIONS = st.recursive(st.text() | st.integers() | st.floats(allow_nan=False, allow_infinity=False), st.lists)


@given(
    quota=st.integers(1, 50),
    window_s=st.sampled_from([1.0, 60.0, 3600.0]),
    gaps=st.lists(st.floats(0, 3), min_size=1, max_size=200),
)
def test_a_rate_admits_the_burst_and_then_the_rate(quota: int, window_s: float, gaps: list[float]) -> None:
    """However requests come: never more than the quota and the refill, and whoever waits as told is admitted."""
    limiter = RateLimiter(quota, window_s)
    now, admitted = 0.0, 0
    for gap in gaps:
        now += gap * window_s / quota
        allowance = limiter.take("a", now)
        admitted += not allowance.wait_s
        assert admitted <= quota + now * quota / window_s + 1e-6 * quota + 1e-6
        assert 0 <= allowance.remaining < quota
        assert 0 <= allowance.full_in_s <= window_s * (1 + 1e-6)
        if allowance.wait_s:
            assert allowance.remaining == 0
            now += allowance.wait_s
            assert not limiter.take("a", now).wait_s
            admitted += 1


@given(quota=st.integers(1, 1000))
def test_a_full_bucket_gives_its_quota_at_once(quota: int) -> None:
    """Exactly so many, and to each caller."""
    limiter = RateLimiter(quota, 60.0)
    for who in ("a", "b"):
        left = [limiter.take(who, 5.0) for _ in range(quota + 1)]
        assert [one.remaining for one in left[:quota]] == list(range(quota - 1, -1, -1))
        assert [bool(one.wait_s) for one in left] == [False] * quota + [True]


@given(position=POSITIONS, kind=st.text())
def test_a_cursor_comes_back_as_it_was(position: Any, kind: str) -> None:
    """Any position of any listing, as JSON knows it."""
    pages = Pages(RING, "items", kind=kind)
    assert pages.opened(pages.sealed(position)) == json.loads(json.dumps(position))


@given(position=POSITIONS, data=st.data())
def test_a_cursor_that_was_altered_is_refused(position: Any, data: st.DataObject) -> None:
    """Any other character anywhere, one more or one less; and the cursor of another listing."""
    pages = Pages(RING, "items", kind="track")
    cursor = pages.sealed(position)
    place = data.draw(st.integers(0, len(cursor) - 1))
    character = data.draw(st.characters().filter(lambda other: other != cursor[place]))
    altered = [cursor[:place] + character + cursor[place + 1 :], cursor[:-1], cursor + "A", cursor + "=", ""]
    for wrong in altered:
        with pytest.raises(RequestValidationError):
            pages.opened(wrong)
    for other in (Pages(RING, "items", kind="episode"), Pages(RING, "jobs", kind="track")):
        with pytest.raises(RequestValidationError):
            other.opened(cursor)

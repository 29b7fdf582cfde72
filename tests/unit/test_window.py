"""Hours in which a batch may work."""

from datetime import time

import pytest

from audiofeat.domain.window import Window
from audiofeat.errors import InvalidInput


@pytest.mark.parametrize(
    ("window", "inside", "outside"),
    [
        ("09:00-17:30", ["09:00", "12:00", "17:29"], ["08:59", "17:30", "00:00"]),
        ("22:00-06:00", ["22:00", "23:59", "00:00", "05:59"], ["06:00", "12:00", "21:59"]),
        ("00:00-00:01", ["00:00"], ["00:01", "23:59"]),
    ],
)
def test_a_window_holds_its_start_and_not_its_end(window: str, inside: list[str], outside: list[str]) -> None:
    """Also over midnight."""
    parsed = Window.parse(window)
    assert all(time.fromisoformat(moment) in parsed for moment in inside)
    assert not any(time.fromisoformat(moment) in parsed for moment in outside)


@pytest.mark.parametrize("text", ["", "22-06", "22:00", "24:00-06:00", "22:60-23:00", "06:00-06:00", "2:00-6:00", "x"])
def test_what_is_no_window_is_refused(text: str) -> None:
    """With the form that is meant."""
    with pytest.raises(InvalidInput) as refused:
        Window.parse(text)
    assert "22:00-06:00" in refused.value.remedy

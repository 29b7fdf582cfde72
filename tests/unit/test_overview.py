"""Drawing with characters: curves, bars, beats and sections, and every reason in words."""

import pytest

from audiofeat.cli.blocks import bar, beat_lines, chart, resampled, strip
from audiofeat.cli.figure import clock
from audiofeat.cli.overview import WHY
from audiofeat.domain.quality import Reason


def test_a_curve_fills_its_columns() -> None:
    """Short curves are repeated, long ones averaged."""
    assert resampled([1.0, 3.0], 4) == [1.0, 1.0, 3.0, 3.0]
    assert resampled([1.0, 3.0, 5.0, 7.0], 2) == [2.0, 6.0]
    assert len(resampled([0.5] * 7_200, 72)) == 72


def test_a_chart_has_its_rows_and_columns() -> None:
    """The highest value fills its column, what lies below the scale leaves it empty."""
    lines = chart([-80.0, -30.0, -10.0], low=-30, high=-10, columns=3, rows=2)
    assert lines == ["  █", " ▁█"]


def test_a_bar_is_as_long_as_its_share() -> None:
    """Shares beyond 0 to 1 stay inside."""
    assert [bar(share, columns=4) for share in (-1, 0.5, 2)] == ["░░░░", "██░░", "████"]


def test_beats_stand_at_their_time() -> None:
    """Bars are strokes, other beats dots, and a new line begins every ten seconds."""
    lines = list(beat_lines([0.0, 5.0, 10.0], [0.0], end_s=12, line_s=10, columns=10))
    assert lines == [(0, "|    ·"), (10, "·")]


def test_sections_fill_the_strip() -> None:
    """Widths follow the durations and add up."""
    drawn = strip([(0.0, 5.0), (5.0, 15.0)], ["A", "B"], columns=20)
    assert [len(text) for _, text in drawn] == [5, 15]
    assert drawn[1] == ("B", "▏B".ljust(15))


@pytest.mark.parametrize(("seconds", "whole", "shown"), [(2.5, 3, "2.5"), (75, 180, "1:15"), (3_700, 7_200, "1:01:40")])
def test_clock(seconds: float, whole: float, shown: str) -> None:
    """Short items show tenths, long ones hours."""
    assert clock(seconds, whole) == shown


def test_every_reason_has_words() -> None:
    """What could not be told is explained for each reason there is."""
    assert set(WHY) == set(Reason)

"""How the numbers of a record are rounded."""

import math

from hypothesis import given
from hypothesis import strategies as st

from audiofeat.extraction.record import _rounded

NUMBERS = st.one_of(st.floats(-1e7, 1e7), st.floats(allow_nan=False, allow_infinity=False), st.just(0.0))


@given(st.lists(NUMBERS, max_size=60))
def test_lists_are_rounded_as_their_numbers(numbers: list[float]) -> None:
    """Nine significant digits each, whatever else is in the list; a unit of the last where two are as near."""
    for found, number in zip(_rounded(numbers), numbers, strict=True):
        expected = float(f"{number:.9g}")
        assert found == expected or math.isclose(found, expected, rel_tol=1.1e-8)
        assert float(f"{found:.9g}") == found


def test_what_is_no_float_stays() -> None:
    """Lists within lists, words, whole numbers and holes keep their places."""
    value = [[1.23456789012, None, 3], "C#m", [], 2.0, None]
    assert _rounded(value) == [[1.23456789, None, 3], "C#m", [], 2.0, None]

"""Codes of errors: each has a number of its own and a remedy, and both stay."""

import pytest

from audiofeat.codes import ErrorCode


def test_numbers_are_unique_and_ascend_with_the_list() -> None:
    """A code that is added takes a number that none has, inside its family."""
    numbers = [code.number for code in ErrorCode]
    assert numbers == sorted(set(numbers))
    assert all(100 < number < 1_000 for number in numbers)


@pytest.mark.parametrize("code", ErrorCode)
def test_every_code_has_a_remedy_in_a_sentence(code: ErrorCode) -> None:
    """It says what to do, and ends as a sentence does."""
    assert code.remedy[0].isupper()
    assert code.remedy.endswith(".")
    assert ErrorCode(str(code)) is code


@pytest.mark.parametrize(("code", "number"), [("invalid_input", 101), ("not_audio", 202), ("disk_full", 701)])
def test_published_numbers_stay(code: str, number: int) -> None:
    """What is printed in somebody's handbook goes on meaning the same."""
    assert ErrorCode(code).number == number

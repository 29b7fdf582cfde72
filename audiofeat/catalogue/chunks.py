"""Long lists of ids in statements that both databases accept."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

MOST_PARAMETERS = 5_000
T = TypeVar("T")


def chunks(values: Sequence[T], *, size: int = MOST_PARAMETERS) -> Iterator[Sequence[T]]:
    """Yield ``values`` in order, at most ``size`` at a time."""
    for start in range(0, len(values), size):
        yield values[start : start + size]

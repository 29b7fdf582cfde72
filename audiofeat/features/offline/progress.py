"""A bar on stderr for jobs that take minutes."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
_WIDTH = 30
_EVERY_S = 1.0


def progress(steps: Iterable[T], total: int, what: str) -> Iterator[T]:
    """Yield the steps; show how many of the total are done, and how long the rest will take."""
    begun, shown = time.monotonic(), 0.0
    for done, step in enumerate(steps, start=1):
        yield step
        now = time.monotonic()
        if now - shown >= _EVERY_S or done == total:
            shown = now
            left_s = (now - begun) / done * (total - done)
            bar = "#" * (_WIDTH * done // max(total, 1))
            sys.stderr.write(f"\r{what} [{bar:<{_WIDTH}}] {done}/{total}, {left_s:.0f} s left ")
            sys.stderr.flush()
    sys.stderr.write("\n")

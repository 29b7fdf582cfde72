"""Stretches of time from the moments at which they start."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median


def intervals(starts_s: Sequence[float], end_s: float) -> list[tuple[float, float]]:
    """Return start and duration of stretches that each last until the next one, and the last until ``end_s``.

    Examples
    --------
    >>> intervals([0.0, 1.5], 4.0)
    [(0.0, 1.5), (1.5, 2.5)]
    """
    return [(start, end - start) for start, end in pairwise((*starts_s, max([end_s, *starts_s[-1:]])))]


def pulses(starts_s: Sequence[float], end_s: float) -> list[tuple[float, float]]:
    """Return start and duration of beats or bars; the last is as long as most, and ends with the item at the latest."""
    if len(starts_s) < 2:  # noqa: PLR2004  one alone has no length
        return []
    typical_s = median(later - start for start, later in pairwise(starts_s))
    return intervals(starts_s, min(end_s, starts_s[-1] + typical_s))


def halves(stretches: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return each stretch cut in two."""
    return [(start + part * length / 2, length / 2) for start, length in stretches for part in (0, 1)]

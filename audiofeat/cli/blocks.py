"""Drawing with characters: a curve as blocks, a share as a bar, beats on a line, sections as a strip."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_FULL = len(_EIGHTHS) - 1


def resampled(curve: Sequence[float], columns: int) -> list[float]:
    """Return a curve in exactly so many columns: means where it is longer, repetitions where it is shorter."""
    edges = [column * len(curve) / columns for column in range(columns + 1)]
    parts = [curve[math.floor(low) : max(math.ceil(high), math.floor(low) + 1)] for low, high in pairwise(edges)]
    return [sum(part) / len(part) for part in parts]


def chart(curve: Sequence[float], *, low: float, high: float, columns: int, rows: int) -> list[str]:
    """Return a curve as lines of blocks, the top one first; what lies below ``low`` leaves its column empty.

    Examples
    --------
    >>> chart([0.0, 0.5, 1.0], low=0, high=1, columns=3, rows=1)
    ['▁▄█']
    """
    span = max(high - low, 1e-9)
    heights = []
    for value in resampled(curve, columns):
        height = round((value - low) / span * rows * _FULL)
        heights.append(0 if value < low else min(max(height, 1), rows * _FULL))
    return [
        "".join(_EIGHTHS[min(max(height - row * _FULL, 0), _FULL)] for height in heights)
        for row in reversed(range(rows))
    ]


def bar(share: float, *, columns: int) -> str:
    """Return a share of 0 to 1 as a bar.

    Examples
    --------
    >>> bar(0.25, columns=8)
    '██░░░░░░'
    """
    filled = round(min(max(share, 0.0), 1.0) * columns)
    return "█" * filled + "░" * (columns - filled)


def beat_lines(
    beats_s: Sequence[float], downbeats_s: Sequence[float], *, end_s: float, line_s: float, columns: int
) -> Iterator[tuple[float, str]]:
    """Yield the start and the text of each line of time: ``|`` where a bar starts, ``·`` at the other beats."""
    for line in range(math.ceil(end_s / line_s)):
        start_s = line * line_s
        signs = [" "] * columns
        for times_s, sign in ((beats_s, "·"), (downbeats_s, "|")):
            for time_s in times_s:
                if start_s <= time_s < min(start_s + line_s, end_s):
                    signs[int((time_s - start_s) / line_s * columns)] = sign
        yield start_s, "".join(signs).rstrip()


def strip(stretches: Sequence[tuple[float, float]], labels: Sequence[str], *, columns: int) -> list[tuple[str, str]]:
    """Return the label and the text of each stretch of time, together ``columns`` wide; starts count from 0."""
    end_s = sum(stretches[-1])
    edges = [round(start_s / end_s * columns) for start_s, _ in stretches] + [columns]
    texts = []
    for label, (low, high) in zip(labels, pairwise(edges), strict=False):
        wide = high - low
        texts.append((label, f"▏{label}".ljust(wide)[:wide]))
    return texts

"""Chapters: what metadata says of them, what is heard of them, and both together.

Conventions: a chapter lasts until the next begins, the last until the end. What metadata says stands, with its
titles; what is heard adds a boundary only where metadata has none near. What was wrong in metadata is told in words.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

MOST_CHAPTERS = 1_000
_MOST_TITLE = 500
_SAME_S = 1.0
_NEAR_S = 12.0
_SHORTEST_S, _LONGEST_LEAST_S, _MOST_HEARD = 15.0, 120.0, 20
_LEAST_CONFIDENCE = 0.5
_LONG_PAUSE_S = 2.0


class ChapterSource(StrEnum):
    """Who says that a chapter begins."""

    METADATA = "metadata"
    AUDIO = "audio"


@dataclass(frozen=True, slots=True)
class Chapter:
    """One chapter.

    Parameters
    ----------
    start_s, end_s : float
        Where it lies.
    title : str
        Empty where none is known.
    source : ChapterSource
        Who says that it begins here.
    confidence : float
        How sure that is, 0 to 1: 1 for metadata, by rule for audio.
    """

    start_s: float
    end_s: float
    title: str
    source: ChapterSource
    confidence: float


@dataclass(frozen=True, slots=True)
class Boundary:
    """A moment at which a chapter may begin, and how much speaks for it, 0 to 1."""

    at_s: float
    weight: float


def canonical(raw: object) -> str:
    """Return chapters as metadata keeps them: JSON, a list of start, end or null, and title, by start.

    Parameters
    ----------
    raw : object
        A list of ``[start, end, title]``, of objects with ``start``/``startTime``/``start_s``, ``end``/``endTime``/
        ``end_s`` and ``title``, Podcasting 2.0's ``{"chapters": [...]}``, or the JSON text of any of these. Times are
        seconds, or texts such as ``1:02:03.5``.

    Raises
    ------
    ValueError
        It is none of these; says what is wrong.

    Examples
    --------
    >>> canonical([{"startTime": 62, "title": "Two"}, {"startTime": "0:00", "title": "One"}])
    '[[0.0, null, "One"], [62.0, null, "Two"]]'
    """
    if isinstance(raw, str):
        try:
            raw = json.loads(raw)
        except ValueError:
            raise ValueError("no JSON of chapters") from None
    if isinstance(raw, Mapping):
        raw = raw.get("chapters")
    if not isinstance(raw, Sequence) or isinstance(raw, str) or not raw:
        raise ValueError("no list of chapters")
    if len(raw) > MOST_CHAPTERS:
        raise ValueError(f"more than {MOST_CHAPTERS:,} chapters")
    rows = [_row(entry) for entry in raw]
    return json.dumps(sorted(rows, key=lambda row: row[0]), ensure_ascii=False)


def _row(entry: object) -> tuple[float, float | None, str]:
    if isinstance(entry, Mapping):
        start, end = (
            next((entry[name] for name in names if entry.get(name) is not None), None)
            for names in (("start_s", "startTime", "start"), ("end_s", "endTime", "end"))
        )
        title = entry.get("title")
    elif isinstance(entry, Sequence) and not isinstance(entry, str) and len(entry) == 3:  # noqa: PLR2004  start, end, title
        start, end, title = entry
    else:
        raise ValueError("a chapter is no list of start, end and title, and no object")
    return seconds_of(start), None if end is None else seconds_of(end), " ".join(str(title or "").split())[:_MOST_TITLE]


def seconds_of(time: object) -> float:
    """Return a time of a chapter in seconds; raises ValueError where it is none.

    Examples
    --------
    >>> seconds_of("1:02:03.5"), seconds_of(7)
    (3723.5, 7.0)
    """
    try:
        parts = [float(part) for part in str(time).split(":")]
    except ValueError:
        parts = []
    seconds = math.fsum(part * 60.0**place for place, part in enumerate(reversed(parts)))
    if isinstance(time, bool) or not 1 <= len(parts) <= 3 or not math.isfinite(seconds) or min(parts) < 0:  # noqa: PLR2004  h:m:s
        raise ValueError(f"a chapter cannot begin or end at {str(time)[:40]!r}")
    return seconds


def said(text: str, duration_s: float) -> tuple[list[Chapter], list[str]]:
    """Return the chapters that metadata names, each until the next, and in words what was not right with them.

    Chapters that overlap end where the next begins; of several at one place the first stands; those that begin after
    the end of the audio are left out.
    """
    rows = [row for row in json.loads(text) if row[0] < duration_s]
    problems = []
    if late := len(json.loads(text)) - len(rows):
        problems.append(f"{_count(late, 'chapter')} after the end of the audio ({duration_s:.0f} s) left out")
    kept: list[tuple[float, float | None, str]] = []
    for start, end, title in rows:
        if kept and start - kept[-1][0] < _SAME_S:
            continue
        kept.append((start, end, title))
    if double := len(rows) - len(kept):
        problems.append(f"{_count(double, 'chapter')} at the place of another left out")
    overlaps = sum(end is not None and end > following[0] + _SAME_S for (_, end, _), following in pairwise(kept))
    if overlaps:
        problems.append(f"{_count(overlaps, 'chapter')} overlapped the next and end where that begins")
    edges = [*(start for start, _, _ in kept), duration_s]
    return [
        Chapter(start, after, title, ChapterSource.METADATA, 1.0)
        for (start, _, title), after in zip(kept, edges[1:], strict=True)
    ], problems


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s' if number > 1 else ''}"


def boundaries(
    *,
    segments: Sequence[tuple[float, float, str]],
    repeats: Iterable[tuple[float, float, str]],
    pauses: Iterable[tuple[float, float]],
    sections: Iterable[tuple[float, float]],
) -> list[Boundary]:
    """Return every moment at which a chapter may begin, by what is heard there.

    Parameters
    ----------
    segments : sequence of (start, end, label)
        Speech, music and so on, as the group *speech* tells them.
    repeats : iterable of (start, end, kind)
        Jingles, advertisements and passages: a jingle opens a chapter, after an advertisement one goes on.
    pauses : iterable of (start, duration)
        Of which those of two seconds or more count.
    sections : iterable of (start, confidence)
        Of the group *structure*.
    """
    found = [
        Boundary(start if kind == "jingle" else end, 0.9 if kind == "jingle" else 0.5) for start, end, kind in repeats
    ]
    for (_, _, before), (start, end, label), (_, _, after) in zip(segments, segments[1:], segments[2:], strict=False):
        if label == "music" and "speech" in before and "speech" in after:
            found.append(Boundary(start, min(0.9, 0.4 + (end - start) / 20)))
    found += [Boundary(at + long, min(0.45, 0.1 * long)) for at, long in pauses if long >= _LONG_PAUSE_S]
    found += [Boundary(start, 0.4 * confidence) for start, confidence in sections if start > 0]
    return sorted(found, key=lambda boundary: boundary.at_s)


def heard(found: Sequence[Boundary], duration_s: float) -> list[Chapter]:
    """Return chapters by what is heard: boundaries near each other add up, and the surest that leave room are taken."""
    apart_s = min(max(duration_s / _MOST_HEARD, _SHORTEST_S), _LONGEST_LEAST_S)
    joined = []
    for boundary in found:
        near = [other.weight for other in found if abs(other.at_s - boundary.at_s) <= _NEAR_S and other is not boundary]
        together = 1 - (1 - boundary.weight) * math.prod(1 - weight for weight in near)
        # Of those that add up the strongest tells the place.
        if boundary.weight >= max(near, default=0.0):
            joined.append(Boundary(boundary.at_s, together))
    chosen: list[Boundary] = []
    for boundary in sorted(joined, key=lambda one: (-one.weight, one.at_s)):
        is_apart = all(abs(boundary.at_s - other.at_s) >= apart_s for other in chosen)
        if boundary.weight >= _LEAST_CONFIDENCE and is_apart and apart_s <= boundary.at_s <= duration_s - apart_s / 2:
            chosen.append(boundary)
    return _until_next([Boundary(0.0, 1.0), *sorted(chosen, key=lambda one: one.at_s)], duration_s)


def _until_next(starts: Sequence[Boundary], duration_s: float) -> list[Chapter]:
    edges = [*(one.at_s for one in starts), duration_s]
    return [
        Chapter(one.at_s, after, "", ChapterSource.AUDIO, round(one.weight, 3))
        for one, after in zip(starts, edges[1:], strict=True)
    ]


def merged(of_metadata: Sequence[Chapter], of_audio: Sequence[Chapter], duration_s: float) -> list[Chapter]:
    """Return both together: metadata stands, and audio adds what has no other chapter's beginning near."""
    if not of_metadata:
        return list(of_audio)
    apart_s = min(max(duration_s / _MOST_HEARD, _SHORTEST_S), _LONGEST_LEAST_S)
    starts = [chapter.start_s for chapter in of_metadata]
    added = [one for one in of_audio if all(abs(one.start_s - start) >= apart_s for start in starts)]
    both = sorted([*of_metadata, *added], key=lambda chapter: chapter.start_s)
    edges = [*(chapter.start_s for chapter in both), duration_s]
    return [
        Chapter(chapter.start_s, after, chapter.title, chapter.source, chapter.confidence)
        for chapter, after in zip(both, edges[1:], strict=True)
    ]

"""What an episode sounds like from beginning to end: speech and music, jingles and ads, chapters, and a preview."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain import chapters as rules
from audiofeat.domain.chapters import Chapter
from audiofeat.domain.manner import words
from audiofeat.domain.views.timeline import intervals

GROUPS = frozenset({"delivery", "loudness", "production", "speech", "structure", "timbre"})
PREVIEW_S = 60.0
_SNAP_S = 4.0
_QUIET_LU = 20.0
# What is of the show or of an advertiser stands for no single episode.
_REPEATED, _NO_SPEECH, _QUIET = 2.0, 0.4, 0.3

Features = Mapping[str, Mapping[str, Any]]
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Something that is heard from one moment to another; ``label`` is a segment's, or a repeat's kind."""

    start_s: float
    end_s: float
    label: str
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """An episode from beginning to end.

    Parameters
    ----------
    duration_s : float
        Of what was decoded.
    segments : tuple of Stretch
        Speech, music, both, noise and silence, without gaps.
    repeats : tuple of Stretch
        Jingles, ads and passages that other episodes have.
    chapters : tuple of Chapter
        From metadata and from what is heard.
    preview : tuple of float or None
        Start and length of the minute that stands for the whole; None where nothing could be told.
    in_words : tuple of str
        How it sounds, the most telling first.
    problems : tuple of str
        What was wrong with what metadata says.
    """

    duration_s: float
    segments: tuple[Stretch, ...]
    repeats: tuple[Stretch, ...]
    chapters: tuple[Chapter, ...]
    preview: tuple[float, float] | None
    in_words: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def timeline(
    features: Features, duration_s: float, *, repeats: Iterable[Stretch] = (), said: str | None = None
) -> Timeline:
    """Return the timeline of what was measured.

    Parameters
    ----------
    features : mapping
        Fields by group, curves among them, of those of ``GROUPS``; what is missing is not told.
    duration_s : float
        Of what was decoded.
    repeats : iterable of Stretch
        What other episodes have too.
    said : str, optional
        Chapters of metadata, as ``domain.chapters.canonical`` makes them.
    """
    segments, again = segments_of(features, duration_s), tuple(repeats)
    delivery, structure = features.get("delivery", {}), features.get("structure", {})
    pauses = list(zip(delivery.get("pause_starts_s") or (), delivery.get("pause_durations_s") or (), strict=False))
    found = rules.boundaries(
        segments=[(one.start_s, one.end_s, one.label) for one in segments],
        repeats=[(one.start_s, one.end_s, one.label) for one in again],
        pauses=pauses,
        sections=zip(structure.get("section_starts_s") or (), structure.get("section_confidence") or (), strict=False),
    )
    of_metadata, problems = rules.said(said, duration_s) if said else ([], [])
    merged = rules.merged(of_metadata, rules.heard(found, duration_s), duration_s)
    starts_s = [start + long for start, long in pauses] + [one.start_s for one in segments]
    preview = _preview(features, segments, again, starts_s)
    return Timeline(duration_s, segments, again, tuple(merged), preview, words(features), tuple(problems))


def segments_of(features: Features, duration_s: float) -> tuple[Stretch, ...]:
    """Return the segments that were measured or, of analyses that have none, what the curve of speech tells."""
    speech = features.get("speech", {})
    starts_s, labels = speech.get("segment_starts_s"), speech.get("segment_labels")
    if starts_s and labels:
        sure = speech.get("segment_confidence") or [None] * len(starts_s)
        spans = intervals(starts_s, duration_s)
        return tuple(
            Stretch(start, start + long, label, confidence)
            for (start, long), label, confidence in zip(spans, labels, sure, strict=False)
        )
    curve = speech.get("speech_probability_curve")
    if not curve:
        return ()
    step_s = duration_s / len(curve)
    named = ["speech" if value >= 0.5 else "no speech" for value in curve]  # noqa: PLR2004  more likely than not
    stretches, at = [], 0
    for label, run in groupby(named):
        count = len(list(run))
        stretches.append(Stretch(at * step_s, (at + count) * step_s, label))
        at += count
    return tuple(stretches)


def _preview(
    features: Features, segments: Sequence[Stretch], repeats: Sequence[Stretch], starts_s: Sequence[float]
) -> tuple[float, float] | None:
    """Return the minute that is most like the whole, begins where something begins, and is none of what repeats.

    After Cooper & Foote, "Automatic music summarization via similarity analysis", ISMIR 2002.
    """
    mfcc, curve = features.get("timbre", {}).get("mfcc_curve"), features.get("loudness", {}).get("loudness_curve_lufs")
    if not mfcc or not curve:
        return None
    seconds = min(len(mfcc), len(curve))
    rows, level = np.array(mfcc[:seconds], dtype=np.float64)[:, 1:], np.array(curve[:seconds], dtype=np.float64)
    rows = (rows - rows.mean(axis=0)) / np.maximum(rows.std(axis=0), 1e-9)
    worth = _likeness_to_all(rows) + _QUIET * np.clip((level - level.max()) / _QUIET_LU, -1, 0)
    worth -= _NO_SPEECH * _share_of([one for one in segments if "speech" not in one.label.split("+")], seconds)
    worth -= _REPEATED * _share_of(repeats, seconds)
    length = int(min(PREVIEW_S, seconds))
    total = np.concatenate(([0.0], np.cumsum(worth)))
    means = (total[length:] - total[:-length]) / length
    best_s = float(np.argmax(means))
    near = [at for at in starts_s if abs(at - best_s) <= _SNAP_S and 0 <= at <= seconds - length]
    return (min(near, key=lambda at: abs(at - best_s)) if near else best_s), float(length)


def _likeness_to_all(rows: Array) -> Array:
    """Return the mean of each second's likeness to every other one, falling with their distance, in one pass.

    The distance to all others is that to their mean and what they are spread about it.
    """
    squared = np.square(rows - rows.mean(axis=0)).mean(axis=1) + np.square(rows - rows.mean(axis=0)).mean()
    likeness: Array = 1 / (1 + squared)
    return likeness


def _share_of(stretches: Iterable[Stretch], seconds: int) -> Array:
    """Return which part of each second lies in some stretches."""
    share = np.zeros(seconds)
    clock_s = np.arange(seconds)
    for one in stretches:
        share += np.clip(np.minimum(one.end_s, clock_s + 1) - np.maximum(one.start_s, clock_s), 0, 1)
    return np.minimum(share, 1)

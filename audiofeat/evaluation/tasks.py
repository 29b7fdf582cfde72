"""The field's metric of each label: from a label and an answer to a row, from all rows to figures.

No answer counts as wrong wherever the metric has a place for that; where it has none (an error in BPM), the share
of items answered stands beside the figure.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from audiofeat.domain.families import FAMILIES
from audiofeat.errors import InvalidInput
from audiofeat.evaluation import statistics as st
from audiofeat.evaluation.labels import CLASSES
from audiofeat.evaluation.statistics import Array, Statistic

Answers = Mapping[str, Any]
Judge = Callable[[Any, Answers], tuple[float, ...] | None]

# Gouyon et al., TASLP 2006: within 4 %; Accuracy2 takes double, triple, half and third as well.
_TEMPO_TOLERANCE = 0.04
_OCTAVES = (1, 2, 3, 1 / 2, 1 / 3)
_BOUNDARY_WINDOW_S = 1.0
_FRAME_S = 0.1
_PRESENT = 0.5


@dataclass(frozen=True, slots=True)
class Task:
    """How answers to one label are judged.

    Parameters
    ----------
    label : str
        As in the label file, ``mood.arousal`` for a part of one.
    judge : callable
        From a label and the answers to a row; None where the label cannot be scored.
    figures : mapping
        Statistics of rows by name.
    tables : mapping
        Counts that have no interval.
    """

    label: str
    judge: Judge
    figures: Mapping[str, Statistic]
    tables: Mapping[str, Callable[[Array], Any]] = field(default_factory=dict)


def require_metrics() -> ModuleType:
    """Return mir_eval; raises InvalidInput where it is not installed."""
    try:
        import mir_eval  # noqa: PLC0415  optional, and it loads scipy
    except ImportError:
        raise InvalidInput("the metrics are not installed", "pip install 'audiofeat[evaluate]'") from None
    module: ModuleType = mir_eval
    return module


def _column(statistic: Callable[[Array], float], number: int) -> Statistic:
    return lambda rows: statistic(rows[:, number])


def _tempo(truth: float, answers: Answers) -> tuple[float, ...]:
    said = answers.get("tempo_bpm")
    if said is None:
        return np.nan, 0, 0, np.nan, np.nan, 0
    errors = [abs(said / octave - truth) for octave in _OCTAVES]
    confidence = answers.get("tempo_confidence")
    return (
        errors[0],
        errors[0] <= _TEMPO_TOLERANCE * truth,
        min(errors) <= _TEMPO_TOLERANCE * truth,
        min(errors),
        np.nan if confidence is None else confidence,
        1,
    )


def _beats(label: str, truth: list[float], answers: Answers) -> tuple[float, ...] | None:
    beat = require_metrics().beat
    reference = beat.trim_beats(np.asarray(truth, dtype=float))
    if not len(reference):
        return None
    said = beat.trim_beats(np.asarray(answers.get(label) or [], dtype=float))
    return (float(beat.f_measure(reference, said)) if len(said) else 0.0,)


def _key(truth: str, answers: Answers) -> tuple[float, ...]:
    said = answers.get("key")
    if said is None:
        return 0, 0, 0
    score = require_metrics().key.weighted_score(truth, said)
    return score, score == 1, 1


def _error(label: str, truth: float, answers: Answers) -> tuple[float, ...]:
    said = answers.get(label)
    return (np.nan, 0) if said is None else (abs(said - truth), 1)


def _instruments(truth: list[str], answers: Answers) -> tuple[float, ...]:
    said = answers.get("instruments") or {}
    return (*(family in truth for family in FAMILIES), *(said.get(family) or 0.0 for family in FAMILIES))


def _class(truth: str, answers: Answers) -> tuple[float, ...]:
    said = answers.get("class")
    return CLASSES.index(truth), len(CLASSES) if said is None else CLASSES.index(said)


def _mood(dimension: str, truth: float, answers: Answers) -> tuple[float, ...]:
    said = answers.get(f"mood.{dimension}")
    return (truth, np.nan, 0) if said is None else (truth, said, 1)


def _segments(truth: list[list[Any]], answers: Answers) -> tuple[float, ...]:
    said = answers.get("segments") or []
    end_s = truth[-1][1]
    clock_s = (np.arange(round(end_s / _FRAME_S)) + 0.5) * _FRAME_S
    row = [_boundary_f(_edges(truth, end_s), _edges(said, end_s)) if said else 0.0]
    for sound in ("speech", "music"):
        wanted, given = _sounding(truth, sound, clock_s), _sounding(said, sound, clock_s)
        row += [np.sum(wanted & given), np.sum(~wanted & given), np.sum(wanted & ~given)]
    return tuple(float(value) for value in row)


def _edges(segments: list[list[Any]], end_s: float) -> list[float]:
    """Return where what is to be heard changes, start and end left out."""
    edges: set[float] = set()
    at_s, heard = 0.0, frozenset[str]()
    for start_s, stop_s, sounds in segments:
        if start_s > at_s:
            edges |= {at_s} if heard else set()
            heard = frozenset()
        if frozenset(sounds) != heard:
            edges.add(start_s)
        at_s, heard = stop_s, frozenset(sounds)
    return sorted(edge for edge in edges | ({at_s} if heard else set()) if 0 < edge < end_s)


def _boundary_f(reference: list[float], said: list[float]) -> float:
    if not reference or not said:
        return float(not reference and not said)
    segment = require_metrics().segment
    intervals = [
        np.column_stack(([0.0, *edges], [*edges, max(reference[-1], said[-1]) + 1])) for edges in (reference, said)
    ]
    _, _, f = segment.detection(*intervals, window=_BOUNDARY_WINDOW_S, trim=True)
    return float(f)


def _sounding(segments: list[list[Any]], sound: str, clock_s: Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
    heard = np.zeros(len(clock_s), dtype=bool)
    for start_s, end_s, sounds in segments:
        if sound in sounds:
            heard |= (clock_s >= start_s) & (clock_s < end_s)
    return heard


def _pooled_f(first: int) -> Statistic:
    """F over all frames of all items, from three columns: hits, false alarms, misses."""

    def f(rows: Array) -> float:
        hits, false, missed = rows[:, first : first + 3].sum(axis=0)
        return float(2 * hits / (2 * hits + false + missed)) if hits + missed else np.nan

    return f


_FAMILIES = len(FAMILIES)
_CLASSES = len(CLASSES)
_TASKS = {
    "tempo_bpm": Task(
        "tempo_bpm",
        _tempo,
        {
            "accuracy1": _column(st.mean, 1),
            "accuracy2": _column(st.mean, 2),
            "median_absolute_error_bpm": _column(st.median, 0),
            "median_absolute_error_octave_corrected_bpm": _column(st.median, 3),
            "confidence_auroc": lambda rows: st.auroc(rows[:, 4], rows[:, 1]),
            "answered_ratio": _column(st.mean, 5),
        },
    ),
    "beat_times_s": Task("beat_times_s", partial(_beats, "beat_times_s"), {"f_measure": _column(st.mean, 0)}),
    "downbeat_times_s": Task(
        "downbeat_times_s", partial(_beats, "downbeat_times_s"), {"f_measure": _column(st.mean, 0)}
    ),
    "key": Task(
        "key",
        _key,
        {
            "mirex_weighted": _column(st.mean, 0),
            "exact_ratio": _column(st.mean, 1),
            "answered_ratio": _column(st.mean, 2),
        },
    ),
    **{
        label: Task(
            label,
            partial(_error, label),
            {
                "mean_absolute_error": _column(st.mean, 0),
                "largest_absolute_error": _column(st.largest, 0),
                "answered_ratio": _column(st.mean, 1),
            },
        )
        for label in ("integrated_loudness_lufs", "loudness_range_lu", "true_peak_dbtp")
    },
    "instruments": Task(
        "instruments",
        _instruments,
        {
            "macro_f1": lambda rows: st.macro_f1(rows[:, :_FAMILIES], rows[:, _FAMILIES:], present=_PRESENT),
            "mean_average_precision": lambda rows: st.mean_average_precision(rows[:, :_FAMILIES], rows[:, _FAMILIES:]),
            "expected_calibration_error": lambda rows: st.calibration_error(rows[:, :_FAMILIES], rows[:, _FAMILIES:]),
        },
        tables={"positives": lambda rows: dict(zip(FAMILIES, map(int, rows[:, :_FAMILIES].sum(axis=0)), strict=True))},
    ),
    "class": Task(
        "class",
        _class,
        {
            "accuracy": lambda rows: float(np.mean(rows[:, 0] == rows[:, 1])),
            "balanced_accuracy": lambda rows: st.balanced_accuracy(rows[:, 0], rows[:, 1]),
        },
        tables={"confusion": lambda rows: st.confusion(rows[:, 0], rows[:, 1], _CLASSES)},
    ),
    "segments": Task(
        "segments",
        _segments,
        {"boundary_f_1s": _column(st.mean, 0), "speech_frame_f": _pooled_f(1), "music_frame_f": _pooled_f(4)},
    ),
}


def task_of(label: str) -> Task:
    """Return how answers to a label, or to a part of ``mood``, are judged."""
    whole, _, dimension = label.partition(".")
    if whole != "mood":
        return _TASKS[label]
    return Task(
        label,
        partial(_mood, dimension),
        {
            "pearson": lambda rows: st.pearson(rows[:, 0], rows[:, 1]),
            "spearman": lambda rows: st.spearman(rows[:, 0], rows[:, 1]),
            "answered_ratio": _column(st.mean, 2),
        },
    )


def is_judged(label: str) -> bool:
    """Tell whether a label has a metric: groupings have none."""
    return label in _TASKS or label.startswith("mood.")

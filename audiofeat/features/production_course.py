"""The course of an episode, read from its segments: seconds that are spoken, intro, outro and cold open."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiofeat.features.heard import STEP_S

_LEAST_S = 2.0
_OPENING_S = 300.0


def spoken_seconds(speech: Mapping[str, Any]) -> NDArray[np.bool_] | None:
    """Return which whole seconds hold nothing but speech, alone or over music; None where nothing is known."""
    if speech["segment_labels"] is None:
        return None
    edges, labels = _segments(speech)
    steps = np.repeat([label.startswith("speech") for label in labels], np.round(np.diff(edges) / STEP_S).astype(int))
    whole = len(steps) // 2
    both: NDArray[np.bool_] = np.logical_and(steps[: 2 * whole : 2], steps[1 : 2 * whole : 2])
    return both


def opening_and_end(speech: Mapping[str, Any]) -> dict[str, float]:
    """Return ``intro_s``, ``outro_s`` and ``cold_open_s``.

    The opening is the music before the first speech without music, or, where an item begins with speech and music
    follows within five minutes, that music; the speech before it is then the cold open.
    """
    edges, labels = _segments(speech)
    parts = [
        (float(start), float(end), label)
        for start, end, label in zip(edges[:-1], edges[1:], labels, strict=True)
        if end - start >= _LEAST_S or label != "noise"
    ]
    cold_open_s, at = 0.0, 0
    while at < len(parts) and not _has_music(parts[at]):
        at += 1
    if at < len(parts) and any(label == "speech" and end - start >= _LEAST_S for start, end, label in parts[:at]):
        cold_open_s = parts[at][0]
    intro_s = 0.0
    if at < len(parts) and parts[at][0] <= _OPENING_S:
        intro_s = _music_until_speech(parts[at:])
    if not intro_s:
        cold_open_s = 0.0
    outro_s = _music_until_speech(parts[::-1])
    return {"intro_s": intro_s, "outro_s": outro_s, "cold_open_s": cold_open_s}


def _has_music(part: tuple[float, float, str]) -> bool:
    return "music" in part[2] and part[1] - part[0] >= _LEAST_S


def _music_until_speech(parts: list[tuple[float, float, str]]) -> float:
    total_s = 0.0
    for start, end, label in parts:
        if label == "speech" and end - start >= _LEAST_S:
            break
        total_s += end - start if "music" in label else 0.0
    return total_s


def _segments(speech: Mapping[str, Any]) -> tuple[NDArray[np.float64], list[str]]:
    """Return the edges of the segments, the end of the last included, and their labels."""
    end_s = len(speech["speech_probability_curve"]) * STEP_S
    return np.array([*speech["segment_starts_s"], end_s]), list(speech["segment_labels"])

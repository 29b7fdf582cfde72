"""Speech, music, noise and silence over time: segments in half seconds, and the shares of the whole item.

Speech over music is both; singing is music; silence is a second or more below -60 dBFS. What each half second is was
judged while the audio went by; here the most probable course of the whole is found.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.quality import Reason
from audiofeat.features.frames import Frames, Measured, Result
from audiofeat.features.heard import CLASSES, STEP_S, Array, Heard

LABELS = (*CLASSES, "silence")
_SILENCE = len(CLASSES)
_LEAST_SILENT_STEPS = 2
_LEAST_PROBABILITY = 1e-3
# What a change costs, as a logarithm of a probability: beds come and go more readily than voices.
_CHANGE = 4.0
_CHANGE_OF_BED = 3.0
_RATIOS = ("speech_ratio", "music_ratio", "speech_over_music_ratio", "other_ratio", "silence_ratio")
_CURVES = (
    "speech_probability_curve", "music_probability_curve", "segment_starts_s", "segment_labels", "segment_confidence",
)  # fmt: skip


class Speech:
    """Collects what was heard."""

    def __init__(self) -> None:
        self._heard: list[Heard] = []

    def push(self, frames: Frames) -> None:
        """Take in one block."""
        if frames.heard is not None and len(frames.heard.loud):
            self._heard.append(frames.heard)

    def result(self, measured: Measured, silence: Reason | None) -> Result:  # noqa: ARG002  the groups' one signature
        """Return shares in 0-1, the probabilities of each half second, and segments with labels and confidence.

        Of a silent item only ``silence_ratio`` is known (1.0); an item under three seconds has nulls.
        """
        result = Result()
        heard = joined(self._heard)
        result.put("method", heard.method)
        reason = silence if silence is not None or len(heard.loud) else Reason.TOO_SHORT
        if reason:
            for name in (*_RATIOS, *_CURVES):
                result.put(name, 1.0 if name == "silence_ratio" and reason is Reason.SILENCE else None, reason)
            return result
        course = labelled(heard)
        share = np.bincount(course, minlength=len(LABELS)) / len(course)
        result.put("speech_ratio", float(share[0] + share[2]))
        for name, at in zip(_RATIOS[1:], (1, 2, 3, _SILENCE), strict=True):
            result.put(name, float(share[at]))
        result.put("speech_probability_curve", np.round(heard.speech, 3).tolist())
        result.put("music_probability_curve", np.round(heard.music, 3).tolist())
        edges = np.concatenate(([0], np.flatnonzero(np.diff(course)) + 1, [len(course)]))
        result.put("segment_starts_s", (edges[:-1] * STEP_S).tolist())
        result.put("segment_labels", [LABELS[course[at]] for at in edges[:-1]])
        result.put("segment_confidence", [_confidence(heard, course, *edge) for edge in pairwise(edges.tolist())])
        return result


def joined(parts: list[Heard]) -> Heard:
    """Return parts that follow each other as one."""
    if not parts:
        return Heard(np.zeros((0, len(CLASSES))), np.zeros(0, dtype=bool))
    probability, loud = ([getattr(part, name) for part in parts] for name in ("probability", "loud"))
    return Heard(np.concatenate(probability), np.concatenate(loud), parts[0].method)


def labelled(heard: Heard) -> NDArray[np.int64]:
    """Return the number in ``LABELS`` of each half second: the most probable course (Viterbi), then the silences.

    A silent half second between two others says nothing, and takes the label of the course.
    """
    evidence = np.where(heard.loud[:, None], np.log(heard.probability + _LEAST_PROBABILITY), 0.0)
    cost = np.full((len(CLASSES), len(CLASSES)), -_CHANGE)
    for first, second in ((0, 2), (1, 2)):
        cost[first, second] = cost[second, first] = -_CHANGE_OF_BED
    np.fill_diagonal(cost, 0.0)
    came_from = np.zeros(evidence.shape, dtype=np.int8)
    score = evidence[0]
    for step in range(1, len(evidence)):
        ways = score[:, None] + cost
        came_from[step] = ways.argmax(axis=0)
        score = ways.max(axis=0) + evidence[step]
    course = np.zeros(len(evidence), dtype=np.int64)
    course[-1] = score.argmax()
    for step in range(len(evidence) - 1, 0, -1):
        course[step - 1] = came_from[step, course[step]]
    edges = np.flatnonzero(np.diff(np.concatenate(([True], heard.loud, [True])).astype(np.int8)))
    for start, end in edges.reshape(-1, 2):
        if end - start >= _LEAST_SILENT_STEPS:
            course[start:end] = _SILENCE
    return course


def _confidence(heard: Heard, course: NDArray[np.int64], start: int, end: int) -> float:
    """Return the mean probability of a segment's label where it can be heard; silence is certain."""
    loud = heard.loud[start:end]
    if course[start] == _SILENCE or not loud.any():
        return 1.0
    probability: Array = heard.probability[start:end, course[start]]
    return round(float(probability[loud].mean()), 3)

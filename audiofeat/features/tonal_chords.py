"""Chords: major and minor triads matched to each frame's pitch classes, smoothed by a Viterbi search.

Conventions: a chord is an index, 0-11 for C to B major, 12-23 for C to B minor, 24 for no chord.

References
----------
Sheh & Ellis, "Chord segmentation and recognition using EM-trained hidden Markov models", ISMIR 2003; templates as in
Fujishima, "Realtime chord recognition of musical sound", ICMC 1999.
"""

import numpy as np
from numpy.typing import NDArray

NO_CHORD = 24
_CHANGE_COST = 8.0
_CONTRAST = 22.0
_NO_CHORD_FIT = 0.5
_FIFTH = 0.95
_BASS_FIT = 0.2
_SCORED_AT_ONCE = 4_096

Array = NDArray[np.float64]


def _templates() -> Array:
    rows = []
    for third in (4, 3):
        for root in range(12):
            row = np.zeros(12)
            row[[root, (root + third) % 12, (root + 7) % 12]] = 1.0, 1.0, _FIFTH
            rows.append(row / np.linalg.norm(row))
    return np.array(rows)


_TEMPLATES = _templates()


def chords(classes: NDArray[np.floating], bass: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return the chord of each frame: those on the best path, where every change costs the same.

    Parameters
    ----------
    classes : array of shape (frames, 12)
        Pitch classes of each frame, from C; a row of zeros has no chord.
    bass : array of shape (frames, 12)
        The same of the bass alone.
    """
    frames = len(classes)
    stays = np.empty((frames, NO_CHORD + 1), dtype=bool)
    leaders = np.empty(frames, dtype=np.int64)
    total = np.zeros(NO_CHORD + 1)
    for start in range(0, frames, _SCORED_AT_ONCE):
        some = slice(start, start + _SCORED_AT_ONCE)
        for frame, score in enumerate(_scores(classes[some], bass[some]), start=start):
            leader = leaders[frame] = total.argmax()
            moved = total[leader] - _CHANGE_COST
            np.greater_equal(total, moved, out=stays[frame])
            np.maximum(total, moved, out=total)
            total += score
    path = np.empty(frames, dtype=np.int64)
    state = int(total.argmax()) if frames else NO_CHORD
    for frame in range(frames - 1, -1, -1):
        path[frame] = state
        if not stays[frame, state]:
            state = int(leaders[frame])
    return path


def _scores(classes: NDArray[np.floating], bass: NDArray[np.floating]) -> Array:
    """Return how well each chord, and none, fits each frame."""
    norm = np.linalg.norm(classes, axis=1, keepdims=True)
    fit = (classes / np.maximum(norm, 1e-12)) @ _TEMPLATES.T
    lowest = bass / np.maximum(bass.max(axis=1, keepdims=True), 1e-12)
    fit += _BASS_FIT * np.tile(lowest, 2)
    return _CONTRAST * np.column_stack((fit, np.where(norm[:, 0] > 0, _NO_CHORD_FIT, 1.5)))

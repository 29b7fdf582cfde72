"""A second opinion on speech: silero-vad, where its weights are installed.

It is asked only where our own model leaves room for doubt: about a possible voice over music, or about a voice that
it is not sure of. Singing, which ours takes for talk over music at times, is what it knows better.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import soxr
from numpy.typing import NDArray

from audiofeat.features import hearing_silero
from audiofeat.features.frames import FRAME, RATE_HZ, Floats
from audiofeat.features.heard import CLASSES, STEP_S, Array
from audiofeat.features.hearing_silero import PIECE

_MUSIC, _BOTH = CLASSES.index("music"), CLASSES.index("speech+music")
_STEP = int(STEP_S * RATE_HZ)
_STEP_PIECES = STEP_S * hearing_silero.RATE_HZ / PIECE
_LEAD_STEPS = 2  # the network has a memory: it hears a second before it is believed
_AROUND_STEPS = 4
_NEAR_STEPS = 1  # of talk some is close by: its neighbours are not talk for its sake
_POSSIBLE = 0.1
_SURE = 0.9
# In talk words are certain and pauses are not speech; over singing it wavers, and is seldom as sure as this.
_CERTAIN = 0.95
# The shares of such pieces where talk is as likely as singing and, without music, as noise.
_AMID_MUSIC, _ALONE = 0.28, 0.15
# Our model takes that much off talk over music, as log-odds, for the sake of songs; asked about them, it need not.
_GIVEN_BACK = 1.25
_SLOPE = 40.0  # log-odds for a share of one
_MOST = 8.0
_LEAST = 1e-9

# Gives the probability of speech in each piece of 512 samples at 16 kHz that follow each other.
Detector = Callable[[Floats], Floats]


def installed() -> Detector | None:
    """Return the detector, or None where its weights are not installed."""
    path = hearing_silero.weights_path()
    return partial(hearing_silero.probabilities, network=hearing_silero.weights(path)) if path else None


class SecondOpinion:
    """Keeps the audio of the half seconds that are not judged yet, and asks where it matters.

    Parameters
    ----------
    detector : Detector
        Who is asked.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        # The analysis signal begins with half a frame that is not of the file.
        self._to_skip = FRAME // 2
        self._waiting = np.zeros(0, dtype=np.float32)
        self._first = 0
        self._steps = 0

    def push(self, mono: Floats) -> None:
        """Take in the next samples of the analysis signal."""
        heard = mono[self._to_skip :]
        self._to_skip -= min(self._to_skip, len(mono))
        self._waiting = np.concatenate((self._waiting, heard))

    def weighed(self, probability: Array) -> Array:
        """Return the probabilities of the next half seconds, weighed anew where there was doubt."""
        doubtful = np.flatnonzero(in_doubt(probability))
        shares = np.zeros((2, len(probability)))
        if len(doubtful):
            start, end = int(doubtful[0]), int(doubtful[-1]) + 1
            shares[:, start:end] = self._certain(start, end)
        self._steps += len(probability)
        keep = max(0, self._steps - _LEAD_STEPS - _AROUND_STEPS - self._first)
        self._waiting = self._waiting[keep * _STEP :].copy()
        self._first += keep
        return reweighed(probability, shares)

    def _certain(self, start: int, end: int) -> Array:
        """Return ``certain_shares`` of a run of the next half seconds."""
        first = max(self._first, self._steps + start - _LEAD_STEPS - _AROUND_STEPS)
        behind = self._steps + end + _AROUND_STEPS
        samples = self._waiting[(first - self._first) * _STEP : (behind - self._first) * _STEP]
        return certain_shares(self._detector, samples, self._steps + start - first, end - start)


def certain_shares(detector: Detector, samples: Floats, start: int, count: int) -> Array:
    """Return which shares of the pieces around each of some half seconds, and close to it, are certainly speech.

    Parameters
    ----------
    detector : Detector
        Who is asked, once and for all of the samples.
    samples : array of shape (samples,)
        The analysis signal.
    start, count : int
        The first of the half seconds, and how many there are.
    """
    said = detector(soxr.resample(samples, RATE_HZ, hearing_silero.RATE_HZ, quality="LQ")) > _CERTAIN
    total = np.concatenate(([0.0], np.cumsum(said)))
    edges = np.arange(start - _AROUND_STEPS, start + count + _AROUND_STEPS + 1)
    at = np.clip(np.round(edges * _STEP_PIECES).astype(int), 0, len(said))
    shares = []
    for steps in (_AROUND_STEPS, _NEAR_STEPS):
        low = at[_AROUND_STEPS - steps :][:count]
        high = at[_AROUND_STEPS + steps + 1 :][:count]
        shares.append((total[high] - total[low]) / np.maximum(high - low, 1))
    return np.array(shares)


def in_doubt(probability: Array) -> NDArray[np.bool_]:
    """Return which half seconds are asked about: a possible voice over music, or a voice that is not sure."""
    given = _given_back(probability)
    speech, music = given[:, ::2].sum(axis=1), given[:, [_MUSIC, _BOTH]].sum(axis=1)
    doubt: NDArray[np.bool_] = (speech > _POSSIBLE) & ((speech < _SURE) | (music > _POSSIBLE))
    return doubt


def reweighed(probability: Array, shares: Array) -> Array:
    """Return probabilities of half seconds, weighed by the shares of certain speech where there is doubt."""
    given, doubt = _given_back(probability), in_doubt(probability)
    wide, near = shares[:, doubt]
    even = np.where(given[doubt][:, [_MUSIC, _BOTH]].sum(axis=1) > _POSSIBLE, _AMID_MUSIC, _ALONE)
    odds = np.exp(np.clip(_SLOPE * (np.minimum(wide, near + even / 3) - even), -_MOST, _MOST))
    given[doubt, ::2] *= odds[:, None]
    given[doubt] /= np.maximum(given[doubt].sum(axis=1, keepdims=True), _LEAST)
    return given


def _given_back(probability: Array) -> Array:
    given = probability.copy()
    given[:, _BOTH] *= np.exp(_GIVEN_BACK)
    given /= np.maximum(given.sum(axis=1, keepdims=True), _LEAST)
    return given

"""Pitch of speech: the autocorrelation of short frames, divided by that of the window.

References
----------
Boersma, "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a sampled
sound", IFA Proceedings 17, 1993.
"""

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from audiofeat.features.frames import HOP, LOW_RATE_HZ, RATE_HZ, TIMBRE_STEP, Floats

LOWEST_HZ, HIGHEST_HZ = 65.0, 500.0
FRAME_HOP = HOP * TIMBRE_STEP * LOW_RATE_HZ // RATE_HZ
"""Samples at 11,025 Hz from one pitch to the next: those of a timbre frame."""
_LENGTH = 512
_TRANSFORM = 1_024
_LAGS = np.arange(int(LOW_RATE_HZ / HIGHEST_HZ), int(LOW_RATE_HZ / LOWEST_HZ) + 2)
_OCTAVE_COST = 0.02
_AT_ONCE = 256
_JUMP_OCTAVES = 0.35
_NEIGHBOURS = 5

Array = NDArray[np.float64]
_WINDOW = np.hanning(_LENGTH + 1)[:-1].astype(np.float32)
# What the window alone makes of a correlation, relative to its greatest.
_CORRELATION = scipy.fft.irfft(np.abs(scipy.fft.rfft(_WINDOW.astype(np.float64), _TRANSFORM)) ** 2)
_OF_WINDOW = np.maximum(_CORRELATION / _CORRELATION[0], 1e-3)


def pitches(samples: Floats) -> tuple[Array, Array]:
    """Return the fundamental frequency of each frame in Hz, and how periodic the frame is (0-1).

    Parameters
    ----------
    samples : array of shape (samples,)
        At 11,025 Hz; frames lie around every 256th sample.
    """
    count = len(samples) // FRAME_HOP
    padded = np.pad(samples, (_LENGTH // 2, _LENGTH))
    frames = sliding_window_view(padded, _LENGTH)[: count * FRAME_HOP : FRAME_HOP]
    hz, strength = np.zeros(count), np.zeros(count)
    for first in range(0, count, _AT_ONCE):
        some = slice(first, first + _AT_ONCE)
        hz[some], strength[some] = _of_frames(frames[some])
    return _without_leaps(hz, strength), strength


def _of_frames(frames: Floats) -> tuple[Array, Array]:
    centred = (frames - frames.mean(axis=1, keepdims=True)) * _WINDOW
    spectrum = scipy.fft.rfft(centred, _TRANSFORM, axis=1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    correlation = scipy.fft.irfft(power, _TRANSFORM, axis=1)[:, : _LAGS[-1] + 2]
    correlation /= np.maximum(correlation[:, :1], 1e-12) * _OF_WINDOW[: _LAGS[-1] + 2]
    inner = correlation[:, _LAGS]
    is_peak = (inner >= correlation[:, _LAGS - 1]) & (inner > correlation[:, _LAGS + 1])
    # A period twice as long fits as well: the shorter one is preferred.
    worth = np.where(is_peak, inner - _OCTAVE_COST * np.log2(_LAGS / _LAGS[0]), -1.0)
    best = worth.argmax(axis=1)
    at = np.arange(len(frames))
    before, here, after = (correlation[at, _LAGS[best] + step] for step in (-1, 0, 1))
    curve = before - 2 * here + after
    shift = np.where(np.abs(curve) > 1e-9, 0.5 * (before - after) / np.where(np.abs(curve) > 1e-9, curve, 1.0), 0.0)
    strength = np.where(worth[at, best] > 0, np.clip(here, 0.0, 0.999), 0.0)
    return LOW_RATE_HZ / (_LAGS[best] + np.clip(shift, -1, 1)), strength


def _without_leaps(hz: Array, strength: Array) -> Array:
    """Bring pitches that lie an octave or so off the weighted middle of their neighbours back to it."""
    if len(hz) < _NEIGHBOURS:
        return hz
    octaves = np.log2(np.maximum(hz, 1.0))
    padded = np.pad(octaves, _NEIGHBOURS // 2, mode="edge")
    middle = np.median(sliding_window_view(padded, _NEIGHBOURS), axis=1)
    away = np.round(octaves - middle)
    leaps = (np.abs(octaves - middle) > _JUMP_OCTAVES) & (away != 0) & (strength > 0)
    back: Array = np.where(leaps, hz / 2.0**away, hz)
    return back

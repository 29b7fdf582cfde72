"""Tonal content: tuning, pitch-class profile, key and mode.

Conventions: pitch classes with sharps, C first; ``mode`` is "major" or "minor"; the tuning is that of A4 in Hz.
Sound with fewer than three pitch classes, or with a profile that fits no key, is ``atonal``: key and mode are null.

References
----------
HPCP: Gomez, "Tonal description of music audio signals", PhD thesis, UPF 2006. Profiles bgate and edma: Faraldo et al.,
"Key estimation in electronic dance music", ECIR 2016; temperley: Temperley, "What's key for key?", 1999; all three
as in Essentia's Key.
"""

from collections import Counter

import numpy as np
import scipy.fft
import soxr
from essentia import standard as essentia
from numpy.typing import NDArray

from audiofeat.domain.quality import Reason
from audiofeat.features.frames import RATE_HZ, Floats, Frames, Measured, Result

PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_SHARPS = {"Bb": "A#", "Eb": "D#", "Ab": "G#", "Db": "C#", "Gb": "F#"}
_PROFILES = ("bgate", "edma", "temperley")
_TAP_HZ = RATE_HZ // 2
_FRAME = 4096
_HOP = 2048
_RANGE_HZ = (65.0, 3_500.0)
_FINE = 10
_BINS = 12 * _FINE
_HPCP_SIZE = 36
_HARMONICS = 4
_HARMONIC_DECAY = 0.6
_PEAK_FLOOR_DB = 45.0
_LEAST_STRENGTH = 0.48
_LEAST_CLASSES = 3
_CLASS_PRESENT = 0.12

Array = NDArray[np.float64]


class Tonal:
    """Accumulates a fine chroma (10 bins a semitone) for each block from a tap at 11,025 Hz."""

    def __init__(self) -> None:
        self._resampler = soxr.ResampleStream(RATE_HZ, _TAP_HZ, 1, dtype="float32", quality="HQ")
        self._tail = np.zeros(0, dtype=np.float32)
        self._window = np.hanning(_FRAME).astype(np.float32)
        self._chroma: list[Array] = []
        self._tuning = 0j

    def push(self, frames: Frames) -> None:
        """Take in one block."""
        signal = np.concatenate((self._tail, self._resampler.resample_chunk(frames.mono)))
        count = max(0, (len(signal) - _FRAME) // _HOP + 1)
        self._tail = signal[count * _HOP :]
        if count:
            windows = np.lib.stride_tricks.sliding_window_view(signal, _FRAME)[: count * _HOP : _HOP]
            magnitude = np.abs(scipy.fft.rfft(windows * self._window, axis=1))
            self._collect(magnitude)

    def _collect(self, magnitude: Floats) -> None:
        """Add the spectral peaks, each also as a harmonic of lower pitches, to the fine chroma of the block."""
        low, high = (int(hz * _FRAME / _TAP_HZ) for hz in _RANGE_HZ)
        decibel = 20 * np.log10(magnitude + 1e-9)
        here, left, right = decibel[:, low:high], decibel[:, low - 1 : high - 1], decibel[:, low + 1 : high + 1]
        floor_db = np.maximum(here.max(axis=1, keepdims=True) - _PEAK_FLOOR_DB, -40.0)
        frame, column = np.nonzero((here > left) & (here >= right) & (here > floor_db))
        if not len(frame):
            self._chroma.append(np.zeros(_BINS))
            return
        a, b, c = left[frame, column], here[frame, column], right[frame, column]
        shift = 0.5 * (a - c) / (a - 2 * b + c)
        hz = (low + column + shift) * (_TAP_HZ / _FRAME)
        pitch = 12 * np.log2(hz / 440.0) + 9
        weight = 10 ** (b / 40)
        self._tuning += complex(np.sum(weight**2 * np.exp(2j * np.pi * pitch)))
        total = np.zeros(_BINS)
        for harmonic in range(1, _HARMONICS + 1):
            fine = np.round((pitch - 12 * np.log2(harmonic)) * _FINE).astype(np.int64) % _BINS
            total += np.bincount(fine, weight * _HARMONIC_DECAY ** (harmonic - 1), minlength=_BINS)
        self._chroma.append(total)

    def result(self, measured: Measured, silence: Reason | None) -> Result:  # noqa: ARG002  the groups' one signature
        """Return key, mode, strength, tuning, the pitch-class profile and how much it changes."""
        result = Result()
        chroma = np.array(self._chroma) if self._chroma else np.zeros((0, _BINS))
        sounding = chroma.sum() > 0
        reason = silence or (None if sounding else Reason.ATONAL)
        if reason:
            for name in ("key", "mode", "key_strength", "tuning_hz", "hpcp", "hpcp_change"):
                result.put(name, None, reason)
            return result
        deviation = float(np.angle(self._tuning) / (2 * np.pi))
        profile = _fold(chroma.sum(axis=0), deviation, 12)
        profile /= profile.max()
        blocks = np.array([_fold(block, deviation, 12) for block in chroma if block.sum() > 0])
        blocks /= blocks.sum(axis=1, keepdims=True)
        result.put("tuning_hz", 440.0 * 2 ** (deviation / 12))
        result.put("hpcp", [float(v) for v in profile])
        result.put("hpcp_change", float(np.abs(np.diff(blocks, axis=0)).sum(axis=1).mean()) if len(blocks) > 1 else 0.0)
        key, mode, strength = _key(_fold(chroma.sum(axis=0), deviation, _HPCP_SIZE))
        result.put("key_strength", strength)
        present = int(np.count_nonzero(profile > _CLASS_PRESENT))
        tonal = strength >= _LEAST_STRENGTH and present >= _LEAST_CLASSES
        result.put("key", key if tonal else None, Reason.ATONAL)
        result.put("mode", mode if tonal else None, Reason.ATONAL)
        return result


def _fold(fine: Array, deviation: float, size: int) -> Array:
    """Shift the fine chroma by the tuning (semitones) and gather it into ``size`` bins, C first."""
    centres = np.arange(size) * (_BINS / size) + deviation * _FINE
    distance = (np.arange(_BINS)[None, :] - centres[:, None] + _BINS / 2) % _BINS - _BINS / 2
    width = max(_BINS / size, _FINE * 2 / 3)
    weight = np.where(np.abs(distance) < width, np.cos(np.pi / 2 * distance / width) ** 2, 0.0)
    folded: Array = weight @ fine
    return folded


def _key(hpcp: Array) -> tuple[str, str, float]:
    """Return the key that most profiles vote for, its mode and the mean strength (0-1) of its voters."""
    from_a = np.roll(hpcp / hpcp.max(), -9 * _HPCP_SIZE // 12).astype(np.float32)
    votes = []
    for profile in _PROFILES:
        key, mode, strength, _ = essentia.Key(profileType=profile, pcpSize=_HPCP_SIZE)(from_a)
        votes.append((_SHARPS.get(key, key), mode, float(strength)))
    tally = Counter((key, mode) for key, mode, _ in votes)
    winner = max(tally, key=lambda vote: (tally[vote], max(s for k, m, s in votes if (k, m) == vote)))
    agreement = tally[winner] / len(votes)
    strength = float(np.mean([s for k, m, s in votes if (k, m) == winner]))
    return *winner, float(np.clip(strength * (0.7 + 0.3 * agreement), 0, 1))

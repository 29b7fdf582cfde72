"""Tonal content: tuning, pitch classes, key and its rival, chords, roughness.

Conventions: pitch classes with sharps, C first; ``mode`` is "major" or "minor"; the tuning is that of A4 in Hz; a chord
is "C", "C#m" or "N" for none. Sound with fewer than three pitch classes, overtones not counted, or whose peaks lie on
no common grid of semitones or fit no scale, is ``atonal``: key and chords are null.

References
----------
HPCP: Gomez, "Tonal description of music audio signals", PhD thesis, UPF 2006. Roughness: Plomp & Levelt, JASA 1965;
Sethares, "Local consonance and the relationship between timbre and scale", JASA 1993.
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.quality import Reason
from audiofeat.features import tonal_spectrum as spectrum
from audiofeat.features.frames import Floats, Frames, Measured, Result
from audiofeat.features.tonal_chords import NO_CHORD, chords
from audiofeat.features.tonal_gate import Order, is_tonal, strength
from audiofeat.features.tonal_key import evidence, keys

PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
CHORDS = (*PITCH_CLASSES, *(f"{name}m" for name in PITCH_CLASSES), "N")
_MODES = ("major", "minor")
_OF_KEY = ("key", "mode", "key_second", "mode_second", "key_second_strength", "key_clarity")
_OF_CHORDS = ("chord_times_s", "chord_labels", "chord_histogram", "chord_change_rate_hz")
_OF_PITCH = ("key_strength", "tuning_hz", "hpcp", "hpcp_36", "hpcp_curve", "hpcp_change", "dissonance")
# All peaks, those that are no overtones, and the bass.
_KINDS = ("whole", "clean", "bass")
# The tuning is taken anew every ten minutes: long programmes play records that are tuned apart.
_TUNED_FRAMES = round(600 * spectrum.FRAME_RATE_HZ)
_BASS_COLUMNS = 2 * spectrum.BINS
_AUDIBLE_WEIGHT = 10 ** (-50 / 40)
_BLOCK_FRAMES = round(4 * spectrum.FRAME_RATE_HZ)
_EVERY_DISSONANCE = 4

Array = NDArray[np.float64]


class Tonal:
    """Accumulates pitch classes, five bins a semitone, for each frame (186 ms) of the signal at 11,025 Hz."""

    def __init__(self) -> None:
        self._tail = np.zeros(0, dtype=np.float32)
        self._frames = 0
        self._untuned: list[NDArray[Any]] = [
            np.zeros((0, len(_KINDS) * spectrum.BINS), dtype=np.float16), np.zeros(0, np.float32), np.zeros(0, complex),
        ]  # fmt: skip
        self._deviation = 0j
        self._level: list[Floats] = []
        self._thirds = np.zeros(36)
        self._classes: list[NDArray[np.float16]] = []
        self._order = Order()
        self._rough = np.zeros(2)

    def push(self, frames: Frames) -> None:
        """Take in one block."""
        signal = np.concatenate((self._tail, frames.low))
        count = max(0, (len(signal) - spectrum.FRAME) // spectrum.HOP + 1)
        self._tail = signal[count * spectrum.HOP :]
        if not count:
            return
        grid, deviation = spectrum.peaks(signal[: (count - 1) * spectrum.HOP + spectrum.FRAME])
        level = grid.sum(axis=1)
        # Shares of their frame fit half precision at any level.
        grid /= np.maximum(level, np.float32(1e-9))[:, None]
        chosen = slice(-self._frames % _EVERY_DISSONANCE, None, _EVERY_DISSONANCE)
        self._rough += np.array((_roughness(grid[chosen]), np.count_nonzero(level[chosen])))
        self._frames += count
        kinds = (grid, spectrum.fundamentals(grid), grid[:, :_BASS_COLUMNS])
        rows = np.hstack([spectrum.folded(kind) for kind in kinds]).astype(np.float16)
        self._untuned = [np.concatenate(pair) for pair in zip(self._untuned, (rows, level, deviation), strict=True)]
        while len(self._untuned[0]) >= _TUNED_FRAMES:
            self._tune(_TUNED_FRAMES)

    def _tune(self, count: int) -> None:
        """Gather the first so many frames into semitones, by their own tuning."""
        rows, level, deviation = (values[:count] for values in self._untuned)
        self._untuned = [values[count:].copy() for values in self._untuned]
        self._deviation += complex(deviation.sum())
        semitones = float(np.angle(deviation.sum()) / (2 * np.pi))
        fine = rows.astype(np.float32).reshape(-1, spectrum.BINS)
        heard = level > level.max(initial=0.0) * _AUDIBLE_WEIGHT
        self._order.push(fine[:: len(_KINDS)][heard], fine[1 :: len(_KINDS)][heard], semitones)
        self._level.append(level)
        self._thirds += spectrum.tuned(level @ fine[:: len(_KINDS)], semitones, 36)
        self._classes.append(spectrum.tuned(fine, semitones, 12).reshape(count, 12 * len(_KINDS)).astype(np.float16))

    def pitch_classes(self) -> tuple[float, Floats, Floats, Floats]:
        """Return the tuning (semitones above 440 Hz) and shares of 12 pitch classes in each frame.

        The shares, shape (frames, 12) each, are of all peaks, of all that are no overtones, and of the bass; frames
        that cannot be heard beside the loudest are zeros. Ask once: an item of hours is not kept twice.
        """
        self._tune(len(self._untuned[0]))
        level = np.concatenate(self._level)
        shares = np.concatenate(self._classes, dtype=np.float32)
        self._classes.clear()
        shares[level <= level.max() * _AUDIBLE_WEIGHT] = 0.0
        whole, clean, bass = np.split(shares, len(_KINDS), axis=1)
        return float(np.angle(self._deviation) / (2 * np.pi)), whole, clean, bass

    def order(self) -> Array:
        """Return what tells tones from noise, as ``tonal_gate`` takes it; ask for the pitch classes first."""
        return self._order.values()

    def result(self, measured: Measured, silence: Reason | None) -> Result:  # noqa: ARG002  the groups' one signature
        """Return key, tuning, pitch-class profiles, chords and roughness."""
        result = Result()
        reason = silence or (None if self._rough[1] else Reason.ATONAL)
        if reason:
            for name in (*_OF_PITCH, *_OF_KEY, *_OF_CHORDS):
                result.put(name, None, reason)
            return result
        deviation, whole, clean, bass = self.pitch_classes()
        level = np.concatenate(self._level)
        profile = _largest_one(np.asarray(level @ whole, dtype=np.float64))
        played = _largest_one(np.asarray(level @ clean, dtype=np.float64))
        result.put("tuning_hz", 440.0 * 2 ** (deviation / 12))
        result.put("hpcp", profile.tolist())
        result.put("hpcp_36", _largest_one(self._thirds).tolist())
        result.put("hpcp_curve", _by_second(whole * level[:, None]))
        result.put("hpcp_change", _change(whole * level[:, None]))
        result.put("dissonance", float(min(self._rough[0] / max(self._rough[1], 1), 1.0)))
        found = chords(clean, bass)
        ranked = keys(evidence(whole, clean, bass, found))
        result.put("key_strength", strength(played, ranked[0].number))
        if not is_tonal(self.order(), clean, played):
            for name in (*_OF_KEY, *_OF_CHORDS):
                result.put(name, None, Reason.ATONAL)
            return result
        first, second = ranked[:2]
        result.put("key", PITCH_CLASSES[first.number % 12])
        result.put("mode", _MODES[first.number // 12])
        result.put("key_second", PITCH_CLASSES[second.number % 12])
        result.put("mode_second", _MODES[second.number // 12])
        result.put("key_second_strength", strength(played, second.number))
        result.put("key_clarity", first.probability)
        _put_chords(result, found)
        return result


def _put_chords(result: Result, found: NDArray[np.int64]) -> None:
    starts = np.flatnonzero(np.diff(found, prepend=-1))
    result.put("chord_times_s", [round(float(n), 3) for n in starts / spectrum.FRAME_RATE_HZ])
    result.put("chord_labels", [CHORDS[chord] for chord in found[starts]])
    shares = np.bincount(found, minlength=NO_CHORD + 1)[:NO_CHORD]
    result.put("chord_histogram", (shares / max(int(shares.sum()), 1)).tolist())
    result.put("chord_change_rate_hz", (len(starts) - 1) * spectrum.FRAME_RATE_HZ / len(found))


def _largest_one(values: Array) -> Array:
    return values / max(float(values.max()), 1e-12)


def _by_second(rows: NDArray[np.floating]) -> list[list[float]]:
    """Return one profile a second, its largest value 1; a silent second is all zeros."""
    second = (np.arange(len(rows)) / spectrum.FRAME_RATE_HZ).astype(np.int64)
    sums = np.add.reduceat(rows, np.searchsorted(second, np.arange(second[-1] + 1)), axis=0)
    scaled: list[list[float]] = np.round(sums / np.maximum(sums.max(axis=1, keepdims=True), 1e-12), 3).tolist()
    return scaled


def _change(rows: NDArray[np.floating]) -> float:
    """Return the mean absolute change of the profile (its sum 1) from 4 s to the next."""
    blocks = np.add.reduceat(rows, np.arange(0, len(rows), _BLOCK_FRAMES), axis=0)
    blocks = blocks[blocks.sum(axis=1) > 0]
    blocks /= blocks.sum(axis=1, keepdims=True)
    return float(np.abs(np.diff(blocks, axis=0)).sum(axis=1).mean()) if len(blocks) > 1 else 0.0


@cache
def _kernel() -> Floats:
    """Return the roughness of two partials for each two columns of the grid, 1 at its worst."""
    hz = spectrum.LOWEST_HZ * 2 ** (np.arange(spectrum.OCTAVES * spectrum.BINS) / spectrum.BINS)
    apart = np.abs(hz[:, None] - hz) * (0.24 / (0.021 * np.minimum(hz[:, None], hz) + 19))
    curve = np.exp(-3.5 * apart) - np.exp(-5.75 * apart)
    scaled: Floats = (curve / curve.max()).astype(np.float32)
    return scaled


def _roughness(grid: Floats) -> float:
    """Return the summed roughness of frames whose weights sum to 1 each."""
    return float(np.einsum("ij,ij->", grid @ _kernel(), grid))

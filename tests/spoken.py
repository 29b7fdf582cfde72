"""Talk that is made here, with exact labels: voiced syllables at a known pitch, pauses of known length."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.block import summed
from audiofeat.features.frames import RATE_HZ, Frames, Group, SharedSpectrum
from audiofeat.features.heard import CLASSES, Heard

Signal = NDArray[np.float32]
_VOWELS_HZ = ((310, 2_200), (700, 1_250), (550, 900), (330, 850))
_BLOCK_S = 4


def syllable(seconds: float, pitch_hz: float, vowel: int) -> Signal:
    """Return one vowel behind a short closure: harmonics under two formants."""
    clock_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    formants = _VOWELS_HZ[vowel % len(_VOWELS_HZ)]
    sound = np.zeros(len(clock_s))
    for number in range(1, int(5_000 / pitch_hz)):
        hz = number * pitch_hz
        gain = sum(1 / (1 + ((hz - formant) / 120) ** 2) for formant in formants) + 0.02
        sound += gain / number * np.sin(2 * np.pi * hz * clock_s)
    closed = round(0.3 * len(sound))
    envelope = np.concatenate((np.full(closed, 0.03), np.hanning(len(sound) - closed)))
    return (0.3 * envelope * sound).astype(np.float32)


def talk(
    *, rate_hz: float = 4.0, pitch_hz: Callable[[int], float] = lambda _: 120.0, phrases: int = 6, pause_s: float = 0.6,
    syllables: int = 12,
) -> Signal:  # fmt: skip
    """Return phrases of syllables with pauses between them; the pitch is a function of the syllable's number."""
    parts = []
    for phrase in range(phrases):
        parts += [syllable(1 / rate_hz, pitch_hz(phrase * syllables + n), phrase + n) for n in range(syllables)]
        parts.append(np.zeros(round(pause_s * RATE_HZ), dtype=np.float32))
    return np.concatenate(parts[:-1])


def fed(group: Group, signal: Signal, label: str = "speech") -> Group:
    """Feed mono sound block by block, all of it heard as the label says."""
    spectrum, told = SharedSpectrum(RATE_HZ), 0
    for start in range(0, len(signal), _BLOCK_S * RATE_HZ):
        block = signal[start : start + _BLOCK_S * RATE_HZ]
        last = start + _BLOCK_S * RATE_HZ >= len(signal)
        frames: Frames = spectrum.push(summed(block[:, None], RATE_HZ), block, last=last)
        steps = 2 * (start + len(block)) // RATE_HZ
        probability = np.zeros((steps - told, len(CLASSES)))
        probability[:, CLASSES.index(label)] = 1.0
        group.push(replace(frames, heard=Heard(probability, np.ones(steps - told, dtype=bool))))
        told = steps
    return group

"""Spoken programmes with exact labels: synthesised voices, pauses of known length, beds and noise at known ratios.

Voices are those of espeak-ng, where it is installed. They read made-up words in which every vowel is a syllable of its
own; none of them is among the voices that the speech model was fitted on.
"""

import io
import shutil
import subprocess
from dataclasses import dataclass

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from audiofeat.features.frames import RATE_HZ

Samples = NDArray[np.float32]

VOICES = ("it+m1", "fi+f2", "es+m3", "hu+f4", "id+m7", "sw+f5")
WORDS_PER_MIN = (120, 150, 180, 220)
ESPEAK = shutil.which("espeak-ng")
_AUDIBLE_BELOW_PEAK_DB = 40.0
_PAUSES_S = (0.3, 0.9)


@dataclass(frozen=True, slots=True)
class Talk:
    """Speech and what is known of it; times in seconds."""

    samples: Samples
    syllables: int
    pauses_s: list[tuple[float, float]]
    utterances_s: list[tuple[float, float]]


def made_up(rng: np.random.Generator, words: int) -> tuple[str, int]:
    """Return words of consonants and vowels in turn, and how many syllables they have."""
    lengths = rng.integers(1, 5, words)
    text = [
        "".join(rng.choice(list("bdfklmnprstv")) + rng.choice(list("aeiou")) for _ in range(length))
        for length in lengths
    ]
    return " ".join(text), int(lengths.sum())


def say(text: str, voice: str, *, words_per_min: int, pitch: int = 50) -> Samples:
    """Return what espeak-ng reads, without the silence at its ends."""
    if ESPEAK is None:
        raise RuntimeError("espeak-ng is not installed")
    command = [ESPEAK, "-v", voice, "-s", str(words_per_min), "-p", str(pitch), "-g", "0", "--stdout", text]
    wav = subprocess.run(command, capture_output=True, check=True).stdout
    samples, rate_hz = soundfile.read(io.BytesIO(wav), dtype="float32")
    samples = soxr.resample(samples, rate_hz, RATE_HZ)
    size = RATE_HZ // 100
    level = 10 * np.log10(np.square(samples[: len(samples) // size * size]).reshape(-1, size).mean(axis=1) + 1e-12)
    loud = np.flatnonzero(level > level.max() - _AUDIBLE_BELOW_PEAK_DB)
    cut: Samples = samples[loud[0] * size : (loud[-1] + 1) * size]
    return cut / np.float32(max(float(np.sqrt(np.mean(np.square(cut)))), 1e-6)) * np.float32(0.1)


def talk(
    voice: str, seconds: float, *, words_per_min: int, seed: int, pause_s: tuple[float, float] = (0.3, 0.9)
) -> Talk:
    """Return phrases of three to seven words with pauses of random length between them."""
    rng = np.random.default_rng(seed)
    parts: list[Samples] = []
    pauses: list[tuple[float, float]] = []
    utterances: list[tuple[float, float]] = []
    syllables, at = 0, 0
    while at < seconds * RATE_HZ:
        if parts:
            count = round(rng.uniform(*pause_s) * RATE_HZ)
            parts.append(np.zeros(count, dtype=np.float32))
            pauses.append((at / RATE_HZ, (at + count) / RATE_HZ))
            at += count
        text, number = made_up(rng, int(rng.integers(3, 8)))
        phrase = say(text, voice, words_per_min=words_per_min)
        parts.append(phrase)
        utterances.append((at / RATE_HZ, (at + len(phrase)) / RATE_HZ))
        syllables += number
        at += len(phrase)
    return Talk(np.concatenate(parts), syllables, pauses, utterances)


def with_under(speech: Samples, under: Samples, ratio_db: float) -> Samples:
    """Lay speech over something at a ratio of their powers."""
    bed = np.resize(under, len(speech))
    gain = np.sqrt(np.mean(np.square(speech)) / max(float(np.mean(np.square(bed))), 1e-12)) * 10 ** (-ratio_db / 20)
    mixed: Samples = (speech + gain * bed).astype(np.float32)
    return mixed

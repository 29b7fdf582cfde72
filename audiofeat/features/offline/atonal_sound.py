"""Sound without a key: noise, clicks, talk, drum kits, Shepard tones, runs through all twelve pitch classes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from audiofeat.features.frames import RATE_HZ, Floats
from audiofeat.features.offline.arrangements import Song
from audiofeat.features.offline.genres import GENRES
from audiofeat.features.offline.made_sound import KINDS, Samples
from audiofeat.features.offline.render_midi import midi, render

_DRUM_CHANNEL = 9
_SHEPARD_LOWEST_HZ = 20.0
_SHEPARD_OCTAVES = 10
_UNPITCHED = ("noise", "clicks", "talk", "tones")


def shepard(seconds: int, rng: np.random.Generator, *, gliding: bool = False) -> Samples:
    """Return Shepard's tones (JASA 1964), rising or falling for ever in semitones, or gliding."""
    clock_s = np.arange(seconds * RATE_HZ) / RATE_HZ
    octaves = clock_s * rng.uniform(0.08, 0.5) * rng.choice((-1, 1)) + rng.uniform()
    if not gliding:
        octaves = np.floor(octaves * 12) / 12
    samples = np.zeros(len(clock_s))
    for voice in range(_SHEPARD_OCTAVES):
        height = (octaves + voice) % _SHEPARD_OCTAVES
        loudness = np.exp(-0.5 * np.square((height - _SHEPARD_OCTAVES / 2) / 1.5))
        samples += loudness * np.sin(2 * np.pi * np.cumsum(_SHEPARD_LOWEST_HZ * 2**height) / RATE_HZ)
    return samples


def twelve_tones(seconds: int, rng: np.random.Generator) -> Samples:
    """Return struck tones that use all pitch classes alike: up the semitones, or in shuffled rows."""
    samples = np.zeros((seconds + 2) * RATE_HZ)
    step_s, lowest_hz = rng.uniform(0.08, 0.35), rng.uniform(90, 300)
    clock_s = np.arange(int(rng.uniform(0.2, 1.0) * RATE_HZ)) / RATE_HZ
    falling, shuffled = np.exp(-clock_s * rng.uniform(2, 12)), rng.random() < 0.5
    row = np.arange(12)
    for number, at_s in enumerate(np.arange(0, seconds, step_s)):
        if number % 12 == 0 and shuffled:
            row = rng.permutation(12)
        hz = lowest_hz * 2 ** ((row[number % 12] + 12 * (shuffled and rng.integers(2))) / 12)
        start = int(at_s * RATE_HZ)
        samples[start : start + len(clock_s)] += falling * sum(
            np.sin(2 * np.pi * n * hz * clock_s) / n for n in range(1, 6)
        )
    return samples[: seconds * RATE_HZ]


def drum_kit(seconds: int, rng: np.random.Generator, font: Path) -> Floats:
    """Return a drum part of some genre, alone."""
    genres = [genre for genre in GENRES.values() if genre.drums]
    genre = genres[rng.integers(len(genres))]
    period_s = 60 / float(rng.uniform(*genre.bpm))
    beats = np.arange(0, seconds, period_s)
    song = Song("drums", "", genre.beats, 60 / period_s, beats, beats[:: genre.beats])
    song.programs[_DRUM_CHANNEL] = int(rng.choice((0, 8, 16, 25, 32, 40)))
    song.volumes[_DRUM_CHANNEL] = 110
    drums = genre.drums[rng.integers(len(genre.drums))]
    for pitch, line in drums.items():
        for bar in song.downbeat_times_s:
            places = bar + period_s / genre.steps * np.flatnonzero([sign != "." for sign in line])
            song.notes += [(_DRUM_CHANNEL, float(at), 0.1, pitch, int(rng.integers(60, 120))) for at in places]
    return render(midi(song), font)


def atonal(count: int, seed: int, font: Path) -> Iterator[tuple[str, Floats]]:
    """Yield kind and samples (mono, 22,050 Hz) of so many sounds without a key, 8 to 20 s each."""
    makers: dict[str, Callable[[int, np.random.Generator], Samples | Floats]] = {
        **{kind: KINDS[kind][1] for kind in _UNPITCHED},
        "drums": lambda seconds, rng: drum_kit(seconds, rng, font),
        "more drums": lambda seconds, rng: drum_kit(seconds, rng, font),
        "shepard": shepard,
        "glide": lambda seconds, rng: shepard(seconds, rng, gliding=True),
        "twelve tones": twelve_tones,
    }
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        kind = list(makers)[number % len(makers)]
        samples = makers[kind](int(rng.integers(8, 21)), rng)
        yield kind, np.asarray(0.5 * samples / max(float(np.abs(samples).max()), 1e-9), dtype=np.float32)

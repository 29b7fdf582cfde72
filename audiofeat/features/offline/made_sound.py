"""Made sound for fitting the speech model: voices that talk or sing nonsense, chords, drums, tones, clicks, noise.

Each maker takes seconds and a generator and returns samples at the rate of the shared spectrum, at any level.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from audiofeat.features.frames import RATE_HZ

Samples = NDArray[np.float64]
Maker = Callable[[int, np.random.Generator], Samples]

_CONTROL_HZ = 200
_VOWELS_HZ = ((310, 2_200, 2_900), (450, 1_900, 2_600), (700, 1_250, 2_500), (550, 900, 2_450), (330, 850, 2_350))
_FORMANT_WIDTHS_HZ = (90.0, 130.0, 200.0)


@dataclass(frozen=True, slots=True)
class _Score:
    """What a voice does, in stretches at control rate."""

    pitch: list[Samples]
    voicing: list[Samples]
    vowels: list[Samples]
    hiss: list[Samples]

    @property
    def length(self) -> int:
        return sum(len(stretch) for stretch in self.pitch)


def coloured(count: int, slope: float, rng: np.random.Generator) -> Samples:
    """Return noise whose amplitude falls with frequency to the power of ``slope`` (0 white, 0.5 pink, 1 brown)."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    spectrum /= np.maximum(np.arange(len(spectrum)), count * 30 / RATE_HZ) ** slope
    return np.fft.irfft(spectrum, count)


def _talk(seconds: int, rng: np.random.Generator) -> Samples:
    """Syllables of a consonant and a vowel with gliding pitch, in phrases with pauses."""
    base_hz = float(rng.choice([rng.uniform(80, 150), rng.uniform(150, 280)]))
    pace_s = rng.uniform(0.14, 0.26)
    score = _Score([], [], [], [])
    while score.length < seconds * _CONTROL_HZ:
        syllables = int(rng.integers(4, 14))
        for syllable in range(syllables):
            count = int(_CONTROL_HZ * pace_s * rng.uniform(0.7, 1.4) * (1.5 if syllable == syllables - 1 else 1.0))
            consonant = int(count * rng.uniform(0.2, 0.5))
            accent = rng.uniform(0.9, 1.3) * (1.1 - 0.25 * syllable / syllables)
            score.pitch.append(base_hz * accent * np.linspace(1.0, rng.uniform(0.8, 1.15), count))
            voiced = np.full(count, rng.uniform(0.6, 1.0))
            voiced[:consonant] = rng.choice([0.0, 0.1, 0.4])
            noisy = np.zeros(count)
            noisy[rng.integers(consonant) if consonant > 1 else 0 : consonant] = rng.choice([0.0, 0.1, 0.3])
            score.voicing.append(voiced)
            score.hiss.append(noisy)
            score.vowels.append(np.tile(_VOWELS_HZ[int(rng.integers(len(_VOWELS_HZ)))], (count, 1)))
        gap = int(_CONTROL_HZ * rng.uniform(0.15, 0.7))
        score.pitch.append(np.full(gap, base_hz))
        score.voicing.append(np.zeros(gap))
        score.hiss.append(np.zeros(gap))
        score.vowels.append(np.tile(score.vowels[-1][-1], (gap, 1)))
    return _voice(seconds, score, rng)


def _sing(seconds: int, rng: np.random.Generator) -> Samples:
    """Held vowels on the steps of a scale, with vibrato, almost without pauses."""
    root_hz = rng.uniform(110, 330)
    score = _Score([], [], [], [])
    while score.length < seconds * _CONTROL_HZ:
        count = int(_CONTROL_HZ * rng.choice([0.35, 0.5, 1.0, 1.5]))
        clock_s = np.arange(count) / _CONTROL_HZ
        vibrato = 1 + rng.uniform(0, 0.015) * np.sin(2 * np.pi * rng.uniform(4.5, 6.5) * clock_s)
        score.pitch.append(root_hz * 2 ** (rng.choice([0, 2, 4, 5, 7, 9, 12]) / 12) * vibrato)
        voiced = np.ones(count)
        voiced[: int(rng.integers(0, 12))] = 0.3
        score.voicing.append(voiced)
        score.hiss.append(np.zeros(count))
        score.vowels.append(np.tile(_VOWELS_HZ[int(rng.integers(len(_VOWELS_HZ)))], (count, 1)))
    return _voice(seconds, score, rng)


def _voice(seconds: int, score: _Score, rng: np.random.Generator) -> Samples:
    """Add up harmonics under the formants' resonances, and noise for the consonants."""
    count = seconds * _CONTROL_HZ
    soft = np.hanning(9)[1:-1] / 4
    curves = (np.concatenate(curve)[:count] for curve in (score.pitch, score.voicing, score.hiss))
    pitch_hz, level, noisy = (np.convolve(curve, soft, "same") for curve in curves)
    vowels = scipy.signal.convolve(np.concatenate(score.vowels)[:count], soft[:, None], "same")
    formants = vowels * rng.uniform(0.9, 1.2)
    pitch_hz = np.maximum(pitch_hz * (1 + 0.008 * rng.standard_normal(count)), 60)
    at = np.linspace(0, count - 1, seconds * RATE_HZ)
    grid = np.arange(count)
    phase = np.cumsum(np.interp(at, grid, pitch_hz)) * 2 * np.pi / RATE_HZ
    samples = np.zeros(len(at))
    tilt = rng.uniform(0.8, 1.6)
    for harmonic in range(1, int(7_000 / pitch_hz.mean())):
        hz = harmonic * pitch_hz
        resonance = sum(1 / (1 + ((hz - formants[:, n]) / width) ** 2) for n, width in enumerate(_FORMANT_WIDTHS_HZ))
        loudness = level * (resonance + 0.02) * harmonic**-tilt * (hz < 0.45 * RATE_HZ)
        samples += np.interp(at, grid, loudness) * np.sin(harmonic * phase)
    samples /= max(float(np.abs(samples).max()), 1e-9)
    sections = scipy.signal.butter(2, [rng.uniform(1_500, 3_500), 8_500], "bandpass", fs=RATE_HZ, output="sos")
    breath = scipy.signal.sosfilt(sections, rng.standard_normal(len(samples)))
    floor = 10 ** rng.uniform(-5, -1.7) * rng.standard_normal(len(samples))
    return np.asarray(samples + np.interp(at, grid, noisy) * breath + floor)


def _note(hz: float, seconds: float, decay_s: float, rng: np.random.Generator, partials: int = 10) -> Samples:
    clock_s = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    falling = np.exp(-clock_s / decay_s) * np.minimum(1, clock_s / 0.005)
    tilt = rng.uniform(0.7, 2.0)
    orders = [n for n in range(1, partials + 1) if n * hz < 0.45 * RATE_HZ]
    tones = [np.sin(2 * np.pi * n * hz * clock_s + rng.uniform(0, 6.28)) * n**-tilt for n in orders]
    return np.asarray(np.sum(tones, axis=0) * falling)


def _chords(seconds: int, rng: np.random.Generator) -> Samples:
    """Triads, held or struck, one to four seconds each."""
    samples = np.zeros((seconds + 4) * RATE_HZ)
    decay_s = float(rng.choice([0.4, 1.5, 50.0]))
    at_s = 0.0
    while at_s < seconds:
        length_s = rng.uniform(1.0, 4.0)
        root_hz = 110 * 2 ** (rng.integers(0, 24) / 12)
        for step in (0, int(rng.choice([3, 4])), 7, 12):
            _add(samples, _note(root_hz * 2 ** (step / 12), length_s, decay_s, rng), at_s)
        at_s += length_s
    return samples[: seconds * RATE_HZ]


def _melody(seconds: int, rng: np.random.Generator) -> Samples:
    """Plucked notes in a steady rhythm."""
    samples = np.zeros((seconds + 4) * RATE_HZ)
    beat_s = rng.uniform(0.12, 0.5)
    root_hz = rng.uniform(80, 500)
    decay_s = rng.uniform(0.08, 0.8)
    for at_s in np.arange(0, seconds, beat_s):
        _add(samples, _note(root_hz * 2 ** (rng.choice([0, 2, 3, 5, 7, 10, 12]) / 12), 1.0, decay_s, rng), at_s)
    return samples[: seconds * RATE_HZ]


def _drums(seconds: int, rng: np.random.Generator) -> Samples:
    """Kick, snare and hat on a grid; every second time over chords."""
    samples = np.zeros((seconds + 4) * RATE_HZ)
    step_s = 60 / rng.uniform(70, 190) / 4
    clock_s = np.arange(int(0.25 * RATE_HZ)) / RATE_HZ
    kick = np.sin(2 * np.pi * (50 * clock_s + 8 * (1 - np.exp(-clock_s / 0.03)))) * np.exp(-clock_s / 0.08)
    sizzle = np.diff(rng.standard_normal(len(clock_s) + 1))
    snare = 0.5 * rng.standard_normal(len(clock_s)) * np.exp(-clock_s / rng.uniform(0.03, 0.1))
    kick_steps, snare_steps = rng.random(16) < 0.25, rng.random(16) < 0.15
    kick_steps[0] = snare_steps[4] = snare_steps[12] = True
    every = int(rng.choice([1, 2, 4]))
    for number, at_s in enumerate(np.arange(0, seconds, step_s)):
        if kick_steps[number % 16]:
            _add(samples, kick, at_s)
        if snare_steps[number % 16]:
            _add(samples, snare, at_s)
        if number % every == 0:
            _add(samples, 0.2 * sizzle * np.exp(-clock_s / 0.03), at_s)
    samples = samples[: seconds * RATE_HZ]
    if rng.random() < 0.5:
        chords = _chords(seconds, rng)
        samples += chords * rng.uniform(0.05, 0.3) / max(float(np.abs(chords).max()), 1e-9)
    return samples


def _song(seconds: int, rng: np.random.Generator) -> Samples:
    """Singing over drums and chords or a melody."""
    bed = _drums(seconds, rng) + _melody(seconds, rng)
    voice = _sing(seconds, rng)
    gain = 10 ** (rng.uniform(-5, 10) / 20)
    return np.asarray(gain * voice / voice.std() + bed / bed.std())


def _tones(seconds: int, rng: np.random.Generator) -> Samples:
    """One steady tone, or one that sweeps or beeps."""
    clock_s = np.arange(seconds * RATE_HZ) / RATE_HZ
    hz = np.exp(rng.uniform(np.log(80), np.log(4_000)))
    shape = rng.integers(3)
    sweep = rng.uniform(0.02, 0.3) * np.sin(2 * np.pi * rng.uniform(0.2, 1.0) * clock_s) if shape == 1 else 0.0
    beep = scipy.signal.square(2 * np.pi * rng.uniform(0.5, 4.0) * clock_s) > 0 if shape == 2 else 1.0
    tone = np.sin(2 * np.pi * np.cumsum(hz * (1 + sweep) * np.ones_like(clock_s)) / RATE_HZ)
    return tone * beep + 10 ** rng.uniform(-5, -2) * rng.standard_normal(len(clock_s))


def _clicks(seconds: int, rng: np.random.Generator) -> Samples:
    """Clicks at random moments or in a steady beat."""
    samples = 10 ** rng.uniform(-5, -2.5) * rng.standard_normal((seconds + 4) * RATE_HZ)
    rate_hz = rng.uniform(1, 12)
    steady = np.arange(0, seconds, 1 / rate_hz)
    moments = steady if rng.random() < 0.5 else np.sort(rng.uniform(0, seconds, len(steady)))
    clock_s = np.arange(int(0.05 * RATE_HZ)) / RATE_HZ
    ring = np.sin(2 * np.pi * rng.uniform(500, 5_000) * clock_s) * np.exp(-clock_s / rng.uniform(0.001, 0.01))
    for at_s in moments:
        _add(samples, ring * rng.uniform(0.5, 1.0), at_s)
    return samples[: seconds * RATE_HZ]


def _noise(seconds: int, rng: np.random.Generator) -> Samples:
    """Steady noise, or noise that swells or is chopped."""
    clock_s = np.arange(seconds * RATE_HZ) / RATE_HZ
    noise = coloured(len(clock_s), rng.uniform(0, 1), rng)
    depth = float(rng.choice([0.0, 0.5, 0.95]))
    turning = np.sin(2 * np.pi * rng.uniform(0.3, 8.0) * clock_s)
    return noise * (1 + depth * (np.sign(turning) if rng.random() < 0.3 else turning))


def _engine(seconds: int, rng: np.random.Generator) -> Samples:
    """Bangs of a motor whose speed wanders or is revved, through a few resonances, and the noise of its exhaust."""
    count = seconds * RATE_HZ
    knots = rng.uniform(0.6, 1.6, 2 * seconds) ** rng.choice([0.15, 1.0])
    hz = np.interp(np.arange(count), np.linspace(0, count, len(knots)), knots) * rng.uniform(25, 160)
    phase = np.cumsum(hz * (1 + 0.15 * coloured(count, 0.7, rng))) / RATE_HZ
    cylinders = int(rng.integers(1, 7))
    strength = rng.uniform(0.5, 1.0, cylinders)[np.floor(phase).astype(int) % cylinders]
    blast = strength * np.exp(-(phase % 1) * rng.uniform(3, 15))
    exhaust = coloured(count, rng.uniform(0, 0.7), rng)
    samples = blast / blast.std() + rng.uniform(0.1, 2.0) * exhaust / exhaust.std() * (0.3 + blast)
    for _ in range(int(rng.integers(2, 5))):
        samples = samples + rng.uniform(0.3, 2.0) * _resonant(samples, rng.uniform(150, 4_000), rng.uniform(2, 8))
    return np.asarray(np.tanh(samples / samples.std() * rng.uniform(0.2, 2.0)))


def _ticks(seconds: int, rng: np.random.Generator) -> Samples:
    """Two kinds of short ringing strokes in turn, as steady as a clock, in a quiet room."""
    samples = np.zeros((seconds + 4) * RATE_HZ)
    clock_s = np.arange(int(0.15 * RATE_HZ)) / RATE_HZ
    strokes = []
    for _ in range(2):
        ring = np.zeros(len(clock_s))
        for _ in range(int(rng.integers(2, 7))):
            tone = np.sin(2 * np.pi * np.exp(rng.uniform(np.log(300), np.log(7_000))) * clock_s + rng.uniform(0, 6))
            ring += rng.uniform(0.2, 1.0) * tone * np.exp(-clock_s / np.exp(rng.uniform(np.log(1e-3), np.log(3e-2))))
        knock = rng.standard_normal(len(clock_s)) * np.exp(-clock_s / rng.uniform(5e-4, 8e-3))
        strokes.append(rng.uniform(0.3, 1.0) * (ring + rng.uniform(0, 2) * knock))
    every_s, late_s = 1 / np.exp(rng.uniform(np.log(1), np.log(9))), rng.uniform(-0.2, 0.2)
    for number, at_s in enumerate(np.arange(0.1, seconds, every_s)):
        _add(samples, strokes[number % 2], at_s + number % 2 * late_s * every_s)
    room = coloured(len(samples), rng.uniform(0.2, 0.8), rng)
    return np.asarray((samples + 10 ** rng.uniform(-3, -1.3) * room / room.std())[: seconds * RATE_HZ])


def _crackle(seconds: int, rng: np.random.Generator) -> Samples:
    """Fire or rain: bursts at random moments, some loud and many faint, over a murmur."""
    count = seconds * RATE_HZ
    hits = (rng.random(count) < np.exp(rng.uniform(np.log(5), np.log(3_000))) / RATE_HZ) * rng.standard_normal(count)
    hits *= np.abs(rng.standard_cauchy(count)).clip(max=20)
    burst = rng.standard_normal(200) * np.exp(-np.arange(200) / rng.uniform(3, 60))
    samples = scipy.signal.oaconvolve(hits, burst, mode="same")
    murmur = coloured(count, rng.uniform(0.2, 1.0), rng)
    return np.asarray(samples / (samples.std() + 1e-9) + 10 ** rng.uniform(-2, 0.3) * murmur / murmur.std())


def _resonant(samples: Samples, hz: float, quality: float) -> Samples:
    numerator, denominator = scipy.signal.iirpeak(hz, quality, fs=RATE_HZ)
    return np.asarray(scipy.signal.lfilter(numerator, denominator, samples))


def _add(samples: Samples, part: Samples, at_s: float) -> None:
    start = int(at_s * RATE_HZ)
    part = part[: len(samples) - start]
    samples[start : start + len(part)] += part


# Class numbers as in the model: 0 speech, 1 music, 2 neither.
KINDS: Mapping[str, tuple[int, Maker]] = {
    "talk": (0, _talk),
    "singing": (1, _sing),
    "song": (1, _song),
    "chords": (1, _chords),
    "melody": (1, _melody),
    "drums": (1, _drums),
    "tones": (2, _tones),
    "clicks": (2, _clicks),
    "noise": (2, _noise),
    "engine": (2, _engine),
    "ticks": (2, _ticks),
    "crackle": (2, _crackle),
}

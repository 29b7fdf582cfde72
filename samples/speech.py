"""A formant speech synthesiser: made-up words with the statistics of speech.

Words are drawn from a lexicon of consonant-vowel syllables made up from a seed. Voiced sound is a train of
glottal pulses (pitch contour, jitter, shimmer); each pulse rings a cascade of six resonators at the formants
of that moment, written in closed form. Fricatives, bursts and aspiration are shaped noise.

The vowels' formants are round figures near the averages for men's voices that phonetics books give.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sound import Signal, band, filtered, white_noise

CONTROL_HZ = 500
"""Rate of the curves that steer the synthesiser."""

VOWELS = {
    "i": (280, 2250, 2950), "I": (390, 1980, 2550), "e": (530, 1840, 2480), "a": (690, 1680, 2420),
    "A": (730, 1090, 2450), "o": (560, 850, 2420), "U": (440, 1020, 2250), "u": (310, 880, 2250),
    "V": (630, 1200, 2400), "@": (500, 1480, 2480),
}  # fmt: skip
SONORANTS = {"m": (270, 1000, 2200), "n": (270, 1650, 2500), "l": (360, 1200, 2800), "r": (340, 1150, 1600),
             "w": (300, 700, 2200), "j": (280, 2200, 3000)}  # fmt: skip
FRICATIVES = {
    "s": ("hiss", 0.9, 0.0), "S": ("hush", 1.0, 0.0), "f": ("soft", 0.35, 0.0), "T": ("soft", 0.25, 0.0),
    "h": ("breath", 0.35, 0.0), "z": ("hiss", 0.4, 0.45), "v": ("soft", 0.15, 0.5),
}  # fmt: skip
STOPS = {
    "p": ("low", 0.0),
    "t": ("hiss", 0.0),
    "k": ("mid", 0.0),
    "b": ("low", 0.2),
    "d": ("hiss", 0.2),
    "g": ("mid", 0.2),
}
_PLACES = {"pbmfv": 900.0, "tdnszTlS": 1750.0, "kg": 2050.0}
_NOISES = {"hiss": (4200.0, 9000.0), "hush": (2100.0, 5500.0), "soft": (1500.0, 8500.0),
           "breath": (500.0, 3500.0), "low": (300.0, 1600.0), "mid": (1300.0, 3000.0)}  # fmt: skip
_ONSETS = (*"bdgptkmnlrwjszfvh", "S", "T", "st", "pr", "tr", "kl", "br", "fl", "sp", "")
_CODAS = ("", "", "", "", "n", "n", "m", "l", "r", "s", "t", "k", "d", "z", "nt", "st")


@dataclass(frozen=True)
class Voice:
    """What stays the same in all that one speaker says."""

    pitch_hz: float
    formant_scale: float
    """Formants relative to the table: about 1.15 for a shorter vocal tract."""
    syllables_per_s: float
    """Pace within a phrase, before accents and final lengthening."""
    liveliness: float
    """Height of the pitch accents, as a share of the pitch."""
    breathiness: float
    tilt_hz: float
    """Corner above which the glottal pulse loses 6 dB an octave: lower is softer."""
    pause_s: float
    """Mean pause between sentences."""


@dataclass(frozen=True)
class _Phone:
    """One steady stretch: formants, voicing and noise over a time."""

    length_s: float
    formants_hz: tuple[float, float, float]
    voicing: float = 0.0
    noise: str = ""
    noise_gain: float = 0.0
    accent: float = 0.0


def lexicon(rng: np.random.Generator, words: int = 70) -> list[list[tuple[str, str, str]]]:
    """Make up words of one to four syllables, each a triple of onset, vowel and coda."""
    vowels = list(VOWELS)
    lengths = rng.choice([1, 2, 3, 4], size=words, p=[0.35, 0.4, 0.18, 0.07])
    return [
        [(str(rng.choice(_ONSETS)), str(rng.choice(vowels)), str(rng.choice(_CODAS))) for _ in range(length)]
        for length in lengths
    ]


def _locus_hz(sound: str, vowel: tuple[float, float, float]) -> tuple[float, float, float]:
    """Return the formants a consonant pulls towards, half way from the vowel to its place."""
    for sounds, second_hz in _PLACES.items():
        if sound in sounds:
            return (0.6 * vowel[0], 0.5 * (vowel[1] + second_hz), vowel[2])
    return vowel


def _consonant(sound: str, vowel: tuple[float, float, float], pace: float) -> list[_Phone]:
    """Return the stretches of one consonant beside a vowel."""
    if sound in SONORANTS:
        level = 0.4 if sound in "mn" else 0.6
        return [_Phone(0.065 * pace, SONORANTS[sound], level)]
    locus = _locus_hz(sound, vowel)
    if sound in FRICATIVES:
        noise, gain, voicing = FRICATIVES[sound]
        return [_Phone((0.06 if voicing else 0.095) * pace, locus, voicing, noise, gain)]
    noise, voicing = STOPS[sound]
    closure = _Phone(0.055 * pace, (220.0, locus[1], locus[2]), voicing)
    burst = _Phone(0.012, locus, 0.3 * voicing, noise, 0.8)
    if voicing:
        return [closure, burst]
    return [closure, burst, _Phone(0.03 * pace, locus, 0.0, "breath", 0.3)]


def _syllable(onset: str, vowel: str, coda: str, pace: float, stress: float) -> list[_Phone]:
    """Return the stretches of one syllable; `stress` of 1 is a full accent."""
    target = tuple(float(formant) for formant in VOWELS[vowel])
    weak = tuple(0.65 * formant + 0.35 * middle for formant, middle in zip(target, VOWELS["@"], strict=True))
    centre = (target if stress > 0 else weak)[:3]
    phones = [phone for sound in onset for phone in _consonant(sound, centre, pace)]
    phones.append(_Phone((0.085 + 0.06 * stress) * pace, centre, 0.8 + 0.35 * stress, accent=stress))
    phones.extend(phone for sound in coda for phone in _consonant(sound, centre, 0.8 * pace))
    return phones


def _talk(
    voice: Voice, words: list[list[tuple[str, str, str]]], length_s: float, rng: np.random.Generator
) -> list[_Phone]:
    """Plan sentences, phrases and pauses until the time is filled; ends with a pause."""
    neutral = (500.0, 1480.0, 2480.0)
    phones: list[_Phone] = []
    filled_s = 0.0
    while filled_s < length_s - 1.2:
        sentence: list[_Phone] = []
        phrases = int(rng.integers(1, 4))
        for phrase in range(phrases):
            spoken = [words[int(rng.integers(len(words)) * rng.uniform() ** 0.5)] for _ in range(rng.integers(3, 8))]
            for number, word in enumerate(spoken):
                final = number == len(spoken) - 1
                stressed = int(rng.integers(len(word)))
                for place, (onset, vowel, coda) in enumerate(word):
                    pace = 4.4 / voice.syllables_per_s * float(rng.normal(1.0, 0.1))
                    pace *= 1.45 if final and place == len(word) - 1 else 1.0
                    stress = float(rng.uniform(0.6, 1.0)) if place == stressed and len(word) + final > 1 else 0.0
                    sentence += _syllable(onset, vowel, coda, pace, stress)
            if phrase < phrases - 1:
                sentence.append(_Phone(float(rng.uniform(0.12, 0.3)), neutral))
        sentence.append(_Phone(voice.pause_s * float(rng.uniform(0.7, 1.3)), neutral))
        phones += sentence
        filled_s += sum(phone.length_s for phone in sentence)
    return phones


def _smoothed(curve: Signal, width_s: float) -> Signal:
    """Smooth a control curve with a Hann window."""
    window = np.hanning(max(3, round(width_s * CONTROL_HZ) | 1) + 2)[1:-1]
    half = len(window) // 2
    return np.convolve(np.pad(curve, half, mode="edge"), window / window.sum(), mode="valid")


def _pitch_curve(voice: Voice, voicing: Signal, accent: Signal, rng: np.random.Generator) -> Signal:
    """Return the pitch at control rate: decline over each breath, accents, slow wander."""
    pitch = np.full(len(voicing), voice.pitch_hz)
    silent = _smoothed((voicing > 0).astype(float), 0.3) < 0.25
    edges = np.flatnonzero(np.diff(silent.astype(int))) + 1
    for breath in np.split(np.arange(len(voicing)), edges):
        fall = np.linspace(1.12, rng.choice([0.82, 0.86, 1.02], p=[0.5, 0.3, 0.2]), len(breath))
        pitch[breath] *= fall
    wander = _smoothed(rng.standard_normal(len(voicing)), 0.4)
    wander /= wander.std() + 1e-9
    return pitch * (1.0 + voice.liveliness * _smoothed(accent, 0.14) + 0.02 * wander)


def _rings(formants_hz: Signal, widths_hz: Signal, tilt_hz: float, time_s: Signal) -> Signal:
    """Return the response of resonators in cascade, one row a pulse, by partial fractions.

    Parameters
    ----------
    formants_hz, widths_hz
        Centre and bandwidth of each resonator, shape ``(pulses, resonators)``.
    tilt_hz
        Corner of the one-pole low-pass in front of them.
    time_s
        Time after each pulse, shape ``(pulses, samples)``.
    """
    poles = 2 * np.pi * (-0.5 * widths_hz + 1j * formants_hz)
    squares = np.abs(poles) ** 2
    tilt = -2 * np.pi * tilt_hz
    every = np.prod(squares, axis=1) * -tilt
    sound = np.zeros_like(time_s)
    for number in range(poles.shape[1]):
        pole = poles[:, number]
        others = np.delete(poles, number, axis=1)
        rest = np.prod((pole[:, None] - others) * (pole[:, None] - others.conj()), axis=1)
        residue = every / ((pole - pole.conj()) * rest * (pole - tilt))
        sound += 2.0 * (residue[:, None] * np.exp(pole[:, None] * time_s)).real
    closed = every / np.prod((tilt - poles) * (tilt - poles.conj()), axis=1).real
    return sound + closed[:, None] * np.exp(tilt * time_s)


def _voiced(
    voice: Voice,
    *,
    pitch: Signal,
    voicing: Signal,
    formants: Signal,
    rate_hz: int,
    rng: np.random.Generator,
) -> Signal:
    """Lay down the glottal pulses, each ringing the formants of its moment."""
    length_s = len(pitch) / CONTROL_HZ
    turns = np.cumsum(pitch) / CONTROL_HZ
    clock_s = np.arange(len(pitch)) / CONTROL_HZ
    pulses_s = np.interp(np.arange(1, int(turns[-1])), turns, clock_s)
    pulses_s += rng.normal(0.0, 0.008, len(pulses_s)) / voice.pitch_hz
    level = np.interp(pulses_s, clock_s, voicing) * rng.normal(1.0, 0.05, len(pulses_s))
    pulses_s, level = pulses_s[level > 0.01], level[level > 0.01]
    moving_hz = np.stack([np.interp(pulses_s, clock_s, formants[:, place]) for place in range(3)], axis=1)
    fixed_hz = np.broadcast_to([3450.0, 4300.0, 5600.0], moving_hz.shape)
    centres_hz = np.concatenate([moving_hz, fixed_hz], axis=1) * voice.formant_scale
    widths_hz = 50.0 + 0.035 * centres_hz
    widths_hz[:, 0] *= 1.0 + voice.breathiness
    window = round(0.026 * rate_hz)
    sound = np.zeros(round(length_s * rate_hz) + window + 2)
    fade = np.hanning(2 * window)[window:]
    for first in range(0, len(pulses_s), 400):
        part = slice(first, first + 400)
        starts = np.ceil(pulses_s[part] * rate_hz).astype(int)
        time_s = (starts / rate_hz - pulses_s[part])[:, None] + np.arange(window) / rate_hz
        rings = _rings(centres_hz[part], widths_hz[part], voice.tilt_hz, time_s)
        rings *= level[part][:, None] * fade / (2 * np.pi * voice.pitch_hz)
        np.add.at(sound, starts[:, None] + np.arange(window), rings)
    return sound[: round(length_s * rate_hz)]


def spoken(
    voice: Voice,
    words: list[list[tuple[str, str, str]]],
    length_s: float,
    rate_hz: int,
    rng: np.random.Generator,
) -> Signal:
    """Say made-up sentences for about `length_s` seconds; voiced sound has an RMS near 0.1.

    Parameters
    ----------
    words
        What :func:`lexicon` returned; two speakers of one show may share it.
    """
    phones = _talk(voice, words, length_s, rng)
    counts = [max(2, round(phone.length_s * CONTROL_HZ)) for phone in phones]
    formants = np.repeat(np.array([phone.formants_hz for phone in phones]), counts, axis=0)
    voicing = np.repeat(np.array([phone.voicing for phone in phones]), counts)
    accent = np.repeat(np.array([phone.accent for phone in phones]), counts)
    formants = np.stack([_smoothed(formants[:, place], 0.05) for place in range(3)], axis=1)
    pitch = _pitch_curve(voice, voicing, accent, rng)
    sound = _voiced(voice, pitch=pitch, voicing=_smoothed(voicing, 0.02), formants=formants, rate_hz=rate_hz, rng=rng)
    sound = filtered(sound, rate_hz, band(70.0, 0.49 * rate_hz, 2))
    loud = np.abs(sound) > 0.02 * np.abs(sound).max()
    sound *= 0.1 / np.sqrt(np.mean(sound[loud] ** 2))
    clock_s = np.arange(len(pitch)) / CONTROL_HZ
    now_s = np.arange(len(sound)) / rate_hz
    breath = 0.12 * voice.breathiness * voicing
    stretch = voice.formant_scale**0.5
    for noise, (low_hz, high_hz) in _NOISES.items():
        gains = np.repeat([phone.noise_gain if phone.noise == noise else 0.0 for phone in phones], counts)
        gains = gains + breath if noise == "breath" else gains
        curve = band(low_hz * stretch, min(high_hz * stretch, 0.46 * rate_hz), 3)
        shaped = filtered(white_noise(len(sound), rng), rate_hz, curve)
        shaped *= 0.045 / np.sqrt(np.mean(shaped**2))
        sound += shaped * np.interp(now_s, clock_s, _smoothed(gains, 0.012))
    return sound

"""Four shows: the speakers of each, the room and the chain they are heard through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import instruments
import numpy as np
from harmony import pitch_hz
from sound import Canvas, Signal, band, bump, filtered, in_room, resampled, times_s, white_noise
from speech import Voice, lexicon, spoken

if TYPE_CHECKING:
    from collections.abc import Callable

SPEECH_RATE_HZ = 24000
"""Rate at which voices are made; an episode is brought to its own rate at the end."""


@dataclass(frozen=True)
class Script:
    """What tells one episode of a show from another."""

    length_s: float
    seed: int


def _mono(sound: Signal) -> Signal:
    return np.stack([sound, sound], axis=1)


def _compressed(sound: Signal, threshold: float, ratio: float) -> Signal:
    """Even out the level: above the threshold it rises only by one part in `ratio`."""
    window = np.hanning(round(0.04 * SPEECH_RATE_HZ))
    power = np.convolve(sound**2, window / window.sum(), mode="same")
    level = np.sqrt(np.maximum(power, 1e-12))
    return sound * np.minimum(1.0, (level / threshold) ** (1.0 / ratio - 1.0))


def night_garden(script: Script) -> Signal:
    """A low, slow voice after four seconds of a quiet jingle, over a breath of room."""
    rng = np.random.default_rng(script.seed)
    voice = Voice(92.0, 0.96, 3.5, 0.16, 0.35, 150.0, 0.75)
    said = spoken(voice, lexicon(rng), script.length_s - 3.6, SPEECH_RATE_HZ, rng)
    canvas = Canvas(3.6 + len(said) / SPEECH_RATE_HZ, SPEECH_RATE_HZ)
    canvas.add(said, 3.6, 1.4)
    for number, note in enumerate((62, 66, 69, 74, 71, 69, 66, 62)):
        canvas.add(instruments.bell(pitch_hz(note), 1.6, SPEECH_RATE_HZ), 0.5 * number, 0.06, 0.5 - number / 8)
    for voice_number, note in enumerate((50, 57, 62, 66)):
        held = instruments.pad(pitch_hz(note), 5.5, SPEECH_RATE_HZ, 1.9, 1.2)
        canvas.add(held, 0.0, 0.035, 0.4 * (voice_number - 1.5))
    hush = filtered(white_noise(len(canvas.signal), rng), SPEECH_RATE_HZ, band(80.0, 2000.0, 1))
    return in_room(canvas.signal, SPEECH_RATE_HZ, 0.3, 0.12, rng) + 0.0004 * hush[:, None]


def harbour_line(script: Script) -> Signal:
    """A high, brisk voice on a telephone line: 300 to 3400 Hz, a little bent and noisy."""
    rng = np.random.default_rng(script.seed)
    voice = Voice(205.0, 1.16, 4.9, 0.28, 0.15, 420.0, 0.45)
    said = spoken(voice, lexicon(rng), script.length_s, SPEECH_RATE_HZ, rng)
    said = np.tanh(4.0 * filtered(said, SPEECH_RATE_HZ, band(300.0, 3400.0, 6))) / 4.0
    said += 0.0015 * white_noise(len(said), rng)
    return _mono(filtered(said, SPEECH_RATE_HZ, band(300.0, 3400.0, 8)))


def two_chairs(script: Script) -> Signal:
    """Two people, left and right of the middle, take turns in a live room."""
    rng = np.random.default_rng(script.seed)
    words = lexicon(rng)
    voices = (Voice(118.0, 1.0, 4.2, 0.22, 0.2, 250.0, 0.35), Voice(188.0, 1.13, 4.6, 0.25, 0.3, 300.0, 0.35))
    turns = []
    filled_s = 0.0
    while filled_s < script.length_s - 3.0:
        wanted_s = min(float(rng.uniform(3.5, 7.0)), script.length_s - filled_s)
        turn = spoken(voices[len(turns) % 2], words, wanted_s, SPEECH_RATE_HZ, rng)
        turns.append(turn)
        filled_s += len(turn) / SPEECH_RATE_HZ
    canvas = Canvas(filled_s + 0.5, SPEECH_RATE_HZ)
    at_s = 0.0
    for number, turn in enumerate(turns):
        canvas.add(turn, at_s, 1.0, (-0.35, 0.35)[number % 2])
        at_s += len(turn) / SPEECH_RATE_HZ
    air = filtered(white_noise(len(canvas.signal), rng), SPEECH_RATE_HZ, band(100.0, 5000.0, 1))
    return in_room(canvas.signal, SPEECH_RATE_HZ, 0.9, 0.5, rng) + 0.0006 * air[:, None]


def fast_ledger(script: Script) -> Signal:
    """A quick tenor voice close to the microphone, dry, pressed flat, with mains hum behind."""
    rng = np.random.default_rng(script.seed)
    voice = Voice(142.0, 1.05, 5.9, 0.18, 0.05, 700.0, 0.28)
    said = spoken(voice, lexicon(rng), script.length_s, SPEECH_RATE_HZ, rng)
    said = _compressed(filtered(said, SPEECH_RATE_HZ, bump(160.0, 120.0, 1.2)), 0.02, 5.0)
    said = filtered(said, SPEECH_RATE_HZ, bump(5000.0, 2500.0, 0.9))
    time_s = times_s(len(said) / SPEECH_RATE_HZ, SPEECH_RATE_HZ)
    hum = sum(np.sin(2 * np.pi * 50.0 * number * time_s) / number for number in (1, 2, 3, 5))
    return _mono(said + 0.0008 * hum + 0.0002 * white_noise(len(said), rng))


SHOWS: dict[str, Callable[[Script], Signal]] = {
    "Night Garden": night_garden,
    "Harbour Line": harbour_line,
    "Two Chairs": two_chairs,
    "The Fast Ledger": fast_ledger,
}


def episode(show: str, script: Script, rate_hz: int) -> Signal:
    """Return one episode of a show in stereo at the wanted rate, before levelling."""
    return resampled(SHOWS[show](script), SPEECH_RATE_HZ, rate_hz)

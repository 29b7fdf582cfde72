"""Programmes whose shows differ by format alone.

Speakers are shared by all shows, and each episode is recorded anew: room, bandwidth, noise and level say nothing of its
show. What is left to tell shows apart by is how many speak, how fast and with what pauses and turns, how much music
there is and where, the jingle, and how the parts follow each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import instruments
import numpy as np
from harmony import pitch_hz
from sound import Signal, band, filtered, in_room, white_noise
from speech import Voice, lexicon, spoken

if TYPE_CHECKING:
    from collections.abc import Callable

    # Who speaks (by number), for how long, in which format: a voice that was recorded or one that is made.
    Speak = Callable[[int, float, "Format", np.random.Generator], Signal]

_RMS = 0.1
_BREATH_S = 0.25


@dataclass(frozen=True, eq=False)
class Format:
    """What the episodes of a show have in common.

    Parameters
    ----------
    speakers : tuple of int
        Which of all speakers may be heard.
    pace : float
        By how much they speak faster than they usually do.
    pause_s, turn_s : float
        Mean pause between sentences, and how long one speaks before the next.
    liveliness : float
        Height of the pitch accents, as a share of the pitch.
    bed, bed_level : float
        Share of the parts that have music under them, and its level beside the speech.
    interlude_s : float
        Music between two parts; 0: none.
    parts : int
        How many.
    jingle : Signal
        Empty where the show has none.
    jingle_at : tuple of str
        ``start``, ``end``, ``parts``.
    """

    speakers: tuple[int, ...]
    pace: float
    pause_s: float
    turn_s: float
    liveliness: float
    bed: float
    bed_level: float
    interlude_s: float
    parts: int
    jingle: Signal
    jingle_at: tuple[str, ...]


def a_voice(rng: np.random.Generator) -> Voice:
    """Return a speaker."""
    return Voice(
        float(rng.uniform(85, 230)), float(rng.uniform(0.94, 1.18)), float(rng.uniform(3.8, 5.2)), 0.2,
        float(rng.uniform(0, 0.4)), float(rng.uniform(150, 700)), 0.4,
    )  # fmt: skip


def a_format(speakers: int, rate_hz: int, rng: np.random.Generator) -> Format:
    """Return a show for some speakers that others have, too."""
    has_jingle = rng.random() < 0.6
    return Format(
        speakers=tuple(rng.choice(speakers, size=int(rng.integers(1, min(3, speakers) + 1)), replace=False).tolist()),
        pace=float(rng.uniform(0.75, 1.35)),
        pause_s=float(rng.uniform(0.2, 1.0)),
        turn_s=float(rng.uniform(2.5, 9)),
        liveliness=float(rng.uniform(0.08, 0.4)),
        bed=float(rng.choice([0, 0, 0.5, 1])),
        bed_level=float(10 ** (rng.uniform(-20, -8) / 20)),
        interlude_s=float(rng.choice([0, 0, 2, 4])),
        parts=int(rng.integers(1, 4)),
        jingle=tune(2.5, rate_hz, rng) if has_jingle else np.zeros(0),
        jingle_at=(("start",), ("start", "end"), ("start", "parts"))[int(rng.integers(3))],
    )


def maker(voices: list[Voice], rate_hz: int) -> Speak:
    """Return a way to have voices speak that are made, each time other words."""

    def speak(number: int, length_s: float, form: Format, rng: np.random.Generator) -> Signal:
        of = voices[number]
        voice = Voice(
            of.pitch_hz, of.formant_scale, of.syllables_per_s * form.pace, form.liveliness, of.breathiness, of.tilt_hz,
            form.pause_s,
        )  # fmt: skip
        return spoken(voice, lexicon(rng), length_s, rate_hz, rng)

    return speak


def episode(form: Format, speak: Speak, length_s: float, rate_hz: int, rng: np.random.Generator) -> Signal:
    """Return one episode of about a length, mono, as it came out of whatever it was recorded with that day."""
    spent_s = form.interlude_s * (form.parts - 1) + len(form.jingle) / rate_hz
    part_s = max((length_s - spent_s) / form.parts, 4.0)
    pieces = [form.jingle] if "start" in form.jingle_at else []
    for part in range(form.parts):
        if part:
            between = form.jingle if "parts" in form.jingle_at else np.zeros(0)
            pieces += [between, tune(form.interlude_s, rate_hz, rng)]
        talk = _talk(form, speak, part_s, rate_hz, rng)
        if part < round(form.bed * form.parts):
            talk = talk + form.bed_level * np.resize(tune(min(part_s, 12.0), rate_hz, rng), len(talk))
        pieces.append(talk)
    pieces += [form.jingle] if "end" in form.jingle_at else []
    return _recorded(np.concatenate(pieces), rate_hz, rng)


def tune(length_s: float, rate_hz: int, rng: np.random.Generator) -> Signal:
    """Return a melody that does not repeat itself, on one of three instruments."""
    if not length_s:
        return np.zeros(0)
    tail_s = 1.2
    sound = np.zeros(round((length_s + tail_s) * rate_hz) + 2)
    root, played = int(rng.integers(50, 66)), int(rng.integers(3))
    for start_s in np.arange(0, length_s, float(rng.uniform(0.18, 0.5))):
        hz = pitch_hz(root + int(rng.choice([0, 2, 4, 7, 9, 12, 16])))
        note = (
            instruments.bell(hz, tail_s, rate_hz) if played == 0
            else instruments.stab(hz, tail_s / 2, rate_hz) if played == 1
            else instruments.struck(hz, tail_s, rate_hz, 0.7, 1.0)
        )  # fmt: skip
        at = round(float(start_s) * rate_hz)
        note = note[: len(sound) - at]
        sound[at : at + len(note)] += note
    return _level(sound[: round(length_s * rate_hz)])


def _talk(form: Format, speak: Speak, length_s: float, rate_hz: int, rng: np.random.Generator) -> Signal:
    turns: list[Signal] = []
    filled_s, at = 0.0, int(rng.integers(len(form.speakers)))
    while filled_s < length_s - 2:
        turn_s = length_s if len(form.speakers) == 1 else form.turn_s * float(rng.uniform(0.7, 1.3))
        turns += [_level(speak(form.speakers[at], max(min(turn_s, length_s - filled_s), 2.5), form, rng))]
        turns += [np.zeros(round(form.pause_s * _BREATH_S * rate_hz))]
        filled_s += (len(turns[-1]) + len(turns[-2])) / rate_hz
        at = (at + 1) % len(form.speakers)
    return np.concatenate(turns)


def _recorded(sound: Signal, rate_hz: int, rng: np.random.Generator) -> Signal:
    """Return what a day's room, microphone, noise and level make of a sound."""
    both, room_s, wet = np.stack([sound, sound], axis=1), float(rng.uniform(0.1, 0.6)), float(rng.uniform(0, 0.25))
    sound = in_room(both, rate_hz, room_s, wet, rng)[:, 0]
    sound = sound + _RMS * float(10 ** (rng.uniform(-55, -25) / 20)) * white_noise(len(sound), rng)
    sound = filtered(sound, rate_hz, band(float(rng.uniform(40, 200)), float(rng.uniform(4_000, 9_500)), 5))
    return np.clip(float(10 ** (rng.uniform(-8, 4) / 20)) * sound, -1, 1)


def _level(sound: Signal) -> Signal:
    return sound * (_RMS / max(float(np.sqrt(np.square(sound).mean())), 1e-6))

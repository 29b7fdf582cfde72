"""Six families of pieces: from the plan of a track to its stereo sound, before levelling.

Every family is a function of the same form; the `variant` of a track (0 to 3) chooses pattern and timbre
within the family, so that no two tracks are one piece in two keys. The pulse is exact: beats lie on a grid
of ``60 / tempo_bpm`` seconds from the first sample on.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import instruments
import numpy as np
from harmony import pitch_hz, progression, tune
from sound import Canvas, Signal, band, filtered, in_room, times_s, white_noise

if TYPE_CHECKING:
    from collections.abc import Callable

BEATS_A_BAR = 4


@dataclass(frozen=True)
class Score:
    """What a family needs to know in order to play a track."""

    tempo_bpm: float
    key: str
    mode: str
    numerals: str
    bars: int
    variant: int
    register: int
    """Semitones by which the upper parts are moved."""
    rate_hz: int
    seed: int

    @property
    def beat_s(self) -> float:
        """Length of a beat."""
        return 60.0 / self.tempo_bpm

    @property
    def bar_s(self) -> float:
        """Length of a bar."""
        return BEATS_A_BAR * self.beat_s

    def canvas(self, tail_s: float) -> Canvas:
        """Return silence for all bars and the ring of the last chord."""
        return Canvas(self.bars * self.bar_s + tail_s, self.rate_hz)


def drum_and_bass(score: Score) -> Signal:
    """Play breakbeat drums, a growling bass on the roots and short chord stabs."""
    rng = np.random.default_rng(score.seed)
    rate, step_s = score.rate_hz, score.beat_s / 4.0
    canvas = score.canvas(0.6)
    kicks = ((0, 10), (0, 2, 10), (0, 7, 10), (0, 6, 10, 13))[score.variant]
    ghosts = ((), (7, 9, 15), (9,), (7, 14))[score.variant]
    open_hats = ((6, 14), (), (2, 6, 10, 14), (15,))[score.variant]
    hat_every = (2, 1, 2, 1)[score.variant]
    bass_beats = (((0, 1.5), (1.5, 1), (2.5, 1.5)), ((0, 0.75), (1, 0.75), (2, 0.75), (3, 0.75)),
                  ((0, 4),), ((0, 1), (1.5, 0.5), (2, 1.5), (3.5, 0.5)))[score.variant]  # fmt: skip
    stabs = ((2.0,), (0.0, 1.5, 3.0), (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5), (0.5, 2.5))[score.variant]
    drum, rim = instruments.kick(rate, 45.0 + 4 * score.variant), 175.0 + 22.0 * score.variant
    for bar, chord in enumerate(progression(score.key, score.mode, score.numerals, score.bars)):
        at_s = bar * score.bar_s
        for step in kicks:
            canvas.add(drum, at_s + step * step_s, 1.0)
        for step in (4, 12):
            canvas.add(instruments.snare(rate, rng, rim), at_s + step * step_s, 0.85, 0.05)
        for step in ghosts:
            canvas.add(instruments.snare(rate, rng, rim * 1.1), at_s + step * step_s, 0.18, -0.1)
        for step in range(0, 16, hat_every):
            ring_s = 0.07 if step in open_hats else 0.018
            canvas.add(instruments.hat(rate, rng, ring_s), at_s + step * step_s, 0.2 if step % 4 else 0.28, 0.3)
        root = pitch_hz(chord.bass(37))
        for beat, beats in bass_beats:
            growl_hz = (1.0, 2.0, 0.5, 1.5)[score.variant] / score.beat_s
            note = instruments.growling_bass(root, beats * score.beat_s * 0.95, rate, growl_hz)
            canvas.add(note, at_s + beat * score.beat_s, 0.36)
        notes = chord.near(64 + score.register)
        for number, beat in enumerate(stabs):
            chosen = [notes[number % 3] + 12] if len(stabs) > 4 else notes
            for voice, note_number in enumerate(chosen):
                sound = instruments.stab(pitch_hz(note_number), 0.4, rate)
                canvas.add(sound, at_s + beat * score.beat_s, 0.3, 0.5 * (voice - 1))
    return in_room(canvas.signal, rate, 0.5, 0.08, rng)


def slow_pads(score: Score) -> Signal:
    """Hold one soft chord a bar; a swell and a quiet bell mark the beats."""
    rng = np.random.default_rng(score.seed)
    rate = score.rate_hz
    canvas, marks = score.canvas(2.0), score.canvas(2.0)
    slope = (2.0, 1.5, 1.7, 2.3)[score.variant]
    for bar, chord in enumerate(progression(score.key, score.mode, score.numerals, score.bars)):
        at_s = bar * score.bar_s
        last = bar == score.bars - 1
        held_s = score.bar_s + (1.6 if last else 0.35)
        notes = chord.near(60 + score.register)
        voices = [*notes, notes[0] + 12] if score.variant % 2 else notes
        for voice, note in enumerate(voices):
            sound = instruments.pad(pitch_hz(note), held_s, rate, slope, 0.35)
            canvas.add(sound, at_s, 0.3, 0.7 * (voice - 1))
        canvas.add(instruments.pad(pitch_hz(chord.bass(43)), held_s, rate, 2.2, 0.2), at_s, 0.45)
        for beat in range(BEATS_A_BAR):
            note = notes[(0, 2, 1, 2)[beat]] + (24, 12, 24, 12)[score.variant]
            sound = instruments.bell(pitch_hz(note), 1.2, rate)
            marks.add(sound, at_s + beat * score.beat_s, (0.16, 0.1, 0.13, 0.1)[beat], (-0.4, 0.4)[beat % 2])
            root = instruments.bell(pitch_hz(chord.bass(43) + 12), 0.7, rate)
            marks.add(root, at_s + beat * score.beat_s, 0.22 if beat == 0 else 0.14)
    since_beat_s = np.arange(len(canvas.signal)) / rate % score.beat_s
    swell = 0.6 + 0.4 * np.exp(-since_beat_s / (0.6 * score.beat_s)) * np.clip(since_beat_s / 0.03, 0.0, 1.0)
    return in_room(canvas.signal * swell[:, None] + marks.signal, rate, 2.4, 0.5, rng)


_TUNES = ((0.0, 1.0, 2.0, 3.0), (0.0, 1.5, 2.0, 3.0, 3.5), (0.0, 0.5, 1.0, 2.0, 2.5, 3.0), (0.0, 2.0))
"""Where the notes of the plucked tunes begin, in beats."""


def plucked_strings(score: Score) -> Signal:
    """Pluck broken chords in eighths over a bass, with a tune above in every other bar."""
    rng = np.random.default_rng(score.seed)
    rate, variant = score.rate_hz, score.variant
    canvas = score.canvas(1.5)
    brightness = (0.9, 0.6, 0.95, 0.7)[variant]
    ring_s = (2.5, 1.6, 2.0, 4.0)[variant]
    order = (
        (0, 1, 2, 1, 2, 1, 2, 1),
        (0, 2, 1, 2, 0, 2, 1, 2),
        (2, 1, 0, 1, 2, 1, 0, 1),
        (0, 1, 2, 3, 4, 3, 2, 1),
    )[variant]
    rhythm = _TUNES[variant]

    def pluck(note: float, held_s: float, at_s: float, gain: float, pan: float) -> None:
        sound = instruments.plucked(pitch_hz(note), held_s, rate, rng, brightness=brightness, ring_s=ring_s)
        canvas.add(sound, at_s, gain, pan)

    for bar, chord in enumerate(progression(score.key, score.mode, score.numerals, score.bars)):
        at_s = bar * score.bar_s
        notes = chord.near(57 + score.register)
        notes = [*notes, notes[0] + 12, notes[1] + 12]
        for beat in (0.0, 2.0):
            pluck(chord.bass(43), 1.9 * score.beat_s, at_s + beat * score.beat_s, 0.8, -0.15)
        if bar == score.bars - 1:
            for number, note in enumerate(notes[:4]):
                pluck(note, 2.5, at_s + 0.03 * number, 0.5, 0.2)
            continue
        for eighth, place in enumerate(order):
            accent = 0.55 if eighth % 2 == 0 else 0.33
            pluck(notes[place], 1.4 * score.beat_s, at_s + eighth * score.beat_s / 2, accent, 0.3)
        if bar % 2:
            for beat, beats, note in tune(chord, rhythm, 69 + score.register, rng):
                pluck(note, beats * score.beat_s + 0.3, at_s + beat * score.beat_s, 0.6, -0.3)
    return in_room(canvas.signal, rate, 0.35, 0.08, rng)


_RIGHT_HANDS = ((0.0, 1.0, 2.0, 2.5, 3.0), (0.0, 2.0, 3.0), (0.0, 0.5, 1.0, 1.5, 2.0, 3.0), (0.0, 1.0, 3.0))
_LEFT_HANDS = (
    ((0, 0), (1, 3), (2, 0), (3, 3)),
    ((0, 0), (0.5, 2), (1, 1), (1.5, 2), (2, 0), (2.5, 2), (3, 1), (3.5, 2)),
    ((0, 3), (1, 3), (2, 3), (3, 3)),
    ((0, 0), (1, 1), (2, 2), (3, 1)),
)
"""Left hands of the piano: beat and place in the chord, 3 being the whole chord."""


def struck_piano(score: Score) -> Signal:
    """Play a left hand of chords or broken chords and a right hand with the tune."""
    rng = np.random.default_rng(score.seed)
    rate, variant = score.rate_hz, score.variant
    canvas = score.canvas(2.0)
    left = _LEFT_HANDS[variant]
    rhythm = _RIGHT_HANDS[variant]
    force = (0.7, 0.6, 0.75, 0.5)[variant]

    def strike(note: float, beats: float, at_s: float, velocity: float) -> None:
        sound = instruments.struck(pitch_hz(note), beats * score.beat_s + 0.25, rate, velocity, 1.6)
        canvas.add(sound, at_s, 0.5, float(np.clip((note - 60) / 40.0, -0.6, 0.6)))

    for bar, chord in enumerate(progression(score.key, score.mode, score.numerals, score.bars)):
        at_s = bar * score.bar_s
        low = chord.near(52 + score.register)
        strike(chord.bass(38), 3.8, at_s, force)
        if bar == score.bars - 1:
            for note in (*low, chord.bass(64 + score.register)):
                strike(note, 5.0, at_s, force)
            continue
        for beat, place in left:
            for note in low if place == 3 else [low[place]]:
                strike(note, 1.0, at_s + beat * score.beat_s, force * (0.9 if beat == int(beat) else 0.6))
        for beat, beats, note in tune(chord, rhythm, 71 + score.register, rng):
            strike(note, beats, at_s + beat * score.beat_s, min(1.0, force * 1.15))
    return in_room(canvas.signal, rate, 1.2, 0.22, rng)


_CHORALES = (
    ((0, 1), (1, 1), (2, 1), (3, 1)),
    ((0, 1.5), (1.5, 0.5), (2, 1), (3, 1)),
    ((0, 0.75), (0.75, 0.25), (1, 1), (2, 0.5), (2.5, 0.5), (3, 1)),
    ((0, 2), (2, 1), (3, 1)),
)
"""Rhythms of the brass: beat and length in beats."""


def brass_choir(score: Score) -> Signal:
    """Blow four parts: chorale, fanfare, march or slow hymn."""
    rng = np.random.default_rng(score.seed)
    rate, variant = score.rate_hz, score.variant
    canvas = score.canvas(1.2)
    rhythm = _CHORALES[variant]
    formant_hz = (1100.0, 850.0, 1250.0, 650.0)[variant]
    effort = (0.75, 0.65, 0.78, 0.5)[variant]

    def blow(note: float, beats: float, at_s: float, gain: float, *, pan: float, formant: float) -> None:
        length_s = 0.93 * beats * score.beat_s
        sound = instruments.brass(pitch_hz(note), length_s, rate, rng, formant_hz=formant, effort=effort)
        canvas.add(sound, at_s, gain, pan)

    for bar, chord in enumerate(progression(score.key, score.mode, score.numerals, score.bars)):
        at_s = bar * score.bar_s
        notes = chord.near(60 + score.register)
        last = bar == score.bars - 1
        whole = ((0, 4.6),) if last else rhythm
        starts = tuple(float(beat) for beat, _ in whole)
        lead = {beat: note for beat, _, note in tune(chord, starts, 69 + score.register, rng)}
        for beat, beats in whole:
            now_s = at_s + beat * score.beat_s
            accent = 1.0 if beat == 0 else 0.8
            for voice, note in enumerate(notes):
                blow(note, beats, now_s, 0.22 * accent, pan=0.5 * (voice - 1), formant=0.7 * formant_hz)
            top = chord.bass(72 + score.register) if last else lead[float(beat)]
            blow(top, beats, now_s, 0.34 * accent, pan=0.1, formant=formant_hz)
        for beat, beats in ((0, 4.6),) if last else ((0, 1.9), (2, 1.9)):
            blow(chord.bass(41), beats, at_s + beat * score.beat_s, 0.42, pan=-0.2, formant=420.0)
    return in_room(canvas.signal, rate, 1.5, 0.22, rng)


def _drawn(points: int, duration_s: float, rate_hz: int, rng: np.random.Generator) -> Signal:
    """Return a smooth random curve between 0 and 1 through `points` random heights."""
    time_s = times_s(duration_s, rate_hz)
    place = time_s / duration_s * (points - 1)
    heights = rng.uniform(0.0, 1.0, points)
    left = np.minimum(place.astype(int), points - 2)
    blend = 0.5 - 0.5 * np.cos(np.pi * (place - left))
    return heights[left] * (1 - blend) + heights[left + 1] * blend


_EDGES_HZ = ((90, 400, 1200, 3200), (500, 1800, 4000, 8000), (50, 160, 500, 1600), (250, 900, 2200, 5000))
"""Edges of the bands of noise: sea, rain, furnace, radio."""


def noise_textures(score: Score) -> Signal:
    """Let bands of noise come and go without pulse or pitch: sea, rain, furnace or a broken radio."""
    rng = np.random.default_rng(score.seed)
    rate, variant = score.rate_hz, score.variant
    duration_s = score.bars * score.bar_s
    count = len(times_s(duration_s, rate))
    edges_hz = _EDGES_HZ[variant]
    canvas = Canvas(duration_s, rate)
    for number, (low_hz, high_hz) in enumerate(itertools.pairwise(edges_hz)):
        for side in (-0.8, 0.8):
            noise = filtered(white_noise(count, rng), rate, band(low_hz, min(high_hz, 0.45 * rate), 2))
            noise /= np.sqrt(np.mean(noise**2))
            swell = 0.12 + _drawn((5, 9, 7, 24)[variant], duration_s, rate, rng) ** 2
            canvas.add(noise * swell, 0.0, 0.3 / (1 + (0.7, 0.1, 0.9, 0.3)[variant] * number), side)
    for _ in range(int(duration_s * (0, 60, 4, 14)[variant])):
        length_s = float((0.01, 0.008, 0.12, 0.03)[variant] * rng.uniform(0.5, 1.8))
        grain = white_noise(len(times_s(length_s, rate)), rng) * np.hanning(len(times_s(length_s, rate)))
        canvas.add(
            grain,
            rng.uniform(0.0, duration_s - 0.3),
            0.3 * rng.uniform(0.2, 1.0) ** 2,
            rng.uniform(-0.9, 0.9),
        )
    if variant == 2:
        return np.tanh(3.0 * canvas.signal)
    return canvas.signal


FAMILIES: dict[str, Callable[[Score], Signal]] = {
    "drum_and_bass": drum_and_bass,
    "slow_pads": slow_pads,
    "plucked_strings": plucked_strings,
    "struck_piano": struck_piano,
    "brass_choir": brass_choir,
    "noise_textures": noise_textures,
}

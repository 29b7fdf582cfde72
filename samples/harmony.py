"""Keys, chords and tunes: what the pieces play, as MIDI note numbers and beats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
"""The twelve keys as the project writes them: sharps only."""

_MAJOR, _MINOR = (0, 4, 7), (0, 3, 7)
_NUMERALS = {
    "I": (0, _MAJOR), "IV": (5, _MAJOR), "V": (7, _MAJOR), "vi": (9, _MINOR),
    "i": (0, _MINOR), "iv": (5, _MINOR), "VI": (8, _MAJOR),
}  # fmt: skip
_SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}


def pitch_hz(note: float) -> float:
    """Return the frequency of a MIDI note number (69 is 440 Hz)."""
    return float(440.0 * 2.0 ** ((note - 69.0) / 12.0))


@dataclass(frozen=True)
class Chord:
    """One chord of a progression, with the notes that sound well over it."""

    root: int
    """Pitch class of the root, 0 to 11."""
    tones: tuple[int, ...]
    """Pitch classes of the triad, root first."""
    scale: tuple[int, ...]
    """Pitch classes of the key."""

    def near(self, centre: float) -> list[int]:
        """Return the triad as three notes, each in the octave around `centre`, ascending."""
        return sorted(_nearest(tone, centre) for tone in self.tones)

    def bass(self, centre: float) -> int:
        """Return the root in the octave around `centre`."""
        return _nearest(self.root, centre)


def _nearest(pitch_class: int, centre: float) -> int:
    """Return the note of a pitch class that lies nearest to `centre`."""
    return pitch_class + 12 * round((centre - pitch_class) / 12.0)


def progression(key: str, mode: str, numerals: str, bars: int) -> list[Chord]:
    """Spread a progression over the bars, ending on its first chord.

    Parameters
    ----------
    numerals
        Roman numerals, one a bar, such as ``"I IV V I"``; repeated as often as needed.
    """
    tonic = PITCH_CLASSES.index(key)
    scale = tuple((tonic + step) % 12 for step in _SCALES[mode])
    names = numerals.split()
    played = [names[bar % len(names)] for bar in range(bars)]
    played[-1] = names[0]
    chords = []
    for name in played:
        offset, shape = _NUMERALS[name]
        root = (tonic + offset) % 12
        tones = tuple((root + step) % 12 for step in shape)
        # In minor the dominant's third is the raised seventh: a tune must not play the other beside it.
        raised = (tonic + 11) % 12
        fitting = tuple(raised if step == (tonic + 10) % 12 else step for step in scale) if raised in tones else scale
        chords.append(Chord(root, tones, fitting))
    return chords


def tune(
    chord: Chord, rhythm: tuple[float, ...], start: int, rng: np.random.Generator
) -> list[tuple[float, float, int]]:
    """Make a bar of melody: chord tones on whole beats, steps of the scale between.

    Parameters
    ----------
    rhythm
        Where the notes begin, in beats; each lasts until the next, the last to the end of four beats.
    start
        Note near which the line begins.

    Returns
    -------
    list of (beat, beats, note)
    """
    line = []
    here = start
    for beat, end in zip(rhythm, (*rhythm[1:], 4.0), strict=True):
        allowed = chord.tones if beat == int(beat) else chord.scale
        choices = [note for note in range(start - 7, start + 9) if note % 12 in allowed]
        distance = np.array([abs(note - here) + 1.5 * (note == here) for note in choices], dtype=float)
        weight = np.exp(-distance / 2.2)
        here = int(rng.choice(choices, p=weight / weight.sum()))
        line.append((beat, end - beat, here))
    return line

"""Genres as rhythm: what the drums, the bass and the chords of a bar do, and how fast such music goes.

A bar is a string with one sign a step: ``x`` a hit, ``X`` an accent, ``o`` a ghost note, ``?`` a hit in half of the
bars, ``.`` nothing. In a bass line ``R``, ``3``, ``5`` and ``8`` are root, third, fifth and octave, ``w`` a step
towards the next chord. In a chord part ``x`` strikes the chord, ``a`` the next note of an arpeggio, ``-`` holds on.
The tempo is that of the beat at which listeners tap.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DRUM_NOTES = {
    "kick": 36,
    "side stick": 37,
    "snare": 38,
    "clap": 39,
    "closed hat": 42,
    "pedal hat": 44,
    "low tom": 47,
    "open hat": 46,
    "crash": 49,
    "ride": 51,
    "tambourine": 54,
    "cowbell": 56,
    "muted conga": 62,
    "conga": 63,
    "low conga": 64,
    "timbale": 65,
    "agogo": 67,
    "shaker": 70,
    "claves": 75,
    "guiro": 73,
}
"""General MIDI notes of the drums that ``genres.json`` names."""

SNARE, CRASH = DRUM_NOTES["snare"], DRUM_NOTES["crash"]

Drums = dict[int, str]


@dataclass(frozen=True, slots=True)
class Genre:
    """How bars of a genre are made.

    Parameters
    ----------
    bpm : tuple of float
        Slowest and fastest tempo.
    beats, steps : int
        Beats in a bar, steps in a beat.
    drums : tuple of dict
        Variants of the drum pattern; empty for music without drums.
    bass, chords : tuple of str
        Variants of the bass line and of the chord part.
    bass_programs, chord_programs, lead_programs : tuple of int
        General MIDI programs.
    swing : tuple of float
        Range of the place of the second half beat; 0.5 is straight, 0.67 a triplet.
    drift : float
        Standard deviation of the slow change of the tempo, as a share.
    density : float
        Share of half beats on which the melody strikes.
    pads : tuple of int
        Programs of held chords; empty for solo music.
    """

    bpm: tuple[float, float]
    beats: int
    steps: int
    drums: tuple[Drums, ...]
    bass: tuple[str, ...]
    chords: tuple[str, ...]
    bass_programs: tuple[int, ...]
    chord_programs: tuple[int, ...]
    lead_programs: tuple[int, ...]
    swing: tuple[float, float]
    drift: float
    density: float
    pads: tuple[int, ...]


def _genre(said: dict[str, Any]) -> Genre:
    fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in said.items()}
    fields["drums"] = tuple({DRUM_NOTES[name]: line for name, line in drums.items()} for drums in fields["drums"])
    return Genre(**fields)


GENRES: dict[str, Genre] = {
    name: _genre(said) for name, said in json.loads(Path(__file__).with_suffix(".json").read_text()).items()
}
UNSEEN_GENRES = frozenset({"bossa", "punk", "jazz_waltz", "synth_pop", "country", "minuet", "rnb", "ska"})
"""Kept from every fit: they occur in the validation part only."""

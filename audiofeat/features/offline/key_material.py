"""Render what the key model is fitted and judged on.

``python -m audiofeat.features.offline.key_material OUT --split train --pop909 FOLDER --nottingham FOLDER`` writes
clips and a ``labels.jsonl``: songs of POP909 and of the Nottingham collection, arrangements of our own, and sound
without a key. Songs get other instruments, registers and tunings, drums over them, a bass line or none, and are cut to
30-120 s. The validation part holds other songs, mostly programs that the train part never uses, and a sound font of
its own.
"""

import argparse
import json
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from audiofeat.features.frames import Floats
from audiofeat.features.offline.arrangements import KEYS, Song, compose
from audiofeat.features.offline.atonal_sound import atonal
from audiofeat.features.offline.genres import GENRES, UNSEEN_GENRES
from audiofeat.features.offline.midi_collections import chord_moved, excerpt, nottingham, pop909
from audiofeat.features.offline.render_midi import FONTS, RATE_HZ, labels, midi, render

_LEADS = (*range(8), *range(8, 15), *range(16, 32), *range(40, 47), *range(48, 96), 104, 105, 106, 107, 110, 111)
_CHORDS = (*range(8), 11, *range(16, 32), 46, *range(48, 55), 80, 81, *range(88, 96), 105, 106, 107)
_BASSES = tuple(range(32, 40))
_BASS_CHANNEL, _DRUM_CHANNEL = 8, 9
_LOWEST_WITHOUT_BASS = 52
_KEPT_BACK = 3
_LENGTHS_S = (30.0, 45.0, 60.0, 90.0, 120.0)
_WANTED = {"train": (350, 250, 400), "validation": (140, 140, 150)}
_ATONAL = {"train": 180, "validation": 90}
_ATONAL_SEEDS = {"train": 1, "validation": 2}
_NEEDED_NOTES = 24

Clip = tuple[str, Floats, dict[str, Any], str]


def transposed(song: Song, steps: int) -> Song:
    """Return a song of a collection some semitones up."""
    tonic, mode = song.key.split()
    notes = [(channel, at, length, pitch + steps * (channel != _DRUM_CHANNEL), velocity)
             for channel, at, length, pitch, velocity in song.notes]  # fmt: skip
    chords = [(start, end, chord_moved(name, steps)) for start, end, name in song.chords]
    return replace(song, key=f"{KEYS[(KEYS.index(tonic) + steps) % 12]} {mode}", notes=notes, chords=chords)


def dressed(song: Song, rng: np.random.Generator, *, held_back: bool) -> Song:
    """Return a song of a collection with other instruments, with or without bass and drums."""
    notes = list(song.notes)
    channels = sorted({note[0] for note in notes})
    only_piano = rng.random() < 0.25
    for channel in channels:
        pool = _LEADS if channel == 0 else _CHORDS
        song.programs[channel] = 0 if only_piano else _program(pool, rng, held_back=held_back)
        song.volumes[channel] = int(rng.integers(*((80, 120) if channel == 0 else (55, 110))))
    low = rng.choice(("as it is", "none", "a line"), p=(0.55, 0.15, 0.3))
    if low == "none":
        notes = [note for note in notes if note[3] >= _LOWEST_WITHOUT_BASS]
    elif low == "a line":
        song.programs[_BASS_CHANNEL] = _program(_BASSES, rng, held_back=held_back)
        song.volumes[_BASS_CHANNEL] = int(rng.integers(70, 120))
        notes += _bass_line(song)
    if rng.random() < 0.45:
        song.volumes[_DRUM_CHANNEL] = int(rng.integers(60, 127))
        song.programs[_DRUM_CHANNEL] = int(rng.choice((0, 0, 8, 16, 25, 32, 40)))
        notes += _drums(song, rng)
    song.notes = notes
    return song


def _program(pool: tuple[int, ...], rng: np.random.Generator, *, held_back: bool) -> int:
    kept = [program for program in pool if program % _KEPT_BACK == _KEPT_BACK - 1]
    seen = [program for program in pool if program not in kept]
    return int(rng.choice(kept if held_back and rng.random() < 0.7 else seen))


def _bass_line(song: Song) -> Iterator[tuple[int, float, float, int, int]]:
    """Yield the lowest note that begins in each two beats, an octave or two down."""
    for start, end in zip(song.beat_times_s[:-2:2], song.beat_times_s[2::2], strict=False):
        pitches = [note[3] for note in song.notes if start - 0.03 <= note[1] < end - 0.03]
        if pitches:
            yield _BASS_CHANNEL, float(start), float(end - start) * 0.9, 28 + (min(pitches) - 28) % 12, 95


def _drums(song: Song, rng: np.random.Generator) -> Iterator[tuple[int, float, float, int, int]]:
    genres = [genre for genre in GENRES.values() if genre.drums and genre.beats == 4]
    genre = genres[rng.integers(len(genres))]
    drums = genre.drums[rng.integers(len(genre.drums))]
    beats = song.beat_times_s
    for pitch, line in drums.items():
        at = np.flatnonzero([sign != "." for sign in line])
        for bar in range(0, len(beats) - 4, 4):
            places = np.interp(at / genre.steps, np.arange(5), beats[bar : bar + 5])
            yield from ((_DRUM_CHANNEL, float(place), 0.1, pitch, int(rng.integers(60, 120))) for place in places)


def songs(split: str, pop: Path | None, tunes: Path | None) -> Iterator[tuple[str, Song, np.random.Generator]]:
    """Yield set, song and chance of each clip of a part."""
    held_back = split == "validation"
    many = dict(zip(("POP909", "Nottingham", "arrangements"), _WANTED[split], strict=True))
    for name, folder, read in (("POP909", pop, pop909), ("Nottingham", tunes, nottingham)):
        if folder is None:
            continue
        drawn = sorted((zlib.crc32(f"{name} {number}".encode()), number, song) for number, song in read(folder))
        found = [(number, song) for draw, number, song in drawn if (draw % _KEPT_BACK == 0) == held_back]
        for clip in range(many[name] if not held_back else min(many[name], len(found))):
            number, song = found[clip % len(found)]
            rng = np.random.default_rng((held_back, number, clip))
            part = _part(song, rng)
            yield name, transposed(dressed(part, rng, held_back=held_back), int(rng.integers(-5, 7))), rng
    genres = [name for name in GENRES if held_back or name not in UNSEEN_GENRES]
    for number in range(many["arrangements"]):
        seed = number + (970_000 if held_back else 910_000)
        song = compose(genres[number % len(genres)], seed, seconds=40.0, held_back=held_back)
        yield "arrangements", song, np.random.default_rng(seed)


def _part(song: Song, rng: np.random.Generator) -> Song:
    whole = song.notes[-1][1] + 2.0
    seconds = min(float(rng.choice(_LENGTHS_S)), whole)
    part = excerpt(song, float(rng.uniform(0, whole - seconds)), seconds)
    return part if len(part.notes) >= _NEEDED_NOTES else excerpt(song, 0.0, whole)


def clips(split: str, pop: Path | None, tunes: Path | None, fonts: list[Path]) -> Iterator[Clip]:
    """Yield set, samples, labels and sound font of each clip of a part."""
    for name, song, rng in songs(split, pop, tunes):
        font = fonts[int(rng.integers(len(fonts)))]
        cents = float(rng.choice((0.0, rng.uniform(-33, 48)), p=(0.6, 0.4)))
        samples = render(midi(song, cents=cents), font)
        yield name, samples, labels(song, len(samples) / RATE_HZ), font.name
    for kind, samples in atonal(_ATONAL[split], _ATONAL_SEEDS[split], fonts[0]):
        yield kind, samples, {"key": None}, fonts[0].name


def main() -> None:
    """Render and write the clips of one part."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--split", choices=sorted(FONTS), default="validation")
    parser.add_argument("--pop909", type=Path, help="folder of POP909")
    parser.add_argument("--nottingham", type=Path, help="folder of the Nottingham collection")
    asked = parser.parse_args()
    fonts = [font for font in FONTS[asked.split] if font.exists()]
    if not fonts:
        parser.error("no sound font: install fluid-soundfont-gm and musescore-general-soundfont")
    asked.folder.mkdir(parents=True, exist_ok=True)
    with (asked.folder / "labels.jsonl").open("w") as lines:
        for number, (name, samples, said, font) in enumerate(clips(asked.split, asked.pop909, asked.nottingham, fonts)):
            path = asked.folder / f"{number:04}_{name.replace(' ', '-')}.flac"
            soundfile.write(path, samples, RATE_HZ)
            lines.write(json.dumps({"path": path.name, "set": name, "labels": said, "font": font}) + "\n")
            lines.flush()


if __name__ == "__main__":
    main()

"""Render stems: eight seconds of one instrument playing one part of a song, to be mixed later.

``python -m audiofeat.features.offline.instrument_stems FOLDER --count 2000 --pop909 P --nottingham N`` writes
files of 40 stems each, ``FluidR3_GM-0000.npz`` and so on: samples, and as JSON what each is. A file that exists is not
rendered again, so a run that was ended goes on where it stopped; the same seed gives the same stems.

Songs of every fifth file are kept back from fitting, those of the others are not; a font is kept back as a whole.
"""

import argparse
import json
import tempfile
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import mido
import numpy as np
from numpy.typing import NDArray

from audiofeat.features.offline.arrangements import Song
from audiofeat.features.offline.genres import GENRES
from audiofeat.features.offline.instrument_players import BY_NOTE, RATE_HZ, played, present_fonts, presets
from audiofeat.features.offline.instrument_programs import DRUM_BANK, FAMILIES, drawn
from audiofeat.features.offline.instrument_songs import EXCERPT_S, HELD_BACK_EVERY, Songs
from audiofeat.features.offline.progress import progress

STEM_S = EXCERPT_S
STEM = STEM_S * RATE_HZ
STEMS_A_FILE = 40
_FAMILY_WEIGHTS = {"guitar": 1.4, "keys": 1.4, "synth": 0.8, "voice": 0.6, "tuned_percussion": 0.9}
_SONGS_A_FILE = 5  # stems of a file share a few songs, so that mixtures can be of one song
_GAP_S = 2.0
_TICKS, _TICKS_A_SECOND = 480, 960
_DRUM_CHANNEL = 9
_LEAST_RMS = 1e-4
_ALONE = frozenset({"brass", "reeds_pipes"})  # one player sounds one tone at a time
_ENSEMBLES = frozenset({61, 62, 63})
_SUSTAINED = frozenset({"strings", "brass", "reeds_pipes", "voice", "synth"})

Note = tuple[float, float, int, int]
Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Stem:
    """What a stem is, beside its samples."""

    number: int
    family: str
    source: str
    bank: int
    program: int
    font: str
    song: str
    held_back: bool


@dataclass(frozen=True, slots=True)
class _Planned:
    stem: Stem
    notes: list[Note]
    cents: float
    expression: int


def _line(notes: list[tuple[int, float, float, int, int]], rng: np.random.Generator, family: str) -> list[Note]:
    """Return what one player makes of a part: some of its notes, shorter or longer, softer or louder."""
    stretch, keep = float(rng.choice((0.5, 1.0, 1.0, 1.4))), float(rng.choice((0.6, 1.0, 1.0)))
    shift, velocities = int(rng.integers(-25, 15)), float(rng.uniform(3, 12))
    line: list[Note] = []
    for _, at, length, pitch, velocity in notes:
        if family == "drums" or rng.random() < keep:
            loudness = int(np.clip(velocity + shift + rng.normal(0, velocities), 20, 127))
            line.append((at, max(0.06, length * stretch), pitch, loudness))
    return sorted(line)


def _monophonic(line: list[Note]) -> list[Note]:
    """Return the upper line, each note ending before the next begins."""
    top: list[Note] = []
    for note in sorted(line, key=lambda note: (round(note[0], 2), -note[2])):
        if top and note[0] - top[-1][0] < 0.06:
            continue
        if top and top[-1][0] + top[-1][1] > note[0]:
            top[-1] = (top[-1][0], note[0] - top[-1][0], *top[-1][2:])
        top.append(note)
    return top


def _part(song: Song, family: str, rng: np.random.Generator) -> list[tuple[int, float, float, int, int]]:
    """Return the notes of a channel that suits a family; empty where the song has none."""
    channels = sorted({note[0] for note in song.notes})
    if family == "drums":
        wanted = [channel for channel in channels if channel == _DRUM_CHANNEL and song.genre in GENRES]
    elif family == "bass":
        wanted = [0] if song.genre in GENRES and 0 in channels else [c for c in channels if c != _DRUM_CHANNEL][-1:]
    else:
        wanted = [channel for channel in channels if channel != _DRUM_CHANNEL]
    if not wanted:
        return []
    channel = wanted[int(rng.integers(len(wanted)))]
    return [note for note in song.notes if note[0] == channel]


def _in_range(line: list[Note], pitch: int, steps: int) -> list[Note]:
    middle = float(np.median([note[2] for note in line]))
    move = steps + 12 * round((pitch - middle - steps) / 12)
    return [(at, length, int(np.clip(p + move, 21, 108)), velocity) for at, length, p, velocity in line]


def planned(file: int, songs: Songs, font: Path, seed: int) -> list[_Planned]:
    """Return the stems of a file, which share a few songs that are all kept back or none."""
    rng = np.random.default_rng((seed, zlib.crc32(font.name.encode()), file))
    held_back = file % HELD_BACK_EVERY == 0
    names = list(FAMILIES)
    weights = np.array([_FAMILY_WEIGHTS.get(name, 1.0) for name in names])
    drawn_songs = [songs.draw(rng, held_back=held_back) for _ in range(_SONGS_A_FILE)]
    steps = [int(rng.integers(-5, 7)) for _ in drawn_songs]
    made: list[_Planned] = []
    while len(made) < STEMS_A_FILE:
        family = names[int(rng.choice(len(names), p=weights / weights.sum()))]
        at = int(rng.integers(len(drawn_songs)))
        name, song = drawn_songs[at]
        program = drawn(family, presets(font), rng)
        if program is None:
            continue
        line = _line(_part(song, family, rng), rng, family)
        if len(line) < 3:
            drawn_songs[at] = songs.draw(rng, held_back=held_back)
            continue
        if family in _ALONE and program.number not in _ENSEMBLES:
            line = _monophonic(line)
        if family != "drums":
            line = _in_range(line, program.pitch + int(rng.choice((-5, 0, 0, 5))), steps[at])
        number = file * STEMS_A_FILE + len(made)
        stem = Stem(number, family, "font", program.bank, program.number, font.name, name, held_back)
        wheel = int(rng.choice((0, 0, 40, 90))) if family in _SUSTAINED else 0
        made.append(_Planned(stem, line, float(rng.choice((0.0, rng.normal(0, 15)))), wheel))
    return made


def _midi(stems: list[_Planned]) -> mido.MidiFile:
    """Return one score that plays the stems one after another."""
    events: list[tuple[float, int, mido.Message]] = []
    for number, one in enumerate(stems):
        begin = number * (STEM_S + _GAP_S)
        is_kit = one.stem.bank == DRUM_BANK
        channel = _DRUM_CHANNEL if is_kit else 0

        def control(which: int, value: int, at: float = begin, channel: int = channel) -> None:
            events.append((at, 0, mido.Message("control_change", channel=channel, control=which, value=value)))

        control(120, 0, channel=0)
        control(120, 0, channel=_DRUM_CHANNEL)
        control(121, 0)
        if not is_kit:
            control(0, one.stem.bank)
        control(7, 110)
        control(1, one.expression)
        events.append((begin, 1, mido.Message("program_change", channel=channel, program=one.stem.program)))
        if not is_kit:
            bend = round(one.cents * 8192 / 200)
            events.append(
                (begin, 1, mido.Message("pitchwheel", channel=channel, pitch=int(np.clip(bend, -8192, 8191))))
            )
        for start, length, pitch, velocity in one.notes:
            at = begin + 0.05 + start
            events.append((at, 3, mido.Message("note_on", channel=channel, note=pitch, velocity=velocity)))
            end = min(at + length, begin + STEM_S)
            events.append((end, 2, mido.Message("note_off", channel=channel, note=pitch)))
    events.sort(key=lambda event: event[:2])
    track, before = mido.MidiTrack(), 0
    for time_s, _, message in events:
        tick = round(time_s * _TICKS_A_SECOND)
        track.append(message.copy(time=tick - before))
        before = tick
    end = round(len(stems) * (STEM_S + _GAP_S) * _TICKS_A_SECOND)
    track.append(mido.Message("control_change", channel=0, control=120, value=0, time=max(0, end - before)))
    return mido.MidiFile(ticks_per_beat=_TICKS, tracks=[track])


def rendered(stems: list[_Planned], font: Path) -> Samples:
    """Return the stems' sound, shape (stems, samples), each with its peak at 1, or all zero where it is silent."""
    if font in BY_NOTE:
        play = BY_NOTE[font].play
        parts = np.stack([play(one.stem.program, one.notes, STEM_S, np.random.default_rng(one.stem.number))
                          for one in stems])  # fmt: skip
    else:
        with tempfile.TemporaryDirectory() as scratch:
            mono = played(_midi(stems), font, Path(scratch))
        step = round((STEM_S + _GAP_S) * RATE_HZ)
        mono = np.pad(mono, (0, max(0, step * len(stems) - len(mono))))
        parts = mono[: step * len(stems)].reshape(len(stems), step)[:, :STEM]
    peak = np.abs(parts).max(axis=1, keepdims=True)
    return np.where(peak > _LEAST_RMS, parts / np.maximum(peak, _LEAST_RMS), 0).astype(np.float32)


def write(path: Path, samples: Samples, stems: list[Stem]) -> None:
    """Write a file of stems, whole or not at all."""
    said = json.dumps([asdict(stem) for stem in stems])
    part = path.with_suffix(".part.npz")
    np.savez(part, samples=np.round(samples * 32_000).astype(np.int16), stems=np.array(said))
    part.replace(path)


def read(path: Path) -> tuple[NDArray[np.int16], list[Stem]]:
    """Return the samples of a file of stems, at 32,000 to full scale, and what they are."""
    with np.load(path) as stored:
        rows: list[dict[str, Any]] = json.loads(str(stored["stems"]))
        return stored["samples"], [Stem(**row) for row in rows]


def main() -> None:
    """Render what is missing."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=2_000, help="stems of each font")
    parser.add_argument("--font", type=Path, action="append", help="by default all that are installed")
    parser.add_argument("--pop909", type=Path, help="folder of POP909")
    parser.add_argument("--nottingham", type=Path, help="folder of the Nottingham collection")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    songs = Songs(asked.pop909, asked.nottingham)
    asked.folder.mkdir(parents=True, exist_ok=True)
    jobs = [(file, font) for file in range(-(-asked.count // STEMS_A_FILE)) for font in asked.font or present_fonts()]
    for file, font in progress(jobs, len(jobs), "stems"):
        path = asked.folder / f"{font.stem}-{file:04}.npz"
        if not path.exists():
            stems = planned(file, songs, font, asked.seed)
            write(path, rendered(stems, font), [one.stem for one in stems])


if __name__ == "__main__":
    main()

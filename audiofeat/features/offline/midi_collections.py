"""Songs from collections of MIDI files, with what is said of them: keys, beats, chords.

POP909 (Wang et al., ISMIR 2020) as it is published: ``NNN/NNN.mid`` with ``key_audio.txt``, ``beat_midi.txt`` and
``chord_midi.txt`` beside it. The Nottingham collection, cleaned: ``*.mid`` with a key signature. Songs that change
their key are left out.
"""

from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path

import mido
import numpy as np

from audiofeat.features.offline.arrangements import KEYS, Song

_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_MODES = {"maj": "major", "min": "minor"}
_LONGEST_NOTE_S = 8.0
# Lines of POP909's key files that last less than this are slips of its annotation, not modulations.
_SHORTEST_KEY_S = 10.0

Note = tuple[int, float, float, int, int]


def key_name(tonic: str, mode: str) -> str:
    """Return a key in our spelling.

    Examples
    --------
    >>> key_name("Gb", "min")
    'F# minor'
    """
    number = _STEPS[tonic[0]] + tonic.count("#") - tonic[1:].count("b")
    return f"{KEYS[number % 12]} {_MODES[mode]}"


def chord_moved(name: str, steps: int) -> str:
    """Return a chord in Harte's syntax some semitones up.

    Examples
    --------
    >>> chord_moved("Bb:maj7/3", 3), chord_moved("N", 3)
    ('C#:maj7/3', 'N')
    """
    root, *kind = name.partition(":")
    if root in {"N", "X"}:
        return name
    number = _STEPS[root[0]] + root.count("#") - root[1:].count("b")
    return KEYS[(number + steps) % 12] + "".join(kind)


def notes_of(file: mido.MidiFile) -> list[Note]:
    """Return the notes of a MIDI file, each of its sounding tracks as one channel, the time in seconds."""
    ticks, seconds, tempo = [0.0], [0.0], 500_000
    now = 0
    for message in mido.merge_tracks(file.tracks):
        now += message.time
        if message.type == "set_tempo":
            seconds.append(seconds[-1] + mido.tick2second(now - ticks[-1], file.ticks_per_beat, tempo))
            ticks.append(now)
            tempo = message.tempo
    ticks.append(now + 1)
    seconds.append(seconds[-1] + mido.tick2second(now + 1 - ticks[-2], file.ticks_per_beat, tempo))
    notes: list[Note] = []
    sounding = [track for track in file.tracks if any(message.type == "note_on" for message in track)]
    for channel, track in enumerate(sounding):
        now, closed = 0, []
        open_notes: dict[int, tuple[int, int]] = {}
        for message in track:
            now += message.time
            if message.type not in {"note_on", "note_off"}:
                continue
            if message.note in open_notes:
                closed.append((*open_notes.pop(message.note), now, message.note))
            if message.type == "note_on" and message.velocity:
                open_notes[message.note] = now, message.velocity
        starts, ends = (np.interp([row[place] for row in closed], ticks, seconds) for place in (0, 2))
        lengths = np.minimum(ends - starts, _LONGEST_NOTE_S)
        notes += [(channel, float(start), float(length), pitch, velocity)
                  for (_, velocity, _, pitch), start, length in zip(closed, starts, lengths, strict=True)]  # fmt: skip
    return sorted(notes, key=lambda note: note[1])


def pop909(folder: Path) -> Iterator[tuple[int, Song]]:
    """Yield number and song of those with one key."""
    for path in sorted(folder.glob("[0-9][0-9][0-9]/[0-9][0-9][0-9].mid")):
        song = pop909_song(path)
        if song is not None:
            yield int(path.stem), song


def pop909_song(path: Path) -> Song | None:
    """Return the song of one file; None where it has several keys."""
    said = [line.split() for line in (path.parent / "key_audio.txt").read_text().splitlines()]
    keys = {key for start, end, key in said if float(end) - float(start) > _SHORTEST_KEY_S}
    if len(keys) != 1:
        return None
    rows = [line.split() for line in (path.parent / "beat_midi.txt").read_text().splitlines()]
    beats = np.array([float(row[0]) for row in rows])
    chords = [line.split() for line in (path.parent / "chord_midi.txt").read_text().splitlines()]
    return Song(
        genre="POP909", key=key_name(*keys.pop().split(":")), meter=4,
        tempo_bpm=60 / float(np.median(np.diff(beats))), beat_times_s=beats,
        downbeat_times_s=beats[[float(row[1]) == 1 for row in rows]],
        notes=notes_of(mido.MidiFile(path)), chords=[(float(a), float(b), name) for a, b, name in chords],
    )  # fmt: skip


def nottingham(folder: Path) -> Iterator[tuple[int, Song]]:
    """Yield number and song of those with one key; their beats are quarters at the file's tempo."""
    for number, path in enumerate(sorted(folder.rglob("*.mid"))):
        song = nottingham_song(path)
        if song is not None:
            yield number, song


def nottingham_song(path: Path) -> Song | None:
    """Return the song of one file; None where it has several keys."""
    file = mido.MidiFile(path)
    messages = list(mido.merge_tracks(file.tracks))
    keys = {message.key for message in messages if message.type == "key_signature"}
    if len(keys) != 1:
        return None
    key = keys.pop()
    period = next((message.tempo for message in messages if message.type == "set_tempo"), 500_000) / 1e6
    beats = np.arange(0, file.length, period)
    return Song(
        genre="Nottingham", key=key_name(key.removesuffix("m"), "min" if key.endswith("m") else "maj"), meter=4,
        tempo_bpm=60 / period, beat_times_s=beats, downbeat_times_s=beats[::4], notes=notes_of(file),
    )  # fmt: skip


def excerpt(song: Song, start_s: float, seconds: float) -> Song:
    """Return a part of a song, its times counted from the part's start."""
    end_s = start_s + seconds
    first, last = (bisect_left(song.notes, at, key=lambda note: note[1]) for at in (start_s, end_s))
    notes = [(channel, at - start_s, min(length, end_s - at), pitch, velocity)
             for channel, at, length, pitch, velocity in song.notes[first:last]]  # fmt: skip
    beats, downbeats = (times[(times >= start_s) & (times < end_s)] - start_s
                        for times in (song.beat_times_s, song.downbeat_times_s))  # fmt: skip
    chords = [(max(a - start_s, 0.0), min(b, end_s) - start_s, name)
              for a, b, name in song.chords if b > start_s and a < end_s]  # fmt: skip
    return Song(song.genre, song.key, song.meter, song.tempo_bpm, beats, downbeats, notes, chords=chords)

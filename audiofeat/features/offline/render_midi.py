"""Render songs of many genres with FluidSynth, and write what is true of them.

``python -m audiofeat.features.offline.render_midi FOLDER --count 300 --split train`` writes ``0000_rock.flac`` and so
on, and ``labels.jsonl`` as ``audiofeat evaluate features`` reads it. The validation part holds other songs, genres and
programs, and a sound font of its own.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import mido
import numpy as np
import soundfile

from audiofeat.features.offline.arrangements import Song, compose
from audiofeat.features.offline.genres import GENRES, UNSEEN_GENRES

RATE_HZ = 22_050
_FONTS = Path("/usr/share/sounds")
FONTS = {
    "train": (_FONTS / "sf2/FluidR3_GM.sf2", _FONTS / "sf2/sf_GMbank.sf2"),
    "validation": (_FONTS / "sf3/MuseScore_General.sf3",),
}
_SEEDS = {"train": 10_000, "validation": 90_000}
_TICKS = 480
_TICKS_A_SECOND = 960  # mido's default tempo: 120 beats a minute
_TAIL_S = 1.0
_BEND_A_CENT = 8192 / 200  # General MIDI's wheel reaches two semitones


def midi(song: Song, *, cents: float = 0.0) -> mido.MidiFile:
    """Return the song as a MIDI file whose times are exact to a millisecond, tuned so many cents up."""
    events: list[tuple[float, int, mido.Message]] = []
    for channel, program in song.programs.items():
        events.append((0.0, 0, mido.Message("program_change", channel=channel, program=program)))
        volume = song.volumes[channel]
        events.append((0.0, 0, mido.Message("control_change", channel=channel, control=7, value=volume)))
        bend = round(cents * _BEND_A_CENT)
        events.append((0.0, 0, mido.Message("pitchwheel", channel=channel, pitch=bend)))
    for channel, start, length, pitch, velocity in song.notes:
        events.append((start, 2, mido.Message("note_on", channel=channel, note=pitch, velocity=velocity)))
        events.append((start + length, 1, mido.Message("note_off", channel=channel, note=pitch)))
    events.sort(key=lambda event: event[:2])
    track, before = mido.MidiTrack(), 0
    for time_s, _, message in events:
        tick = round(time_s * _TICKS_A_SECOND)
        track.append(message.copy(time=tick - before))
        before = tick
    return mido.MidiFile(ticks_per_beat=_TICKS, tracks=[track])


def render(file: mido.MidiFile, font: Path) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return the sound of a MIDI file, mono at 22,050 Hz, its peak at -1 dBFS."""
    with tempfile.TemporaryDirectory() as scratch:
        score, sound = Path(scratch) / "song.mid", Path(scratch) / "song.wav"
        file.save(score)
        options = ["-ni", "-q", "-r", str(RATE_HZ), "-g", "0.4", "-o", "synth.dynamic-sample-loading=1"]
        command = ["fluidsynth", *options, "-F", str(sound), str(font), str(score)]
        subprocess.run(command, check=True, capture_output=True, timeout=300)
        samples, _ = soundfile.read(sound, dtype="float32", always_2d=True)
    mono = samples.mean(axis=1)
    return np.asarray(mono * (0.89 / max(float(np.abs(mono).max()), 1e-9)), dtype=np.float32)


def labels(song: Song, seconds: float) -> dict[str, Any]:
    """Return what is true of the first so many seconds of a song."""
    return {
        "tempo_bpm": round(song.tempo_bpm, 3),
        "beat_times_s": [round(float(t), 4) for t in song.beat_times_s if t < seconds],
        "downbeat_times_s": [round(float(t), 4) for t in song.downbeat_times_s if t < seconds],
        "key": song.key,
        "meter": song.meter,
        "genre": song.genre,
        "chords": [chord for chord in song.chords if chord[0] < seconds],
    }


def main() -> None:
    """Compose, render and write songs of one part."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--split", choices=sorted(FONTS), default="validation")
    parser.add_argument("--font", type=Path, action="append", help="instead of the part's own")
    parser.add_argument("--first", type=int, default=0, help="number of the first song")
    asked = parser.parse_args()
    held_back = asked.split == "validation"
    fonts = [font for font in asked.font or FONTS[asked.split] if font.exists()]
    if not fonts:
        parser.error("no sound font: install fluid-soundfont-gm, or name one with --font")
    genres = [name for name in GENRES if held_back or name not in UNSEEN_GENRES]
    asked.folder.mkdir(parents=True, exist_ok=True)
    with (asked.folder / "labels.jsonl").open("a") as lines:
        for number in range(asked.first, asked.first + asked.count):
            seed, name = _SEEDS[asked.split] + number, genres[number % len(genres)]
            song = compose(name, seed, seconds=asked.seconds, held_back=held_back)
            font = fonts[int(np.random.default_rng(seed).integers(len(fonts)))]
            samples = render(midi(song), font)[: round((song.beat_times_s[-1] + _TAIL_S) * RATE_HZ)]
            path = asked.folder / f"{number:04}_{name}.flac"
            soundfile.write(path, samples, RATE_HZ)
            said = {"path": path.name, "labels": labels(song, len(samples) / RATE_HZ), "font": font.name}
            lines.write(json.dumps(said) + "\n")
            lines.flush()


if __name__ == "__main__":
    main()

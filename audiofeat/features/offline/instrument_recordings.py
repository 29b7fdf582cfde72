"""Stems that no sound font gives: real drums, speech, and singing made from speech.

``python -m audiofeat.features.offline.instrument_recordings FOLDER --speech S`` adds files of 40 stems to a folder of
``instrument_stems``: ``kits-0000.npz`` from the drum kits of hydrogen-drumkits, ``voices-0000.npz`` from a folder of
speech with ``labels.jsonl`` (``file``, ``language``, ``utterances``). Files that exist are left alone.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import soundfile
import soxr

from audiofeat.features.offline import drum_kits
from audiofeat.features.offline.arrangements import compose
from audiofeat.features.offline.genres import GENRES
from audiofeat.features.offline.instrument_players import RATE_HZ
from audiofeat.features.offline.instrument_songs import HELD_BACK_EVERY
from audiofeat.features.offline.instrument_stems import (
    STEM,
    STEM_S,
    STEMS_A_FILE,
    Note,
    Samples,
    Stem,
    write,
)
from audiofeat.features.offline.midi_collections import excerpt
from audiofeat.features.offline.progress import progress
from audiofeat.features.offline.sung_voice import sing

_FIRST = {"kits": 1_000_000, "voices": 2_000_000}
_SONG_S = 24.0
_LANGUAGES_KEPT_BACK = frozenset({"en", "fr"})
_VOICES = (45, 50, 55, 60, 65)
_SUNG_SHARE = 0.7
_CHOIR_SHARE = 0.15


def _song(rng: np.random.Generator, channel: int, *, held_back: bool) -> tuple[str, list[Note]]:
    """Return the name and one channel of a composed song."""
    while True:
        genre = list(GENRES)[int(rng.integers(len(GENRES)))]
        seed = int(rng.integers(1_000_000)) + (4_000_000 if held_back else 3_000_000)
        whole = compose(genre, seed, seconds=_SONG_S)
        whole.notes.sort(key=lambda note: note[1])
        song = excerpt(whole, float(rng.uniform(0, 12)), STEM_S)
        notes = [(at, length, pitch, velocity) for c, at, length, pitch, velocity in song.notes if c == channel]
        if len(notes) > 4:
            return f"{genre} {seed}", notes


def kits(number: int, rng: np.random.Generator, folder: Path, *, held_back: bool) -> tuple[Samples, list[Stem]]:
    """Return a file of drum stems played on one kit."""
    folders = sorted(path.parent for path in folder.glob("*/drumkit.xml"))
    pool = [path for path in folders if (path.name in drum_kits.KEPT_BACK) == held_back]
    kit = drum_kits.Kit(pool[number % len(pool)], RATE_HZ)
    samples, stems = np.zeros((STEMS_A_FILE, STEM), dtype=np.float32), []
    for at in range(STEMS_A_FILE):
        name, notes = _song(rng, 9, held_back=held_back)
        played = kit.play(notes, STEM_S, rng)
        samples[at] = played / max(float(np.abs(played).max()), 1e-4)
        stem = _FIRST["kits"] + number * STEMS_A_FILE + at
        stems.append(Stem(stem, "drums", "kit", 0, 0, kit.name, name, held_back))
    return samples, stems


def voices(number: int, rng: np.random.Generator, folder: Path, *, held_back: bool) -> tuple[Samples, list[Stem]]:
    """Return a file of stems that sing or speak, from speech of some languages only."""
    rows = [json.loads(line) for line in (folder / "labels.jsonl").read_text().splitlines()]
    rows = [row for row in rows if (row["language"] in _LANGUAGES_KEPT_BACK) == held_back]
    samples, stems = np.zeros((STEMS_A_FILE, STEM), dtype=np.float32), []
    for at in range(STEMS_A_FILE):
        row = rows[int(rng.integers(len(rows)))]
        spoken, rate_hz = soundfile.read(folder / row["file"], dtype="float32", always_2d=True)
        speech = soxr.resample(spoken.mean(axis=1), rate_hz * rng.uniform(0.92, 1.12), RATE_HZ).astype(np.float32)
        begin = int(rng.integers(max(1, len(speech) - STEM)))
        speech = np.pad(speech[begin : begin + STEM], (0, max(0, STEM - len(speech) + begin)))[:STEM]
        name, kind = "", "speech"
        if rng.random() < _SUNG_SHARE:
            name, notes = _song(rng, 2, held_back=held_back)
            kind = "choir" if rng.random() < _CHOIR_SHARE else "sung"
            speech = _sung(notes, speech, rng, singers=4 if kind == "choir" else 1)
        samples[at] = speech / max(float(np.abs(speech).max()), 1e-4)
        stem = _FIRST["voices"] + number * STEMS_A_FILE + at
        stems.append(Stem(stem, "voice", kind, 0, 0, row["language"], name, held_back))
    return samples, stems


def _sung(notes: list[Note], speech: Samples, rng: np.random.Generator, *, singers: int) -> Samples:
    middle = float(np.median([note[2] for note in notes]))
    together = np.zeros(STEM, dtype=np.float32)
    for _ in range(singers):
        move = 12 * round((_VOICES[int(rng.integers(len(_VOICES)))] + 5 - middle) / 12)
        line: list[Note] = []
        for start, length, pitch, velocity in sorted(notes):
            if line and line[-1][0] + line[-1][1] > start:
                line[-1] = (line[-1][0], start - line[-1][0], *line[-1][2:])
            line.append((start + float(rng.normal(0, 0.01)) ** 2, length, pitch + move, velocity))
        together += sing(line, STEM_S, speech, RATE_HZ, rng)
    return together


def main() -> None:
    """Make what is missing."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kits", type=Path, default=drum_kits.KITS, help="folder of drum kits")
    parser.add_argument("--speech", type=Path, help="folder of speech; without it no voices are made")
    parser.add_argument("--files", type=int, default=10, help="of each kind")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    makers = {"kits": (kits, asked.kits)} | ({"voices": (voices, asked.speech)} if asked.speech else {})
    if not asked.kits.is_dir():
        parser.error("no drum kits: apt-get install hydrogen-drumkits, or name a folder with --kits")
    asked.folder.mkdir(parents=True, exist_ok=True)
    jobs = [(kind, number) for number in range(asked.files) for kind in makers]
    for kind, number in progress(jobs, len(jobs), "recordings"):
        path = asked.folder / f"{kind}-{number:04}.npz"
        if not path.exists():
            make, source = makers[kind]
            rng = np.random.default_rng((asked.seed, _FIRST[kind], number))
            write(path, *make(number, rng, source, held_back=number % HELD_BACK_EVERY == 0))


if __name__ == "__main__":
    main()

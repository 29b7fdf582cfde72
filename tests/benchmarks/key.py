"""Key beside Essentia's KeyExtractor with four profiles, on the same files in one run.

``python -m tests.benchmarks.key`` measures cadences in 24 keys, of four shapes, three timbres and three tunings;
``python -m tests.benchmarks.key FOLDER`` the files of a folder with a ``labels.jsonl``, as
``audiofeat.features.offline.render_midi`` writes it. The score is MIREX's: 1 for the key, 0.5 a fifth above it, 0.3 for
its relative, 0.2 for its parallel.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import librosa
import numpy as np
import soundfile
from essentia import standard as essentia

from audiofeat.features.frames import RATE_HZ
from audiofeat.features.tonal import Tonal
from tests.synthesis import KEYS, Signal, fed, tone

PROFILES = ("bgate", "edma", "temperley", "krumhansl")
_FLATS = {"Db": "C#", "Eb": "D#", "Gb": "F#", "Ab": "G#", "Bb": "A#"}
_SHAPES = ((0, 5, 7, 0), (0, 7, 0), (0, 8, 5, 7, 0), (0, 2, 7, 0))
_HARMONICS = (1, 4, 10)
_TUNINGS_HZ = (432.0, 440.0, 452.0)

Labelled = tuple[str, Signal, int]


def number(key: str) -> int:
    """Return 0-11 for C to B major and 12-23 for C to B minor; -1 where there is no key."""
    tonic, _, mode = key.partition(" ")
    tonic = _FLATS.get(tonic, tonic)
    return KEYS.index(tonic) + 12 * (mode == "minor") if tonic in KEYS else -1


def mirex(found: int, truth: int) -> float:
    """Return MIREX's score of a key."""
    if found == truth:
        return 1.0
    if found < 0:
        return 0.0
    minor, same_mode, apart = truth >= 12, (found >= 12) == (truth >= 12), (found - truth) % 12
    if same_mode:
        return 0.5 if apart == 7 else 0.0
    return {3 if minor else 9: 0.3, 0: 0.2}.get(apart, 0.0)


def ours(signal: Signal) -> int:
    """Return the key of our own group."""
    values = fed(Tonal(), signal).values
    return number(f"{values['key']} {values['mode']}")


def essentias(signal: Signal, profile: str) -> int:
    """Return what KeyExtractor says with a profile."""
    tonic, mode, _ = essentia.KeyExtractor(profileType=profile, sampleRate=RATE_HZ)(signal)
    return number(f"{tonic} {mode}")


def cadences() -> Iterator[Labelled]:
    """Yield the cadences, one chord half a second, twice over."""
    for (which, roots), harmonics, tuning_hz, key in product(enumerate(_SHAPES), _HARMONICS, _TUNINGS_HZ, range(24)):
        third = 3 if key >= 12 else 4
        chords = []
        for root in roots:
            # The fifth degree is major in both modes; the second degree of major, minor; the sixth of minor, major.
            step = 4 if root == 7 or (root == 8 and key >= 12) else 3 if root in {2, 8} else third
            above = 9 if root == 8 and key < 12 else root
            notes = [key % 12 + above + up - 9 for up in (-12, 0, step, 6 if root == 2 and key >= 12 else 7)]
            chords.append(sum(tone(tuning_hz * 2 ** (note / 12), 0.5, harmonics=harmonics) for note in notes))
        yield f"shape {which + 1}", np.tile(0.08 * np.concatenate(chords), 3).astype(np.float32), key


def folder_of(folder: Path) -> Iterator[Labelled]:
    """Yield the files of a folder that have a key."""
    for line in (folder / "labels.jsonl").read_text().splitlines():
        said = json.loads(line)
        if not said["labels"].get("key"):
            continue
        samples, rate_hz = soundfile.read(folder / said["path"], dtype="float32", always_2d=True)
        signal = librosa.resample(samples.mean(axis=1), orig_sr=rate_hz, target_sr=RATE_HZ)
        yield said.get("set", "all"), signal, number(said["labels"]["key"])


def main() -> int:
    """Print one row a contender."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", help="files with a labels.jsonl")
    folder = parser.parse_args().folder
    scores: dict[str, list[float]] = {name: [] for name in ("audiofeat", *PROFILES)}
    sets = []
    for name, signal, truth in folder_of(folder) if folder else cadences():
        sets.append(name)
        scores["audiofeat"].append(mirex(ours(signal), truth))
        for profile in PROFILES:
            scores[profile].append(mirex(essentias(signal, profile), truth))
    parts = sorted(set(sets))
    print("| key | right | MIREX | " + " | ".join(f"{part} ({sets.count(part)})" for part in parts) + " |")
    print("|---|" + "---|" * (len(parts) + 2))
    for name, found in scores.items():
        score, of = np.array(found), np.array(sets)
        cells = [(score == 1).mean(), score.mean(), *(score[of == part].mean() for part in parts)]
        print(f"| {name} | " + " | ".join(f"{cell:.3f}" for cell in cells) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())

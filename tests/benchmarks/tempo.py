"""Tempo, beats and meter beside RhythmExtractor2013, Percival and librosa, on the same files in one run.

``python tests/benchmarks/tempo.py`` measures click and drum ladders, and, where FluidSynth and a sound font are
installed, songs of many genres made on the spot; ``python tests/benchmarks/tempo.py FOLDER`` the songs of a folder
with a ``labels.jsonl``, as ``audiofeat.features.offline.render_midi`` writes it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import librosa
import mir_eval
import numpy as np
import soundfile
from essentia import standard as essentia
from numpy.typing import NDArray

from audiofeat.features.frames import RATE_HZ
from audiofeat.features.offline.render_midi import FONTS
from audiofeat.features.rhythm import Rhythm
from tests.synthesis import Signal, click_track, drum_loop, fed

LADDER_BPM = range(40, 221)
_LADDER_S = 15.0
_SONGS = 82
_OCTAVES = (1 / 3, 1 / 2, 1, 2, 3)
_BEATS_FROM_S = 5.0

Array = NDArray[np.float64]
Said = tuple[float, Array, float]


def ours(signal: Signal) -> Said:
    """Return tempo, beats and confidence of our own group."""
    values = fed(Rhythm(), signal).values
    return values["tempo_bpm"] or 0.0, np.array(values["beat_times_s"] or []), values["tempo_confidence"] or 0.0


def multifeature(signal: Signal) -> Said:
    """Return what RhythmExtractor2013 says; it wants 44.1 kHz."""
    loud = essentia.Resample(inputSampleRate=RATE_HZ, outputSampleRate=44_100)(signal)
    bpm, beats, confidence, _, _ = essentia.RhythmExtractor2013(method="multifeature")(loud)
    return bpm, beats.astype(np.float64), confidence


def percival(signal: Signal) -> Said:
    """Return the tempo of Percival and Tzanetakis; it has no beats."""
    loud = essentia.Resample(inputSampleRate=RATE_HZ, outputSampleRate=44_100)(signal)
    return essentia.PercivalBpmEstimator()(loud), np.zeros(0), 0.0


def librosas(signal: Signal) -> Said:
    """Return what librosa's beat tracker says."""
    bpm, beats = librosa.beat.beat_track(y=signal, sr=RATE_HZ, units="time")
    return float(np.atleast_1d(bpm)[0]), beats, 0.0


CONTENDERS: dict[str, Callable[[Signal], Said]] = {
    "audiofeat": ours,
    "RhythmExtractor2013": multifeature,
    "Percival": percival,
    "librosa": librosas,
}


def near(bpm: float, truth: float, *levels: float) -> bool:
    """Whether a tempo is within 4 % of the truth, or of one of its levels."""
    return any(abs(bpm / (truth * level) - 1) < 0.04 for level in levels or (1.0,))


def auroc(score: Array, right: NDArray[np.bool_]) -> float:
    """Return how probably a right answer has the higher score."""
    if right.all() or not right.any():
        return float("nan")
    above = score[right][:, None] - score[~right]
    return float((above > 0).mean() + 0.5 * (above == 0).mean())


def ladders() -> None:
    """Print the figures of the ladders."""
    print("| ladder | within an octave | exact, 60-180 BPM | median error, BPM |\n|---|---|---|---|")
    for name, make in (("clicks", click_track), ("drums", drum_loop)):
        found = {bpm: ours(make(bpm, _LADDER_S))[0] for bpm in LADDER_BPM}
        octave = np.mean([near(said, bpm, *_OCTAVES) for bpm, said in found.items()])
        exact = [near(said, bpm) for bpm, said in found.items() if 60 <= bpm <= 180]
        errors = [abs(said - bpm) for bpm, said in found.items() if near(said, bpm)]
        print(f"| {name} | {octave:.3f} | {np.mean(exact):.3f} | {np.median(errors):.3f} |")


def songs(folder: Path, only: list[str]) -> None:
    """Print the figures of a folder of songs."""
    rows: dict[str, list[tuple[bool, bool, float, float]]] = {name: [] for name in only}
    for line in (folder / "labels.jsonl").read_text().splitlines():
        said = json.loads(line)
        truth = said["labels"]
        samples, rate_hz = soundfile.read(folder / said["path"], dtype="float32", always_2d=True)
        signal = librosa.resample(samples.mean(axis=1), orig_sr=rate_hz, target_sr=RATE_HZ)
        true_beats = mir_eval.beat.trim_beats(np.array(truth["beat_times_s"]), _BEATS_FROM_S)
        for name in only:
            bpm, beats, confidence = CONTENDERS[name](signal)
            score = mir_eval.beat.f_measure(true_beats, mir_eval.beat.trim_beats(beats, _BEATS_FROM_S))
            right = near(bpm, truth["tempo_bpm"]), near(bpm, truth["tempo_bpm"], *_OCTAVES)
            rows[name].append((*right, score, confidence))
    print("| songs | Accuracy1 | Accuracy2 | beat F | AUROC of confidence |\n|---|---|---|---|---|")
    for name, found in rows.items():
        one, two, beat, confidence = np.array(found, dtype=np.float64).T
        area = auroc(confidence, one > 0)
        print(f"| {name} ({len(found)}) | {one.mean():.3f} | {two.mean():.3f} | {beat.mean():.3f} | {area:.3f} |")
    if "audiofeat" in rows:
        one, _, _, confidence = np.array(rows["audiofeat"], dtype=np.float64).T
        bins = np.digitize(confidence, (0.5, 0.8, 0.95))
        said = [
            f"{confidence[bins == n].mean():.2f}: {one[bins == n].mean():.2f}" for n in range(4) if (bins == n).any()
        ]
        print("confidence: share right: " + ", ".join(said))


def main() -> int:
    """Measure the ladders, then songs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", help="songs with a labels.jsonl")
    parser.add_argument("--count", type=int, default=_SONGS, help="songs to make where no folder is given")
    parser.add_argument("--only", choices=CONTENDERS, action="append")
    asked = parser.parse_args()
    warnings.filterwarnings("ignore")
    ladders()
    only = asked.only or list(CONTENDERS)
    if asked.folder:
        songs(asked.folder, only)
        return 0
    if shutil.which("fluidsynth") is None or not any(font.exists() for font in FONTS["validation"]):
        print("songs skipped: they need fluidsynth and the sound font of musescore-general-soundfont-small")
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "audiofeat.features.offline.render_midi", scratch, "--count", str(asked.count)]
        subprocess.run(command, check=True)
        songs(Path(scratch), only)
    return 0


if __name__ == "__main__":
    sys.exit(main())

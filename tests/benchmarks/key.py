"""Key beside Essentia's KeyExtractor with four profiles, chords beside its ChordsDetection, in one run.

``python -m tests.benchmarks.key`` measures cadences in 24 keys, of four shapes, six timbres and five tunings;
``python -m tests.benchmarks.key FOLDER`` the files of a folder with a ``labels.jsonl``, as
``audiofeat.features.offline.key_material`` writes it. The score is MIREX's: 1 for the key, 0.5 a fifth above it, 0.3
for its relative, 0.2 for its parallel, 0 for no key; for chords the weighted accuracy over major and minor of mir_eval.
Intervals are of 95 %, by bootstrap over files.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import librosa
import mir_eval
import numpy as np
import soundfile
from essentia import standard as essentia
from numpy.typing import NDArray

from audiofeat.features.frames import RATE_HZ, Result
from audiofeat.features.tonal import Tonal
from tests.synthesis import CADENCES, KEYS, TIMBRES, Signal, cadence_chords, fed, progression

PROFILES = ("bgate", "edma", "temperley", "krumhansl")
_FLATS = {"Db": "C#", "Eb": "D#", "Gb": "F#", "Ab": "G#", "Bb": "A#"}
_TUNINGS_HZ = (432.0, 437.0, 442.0, 447.0, 452.0)
_DRAWS = 2_000
_FRAME, _HOP = 4_096, 2_048

Labelled = tuple[str, Signal, dict[str, Any]]
Scores = NDArray[np.float64]


def number(key: str) -> int:
    """Return 0-11 for C to B major and 12-23 for C to B minor; -1 where there is no key."""
    tonic, _, mode = key.partition(" ")
    tonic = _FLATS.get(tonic, tonic)
    return KEYS.index(tonic) + 12 * (mode == "minor") if tonic in KEYS else -1


def confusion(found: int, truth: int) -> str:
    """Return how a key was missed, or "right"."""
    minor, same_mode, apart = truth >= 12, (found >= 12) == (truth >= 12), (found - truth) % 12
    if found == truth:
        return "right"
    if found < 0:
        return "none"
    if same_mode:
        return "fifth" if apart == 7 else "other"
    return {3 if minor else 9: "relative", 0: "parallel"}.get(apart, "other")


def mirex(found: int, truth: int) -> float:
    """Return MIREX's score of a key."""
    return {"right": 1.0, "fifth": 0.5, "relative": 0.3, "parallel": 0.2}.get(confusion(found, truth), 0.0)


def ours(signal: Signal) -> tuple[int, Result]:
    """Return the key of our own group, and all that it says."""
    result = fed(Tonal(), signal)
    return number(f"{result.values['key']} {result.values['mode']}"), result


def essentias(signal: Signal, profile: str) -> int:
    """Return what KeyExtractor says with a profile."""
    tonic, mode, _ = essentia.KeyExtractor(profileType=profile, sampleRate=RATE_HZ)(signal)
    return number(f"{tonic} {mode}")


def cadences() -> Iterator[Labelled]:
    """Yield the cadences, one chord half a second, three times over."""
    for (which, roots), timbre, tuning_hz, key in product(enumerate(CADENCES), TIMBRES, _TUNINGS_HZ, range(24)):
        signal = np.tile(progression(cadence_chords(roots, key), timbre, tuning_hz=tuning_hz), 3)
        yield f"shape {which + 1}", signal, {"key": f"{KEYS[key % 12]} {'minor' if key >= 12 else 'major'}"}


def folder_of(folder: Path) -> Iterator[Labelled]:
    """Yield set, samples and labels of the files of a folder."""
    for line in (folder / "labels.jsonl").read_text().splitlines():
        said = json.loads(line)
        samples, rate_hz = soundfile.read(folder / said["path"], dtype="float32", always_2d=True)
        signal = librosa.resample(samples.mean(axis=1), orig_sr=rate_hz, target_sr=RATE_HZ)
        yield said.get("set", "all"), signal, said["labels"]


def chord_accuracy(starts: list[float], names: list[str], end_s: float, truth: list[tuple[float, float, str]]) -> float:
    """Return mir_eval's weighted accuracy over major and minor triads."""
    harte = [
        name if name == "N" else f"{name.removesuffix('m')}:{'min' if name.endswith('m') else 'maj'}" for name in names
    ]
    found = zip(starts, [*starts[1:], end_s], harte, strict=True)
    (reference, wanted), (spans, labels) = (_lasting(rows) for rows in (truth, found))
    spans, labels = mir_eval.util.adjust_intervals(
        spans, labels, reference.min(), reference.max(), mir_eval.chord.NO_CHORD, mir_eval.chord.NO_CHORD
    )
    merged, wanted, labels = mir_eval.util.merge_labeled_intervals(reference, wanted, spans, labels)
    right = mir_eval.chord.majmin(wanted, labels)
    return float(mir_eval.chord.weighted_accuracy(right, mir_eval.util.intervals_to_durations(merged)))


def _lasting(rows: Iterable[tuple[float, float, str]]) -> tuple[Scores, list[str]]:
    kept = [row for row in rows if row[1] > row[0]]
    return np.array([row[:2] for row in kept], dtype=float), [row[2] for row in kept]


def essentias_chords(signal: Signal) -> tuple[list[float], list[str]]:
    """Return what ChordsDetection says on HPCP of peaks, as its documentation chains them."""
    window, spectrum = essentia.Windowing(type="blackmanharris62"), essentia.Spectrum()
    peaks = essentia.SpectralPeaks(
        sampleRate=RATE_HZ,
        orderBy="magnitude",
        magnitudeThreshold=1e-5,
        minFrequency=40,
        maxFrequency=5_000,
        maxPeaks=60,
    )
    hpcp = essentia.HPCP(sampleRate=RATE_HZ, size=36, harmonics=8, maxFrequency=5_000)
    frames = essentia.FrameGenerator(signal, frameSize=_FRAME, hopSize=_HOP, startFromZero=True)
    rows = np.array([hpcp(*peaks(spectrum(window(frame)))) for frame in frames])
    names, _ = essentia.ChordsDetection(sampleRate=RATE_HZ, hopSize=_HOP)(rows)
    sharps = [_FLATS.get(name.removesuffix("m"), name.removesuffix("m")) + "m" * name.endswith("m") for name in names]
    return [n * _HOP / RATE_HZ for n in range(len(sharps))], sharps


def interval(values: Scores) -> str:
    """Return a mean with its 95 % interval."""
    draws = np.random.default_rng(1).integers(len(values), size=(_DRAWS, len(values)))
    low, high = np.quantile(values[draws].mean(axis=1), (0.025, 0.975))
    return f"{values.mean():.3f} ({low:.3f} to {high:.3f})"


def main() -> int:
    """Print one row a contender."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", help="files with a labels.jsonl")
    folder = parser.parse_args().folder
    found: dict[str, list[int]] = {name: [] for name in ("audiofeat", *PROFILES)}
    sets, truths, chords, false_keys = [], [], [], Counter()
    for name, signal, said in folder_of(folder) if folder else cadences():
        key, result = ours(signal)
        if not said["key"]:
            false_keys[name, key >= 0] += 1
            continue
        sets.append(name)
        truths.append(number(said["key"]))
        found["audiofeat"].append(key)
        for profile in PROFILES:
            found[profile].append(essentias(signal, profile))
        if name == "POP909":
            end_s, values = len(signal) / RATE_HZ, result.values
            own = (values["chord_times_s"], values["chord_labels"]) if key >= 0 else ([0.0], ["N"])
            chords.append([chord_accuracy(*both, end_s, said["chords"]) for both in (own, essentias_chords(signal))])
    _print(found, sets, truths)
    if false_keys:
        kinds = sorted({kind for kind, _ in false_keys})
        print("\n| without a key | files | a key was named |\n|---|---|---|")
        for kind in kinds:
            print(f"| {kind} | {false_keys[kind, True] + false_keys[kind, False]} | {false_keys[kind, True]} |")
    if chords:
        scores = np.array(chords)
        print(f"\nChords of {len(chords)} files: audiofeat {interval(scores[:, 0])}, ChordsDetection "
              f"{interval(scores[:, 1])}, difference {interval(scores[:, 0] - scores[:, 1])}")  # fmt: skip
    return 0


def _print(found: dict[str, list[int]], sets: list[str], truths: list[int]) -> None:
    parts, kinds = sorted(set(sets)), ("fifth", "relative", "parallel", "other", "none")
    scores = {name: np.array([mirex(*pair) for pair in zip(keys, truths, strict=True)]) for name, keys in found.items()}
    heads = ["key", "right", "MIREX", *(f"{part} ({sets.count(part)})" for part in parts), *kinds]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for name, keys in found.items():
        missed = Counter(confusion(*pair) for pair in zip(keys, truths, strict=True))
        of_part = [f"{scores[name][np.array(sets) == part].mean():.3f}" for part in parts]
        cells = [f"{(scores[name] == 1).mean():.3f}", interval(scores[name]), *of_part]
        print(f"| {' | '.join([name, *cells, *(str(missed[kind]) for kind in kinds)])} |")
    best = max(PROFILES, key=lambda name: float(scores[name].mean()))
    print(f"\naudiofeat less {best}: {interval(scores['audiofeat'] - scores[best])}")


if __name__ == "__main__":
    sys.exit(main())

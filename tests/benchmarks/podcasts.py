"""``python -m tests.benchmarks.podcasts [--part PART]``: speech, delivery and production against exact labels.

Programmes are read by voices of espeak-ng (Debian's package) that the speech model was not fitted on, over music of
``samples/`` or, with ``--music FOLDER``, over recordings of yours. Parts: ``segments``, ``pace``, ``pitch``, ``snr``,
``long``. Ratios of speech to what lies under it are of their powers while somebody talks.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from contextlib import AbstractContextManager, nullcontext
from itertools import cycle
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import scipy.signal
import soundfile
import soxr

from audiofeat.extraction.analyse import analyse
from audiofeat.features import hearing, hearing_vad
from audiofeat.features.frames import RATE_HZ
from tests.programmes import VOICES, WORDS_PER_MIN, Samples, Talk, talk, with_under
from tests.spoken import talk as pitched_talk

_SAMPLES = Path(__file__).parents[2] / "samples" / "audio"
_BEDS_DB = (20, 10, 5, 0)
_PARTS_S = 20.0
_GROUPS = ("speech", "delivery", "production")
_SNRS_DB = (0, 5, 10, 15, 20, 25, 30)
_PITCHES_HZ = (80.0, 105.0, 140.0, 190.0, 250.0, 320.0)


def measured(samples: Samples, folder: Path) -> dict[str, Any]:
    """Return the groups of speech of mono sound."""
    path = folder / "programme.wav"
    soundfile.write(path, samples, RATE_HZ, subtype="PCM_16")
    record, _ = analyse(path, source="programme", max_duration_s=50_000.0, wanted=_GROUPS)
    return record["features"]


def music(folder: Path | None) -> list[Samples]:
    """Return mono music, at most 30 s of each file."""
    paths = sorted(folder.rglob("*.ogg")) if folder else [*_SAMPLES.glob("piano_*"), *_SAMPLES.glob("dnb_*.ogg")]
    found = []
    for path in paths[:: max(1, len(paths) // 12)]:
        samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True, frames=30 * 44_100)
        mono = soxr.resample(samples.mean(axis=1), rate_hz, RATE_HZ)
        found.append(0.1 * mono / max(float(np.sqrt(np.mean(np.square(mono)))), 1e-6))
    return found


def noises(seed: int) -> Samples:
    """Return noise with the spectrum of a busy room."""
    rng = np.random.default_rng(seed)
    pink = scipy.signal.lfilter([1.0], [1.0, -0.9], rng.standard_normal(int(_PARTS_S * RATE_HZ)))
    return (0.03 * pink / pink.std()).astype(np.float32)


def programme(speech: Talk, bed: Samples, piece: Samples, noise: Samples, bed_db: float) -> tuple[Samples, list[str]]:
    """Return music, speech, speech over a bed, noise and speech, with what is heard in each half second."""
    count = int(_PARTS_S * RATE_HZ)
    voice = np.resize(speech.samples, 3 * count)
    first, second, third = voice[:count], voice[count : 2 * count], voice[2 * count :]
    parts = [
        (np.resize(piece, count // 2), "music"), (first, "speech"), (with_under(second, bed, bed_db), "speech+music"),
        (noise[: count // 2], "noise"), (third, "speech"), (np.resize(bed, count // 2), "music"),
    ]  # fmt: skip
    samples = np.concatenate([part for part, _ in parts])
    floor = 1e-4 * np.random.default_rng(0).standard_normal(len(samples))
    labels = [label for part, label in parts for _ in range(round(2 * len(part) / RATE_HZ))]
    return (samples + floor).astype(np.float32), labels


def said_labels(speech: dict[str, Any], steps: int) -> list[str]:
    """Return the label of each half second."""
    starts = [round(2 * start) for start in speech["segment_starts_s"]] + [steps]
    spans = zip(speech["segment_labels"], starts[:-1], starts[1:], strict=True)
    return [label for label, start, end in spans for _ in range(start, end)][:steps]


def segments(pieces: list[Samples], folder: Path, talks: list[Talk]) -> dict[str, Any]:
    """Return F of speech and of music by seconds, and the error of the share of speech, by level of the bed."""
    said: dict[str, Any] = {}
    for bed_db in _BEDS_DB:
        counts, shares = np.zeros((2, 3)), []
        supply = cycle(pieces)
        for number, speech in enumerate(talks):
            samples, truth = programme(speech, next(supply), next(supply), noises(number), bed_db)
            features = measured(samples, folder)["speech"]
            given = said_labels(features, len(truth))
            for row, sound in enumerate(("speech", "music")):
                wanted = np.array([sound in label for label in truth])[: len(given) // 2 * 2 : 2]
                heard = np.array([sound in label for label in given])[: len(given) // 2 * 2 : 2]
                counts[row] += (wanted & heard).sum(), (~wanted & heard).sum(), (wanted & ~heard).sum()
            shares.append(features["speech_ratio"] - float(np.mean(["speech" in label for label in truth])))
        f = 2 * counts[:, 0] / (2 * counts[:, 0] + counts[:, 1] + counts[:, 2])
        said[f"bed {bed_db} dB"] = {
            "speech_f": round(float(f[0]), 3), "music_f": round(float(f[1]), 3),
            "speech_share_error": round(float(np.mean(np.abs(shares))), 3),
        }  # fmt: skip
    return said


def pace(folder: Path, seconds: float) -> dict[str, Any]:
    """Return errors of the speaking rate, and precision and recall of pauses, over voices and speeds."""
    errors, hits, truths, given = [], 0, 0, 0
    for voice in VOICES:
        for words_per_min in WORDS_PER_MIN:
            speech = talk(voice, seconds, words_per_min=words_per_min, seed=words_per_min)
            said = measured(speech.samples, folder)["delivery"]
            true_hz = speech.syllables / (len(speech.samples) / RATE_HZ)
            errors.append(said["speaking_rate_hz"] / true_hz - 1)
            spans = [
                (start, start + length)
                for start, length in zip(said["pause_starts_s"], said["pause_durations_s"], strict=True)
            ]
            hits += sum(any(_overlap(pause, span) > 0.5 for span in spans) for pause in speech.pauses_s)
            truths, given = truths + len(speech.pauses_s), given + len(spans)
    return {
        "rate_worst_error": round(float(np.abs(errors).max()), 3),
        "rate_mean_absolute_error": round(float(np.abs(errors).mean()), 3),
        "pause_recall": round(hits / truths, 3), "pause_precision": round(hits / max(given, 1), 3),
    }  # fmt: skip


def _overlap(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return what two spans have in common over the longer of them."""
    common = min(one[1], other[1]) - max(one[0], other[0])
    return common / max(one[1] - one[0], other[1] - other[0])


def pitch(folder: Path) -> dict[str, Any]:
    """Return errors of the median pitch of voices whose pitch is known."""
    errors = []
    for hz in _PITCHES_HZ:
        said = measured(pitched_talk(pitch_hz=lambda n, hz=hz: hz * 2 ** ((n % 5 - 2) / 24)), folder)["delivery"]
        errors.append(None if said["pitch_median_hz"] is None else round(said["pitch_median_hz"] / hz - 1, 4))
    return {"pitch_errors": dict(zip(_PITCHES_HZ, errors, strict=True))}


def snr(folder: Path, talks: list[Talk]) -> dict[str, Any]:
    """Return the error of the ratio of speech to noise, at each ratio."""
    said: dict[str, Any] = {}
    rng = np.random.default_rng(1)
    for ratio_db in _SNRS_DB:
        errors = []
        for speech in talks:
            spoken = np.zeros(len(speech.samples), dtype=bool)
            for start, end in speech.utterances_s:
                spoken[round(start * RATE_HZ) : round(end * RATE_HZ)] = True
            level = np.sqrt(np.mean(np.square(speech.samples[spoken])))
            noise = rng.standard_normal(len(spoken)) * level * 10 ** (-ratio_db / 20)
            found = measured((speech.samples + noise).astype(np.float32), folder)["production"]["snr_db"]
            errors.append(np.nan if found is None else found - ratio_db)
        worst = float(np.nanmax(np.abs(errors))) if np.isfinite(errors).any() else None
        said[f"{ratio_db} dB"] = {
            "worst_error_db": worst and round(worst, 1),
            "answered": int(np.isfinite(errors).sum()),
        }
    return said


def long_episode(folder: Path, hours: float, speech: Talk, bed: Samples) -> dict[str, Any]:
    """Return time and memory of an episode of hours, with all groups, by how much silero-vad is asked."""
    voice = np.concatenate((np.resize(speech.samples, 60 * RATE_HZ), with_under(speech.samples, bed, 12.0)))
    path = folder / "long.wav"
    with soundfile.SoundFile(path, "w", RATE_HZ, 1, "PCM_16") as file:
        for _ in range(round(hours * 3_600 * RATE_HZ / len(voice))):
            file.write(voice)
    seconds = soundfile.info(path).duration
    return {
        "hours": round(seconds / 3_600, 2),
        "without silero": _timed(path, seconds, patch.object(hearing, "installed", lambda: None)),
        "asked where in doubt": _timed(path, seconds, nullcontext()),
        "asked about all": _timed(path, seconds, patch.object(hearing_vad, "_POSSIBLE", -1.0)),
    }


def _timed(path: Path, seconds: float, way: AbstractContextManager[Any]) -> dict[str, Any]:
    """Return CPU time against duration, and the peak of memory so far."""
    started = time.process_time()
    with way:
        analyse(path, source="long", max_duration_s=50_000.0)
    spent = time.process_time() - started
    peak_mb = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024)
    return {"times_real_time": round(seconds / spent, 1), "peak_mb": peak_mb}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="Speech, delivery and production against exact labels.")
    parser.add_argument("--part", choices=("segments", "pace", "pitch", "snr", "long"))
    parser.add_argument("--music", type=Path)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each talk of the part pace")
    parser.add_argument("--hours", type=float, default=3.0)
    chosen = parser.parse_args()
    talks = [talk(voice, 2 * _PARTS_S, words_per_min=160, seed=7) for voice in VOICES]
    pieces = music(chosen.music)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parts = {
            "segments": lambda: segments(pieces, folder, talks),
            "pace": lambda: pace(folder, chosen.seconds),
            "pitch": lambda: pitch(folder),
            "snr": lambda: snr(folder, talks[:3]),
            "long": lambda: long_episode(folder, chosen.hours, talks[0], pieces[0]),
        }
        for part in [chosen.part] if chosen.part else parts:
            sys.stdout.write(json.dumps({part: parts[part]()}) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()

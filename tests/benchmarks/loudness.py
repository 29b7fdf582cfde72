"""Loudness against the cases of EBU Tech 3341 and 3342, and against other meters on the same signals: ``make bench``.

All cases that can be made from their description, at 44.1, 48 and 96 kHz: programme and live-meter cases are left out.
Cases 20 to 23 are our reading of them: a burst at a quarter of the rate, sampled at four positions between two samples.
``python tests/benchmarks/loudness.py FOLDER`` compares on the audio files of a folder instead of our samples.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyloudnorm
import soundfile
from essentia import standard as essentia
from numpy.typing import NDArray

from audiofeat.domain.block import summed
from audiofeat.features.frames import SharedSpectrum
from audiofeat.features.loudness import Loudness

SAMPLES = Path(__file__).parents[2] / "samples" / "audio"
RATES_HZ = (44_100, 48_000, 96_000)
MEASURES = {
    "integrated": ("integrated_loudness_lufs", 0.05),
    "max_momentary": ("max_momentary_loudness_lufs", 0.05),
    "max_short_term": ("max_short_term_loudness_lufs", 0.05),
    "range": ("loudness_range_lu", 0.05),
    "true_peak": ("true_peak_dbtp", 0.05),
}
_CLIPS = 20
_CLIP_TOLERANCE_LU = 0.1

Signal = NDArray[np.float32]
Found = Mapping[str, float | None]


class Case(NamedTuple):
    """A signal of shape (frames, channels), what is measured of it, and the true value."""

    name: str
    signal: Signal
    measure: str
    expected: float


def tones(rate_hz: int, *stretches: tuple[float, float], gains_db: tuple[float, ...] = (0.0, 0.0)) -> Signal:
    """A sine of 1 kHz whose level (dBFS) changes after so many seconds."""
    level = np.concatenate([np.full(round(s * rate_hz), 10 ** (dbfs / 20)) for dbfs, s in stretches])
    mono = level * np.sin(2 * np.pi * 1_000 * np.arange(len(level)) / rate_hz)
    return np.column_stack([mono * 10 ** (gain_db / 20) for gain_db in gains_db]).astype(np.float32)


def cases(rate_hz: int) -> Iterator[Case]:
    """Every case at one rate."""
    off = -200.0
    for number, dbfs in ((1, -23.0), (2, -33.0)):
        for measure in ("integrated", "max_momentary", "max_short_term"):
            yield Case(f"3341-{number}", tones(rate_hz, (dbfs, 20)), measure, dbfs)
    gated = {
        3: [(-36, 10), (-23, 60), (-36, 10)],
        4: [(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)],
        5: [(-26, 20), (-20, 20.1), (-26, 20)],
    }
    for number, stretches in gated.items():
        yield Case(f"3341-{number}", tones(rate_hz, *stretches), "integrated", -23.0)
    five = tones(rate_hz, (0.0, 20), gains_db=(-28, -28, -24, -30, -30))
    yield Case("3341-6", five, "integrated", -23.0)
    yield Case("3341-9", tones(rate_hz, *([(-20, 1.34), (-30, 1.66)] * 5)), "max_short_term", -23.0)
    yield Case("3341-12", tones(rate_hz, *([(-20, 0.18), (-30, 0.22)] * 25)), "max_momentary", -23.0)
    for n in range(20):
        short = tones(rate_hz, (off, 0.15 * n), (-23, 3), (off, 1))
        yield Case(f"3341-10-{n + 1}", short, "max_short_term", -23.0)
        yield Case(f"3341-13-{n + 1}", tones(rate_hz, (off, 0.02 * n), (-23, 0.4), (off, 1)), "max_momentary", -23.0)
    sines = {15: (4, 0, 0.5), 16: (4, 45, 0.5), 17: (6, 60, 0.5), 18: (8, 67.5, 0.5), 19: (4, 45, 1.41)}
    clock = np.arange(3 * rate_hz)
    fade = np.minimum(1, np.minimum(clock, clock[::-1]) / (0.1 * rate_hz))
    for number, (divisor, phase_deg, amplitude) in sines.items():
        mono = fade * amplitude * np.sin(2 * np.pi * clock / divisor + np.deg2rad(phase_deg))
        stereo = np.column_stack((mono, mono)).astype(np.float32)
        yield Case(f"3341-{number}", stereo, "true_peak", 20 * np.log10(amplitude))
    for offset in range(4):
        time = clock + offset / 4 - len(clock) // 2
        burst = np.cos(2 * np.pi * time / 4) * np.exp(-np.square(time / (0.01 * rate_hz)) / 2)
        stereo = np.column_stack((burst, burst)).astype(np.float32)
        yield Case(f"3341-{20 + offset}", stereo, "true_peak", 0.0)
    ranges = {1: (-20, -30), 2: (-20, -15), 3: (-40, -20), 4: (-50, -35, -20, -35, -50)}
    for number, (levels, lu) in enumerate(zip(ranges.values(), (10.0, 5.0, 20.0, 15.0), strict=True), start=1):
        yield Case(f"3342-{number}", tones(rate_hz, *((dbfs, 20) for dbfs in levels)), "range", lu)


def ours(signal: Signal, rate_hz: int) -> Found:
    """Run our group, in blocks of four seconds."""
    group, spectrum = Loudness(), SharedSpectrum(rate_hz)
    for start in range(0, len(signal), 4 * rate_hz):
        block = signal[start : start + 4 * rate_hz]
        last = start + len(block) == len(signal)
        group.push(spectrum.push(summed(block, rate_hz, begun=start), np.ascontiguousarray(block[:, 0]), last=last))
    values = group.result({}, None).values
    return {measure: values[name] for measure, (name, _) in MEASURES.items()}


def by_pyloudnorm(signal: Signal, rate_hz: int) -> Found:
    """Integrated loudness alone."""
    if len(signal) < 0.4 * rate_hz:
        return {}
    return {"integrated": float(pyloudnorm.Meter(rate_hz).integrated_loudness(signal.astype(np.float64)))}


def by_essentia(signal: Signal, rate_hz: int) -> Found:
    """LoudnessEBUR128 at a hop of 0.01 s, and TruePeakDetector of the left channel; stereo only."""
    if signal.shape[1] != 2:
        return {}
    meter = essentia.LoudnessEBUR128(sampleRate=rate_hz, hopSize=0.01)
    momentary, short_term, integrated, loudness_range = meter(np.ascontiguousarray(signal))
    _, oversampled = essentia.TruePeakDetector(sampleRate=rate_hz)(np.ascontiguousarray(signal[:, 0]))
    return {
        "integrated": integrated,
        "max_momentary": max(momentary, default=None),
        "max_short_term": max(short_term, default=None),
        "range": loudness_range,
        "true_peak": 20 * np.log10(np.abs(oversampled).max() + 1e-20),
    }


def by_ffmpeg(signal: Signal, rate_hz: int) -> Found:
    """The summary of the filter ebur128, given to a tenth."""
    layout = {1: "mono", 2: "stereo", 5: "5.0", 6: "5.1"}[signal.shape[1]]
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        soundfile.write(file.name, signal, rate_hz, "FLOAT", format="WAV")
        command = ["ffmpeg", "-hide_banner", "-nostats", "-channel_layout", layout, "-i", file.name,
                   "-af", "ebur128=peak=true:framelog=verbose", "-f", "null", "-"]  # fmt: skip
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    summary = printed[printed.rindex("Summary:") :]
    found = {}
    for measure, sign in {"integrated": "I", "range": "LRA", "true_peak": "Peak"}.items():
        match = re.search(rf"\b{sign}:\s+(-?[\d.]+|-inf)", summary)
        found[measure] = float(match[1]) if match else None
    return found


METERS: dict[str, Callable[[Signal, int], Found]] = {
    "audiofeat": ours,
    "pyloudnorm": by_pyloudnorm,
    "Essentia": by_essentia,
} | ({"ffmpeg": by_ffmpeg} if shutil.which("ffmpeg") else {})


def compare_on_cases() -> bool:
    """Print the greatest error of each meter for each measure and rate; tell whether ours are small enough."""
    print("| measure | rate | cases | " + " | ".join(METERS) + " |\n" + "|---" * (3 + len(METERS)) + "|")
    kept = True
    for rate_hz in RATES_HZ:
        errors: dict[str, dict[str, list[float]]] = {measure: {name: [] for name in METERS} for measure in MEASURES}
        for case in cases(rate_hz):
            for name, meter in METERS.items():
                found = meter(case.signal, rate_hz).get(case.measure)
                if found is not None and np.isfinite(found):
                    errors[case.measure][name].append(abs(found - case.expected))
                elif name == "audiofeat":
                    raise AssertionError(f"{case.name} at {rate_hz} Hz: nothing measured")
        for measure, (_, tolerance) in MEASURES.items():
            row = errors[measure]
            kept &= max(row["audiofeat"]) <= tolerance
            cells = [f"{max(found):.3f}" if found else "-" for found in row.values()]
            print(f"| {measure} | {rate_hz} Hz | {len(row['audiofeat'])} | " + " | ".join(cells) + " |", flush=True)
    return kept


def compare_on_clips(folder: Path) -> bool:
    """Print how far we are from ffmpeg on music and speech; tell whether that is near enough."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix in {".ogg", ".flac", ".wav", ".mp3"})
    chosen = list(islice(cycle(paths[:: max(1, len(paths) // _CLIPS)]), min(_CLIPS, len(paths))))
    away: dict[str, list[float]] = {"integrated": [], "range": [], "true_peak": []}
    for path in chosen:
        signal, rate_hz = soundfile.read(path, always_2d=True, dtype="float32")
        found, reference = ours(signal, rate_hz), by_ffmpeg(signal, rate_hz)
        for measure, differences in away.items():
            if found[measure] is not None:
                differences.append(abs(found[measure] - reference[measure]))
    for measure, differences in away.items():
        print(f"{len(differences)} clips, {measure}: at most {max(differences):.2f} from ffmpeg's (given to 0.1)")
    return max(away["integrated"]) <= _CLIP_TOLERANCE_LU


def main() -> int:
    """Run both comparisons."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=SAMPLES, help="audio files to use instead of ours")
    folder = parser.parse_args().folder
    kept = compare_on_cases()
    if "ffmpeg" in METERS:
        kept &= compare_on_clips(folder)
    print(
        f"promised: cases within 0.05 LU and 0.05 dB, clips within 0.1 LU of ffmpeg: {'kept' if kept else 'NOT kept'}"
    )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())

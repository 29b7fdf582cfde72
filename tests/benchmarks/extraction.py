"""How fast the extraction is, beside the floor and the usual tools, on the same files in one run: ``make bench``.

Figures are CPU seconds of one process on one thread, as audio seconds per CPU second ("x") and as ratios, so that a
noisy machine disturbs all columns alike. The material is ten pieces of our own, or ten of the audio files of a folder
(``python tests/benchmarks/extraction.py FOLDER``), half a minute each, as wav, flac, mp3 and ogg. The fourteen librosa
features are computed twice: each from the samples, as its documentation shows, and all from one shared spectrogram.
"""

from __future__ import annotations

import os

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import process_time
from typing import Any

import librosa
import numpy as np
import scipy.fft
import soundfile

SAMPLES = Path(__file__).parents[2] / "samples" / "audio"
FORMATS = {"wav": {}, "flac": {}, "mp3": {"compression_level": 0.5}, "ogg": {"compression_level": 0.5}}
_TRACKS = 10
_SECONDS = 30


def material(folder: Path, scratch: Path) -> Iterator[Path]:
    """Write half a minute of ten tracks in each format; shorter ones are looped."""
    sources = sorted(path for path in folder.rglob("*") if path.suffix[1:] in FORMATS and sounds(path))
    for number in range(_TRACKS):
        source = sources[number * len(sources) // _TRACKS]
        pcm, rate_hz = soundfile.read(source, always_2d=True, dtype="float32")
        pcm = np.tile(pcm, (1 + _SECONDS * rate_hz // len(pcm), 1))[: _SECONDS * rate_hz]
        for suffix, options in FORMATS.items():
            path = scratch / f"{number}-{source.stem}.{suffix}"
            with soundfile.SoundFile(path, "w", rate_hz, pcm.shape[1], **options) as file:
                for start in range(0, len(pcm), rate_hz):  # libsndfile's Vorbis writer crashes on long writes
                    file.write(pcm[start : start + rate_hz])
            yield path


def sounds(path: Path) -> bool:
    """Tell whether a file can be read to its end and is not silent, which MusicExtractor does not survive."""
    try:
        pcm, _ = soundfile.read(path, dtype="float32")
    except soundfile.LibsndfileError:
        return False
    return bool(np.abs(pcm).max() > 1e-3)


def floor(path: Path) -> None:
    """Decode in blocks, mix down and take one spectrum: nothing that reads sound can be faster."""
    window = np.hanning(2048).astype(np.float32)
    with soundfile.SoundFile(path) as file:
        for block in file.blocks(1 << 17, dtype="float32", always_2d=True):
            mono = block.mean(axis=1)
            if len(mono) >= 2048:
                np.abs(scipy.fft.rfft(np.lib.stride_tricks.sliding_window_view(mono, 2048)[::1024] * window, axis=1))


def ours(path: Path) -> dict[str, Any]:
    """Run the whole extraction, every group, as the child does, and return its record."""
    from audiofeat.extraction.analyse import analyse  # noqa: PLC0415  not before its rivals are loaded

    record, _ = analyse(path, source=path.name, max_duration_s=43_200)
    if record["status"] == "rejected":
        raise AssertionError(record["error"])
    return dict(record)


def music_extractor(path: Path) -> None:
    """Run Essentia's MusicExtractor with its defaults."""
    from essentia import standard  # noqa: PLC0415  loaded when it is its turn

    standard.MusicExtractor()(str(path))


def fourteen(path: Path) -> None:
    """Compute fourteen usual librosa features, each from the samples."""
    y, rate_hz = librosa.load(path, sr=22_050)
    librosa.feature.mfcc(y=y, sr=rate_hz)
    librosa.feature.chroma_stft(y=y, sr=rate_hz)
    librosa.feature.spectral_centroid(y=y, sr=rate_hz)
    librosa.feature.spectral_bandwidth(y=y, sr=rate_hz)
    librosa.feature.spectral_rolloff(y=y, sr=rate_hz)
    librosa.feature.spectral_flatness(y=y)
    librosa.feature.spectral_contrast(y=y, sr=rate_hz)
    librosa.feature.zero_crossing_rate(y)
    librosa.feature.rms(y=y)
    librosa.feature.melspectrogram(y=y, sr=rate_hz)
    librosa.feature.tonnetz(y=y, sr=rate_hz)
    librosa.feature.tempogram(y=y, sr=rate_hz)
    librosa.beat.beat_track(y=y, sr=rate_hz)
    librosa.onset.onset_detect(y=y, sr=rate_hz)


def fourteen_shared(path: Path) -> None:
    """Compute the same from one spectrogram and one onset curve."""
    y, rate_hz = librosa.load(path, sr=22_050)
    magnitude = np.abs(librosa.stft(y))
    mel = librosa.feature.melspectrogram(S=magnitude**2, sr=rate_hz)
    onset = librosa.onset.onset_strength(S=librosa.power_to_db(mel), sr=rate_hz)
    chroma = librosa.feature.chroma_stft(S=magnitude**2, sr=rate_hz)
    librosa.feature.mfcc(S=librosa.power_to_db(mel))
    librosa.feature.spectral_centroid(S=magnitude, sr=rate_hz)
    librosa.feature.spectral_bandwidth(S=magnitude, sr=rate_hz)
    librosa.feature.spectral_rolloff(S=magnitude, sr=rate_hz)
    librosa.feature.spectral_flatness(S=magnitude)
    librosa.feature.spectral_contrast(S=magnitude, sr=rate_hz)
    librosa.feature.zero_crossing_rate(y)
    librosa.feature.rms(S=magnitude)
    librosa.feature.tonnetz(chroma=chroma, sr=rate_hz)
    librosa.beat.beat_track(onset_envelope=onset, sr=rate_hz)
    librosa.onset.onset_detect(onset_envelope=onset, sr=rate_hz)
    librosa.feature.tempogram(onset_envelope=onset, sr=rate_hz)


CONTENDERS: dict[str, Callable[[Path], object]] = {
    "floor": floor,
    "audiofeat": ours,
    "MusicExtractor": music_extractor,
    "14 librosa features": fourteen,
    "14 sharing a spectrogram": fourteen_shared,
}
_RIVALS = tuple(CONTENDERS)[2:]


def main() -> int:
    """Time every contender on every file, and print the geometric means by format."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=SAMPLES, help="audio files to use instead of ours")
    folder = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as scratch:
        paths = list(material(folder, Path(scratch)))
        features = ours(paths[0])["features"]
        values = [value for group in features.values() for value in group.values()]
        known = sum(value is not None for value in values)
        print(f"{paths[0].name}: {len(features)} groups, {len(values)} fields, {known} of them not null")
        for contender in CONTENDERS.values():
            contender(paths[0])  # imports, caches and compilers are not what is measured
        speeds: dict[str, dict[str, list[float]]] = {}
        for number, path in enumerate(paths, start=1):
            print(f"\r{number}/{len(paths)} {path.name:40}", end="", file=sys.stderr, flush=True)
            seconds = soundfile.info(path).duration
            for name, contender in CONTENDERS.items():
                began = process_time()
                contender(path)
                speeds.setdefault(path.suffix[1:], {}).setdefault(name, []).append(seconds / (process_time() - began))
    print(file=sys.stderr)
    heads = ["format", "files", *CONTENDERS, "floor / ours", *(f"ours / {rival}" for rival in _RIVALS)]
    print("| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|")
    speeds["all"] = {name: [v for rows in speeds.values() for v in rows[name]] for name in CONTENDERS}
    for suffix, rows in speeds.items():
        mean = {name: float(np.exp(np.mean(np.log(figures)))) for name, figures in rows.items()}
        cells = [suffix, str(len(rows["floor"])), *(f"{mean[name]:.0f}x" for name in CONTENDERS)]
        cells += [f"{mean['floor'] / mean['audiofeat']:.1f}"]
        cells += [f"{mean['audiofeat'] / mean[rival]:.1f}" for rival in _RIVALS]
        print("| " + " | ".join(cells) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())

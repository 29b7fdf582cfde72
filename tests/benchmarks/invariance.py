"""Whether level, rate, channels and codecs change what is said of an item: key, tempo, embedding, copy recognised.

Each file is analysed as it is and as eight copies. ``python tests/benchmarks/invariance.py [FOLDER]``; without a
folder the tracks of ``samples/``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile
import soxr

from audiofeat.domain import reference as shipped
from audiofeat.domain import space
from audiofeat.domain.items import Kind
from audiofeat.domain.neighbours import NEAR_DUPLICATE_DISTANCE
from audiofeat.domain.quality import DEFAULT_MAX_DURATION_S
from audiofeat.extraction.analyse import analyse

AUDIO = Path(__file__).parents[2] / "samples" / "audio"
SUFFIXES = {".wav", ".flac", ".ogg", ".mp3"}
CODECS = {
    "MP3 128": ("mp3", "libmp3lame", 128_000),
    "AAC 96": ("ipod", "aac", 96_000),
    "Opus 64": ("ogg", "libopus", 64_000),
}
_SAME_TEMPO_RATIO = 1.02


def copies(pcm: np.ndarray, rate_hz: int, folder: Path) -> Iterator[tuple[str, Path]]:
    """Write the copies of PCM of shape (samples, channels); float files, so that +12 dB clips nothing."""

    def written(name: str, signal: np.ndarray, hz: int) -> tuple[str, Path]:
        path = folder / "copy.wav"
        soundfile.write(path, signal.astype(np.float32), hz, format="WAV", subtype="FLOAT")
        return name, path

    yield written("as it is", pcm, rate_hz)
    yield written("-12 dB", pcm * 10 ** (-12 / 20), rate_hz)
    yield written("+12 dB", pcm * 10 ** (12 / 20), rate_hz)
    other_hz = 44_100 if rate_hz == 48_000 else 48_000
    yield written("other rate", soxr.resample(pcm, rate_hz, other_hz), other_hz)
    yield written("mono", pcm.mean(axis=1, keepdims=True), rate_hz)
    for name in CODECS:
        path = folder / "copy.coded"
        encode(path, pcm, rate_hz, name)
        yield name, path


def encode(path: Path, pcm: np.ndarray, rate_hz: int, name: str) -> None:
    """Write PCM of one or two channels through one of ``CODECS``."""
    container, codec, bits_per_s = CODECS[name]
    if codec == "libopus" and rate_hz != 48_000:
        pcm, rate_hz = soxr.resample(pcm, rate_hz, 48_000), 48_000
    layout = "mono" if pcm.shape[1] == 1 else "stereo"
    with av.open(str(path), "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate_hz, layout=layout)
        stream.bit_rate = bits_per_s
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm.T, dtype=np.float32), "fltp", layout)
        frame.sample_rate = rate_hz
        resampler = av.AudioResampler(format=stream.codec_context.format, layout=layout, rate=rate_hz)
        for part in (*resampler.resample(frame), None):
            file.mux(stream.encode(part))


def facts(path: Path, reference: space.Space) -> dict[str, Any]:
    """Return what of an analysis must not change."""
    record, _ = analyse(path, source=path.name, max_duration_s=DEFAULT_MAX_DURATION_S)
    if record["status"] == "rejected":
        raise AssertionError(record["error"])
    features = record["features"]
    values = features["descriptor"]["values"]
    row = np.array([np.nan if v is None else v for v in values], dtype=np.float32) if values else None
    return {
        "key": (features["tonal"]["key"], features["tonal"]["mode"]),
        "tempo_bpm": features["rhythm"]["tempo_bpm"],
        "embedding": None if row is None else space.embed(reference, row),
        "pcm_sha256": features["file"]["pcm_sha256"],
    }


def same_tempo(first: float | None, second: float | None) -> bool:
    """Tell whether two tempi agree within 2 %, or are both unknown."""
    if first is None or second is None:
        return first is second
    return max(first, second) / min(first, second) <= _SAME_TEMPO_RATIO


def main() -> int:
    """Print, for each kind of copy, the shares that stay the same and the distances in the reference space."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=AUDIO)
    folder = parser.parse_args().folder
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix in SUFFIXES]
    reference = shipped.load(Kind.TRACK)
    rows: dict[str, list[tuple[bool, bool, float]]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for number, path in enumerate(paths, start=1):
            print(f"\r{number}/{len(paths)} {path.name:50.50}", end="", file=sys.stderr, flush=True)
            try:
                pcm, rate_hz = soundfile.read(path, always_2d=True, dtype="float32")
            except soundfile.LibsndfileError:
                continue  # a damaged file says nothing about copies
            original: dict[str, Any] | None = None
            for name, copy in copies(pcm[:, :2], rate_hz, Path(scratch)):
                found = facts(copy, reference)
                if original is None:
                    original = found
                if original["embedding"] is None or found["embedding"] is None:
                    continue
                cosine = float(original["embedding"] @ found["embedding"])
                tempo = same_tempo(original["tempo_bpm"], found["tempo_bpm"])
                rows.setdefault(name, []).append((original["key"] == found["key"], tempo, cosine))
    print(file=sys.stderr)
    print("| copy | files | same key | same tempo | cosine, median | cosine, least | at least .98 | known as a copy |")
    print("|---" * 8 + "|")
    for name, found in rows.items():
        keys, tempi, cosines = (np.array(column, dtype=float) for column in zip(*found, strict=True))
        copied = np.sqrt(np.maximum(2 - 2 * cosines, 0)) < NEAR_DUPLICATE_DISTANCE
        cells = [name, str(len(found)), f"{keys.mean():.0%}", f"{tempi.mean():.0%}", f"{np.median(cosines):.3f}"]
        cells += [f"{cosines.min():.3f}", f"{(cosines >= 0.98).mean():.0%}", f"{copied.mean():.0%}"]
        print("| " + " | ".join(cells) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())

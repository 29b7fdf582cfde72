"""``python -m tests.benchmarks.codecs [FOLDER]``: whether what codecs leave behind tells coded sound from lossless.

Ten seconds of each track of ``samples/`` before it was coded, every other one under talk, with a little noise; or of
lossless files in a folder of yours. A threshold is chosen on every other piece and judged on the rest, both ways.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from unittest.mock import patch

import av
import numpy as np
import soundfile
import soxr

from audiofeat.domain.block import summed
from audiofeat.features.frames import RATE_HZ
from audiofeat.features.production_codec import CodecTraces
from tests.benchmarks import invariance
from tests.spoken import talk

sys.path.insert(0, str(Path(__file__).parents[2] / "samples"))

_SECONDS = 10
_NOISE = 1e-4
_CODECS = {
    **{f"MP3 {rate}": ("mp3", "libmp3lame", rate * 1_000) for rate in (64, 128, 192)},
    **{f"AAC {rate}": ("ipod", "aac", rate * 1_000) for rate in (64, 128)},
    **{f"Opus {rate}": ("ogg", "libopus", rate * 1_000) for rate in (32, 64, 128)},
}
_TWICE = (("MP3 64", "MP3 192"), ("MP3 128", "AAC 128"))


def pieces(folder: Path | None) -> Iterator[tuple[np.ndarray, int]]:
    """Yield lossless mono sound with its rate."""
    if folder:
        for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in {".wav", ".flac"}):
            samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True, frames=_SECONDS * 192_000)
            yield samples.mean(axis=1)[: _SECONDS * rate_hz], rate_hz
        return
    from catalogue import Make, clips  # noqa: PLC0415  of the samples
    from make_samples import sound_of  # noqa: PLC0415  of the samples

    rng, said = np.random.default_rng(0), talk(phrases=4)
    for clip, spoken in zip((clip for clip in clips() if clip.make is Make.MUSIC), cycle((False, True)), strict=False):
        sound = sound_of(clip)[: _SECONDS * clip.rate_hz].reshape(-1, clip.channels).mean(axis=1)
        if spoken:
            voice = soxr.resample(said, RATE_HZ, clip.rate_hz)
            sound = 0.3 * sound + np.resize(voice, len(sound))
        yield (sound + _NOISE * rng.standard_normal(len(sound))).astype(np.float32), clip.rate_hz


def traces(sound: np.ndarray, rate_hz: int) -> tuple[float, float]:
    """Return what was found; NaN where nothing could be told."""
    found = CodecTraces()
    found.push(summed(np.ascontiguousarray(sound[:, None]), rate_hz))
    step_db, holes = found.found()
    return (np.nan if step_db is None else step_db), (np.nan if holes is None else holes)


def coded(sound: np.ndarray, rate_hz: int, names: tuple[str, ...], path: Path) -> tuple[np.ndarray, int]:
    """Return sound as codecs leave it, one after the other."""
    for name in names:
        invariance.encode(path, sound[:, None], rate_hz, name)
        with av.open(str(path)) as file:
            stream = file.streams.audio[0]
            rate_hz = stream.rate
            frames = [frame.to_ndarray().mean(axis=0) for frame in file.decode(stream)]
            sound = np.concatenate(frames).astype(np.float32)
    return sound, rate_hz


def told_apart(higher: np.ndarray, lower: np.ndarray) -> str:
    """Return area under the curve and balanced accuracy of rows of pieces, by a threshold of every second piece."""
    both = np.isfinite(higher) & np.isfinite(lower)
    if both.sum() < len(_TWICE) * 2:
        return "-"
    higher, lower = higher[both], lower[both]
    area = np.mean((higher[:, None] > lower) + 0.5 * (higher[:, None] == lower))
    right = []
    for half in (0, 1):
        learnt, judged = (slice(half, None, 2), slice(1 - half, None, 2))
        tried = np.unique(np.concatenate((higher[learnt], lower[learnt])))
        best = max(tried, key=lambda at: (higher[learnt] >= at).mean() + (lower[learnt] < at).mean())
        right.append(((higher[judged] >= best).mean() + (lower[judged] < best).mean()) / 2)
    return f"{area:.2f} / {np.mean(right):.2f} ({len(higher)})"


def main() -> None:
    """Print what low-pass and holes tell of each codec against lossless sound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    chosen = parser.parse_args()
    ways = [(), *((name,) for name in _CODECS), *_TWICE]
    found: dict[tuple[str, ...], list[tuple[float, float]]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as folder, patch.dict(invariance.CODECS, _CODECS):
        for sound, rate_hz in pieces(chosen.folder):
            for way in ways:
                found[way].append(traces(*coded(sound, rate_hz, way, Path(folder) / "coded")))
    lossless = np.array(found[()])
    print("codec: low-pass, holes; each area under the curve / balanced accuracy (pieces)")
    for way in ways[1:]:
        step, holes = (told_apart(np.array(found[way])[:, at], lossless[:, at]) for at in (0, 1))
        print(f"{', then '.join(way):24}{step:24}{holes}")
    everything = np.array([rows for way in ways[1:] for rows in found[way]])
    print(f"over 30 dB: lossless {np.mean(lossless[:, 0] > 30):.2f}, coded {np.mean(everything[:, 0] > 30):.2f}")


if __name__ == "__main__":
    main()

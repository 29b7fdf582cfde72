"""Make the sample clips, their truth and their third-party metadata.

    python samples/make_samples.py            write audio/, truth.jsonl and metadata/ anew
    python samples/make_samples.py --check    play everything again in memory and compare with the files
    python samples/make_samples.py --check --only dnb_neon_circuit.ogg

Needs numpy and soundfile. The sound depends on the seeds in ``catalogue.py`` alone; the encoded bytes may
differ between versions of libsndfile, which is why the check compares what the files sound like.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
from catalogue import PLAYED_BY, Clip, Make, clips
from pieces import FAMILIES
from shows import episode
from sound import Signal, faded, integrated_loudness_lufs, levelled
from sources import write_sources

HERE = Path(__file__).resolve().parent
AUDIO = HERE / "audio"
TRUTH = HERE / "truth.jsonl"
SILENCE_S = 12.0
CUT_SHARE = 0.72
"""Share of the damaged file's bytes that is kept."""
LONGEST_SHIFT_S = 0.12
"""How far a codec may shift the sound (encoder delay)."""
LEAST_LIKENESS = 0.95
LOUDNESS_SLACK_LU = 0.3
DURATION_SLACK_S = 0.15

FORMATS = {
    "wav": ("WAV", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}
NOTES = """These are the liner notes, and not a recording.

Somebody gave them the ending of a sound file. A catalogue of any size holds a few of those: whoever opens
this one as audio should be told so, and get nothing else.
"""


def sound_of(clip: Clip) -> Signal:
    """Play a clip: shape ``(samples, channels)``, at the loudness the catalogue states."""
    if clip.make is Make.SILENT:
        return np.zeros((round(SILENCE_S * clip.rate_hz), clip.channels))
    if clip.script and clip.show:
        sound = episode(clip.show, clip.script, clip.rate_hz)
    elif clip.score and clip.family:
        sound = FAMILIES[clip.family](clip.score)
    else:
        message = f"{clip.path}: nothing says how it is played"
        raise ValueError(message)
    if clip.channels == 1:
        sound = sound.mean(axis=1, keepdims=True)
    if clip.loudness_lufs is None:
        message = f"{clip.path}: a clip that sounds needs a loudness"
        raise ValueError(message)
    return levelled(faded(sound, clip.rate_hz), clip.rate_hz, clip.loudness_lufs)


def encode(clip: Clip, sound: Signal) -> None:
    """Write a clip's sound in the format its name ends with, with its tags."""
    container, codec = FORMATS[clip.suffix]
    settings: dict[str, Any] = {} if clip.level is None else {"compression_level": clip.level}
    path = AUDIO / clip.path
    with sf.SoundFile(path, "w", clip.rate_hz, clip.channels, codec, format=container, **settings) as file:
        for name, value in clip.tags:
            setattr(file, name, value)
        # libsndfile's Vorbis encoder overruns its stack when it is given a long clip at once.
        for start in range(0, len(sound), 16384):
            file.write(sound[start : start + 16384])


def decode(path: Path) -> tuple[Signal, int]:
    """Read what a file holds, as far as it goes."""
    with contextlib.suppress(sf.LibsndfileError):
        sound, rate_hz = sf.read(path, always_2d=True)
        return sound, int(rate_hz)
    blocks = []
    with sf.SoundFile(path) as file, contextlib.suppress(sf.LibsndfileError):
        while len(block := file.read(1024, always_2d=True)):
            blocks.append(block)
    return np.concatenate(blocks), int(file.samplerate)


def write(clip: Clip) -> None:
    """Write one file of ``audio/``."""
    path = AUDIO / clip.path
    if clip.make is Make.TEXT:
        path.write_text(NOTES, encoding="utf-8")
    elif clip.make is Make.COPY and clip.of:
        path.write_bytes((AUDIO / clip.of).read_bytes())
    else:
        encode(clip, sound_of(clip))
    if clip.make is Make.CUT:
        whole = path.read_bytes()
        path.write_bytes(whole[: int(CUT_SHARE * len(whole))])


def truth_of(clip: Clip) -> dict[str, Any]:
    """Return the line of ``truth.jsonl`` for a clip whose file is written."""
    pitched = clip.score is not None and clip.family != "noise_textures"
    score = clip.score if pitched else None
    seconds = declared = None
    if clip.make is not Make.TEXT:
        sound, rate_hz = decode(AUDIO / clip.path)
        seconds = round(len(sound) / rate_hz, 3)
        declared = round(sf.info(AUDIO / clip.path).duration, 3)
    return {
        "path": clip.path,
        "kind": clip.kind,
        "family": clip.family,
        "show": clip.show,
        "title": clip.title,
        "artist": clip.artist,
        "seconds": seconds,
        "declared_seconds": declared,
        "sample_rate_hz": clip.rate_hz or None,
        "channels": clip.channels or None,
        "tempo_bpm": score.tempo_bpm if score else None,
        "key": score.key if score else None,
        "mode": score.mode if score else None,
        "integrated_loudness_lufs": clip.loudness_lufs,
        "instruments": ["voice", "bell"] if clip.show == "Night Garden" else ["voice"] if clip.show
        else list(PLAYED_BY.get(clip.family or "", ())),
        "voiced": clip.show is not None,
        "duplicate_of": clip.of,
        "duplicate": {Make.COPY: "exact", Make.REENCODED: "reencoded"}.get(clip.make),
        "status": clip.status,
    }  # fmt: skip


def likeness(wanted: Signal, found: Signal, rate_hz: int) -> float:
    """Return the highest correlation of two clips over the shifts a codec may make, channels summed."""
    size = 1 << (len(wanted) + len(found)).bit_length()
    first, second = wanted.sum(axis=1), found.sum(axis=1)
    product = np.fft.irfft(np.fft.rfft(first, size).conj() * np.fft.rfft(second, size), size)
    reach = round(LONGEST_SHIFT_S * rate_hz)
    best = max(product[: reach + 1].max(), product[-reach:].max())
    return float(best / (np.linalg.norm(first) * np.linalg.norm(second) + 1e-12))


def faults_of(clip: Clip, truth: dict[str, Any]) -> list[str]:
    """Play a clip again and return what its committed file gets wrong."""
    path = AUDIO / clip.path
    if clip.make is Make.TEXT:
        return [] if path.read_text(encoding="utf-8") == NOTES else ["the text differs"]
    faults = []
    if clip.of and clip.make is Make.COPY and path.read_bytes() != (AUDIO / clip.of).read_bytes():
        faults.append(f"is not the same file as {clip.of}")
    found, rate_hz = decode(path)
    wanted = sound_of(clip)
    if abs(len(found) / rate_hz - truth["seconds"]) > DURATION_SLACK_S:
        faults.append(f"lasts {len(found) / rate_hz:.2f} s, truth says {truth['seconds']}")
    if abs(len(wanted) / clip.rate_hz - truth["declared_seconds"]) > DURATION_SLACK_S:
        faults.append(f"is played {len(wanted) / clip.rate_hz:.2f} s, declared {truth['declared_seconds']}")
    if clip.make is Make.SILENT:
        return faults if not found.any() else [*faults, "is not silent"]
    alike = likeness(wanted[: len(found)], found, rate_hz)
    if alike < LEAST_LIKENESS:
        faults.append(f"sounds different: correlation {alike:.3f}")
    off_lu = integrated_loudness_lufs(found, rate_hz) - truth["integrated_loudness_lufs"]
    if abs(off_lu) > LOUDNESS_SLACK_LU and clip.make is not Make.CUT:
        faults.append(f"is {off_lu:+.2f} LU off its loudness")
    return faults


def check(only: str | None) -> int:
    """Compare files and truth with the catalogue; return the number of faults, each printed."""
    every = clips()
    truths = {line["path"]: line for line in map(json.loads, TRUTH.read_text(encoding="utf-8").splitlines())}
    names = {clip.path for clip in every}
    faults = []
    if names != set(truths) or names != {path.name for path in AUDIO.iterdir()}:
        faults.append("catalogue, truth.jsonl and audio/ do not list the same files")
    for clip in every:
        if only not in (None, clip.path) or clip.path not in truths:
            continue
        print(f"playing {clip.path} again", file=sys.stderr)
        faults += [f"{clip.path}: {fault}" for fault in faults_of(clip, truths[clip.path])]
        if truth_of(clip) != truths[clip.path]:
            faults.append(f"{clip.path}: its line in truth.jsonl is out of date")
    with tempfile.TemporaryDirectory() as folder:
        write_sources(every, Path(folder))
        for source in Path(folder).iterdir():
            if source.read_bytes() != (HERE / "metadata" / source.name).read_bytes():
                faults.append(f"metadata/{source.name} is out of date")
    for fault in faults:
        print(fault)
    return len(faults)


def make() -> None:
    """Write everything anew."""
    AUDIO.mkdir(exist_ok=True)
    every = clips()
    for stray in {path.name for path in AUDIO.iterdir()} - {clip.path for clip in every}:
        (AUDIO / stray).unlink()
    for number, clip in enumerate(every, start=1):
        print(f"{number:2}/{len(every)} {clip.path}", file=sys.stderr)
        write(clip)
    lines = [json.dumps(truth_of(clip), ensure_ascii=False) for clip in every]
    TRUTH.write_text("\n".join(lines) + "\n", encoding="utf-8")
    write_sources(every, HERE / "metadata")


def main() -> int:
    """Read the command line and make or check."""
    parser = argparse.ArgumentParser(description="Make the sample clips, or check them.")
    parser.add_argument("--check", action="store_true", help="compare the files with what the script plays")
    parser.add_argument("--only", metavar="NAME", help="with --check: look at this one clip")
    chosen = parser.parse_args()
    if not chosen.check:
        make()
        return 0
    return 1 if check(chosen.only) else 0


if __name__ == "__main__":
    sys.exit(main())

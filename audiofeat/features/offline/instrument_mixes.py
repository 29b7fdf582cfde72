"""Mix stems into clips of eight seconds whose families are known, second by second.

``python -m audiofeat.features.offline.instrument_mixes STEMS OUT --count 12000`` writes files of 200 clips each:
``mixes-0000.npz`` with the sums and spectrograms that the head sees, the level of each family in each second,
and whether song and programs are kept back. ``--audio 20`` writes so many clips as sound instead, with
``labels.jsonl`` as ``audiofeat evaluate features`` reads it and ``activity.jsonl`` with the families of each second.
A file that exists is not made again; the same seed gives the same clips.
"""

import argparse
import io
import json
from pathlib import Path

import numpy as np
import scipy.fft
import soundfile
import soxr
from numpy.typing import NDArray

from audiofeat.domain.block import summed
from audiofeat.domain.families import FAMILIES
from audiofeat.features.frames import TIMBRE_RATE_HZ, TIMBRE_STEP, Floats, SharedSpectrum
from audiofeat.features.instrument_spectrogram import decibel
from audiofeat.features.instrument_windows import Seconds
from audiofeat.features.offline.instrument_players import RATE_HZ
from audiofeat.features.offline.instrument_pool import Pool, by_second
from audiofeat.features.offline.instrument_songs import HELD_BACK_EVERY
from audiofeat.features.offline.instrument_stems import STEM, STEM_S, Samples
from audiofeat.features.offline.progress import progress

CLIPS_A_FILE = 200
PRESENT_DB = -20.0
"""A family is present where its level is not further below that of the whole."""

_SILENT_DB = -120.0
_FRAMES = int(STEM_S * TIMBRE_RATE_HZ)
_PLACE = {family: at for at, family in enumerate(FAMILIES)}
_MANY = (0.28, 0.21, 0.17, 0.14, 0.1, 0.06, 0.04)
_FAMILY_WEIGHTS = {"guitar": 1.4, "keys": 1.3, "drums": 1.4, "bass": 1.3}
_NOTHING_SHARE = 0.06
_OVER_NOISE_SHARE = 0.12
_SAME_SONG_SHARE = 0.5
_TWICE_SHARE = 0.15
_CUTS_HZ = (10_500, 8_000, 5_500, 3_500)
_CODECS = (("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III"))

# The frequencies of a clip, and a grid of octaves that equalisers are drawn on, with the place of each frequency there.
_HZ = scipy.fft.rfftfreq(STEM, 1 / RATE_HZ).astype(np.float32)
_OCTAVES = np.linspace(0, np.log2(RATE_HZ / 2 / 60), 500, dtype=np.float32)
_ON_GRID = np.searchsorted(60 * 2**_OCTAVES, _HZ).clip(max=len(_OCTAVES) - 1)


def mixed(
    pool: Pool, rng: np.random.Generator, *, held_back: bool, channels: int = 1
) -> tuple[Samples, NDArray[np.float64]]:
    """Return a clip of shape (samples, channels), and the level of each family in each second, shape (8, 10), in dB.

    All that is linear happens in the spectrum of the whole clip: what rings on at its end rings at its start.
    """
    energies = np.zeros((STEM_S, len(FAMILIES)))
    bus = np.zeros((channels, len(_HZ)), dtype=np.complex64)
    send = np.zeros(len(_HZ), dtype=np.complex64)
    if rng.random() < _NOTHING_SHARE:
        bus += scipy.fft.rfft(pool.noise(rng, held_back=held_back))
    else:
        for family, stem in _chosen(pool, rng, held_back=held_back):
            sound = _played(pool.sound(stem), family, rng)
            before = scipy.fft.rfft(sound)
            after = before * _equaliser(rng) * np.float32(10 ** (rng.uniform(-9, 9) / 20))
            change = float(np.vdot(after, after).real / max(np.vdot(before, before).real, 1e-12))
            energies[:, _PLACE[family]] += by_second(sound) * change
            pan = rng.uniform(0.15, 0.85) * np.pi / 2
            sides = np.array([np.cos(pan), np.sin(pan)], dtype=np.float32) * np.float32(np.sqrt(2))
            bus += (np.ones(1, dtype=np.float32) if channels == 1 else sides)[:, None] * after
            send += after * np.float32(rng.uniform(0.2, 1.0))
    total = np.maximum(energies.sum(axis=1, keepdims=True), 1e-12)
    audible = total > 1e-6 * total.max()
    levels = np.where(audible & (energies > 0), 10 * np.log10(np.maximum(energies / total, 1e-12)), _SILENT_DB)
    if energies.any() and pool.has_noise and rng.random() < _OVER_NOISE_SHARE:
        bed = pool.noise(rng, held_back=held_back) * np.float32(10 ** (-rng.uniform(6, 25) / 20))
        bus += scipy.fft.rfft(bed)
    if rng.random() < 0.55:
        bus += send * _room(channels, rng)
    return _mastered(bus, rng), levels


def _chosen(pool: Pool, rng: np.random.Generator, *, held_back: bool) -> list[tuple[str, int]]:
    weights = np.array([_FAMILY_WEIGHTS.get(family, 1.0) for family in FAMILIES])
    many = int(rng.choice(len(_MANY), p=_MANY)) + 1
    drawn = [str(name) for name in rng.choice(list(FAMILIES), size=many, replace=False, p=weights / weights.sum())]
    drawn += [name for name in drawn if rng.random() < _TWICE_SHARE]
    song: str | None = None
    together = rng.random() < _SAME_SONG_SHARE
    chosen: list[tuple[str, int]] = []
    for family in drawn:
        stem = pool.draw(family, song if together else None, rng, held_back=held_back)
        if stem is not None:
            chosen.append((family, stem))
            if song is None and pool.stems[stem].source == "font":
                song = pool.stems[stem].song
    return chosen


def _played(sound: Samples, family: str, rng: np.random.Generator) -> Samples:
    """Return a stem as another player, a larger or smaller instrument, or an amplifier would have it."""
    if rng.random() < 0.5:
        speed = np.exp(rng.uniform(-0.17, 0.17))
        sound = soxr.resample(sound, RATE_HZ, RATE_HZ * speed, quality="QQ")[:STEM]
        sound = np.resize(sound, STEM)
    if rng.random() < (0.35 if family == "guitar" else 0.1):
        drive = np.float32(5 * rng.uniform(1, 8))
        sound = np.tanh(sound * drive) / drive * np.float32(rng.uniform(1, 2))
    return np.asarray(sound, dtype=np.float32)


def _equaliser(rng: np.random.Generator) -> Samples:
    """Return the gain at each frequency of up to three bells."""
    gain_db = np.zeros(len(_OCTAVES), dtype=np.float32)
    for _ in range(int(rng.choice((0, 1, 2, 3), p=(0.25, 0.3, 0.3, 0.15)))):
        distance = (_OCTAVES - rng.uniform(0, _OCTAVES[-1])) / rng.uniform(0.4, 1.6)
        gain_db += np.float32(rng.normal(0, 5)) / (1 + distance * distance)
    gain: Samples = (10 ** (gain_db / 20)).astype(np.float32)
    return np.asarray(gain[_ON_GRID])


def _room(channels: int, rng: np.random.Generator) -> NDArray[np.complex64]:
    """Return the answer of a room at each frequency, another on each side."""
    decay_s = float(np.exp(rng.uniform(np.log(0.15), np.log(2.2))))
    time_s = np.arange(int(min(decay_s, 1.5) * RATE_HZ), dtype=np.float32) / RATE_HZ
    tails = rng.standard_normal((channels, len(time_s)), dtype=np.float32) * np.exp(-6.9 * time_s / decay_s)
    tails[:, : int(rng.uniform(0.002, 0.03) * RATE_HZ)] = 0
    tails *= rng.uniform(0.15, 1.0) / np.linalg.norm(tails, axis=1, keepdims=True)
    answer = scipy.fft.rfft(tails.astype(np.float32), STEM, axis=1)
    if rng.random() < 0.7:
        answer /= np.sqrt(1 + np.square(_HZ / np.float32(rng.uniform(1_000, 8_000))))
    return np.asarray(answer, dtype=np.complex64)


def _mastered(bus: NDArray[np.complex64], rng: np.random.Generator) -> Samples:
    """Return the clip as it is delivered: equaliser, bandwidth, noise, compression, saturation, codec, level."""
    bus = bus * _equaliser(rng)
    if rng.random() < 0.5:
        bus *= (1 + np.square(_HZ / 1_000)) ** np.float32(rng.uniform(-0.25, 0.25))
    if rng.random() < 0.3:
        bus /= np.sqrt(1 + (_HZ / _CUTS_HZ[int(rng.integers(len(_CUTS_HZ)))]) ** 24)
    if rng.random() < 0.5:
        noise = rng.standard_normal(2 * len(_HZ), dtype=np.float32).view(np.complex64)
        noise = noise / np.maximum(_HZ, 30) ** np.float32(rng.uniform(0, 1))
        share = 10 ** (-rng.uniform(25, 60) / 20)
        bus += noise * np.float32(np.linalg.norm(bus) / max(float(np.linalg.norm(noise)), 1e-9) * share)
    sound = scipy.fft.irfft(bus, STEM, axis=1).T
    power = float(np.mean(np.square(sound)))
    if rng.random() < 0.4:
        step = round(rng.uniform(0.02, 0.15) * RATE_HZ)
        energy = np.square(sound).mean(axis=1)
        rows = np.add.reduceat(energy, np.arange(0, STEM, step)) / step
        level = np.interp(np.arange(STEM), (np.arange(len(rows)) + 0.5) * step, rows)
        sound = sound * (np.maximum(level, 1e-4 * power + 1e-12) ** (-rng.uniform(0.2, 0.6) / 2))[:, None]
    if rng.random() < 0.15:
        sound = np.tanh(sound * (rng.uniform(0.25, 1.5) / max(float(np.std(sound)), 1e-9)))
    sound = np.asarray(sound / max(float(np.abs(sound).max()), 1e-6), dtype=np.float32)
    sound *= np.float32(10 ** (rng.uniform(-24, 0) / 20))
    return _coded(sound, rng) if rng.random() < 0.06 else sound


def _coded(sound: Samples, rng: np.random.Generator) -> Samples:
    form, codec = _CODECS[int(rng.integers(len(_CODECS)))]
    stream = io.BytesIO()
    with soundfile.SoundFile(stream, "w", RATE_HZ, sound.shape[1], codec, format=form) as file:
        for start in range(0, STEM, RATE_HZ):  # long single writes overflow libsndfile's Vorbis encoder
            file.write(sound[start : start + RATE_HZ])
    stream.seek(0)
    decoded, _ = soundfile.read(stream, dtype="float32", always_2d=True)
    return np.pad(decoded[:STEM], ((0, max(0, STEM - len(decoded))), (0, 0)))


def seen(mono: Samples) -> tuple[NDArray[np.float64], NDArray[np.float16]]:
    """Return what an extraction sees of mono sound at 22,050 Hz: sums of each second, and the mel spectrogram in dB.

    Their shapes are (seconds, SUMS) and (frames, bands).
    """
    spectrum, seconds = SharedSpectrum(RATE_HZ), Seconds()
    mel: list[Floats] = []
    step = 4 * RATE_HZ
    for start in range(0, len(mono), step):
        part = np.ascontiguousarray(mono[start : start + step])
        block = summed(part[:, None], RATE_HZ, begun=start)
        frames = spectrum.push(block, part, last=start + step >= len(mono))
        seconds.push(frames)
        mel.append(frames.mel[::TIMBRE_STEP])
    return seconds.take(last=True), decibel(np.concatenate(mel)).astype(np.float16)


def clip(pool: Pool, number: int, seed: int, *, channels: int = 1) -> tuple[Samples, NDArray[np.float64], bool]:
    """Return clip number so-and-so, its levels, and whether it is kept back."""
    held_back = number // CLIPS_A_FILE % HELD_BACK_EVERY == 0
    rng = np.random.default_rng((seed, number))
    return (*mixed(pool, rng, held_back=held_back, channels=channels), held_back)


def _write_audio(pool: Pool, folder: Path, count: int, seed: int) -> None:
    with (folder / "labels.jsonl").open("w") as labels, (folder / "activity.jsonl").open("w") as activity:
        for number in progress(range(count), count, "clips"):
            sound, levels, _ = clip(pool, number, seed, channels=2)
            path = f"{number:05}.flac"
            soundfile.write(folder / path, sound, RATE_HZ)
            seconds = [
                [name for name, level in zip(FAMILIES, row, strict=True) if level > PRESENT_DB] for row in levels
            ]
            heard = [name for name in FAMILIES if any(name in second for second in seconds)]
            labels.write(json.dumps({"path": path, "labels": {"instruments": heard}}) + "\n")
            activity.write(json.dumps({"path": path, "families": seconds}) + "\n")


def main() -> None:
    """Mix what is missing."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("stems", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=12_000)
    parser.add_argument("--audio", type=int, default=0, help="write so many clips as sound, and nothing else")
    parser.add_argument("--noise", type=Path, help="folder of recorded noise, to be heard alone and under the music")
    parser.add_argument("--font", action="append", default=[], help="of all fonts use only this one (its file's name)")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    pool = Pool(asked.stems, asked.noise, fonts=asked.font)
    if not pool.stems:
        parser.error(f"{asked.stems} holds no stems: make some with instrument_stems")
    asked.folder.mkdir(parents=True, exist_ok=True)
    if asked.audio:
        _write_audio(pool, asked.folder, asked.audio, asked.seed)
        return
    files = -(-asked.count // CLIPS_A_FILE)
    for file in progress(range(files), files, "mixes"):
        path = asked.folder / f"mixes-{file:04}.npz"
        if path.exists():
            continue
        made = [clip(pool, number, asked.seed) for number in range(file * CLIPS_A_FILE, (file + 1) * CLIPS_A_FILE)]
        sights = [seen(sound[:, 0]) for sound, _, _ in made]
        sums, mel_db = np.stack([one[:STEM_S] for one, _ in sights]), np.stack([mel[:_FRAMES] for _, mel in sights])
        part = path.with_suffix(".part.npz")
        np.savez(part, sums=sums, mel_db=mel_db, levels=np.stack([row for _, row, _ in made]), held_back=made[0][2])
        part.replace(path)


if __name__ == "__main__":
    main()

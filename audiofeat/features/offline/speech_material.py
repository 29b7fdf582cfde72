"""Sound with a truth for each second, to fit and to judge the speech model: a corpus, mixtures of it, and made sound.

Everything is mono at the rate of the shared spectrum. A fold never shares a language, an artist or track, or a
recording of noise with another fold.
"""

import io
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.signal
import soundfile
import soxr
from numpy.typing import NDArray

from audiofeat.features.frames import RATE_HZ, Floats
from audiofeat.features.offline import made_sound

N_FOLDS = 4
SPEECH, MUSIC, OTHER, UNKNOWN = 0, 1, 2, -1
LANGUAGES = ("cs", "en", "fr", "es")
_EMOTIFY_S = 20
_MIXED_S = 30
_PROGRAMMES = 32
_MADE_EACH = 24
_MADE_S = 12


@dataclass(frozen=True, slots=True)
class Sound:
    """Samples with one label a second (-1: not to be counted), the fold they belong to and where they come from."""

    samples: Floats
    labels: NDArray[np.int64]
    fold: int
    kind: str


@dataclass(frozen=True, slots=True)
class _Entry:
    """One file of the corpus, not yet read."""

    path: Path
    fold: int
    kind: str
    label: int
    row: dict[str, Any]

    def read(self) -> Sound:
        samples, rate_hz = soundfile.read(self.path, dtype="float32", always_2d=True)
        mono = samples.mean(axis=1)
        if rate_hz != RATE_HZ:
            mono = soxr.resample(mono, rate_hz, RATE_HZ)
        if self.kind == "songs" and len(mono) > _EMOTIFY_S * RATE_HZ:
            start = (len(mono) - _EMOTIFY_S * RATE_HZ) // 2
            mono = mono[start : start + _EMOTIFY_S * RATE_HZ]
        labels = np.full(round(len(mono) / RATE_HZ), self.label)
        if self.label == SPEECH:
            spoken = np.zeros(len(mono), dtype=bool)
            for start_s, end_s, _ in self.row["utterances"]:
                spoken[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)] = True
            for second in range(len(labels)):
                if spoken[second * RATE_HZ : (second + 1) * RATE_HZ].mean() < 0.5:
                    labels[second] = UNKNOWN
        return Sound(mono, labels, self.fold, self.kind)


def sounds(corpus: Path, *, seed: int) -> Iterator[Sound]:
    """Yield everything once, undamaged.

    Parameters
    ----------
    corpus : Path
        Folder with the folders ``speech``, ``noise``, ``music`` and ``emotify_dev``. Each holds ``labels.jsonl``, one
        object a line: ``file`` (relative), and for speech ``language`` and ``utterances`` (lists of start s, end s,
        speaker); for noise ``fold`` (1-3); for music ``kind`` (only ``excerpt`` is read), ``track`` and ``artist`` or
        null; for emotify_dev ``artist_id``.
    seed : int
        Of the mixtures and of the made sound.

    Raises
    ------
    OSError
        A folder or a file is missing.
    """
    rng = np.random.default_rng(seed)
    entries = list(_entries(corpus))
    for entry in entries:
        yield entry.read()
    for fold in range(N_FOLDS):
        speech = [e for e in entries if e.fold == fold and e.label == SPEECH]
        music = [e for e in entries if e.fold == fold and e.kind == "music"]
        noise = [e for e in entries if e.fold == fold % 3 and e.label == OTHER]
        for number, entry in enumerate(speech):
            under = music[int(rng.integers(len(music)))].read()
            snr_db = (10.0, 20.0)[number % 2]
            yield _over(entry.read(), under, snr_db, f"mixed {snr_db:.0f} dB")
        for _ in range(_PROGRAMMES // N_FOLDS):
            yield _programme(
                [group[int(rng.integers(len(group)))].read() for group in (speech, music, noise, music)], rng
            )
    for kind, (label, make) in made_sound.KINDS.items():
        for number in range(_MADE_EACH):
            samples = make(_MADE_S, rng).astype(np.float32)
            samples *= 10 ** (rng.uniform(-30, -12) / 20) / max(_rms(samples), 1e-9)
            yield Sound(samples, np.full(_MADE_S, label), number % N_FOLDS, f"made {kind}")


def changed(sound: Sound, rng: np.random.Generator) -> Sound:
    """Return the sound as another chain would deliver it: speed, room, compression, equaliser, noise, bandwidth, codec.

    All classes go through the same chains, so that none of them tells a class.
    """
    samples, labels = sound.samples, sound.labels
    if rng.random() < 0.5:
        speed = rng.uniform(0.85, 1.18)  # another vocal tract, another instrument
        samples = soxr.resample(samples, RATE_HZ * speed, RATE_HZ)
        labels = labels[((np.arange(int(len(samples) / RATE_HZ)) + 0.5) * speed).astype(int).clip(max=len(labels) - 1)]
    if rng.random() < 0.4:
        samples = _in_room(samples, rng)
    if rng.random() < 0.5:
        samples = _compressed(samples, rng.uniform(0.3, 0.7))
    if rng.random() < 0.6:
        tilt = rng.uniform(-0.85, 0.85)
        samples = scipy.signal.lfilter([1.0, tilt], [1.0], samples)
    if rng.random() < 0.15:
        samples = scipy.signal.sosfilt(_filter(300, "highpass"), samples)
    if rng.random() < 0.6:
        noise = made_sound.coloured(len(samples), rng.uniform(0, 1), rng).astype(np.float32)
        samples = samples + noise * _rms(samples) / _rms(noise) * 10 ** (-rng.uniform(15, 40) / 20)
    cut_hz = (None, 3_400, 8_000, 10_500)[int(rng.integers(4))]
    if cut_hz:
        samples = scipy.signal.sosfilt(_filter(cut_hz, "lowpass"), samples)
    samples = samples / max(np.abs(samples).max(), 1e-6)
    samples *= 10 ** (rng.uniform(-30, 0) / 20)
    rate_hz = (8_000, 16_000, RATE_HZ, 44_100)[int(rng.integers(4))]
    samples = soxr.resample(samples.astype(np.float32), RATE_HZ, rate_hz)
    codec = (None, ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III"))[int(rng.integers(3))]
    if codec:
        coded = io.BytesIO()
        with soundfile.SoundFile(coded, "w", rate_hz, 1, codec[1], format=codec[0]) as file:
            for start in range(0, len(samples), rate_hz):  # long single writes overflow libsndfile's Vorbis encoder
                file.write(samples[start : start + rate_hz])
        coded.seek(0)
        samples, rate_hz = soundfile.read(coded, dtype="float32")
    samples = soxr.resample(samples, rate_hz, RATE_HZ)
    return replace(sound, samples=samples.astype(np.float32), labels=labels)


def _entries(corpus: Path) -> Iterator[_Entry]:
    for row, path in _rows(corpus / "speech"):
        yield _Entry(path, LANGUAGES.index(row["language"]), f"speech {row['language']}", SPEECH, row)
    for row, path in _rows(corpus / "noise"):
        yield _Entry(path, row["fold"] - 1, "noise", OTHER, row)
    for row, path in _rows(corpus / "music"):
        if row["kind"] == "excerpt":
            yield _Entry(path, _fold(row["artist"] or row["track"]), "music", MUSIC, row)
    for row, path in _rows(corpus / "emotify_dev"):
        yield _Entry(path, _fold(row["artist_id"]), "songs", MUSIC, row)


def _rows(folder: Path) -> Iterator[tuple[dict[str, Any], Path]]:
    for line in (folder / "labels.jsonl").read_text().splitlines():
        row = json.loads(line)
        yield row, folder / row["file"]


def _fold(group: str) -> int:
    return zlib.crc32(group.encode()) % N_FOLDS


def _over(speech: Sound, music: Sound, snr_db: float, kind: str) -> Sound:
    """Lay speech over music; the ratio is that of their powers while both sound."""
    count = min(len(speech.samples), len(music.samples), _MIXED_S * RATE_HZ) // RATE_HZ * RATE_HZ
    voice, bed = speech.samples[:count], music.samples[:count]
    gain = _rms(voice) / max(_rms(bed), 1e-6) * 10 ** (-snr_db / 20)
    return Sound(voice + gain * bed, speech.labels[: count // RATE_HZ], speech.fold, kind)


def _programme(parts: list[Sound], rng: np.random.Generator) -> Sound:
    """Join 10 s of each part and of speech over music, in any order, at nearly the same level."""
    speech, music, noise, bed = parts
    mixed = _over(speech, bed, 10.0, "")
    levelled = []
    for part in (speech, music, noise, mixed):
        seconds = min(10, len(part.labels), len(part.samples) // RATE_HZ)
        samples = part.samples[: seconds * RATE_HZ]
        gain = 0.1 * 10 ** (rng.uniform(-3, 3) / 20) / max(_rms(samples), 1e-6)
        levelled.append((samples * gain, part.labels[:seconds]))
    order = rng.permutation(len(levelled))
    samples, labels = (np.concatenate([levelled[at][column] for at in order]) for column in (0, 1))
    return Sound(samples, labels, speech.fold, "programme")


def _in_room(samples: Floats, rng: np.random.Generator) -> Floats:
    time_s = np.arange(int(0.5 * RATE_HZ)) / RATE_HZ
    tail = rng.standard_normal(len(time_s)) * np.exp(-6.9 * time_s / rng.uniform(0.2, 0.8))
    tail *= rng.uniform(0.2, 1.0) / np.linalg.norm(tail)
    tail[0] = 1.0
    wet: Floats = scipy.signal.oaconvolve(samples, tail)[: len(samples)]
    return wet


def _compressed(samples: Floats, amount: float) -> Floats:
    """Take away a share of the level's movement in dB, down to 40 dB below the mean level."""
    window = np.hanning(round(0.1 * RATE_HZ))
    power = scipy.signal.oaconvolve(np.square(samples), window / window.sum(), mode="same")
    level = np.sqrt(np.maximum(power, 1e-4 * _rms(samples) ** 2 + 1e-12))
    pressed: Floats = samples * level**-amount
    return pressed


def _filter(hz: float, kind: str) -> NDArray[np.float64]:
    sections: NDArray[np.float64] = scipy.signal.butter(6, hz, kind, fs=RATE_HZ, output="sos")
    return sections


def _rms(samples: NDArray[np.floating]) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))

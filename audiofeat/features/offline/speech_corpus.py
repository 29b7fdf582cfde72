"""Recordings and voices to fit and to judge the speech model on: real speech, synthesised speech, music, noise.

Everything is mono at the rate of the shared spectrum, with a truth for each half second. A fold never shares a
language, an artist or track, or a recording of noise with another fold.
"""

import hashlib
import io
import json
import shutil
import subprocess
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from audiofeat.features.frames import RATE_HZ, Floats

N_FOLDS = 4
SPEECH, MUSIC, BOTH, NOISE, UNKNOWN = 0, 1, 2, 3, -1
STEP = RATE_HZ // 2
LANGUAGES = ("cs", "en", "fr", "es")
_EMOTIFY_S = 20
_SPOKEN_TRACK = "freedroidrpg-data/startofgame"  # filed as music; nothing but a voice is in it
_PROGRAMME_S = 24
_OF_LANGUAGE_S = {"tuxpaint": 150.0, "klettres": 40.0}
# No voice of the programmes that judge speaking rate and pitch, which are read by other languages.
_SYNTHESISED = (
    "en-us+m2", "en-us+f2", "de+m1", "de+f3", "fr-fr+m4", "fr-fr+f1", "pt+m5", "nl+f4", "pl+m6", "sv+f5", "ro+m7",
    "cs+f2", "ru+m3", "el+f4",
)  # fmt: skip
# Of unpacked Debian packages: sounds that are neither speech nor music, and more music. A package is of one fold.
_EFFECTS = (
    "torcs-data/**/sound/*[!d].wav",
    "bucklespring-data/**/*.wav",
    *(f"widelands-data/**/sound/{what}/**/*.ogg" for what in (
        "animals", "atlanteans", "farm", "fisher", "hammering", "metal", "mill", "sawmill", "smiths", "stonecutting",
        "woodcutting")),
    "extremetuxracer-data/**/*_slide.wav",
    *(f"lugaru-data/**/Sounds/{what}*.ogg" for what in (
        "Bark", "Break", "Bush", "Clank", "Fire", "Foot", "Growl", "Hawk", "Knife", "Land", "Metal", "Rabbit", "Skid",
        "Snarl", "Snow", "Splatter", "Staff", "Sword", "Wind")),
    *(f"bzflag-data/**/{what}.wav" for what in (
        "burrow", "explosion", "fire", "jump", "laser", "missile", "phantom", "ricochet", "shock", "steamroller")),
    *(f"supertux-data/**/sounds/{what}*.*" for what in (
        "crack", "explosion", "fire", "fizz", "flop", "icecrash", "lava", "rain", "saw", "sizzle", "skid", "splash",
        "splat", "squish", "thunder", "tick", "waterfall", "wood")),
)  # fmt: skip
_MUSIC = (
    "widelands-data/**/music/*.ogg", "hyperrogue-music/**/hr*.ogg", "colobot-common-sounds/**/music/*.ogg",
    "xmoto-data/**/*.ogg", "tuxmath-data/**/0*.ogg", "lugaru-data/**/Music*.ogg", "torcs-data/**/*.ogg",
    "fretsonfire-songs-*/**/song.ogg", "csmash-demosong/**/*.ogg",
)  # fmt: skip
_EFFECT_S, _EFFECTS_S = 6, 150
_PIECE_S = 16
_LEAST_GAP_S, _MOST_GAP_S = 0.1, 0.8
_AUDIBLE_BELOW_PEAK_DB = 35.0


@dataclass(frozen=True, slots=True)
class Sound:
    """Samples with one label a half second (-1: not to be counted), their fold and where they come from."""

    samples: Floats
    labels: NDArray[np.int64]
    fold: int
    kind: str


def recordings(corpus: Path, *, seed: int) -> Iterator[Sound]:
    """Yield all that was recorded or synthesised, undamaged.

    Parameters
    ----------
    corpus : Path
        Folder with the folders ``speech``, ``noise``, ``music`` and ``emotify_dev``. Each holds ``labels.jsonl``, one
        object a line: ``file`` (relative), and for speech ``language`` and ``utterances`` (lists of start s, end s,
        speaker); for noise ``fold`` (1-3); for music ``kind`` (only ``excerpt`` is read), ``track`` and ``artist`` or
        null; for emotify_dev ``artist_id``. ``debian``, where it is there, holds the unpacked packages
        ``tuxpaint-stamps-default`` and ``klettres-data``, and for ``game_sounds`` each package under its name.
    seed : int
        Of the order and the pauses of single spoken words.

    Raises
    ------
    OSError
        A folder or a file is missing.
    """
    rng = np.random.default_rng(seed)
    for row, path in _rows(corpus / "speech"):
        samples = mono(path)
        yield Sound(samples, _spoken(row["utterances"], len(samples)), _fold(row["language"]),
                    f"speech {row['language']}")  # fmt: skip
    yield from _single_words(corpus / "debian", rng)
    yield from _synthesised()
    for row, path in _rows(corpus / "noise"):
        yield _whole(mono(path), NOISE, row["fold"] - 1, "noise")
    for row, path in _rows(corpus / "music"):
        if row["kind"] == "excerpt" and row["track"] != _SPOKEN_TRACK:
            yield _whole(mono(path), MUSIC, _fold(row["artist"] or row["track"]), "music")
    for row, path in _rows(corpus / "emotify_dev"):
        samples = mono(path)
        middle = max(0, len(samples) - _EMOTIFY_S * RATE_HZ) // 2
        yield _whole(samples[middle : middle + _EMOTIFY_S * RATE_HZ], MUSIC, _fold(row["artist_id"]), "songs")


def game_sounds(corpus: Path, *, seed: int) -> Iterator[Sound]:
    """Yield effects and music of games, as far as their packages are unpacked in the folder ``debian``.

    A short effect is heard again and again for six seconds, with or without pauses; of music the middle.
    """
    rng = np.random.default_rng(seed)
    for kind, patterns in (("effects", _EFFECTS), ("pieces", _MUSIC)):
        for package, paths in _packaged(corpus / "debian", patterns):
            left_s = _EFFECTS_S
            for at in rng.permutation(len(paths)):
                if kind == "pieces":
                    middle_s = soundfile.info(paths[at]).duration / 2
                    if middle_s < _PIECE_S / 2:
                        continue
                    samples, label = mono(paths[at], start_s=middle_s - _PIECE_S / 2, most_s=_PIECE_S), MUSIC
                else:
                    gap = np.zeros(int(rng.choice([0.0, rng.uniform(0, 0.6)]) * RATE_HZ), dtype=np.float32)
                    effect = np.concatenate((_trimmed(mono(paths[at], most_s=_EFFECT_S)), gap))
                    samples, label = np.resize(effect, _EFFECT_S * RATE_HZ), NOISE
                    left_s -= _EFFECT_S
                if left_s < 0:
                    break
                yield _whole(samples, label, _fold(package), f"{kind} {package}"[:16])


def _packaged(folder: Path, patterns: tuple[str, ...]) -> Iterator[tuple[str, list[Path]]]:
    found: dict[str, set[Path]] = defaultdict(set)
    for pattern in patterns:
        for path in folder.glob(pattern):
            if path.is_file() and not path.is_symlink():
                found[path.relative_to(folder).parts[0]].add(path)
    for package in sorted(found):
        yield package, sorted(found[package])


def by_speaker(corpus: Path) -> Iterator[tuple[str, Floats]]:
    """Yield what each speaker of the folder ``speech`` says, in the order of the programmes."""
    said: dict[str, list[Floats]] = defaultdict(list)
    for row, path in _rows(corpus / "speech"):
        samples = mono(path)
        for start_s, end_s, speaker in row["utterances"]:
            said[speaker].append(samples[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)])
    for speaker, parts in said.items():
        yield speaker, np.concatenate(parts)


def mono(path: Path, *, start_s: float = 0.0, most_s: float | None = None) -> Floats:
    """Return a file's samples, mixed down, at the rate of the shared spectrum; of the whole or of a part of it."""
    with soundfile.SoundFile(path) as file:
        rate_hz = file.samplerate
        file.seek(round(start_s * rate_hz))
        samples = file.read(-1 if most_s is None else round(most_s * rate_hz), dtype="float32", always_2d=True)
    signal = samples.mean(axis=1)
    resampled: Floats = signal if rate_hz == RATE_HZ else soxr.resample(signal, rate_hz, RATE_HZ)
    return resampled


def steps_of(samples: Floats) -> int:
    """Return how many half seconds there are."""
    return len(samples) // STEP


def _whole(samples: Floats, label: int, fold: int, kind: str) -> Sound:
    return Sound(samples, np.full(steps_of(samples), label), fold, kind)


def _spoken(utterances: list[list[Any]], length: int) -> NDArray[np.int64]:
    """Return the labels of half seconds; a gap of up to a second between two utterances is speech."""
    spoken = np.zeros(length, dtype=bool)
    before_s = -2.0
    for start_s, end_s, *_ in utterances:
        begins_s = before_s if start_s - before_s <= 1.0 else start_s
        spoken[round(begins_s * RATE_HZ) : round(end_s * RATE_HZ)] = True
        before_s = end_s
    share = spoken[: length // STEP * STEP].reshape(-1, STEP).mean(axis=1)
    labels: NDArray[np.int64] = np.where(share > 0.7, SPEECH, UNKNOWN)
    return labels


def _single_words(folder: Path, rng: np.random.Generator) -> Iterator[Sound]:
    """Join the words and sentences of a language into programmes."""
    found: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for path in sorted(folder.rglob("*_desc_*.ogg")):
        found["tuxpaint", path.stem.split("_desc_")[1][:2]].append(path)
    for path in sorted(folder.rglob("usr/share/klettres/*/*/*.ogg")):
        found["klettres", path.parts[-3][:2]].append(path)
    for (package, language), paths in found.items():
        seen: set[bytes] = set()
        programme: list[Floats] = []
        utterances: list[list[float]] = []
        done_s = 0.0
        for at in rng.permutation(len(paths)):
            digest = hashlib.sha256(paths[at].read_bytes()).digest()
            if paths[at].is_symlink() or digest in seen:
                continue
            seen.add(digest)
            word = _trimmed(mono(paths[at]))
            if len(word) < 0.15 * RATE_HZ:
                continue
            word *= 0.1 / max(float(np.sqrt(np.mean(np.square(word)))), 1e-6)
            start_s = sum(map(len, programme)) / RATE_HZ
            gap_s = rng.uniform(_LEAST_GAP_S, _MOST_GAP_S)
            programme += [word, np.zeros(round(gap_s * RATE_HZ), dtype=np.float32)]
            utterances.append([start_s, start_s + len(word) / RATE_HZ])
            if start_s > _PROGRAMME_S:
                samples = np.concatenate(programme)
                yield Sound(samples, _spoken(utterances, len(samples)), _fold(language), f"words {language}")
                done_s += len(samples) / RATE_HZ
                programme, utterances = [], []
            if done_s > _OF_LANGUAGE_S[package]:
                break


def _trimmed(samples: Floats) -> Floats:
    """Cut what is more than 35 dB below the loudest 20 ms off both ends."""
    size = RATE_HZ // 50
    count = len(samples) // size
    if not count:
        return samples[:0]
    level = 10 * np.log10(np.square(samples[: count * size]).reshape(-1, size).mean(axis=1) + 1e-12)
    loud = np.flatnonzero(level > level.max() - _AUDIBLE_BELOW_PEAK_DB)
    return samples[loud[0] * size : (loud[-1] + 1) * size]


def _synthesised() -> Iterator[Sound]:
    """Let espeak-ng read made-up sentences, where it is installed."""
    program = shutil.which("espeak-ng")
    if program is None:
        return
    for number, voice in enumerate(_SYNTHESISED):
        for pace in (130, 190):
            text = made_up_text(number * 7 + pace, sentences=7)
            wav = subprocess.run(
                [program, "-v", voice, "-s", str(pace), "--stdout", text], capture_output=True, check=True
            ).stdout
            samples, rate_hz = soundfile.read(io.BytesIO(wav), dtype="float32")
            samples = _trimmed(soxr.resample(samples, rate_hz, RATE_HZ))
            yield _whole(samples, SPEECH, _fold(voice[:2]), "espeak")


def made_up_text(seed: int, *, sentences: int) -> str:
    """Return sentences of words that are no words of any language, one vowel a syllable."""
    rng = np.random.default_rng(seed)
    text = []
    for _ in range(sentences):
        words = [
            "".join(rng.choice(list("bdfgklmnprstv")) + rng.choice(list("aeiou")) for _ in range(rng.integers(1, 5)))
            for _ in range(rng.integers(5, 12))
        ]
        text.append(" ".join(words).capitalize() + ".")
    return " ".join(text)


def _rows(folder: Path) -> Iterator[tuple[dict[str, Any], Path]]:
    for line in (folder / "labels.jsonl").read_text().splitlines():
        row = json.loads(line)
        yield row, folder / row["file"]


def _fold(group: str) -> int:
    return LANGUAGES.index(group) if group in LANGUAGES else zlib.crc32(group.encode()) % N_FOLDS

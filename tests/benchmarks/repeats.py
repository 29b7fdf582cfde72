"""How surely jingles and advertisements are found across the episodes of a show: ``make bench``.

Shows are made: each episode has talk of its own and, at random places, the show's jingles and advertisements, which
every second episode lacks. Each way of making is a column of its own: as it is, re-encoded, at other levels, and under
speech that is so many dB weaker than the jingle. ``python -m tests.benchmarks.repeats [--shows N] [--episodes N]``;
with ``--talk FOLDER --music FOLDER`` of files of one's own, of which the talk must not repeat itself, real sound.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from audiofeat.domain.block import summed
from audiofeat.domain.repeats import Heard, Listening
from audiofeat.domain.subprints import Words, decoded
from audiofeat.features.frames import RATE_HZ, Floats, SharedSpectrum
from audiofeat.features.subprints import Subprints
from tests.benchmarks.duplicates import _read
from tests.benchmarks.invariance import CODECS, SUFFIXES, encode

sys.path.insert(0, str(Path(__file__).parents[2] / "samples"))

JINGLES_S, ADS_S = (3.0, 4.0, 6.0), (20.0, 30.0)
WAYS = ("as it is", *CODECS, "levels", *(f"speech {db} dB below" for db in (20, 15, 10, 5, 0)))
_BLOCK = 4 * RATE_HZ
_LEVEL = 0.05
_RECALL, _PRECISION = 0.95, 0.99
_PROMISED = ("as it is", *CODECS, "levels")


@dataclass(frozen=True)
class Place:
    """Where in an episode a part of the show is."""

    part: int
    start_s: float
    end_s: float


class Material:
    """Talk that never repeats itself, and music to cut jingles from."""

    def __init__(self, talk: Path | None, music: Path | None, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._talk = [_level(_loaded(path)) for path in _files(talk)]
        self._music = [_level(_loaded(path)) for path in _files(music)]

    def talk(self, length_s: float) -> Floats:
        """Return talk that was not used before."""
        if not self._talk:
            return _level(_synthesised(length_s, self._rng))
        size = round(length_s * RATE_HZ)
        at = next((n for n, piece in enumerate(self._talk) if len(piece) >= size), None)
        if at is None:
            raise SystemExit("there is not enough talk for so many episodes: fewer --shows or --episodes")
        piece = self._talk.pop(at)
        self._talk.append(piece[size:])
        return piece[:size]

    def music(self, length_s: float) -> Floats:
        """Return music, another each time as long as there is some."""
        if not self._music:
            return _level(_tune(length_s, self._rng))
        piece = self._music.pop(int(self._rng.integers(len(self._music))))
        return piece[: round(length_s * RATE_HZ)]


def show(material: Material, rng: np.random.Generator, episodes: int) -> Iterator[tuple[Floats, list[Place], Floats]]:
    """Yield the PCM of each episode, where its parts are, and the speech to be laid over these."""
    parts = [material.music(length_s) for length_s in (*JINGLES_S, *ADS_S)]
    for number in range(episodes):
        chosen = [n for n in rng.permutation(len(parts)) if (n + number) % 2 == 0 or n == 0]
        pieces, over, places, at = [], [], [], 0
        for part in (*chosen, None):
            talk = material.talk(float(rng.uniform(4, 9)))
            pieces.append(talk)
            over.append(np.zeros_like(talk))
            at += len(talk)
            if part is not None:
                pieces.append(parts[part])
                over.append(np.resize(talk, len(parts[part])))
                places.append(Place(int(part), at / RATE_HZ, (at + len(parts[part])) / RATE_HZ))
                at += len(parts[part])
        yield np.concatenate(pieces), places, np.concatenate(over)


def made(pcm: Floats, over: Floats, way: str, number: int, folder: Path) -> Words:
    """Return the sub-fingerprints of an episode that was made in one way."""
    if way.startswith("speech"):
        pcm = pcm + over * np.float32(10 ** (-float(way.split()[1]) / 20))
    elif way == "levels":
        pcm = pcm * np.float32(10 ** (-6 * (number % 4) / 20))
    elif way in CODECS:
        path = folder / "episode.coded"
        encode(path, pcm[:, None], RATE_HZ, way)
        coded, rate_hz = _read(path)
        pcm = soxr.resample(coded.mean(axis=1), rate_hz, RATE_HZ).astype(np.float32)
    return _printed(pcm)


def _printed(pcm: Floats) -> Words:
    group, spectrum = Subprints(), SharedSpectrum(RATE_HZ)
    for start in range(0, len(pcm), _BLOCK):
        block = np.ascontiguousarray(pcm[start : start + _BLOCK, None])
        last = start + _BLOCK >= len(pcm)
        group.push(spectrum.push(summed(block, RATE_HZ, begun=start), block[:, 0], last=last))
    return decoded(group.result({}, None).values["minutes"])


def judged(truth: Sequence[Sequence[Place]], heard: Sequence[Heard]) -> tuple[int, int, int, list[float]]:
    """Return how many places of parts were found, how many there are, how many were told wrongly, and errors of ends.

    A part counts where at least two episodes have it. A place is found where more than half of both is in common.
    """
    episodes_with = {part: {n for n, places in enumerate(truth) for p in places if p.part == part} for part in range(9)}
    wanted = [(n, p) for n, places in enumerate(truth) for p in places if len(episodes_with[p.part]) > 1]
    found, wrong, errors = set(), 0, []
    for one in heard:
        near = [(n, p) for n, p in wanted if n == int(one.item_id) and _is_same(one, p)]
        if near:
            found.add(near[0])
            errors += [abs(one.start_s - near[0][1].start_s), abs(one.end_s - near[0][1].end_s)]
        else:
            wrong += 1
    return len(found), len(wanted), wrong, errors


def _is_same(one: Heard, place: Place) -> bool:
    common_s = min(one.end_s, place.end_s) - max(one.start_s, place.start_s)
    return common_s > 0.5 * max(one.end_s - one.start_s, place.end_s - place.start_s)


def main() -> int:
    """Print recall and precision for each way; 1 where what is promised is not reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shows", type=int, default=2)
    parser.add_argument("--episodes", type=int, default=4)
    parser.add_argument("--talk", type=Path)
    parser.add_argument("--music", type=Path)
    options = parser.parse_args()
    material, rng = Material(options.talk, options.music, seed=7), np.random.default_rng(11)
    shows = [list(show(material, rng, options.episodes)) for _ in range(options.shows)]
    missed = False
    print(f"{'way':24}{'recall':>8}{'precision':>11}{'places':>8}{'ends, median':>14}{'of time':>10}")
    with tempfile.TemporaryDirectory() as folder:
        for way in WAYS:
            found = wanted = wrong = 0
            errors: list[float] = []
            spent_s = total_s = 0.0
            for episodes in shows:
                words = [made(pcm, over, way, n, Path(folder)) for n, (pcm, _, over) in enumerate(episodes)]
                started = time.process_time()
                listening = Listening()
                for number, one in enumerate(words):
                    listening.hear(str(number), one)
                spent_s += time.process_time() - started
                total_s += sum(len(pcm) for pcm, _, _ in episodes) / RATE_HZ
                heard = [one for repeat in listening.repeats for one in repeat.heard]
                hit, of, false, off = judged([places for _, places, _ in episodes], heard)
                found, wanted, wrong, errors = found + hit, wanted + of, wrong + false, errors + off
            recall, precision = found / wanted, found / max(1, found + wrong)
            missed |= way in _PROMISED and (recall < _RECALL or precision < _PRECISION)
            ends = f"{np.median(errors):.2f} s" if errors else "-"
            print(f"{way:24}{recall:8.3f}{precision:11.3f}{wanted:8}{ends:>14}{total_s / max(spent_s, 1e-6):9.0f}x")
    return int(missed)


def _files(folder: Path | None) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES) if folder else []


def _loaded(path: Path) -> Floats:
    pcm, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    return np.asarray(soxr.resample(pcm.mean(axis=1), rate_hz, RATE_HZ), dtype=np.float32)


def _level(pcm: Floats) -> Floats:
    return (pcm * (_LEVEL / max(float(np.sqrt(np.square(pcm).mean())), 1e-6))).astype(np.float32)


def _synthesised(length_s: float, rng: np.random.Generator) -> Floats:
    import speech  # noqa: PLC0415  the synthesiser of the samples

    voice = speech.Voice(float(rng.uniform(90, 210)), float(rng.uniform(0.95, 1.15)), 4.5, 0.2, 0.2, 300.0, 0.35)
    said = speech.spoken(voice, speech.lexicon(rng), length_s, RATE_HZ, rng)
    return np.resize(said, round(length_s * RATE_HZ)).astype(np.float32)


def _tune(length_s: float, rng: np.random.Generator) -> Floats:
    """Return a melody of struck tones that does not repeat itself."""
    pcm = np.zeros(round(length_s * RATE_HZ) + 2 * RATE_HZ)
    clock_s = np.arange(2 * RATE_HZ) / RATE_HZ
    for start_s in np.cumsum(rng.uniform(0.12, 0.35, round(4 * length_s))):
        at = round(start_s * RATE_HZ)
        if at < length_s * RATE_HZ:
            hz = 220 * 2 ** (rng.integers(0, 30) / 12)
            tone = sum(np.sin(2 * np.pi * hz * n * clock_s) / n for n in range(1, 8)) * np.exp(-4 * clock_s)
            pcm[at : at + len(tone)] += tone
    return pcm[: round(length_s * RATE_HZ)].astype(np.float32)


if __name__ == "__main__":
    raise SystemExit(main())

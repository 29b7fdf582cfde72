"""How well episodes find the others of their show, beside MFCC statistics and chance: ``make bench``.

Shows are made: each has voices, pace, pauses, a room, a bandwidth, noise, and perhaps a bed of music and a jingle of
its own; what is said is another thing in each episode. Systems are fitted on half of the shows and asked about the
other half. ``python -m tests.benchmarks.shows [--shows N] [--episodes N] [--seconds S]``; with ``--talk FOLDER`` of
files whose names begin with their speaker (``cs_001.ogg``), each speaker's talk is shared out among that many shows.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from scipy import signal

from audiofeat.domain.items import Kind
from audiofeat.evaluation.labels import Labelled
from audiofeat.extraction.client import ExtractionServer
from audiofeat.features.frames import RATE_HZ, Floats
from audiofeat.services.evaluate_similarity import evaluate_similarity, of_files
from tests.benchmarks.repeats import SUFFIXES, _level, _loaded, _tune

sys.path.insert(0, str(Path(__file__).parents[2] / "samples"))

FIGURES = ("same_show_map", "same_show_recall_at_5")


class Chain:
    """What all episodes of a show are recorded, cut and mixed with."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._low_pass = signal.butter(6, float(rng.uniform(3_400, 9_500)), fs=RATE_HZ, output="sos")
        self._room_s, self._wet = float(rng.uniform(0.05, 0.6)), float(rng.uniform(0.0, 0.25))
        self._noise = float(_of_db(rng.uniform(-60, -25)))
        self._bed = float(_of_db(rng.uniform(-24, -10))) if rng.random() < 0.4 else 0.0
        self._level = float(_of_db(rng.uniform(-8, 4)))
        self._music = _level(_tune(40.0, rng))
        self._jingle = _level(_tune(3.0, rng)) if rng.random() < 0.5 else np.zeros(0, np.float32)

    def through(self, talk: Floats, rng: np.random.Generator) -> Floats:
        """Return what becomes of talk."""
        tail = rng.standard_normal(round(self._room_s * RATE_HZ)) * np.geomspace(1, 1e-3, round(self._room_s * RATE_HZ))
        wet = signal.fftconvolve(talk, tail / max(np.sqrt(np.square(tail).sum()), 1e-9))[: len(talk)]
        made = talk + self._wet * wet + self._noise * 0.05 * rng.standard_normal(len(talk))
        made = made + self._bed * np.resize(self._music, len(talk))
        made = np.concatenate((self._jingle, signal.sosfilt(self._low_pass, made)))
        return np.clip(self._level * made, -1, 1).astype(np.float32)


def made_shows(folder: Path, *, shows: int, episodes: int, seconds: float) -> Iterator[Labelled]:
    """Write episodes of synthesised talk, each show with a voice or two of its own."""
    import speech  # noqa: PLC0415  the synthesiser of the samples

    rng = np.random.default_rng(5)
    for show in range(shows):
        chain, words = Chain(rng), speech.lexicon(rng)
        voices = [
            speech.Voice(
                float(rng.uniform(85, 230)), float(rng.uniform(0.94, 1.18)), float(rng.uniform(3.3, 6.2)),
                float(rng.uniform(0.1, 0.35)), float(rng.uniform(0, 0.4)), float(rng.uniform(150, 700)),
                float(rng.uniform(0.2, 0.9)),
            )
            for _ in range(int(rng.integers(1, 3)))
        ]  # fmt: skip
        for number in range(episodes):
            turns = [speech.spoken(voices[turn % len(voices)], words, seconds / 4, RATE_HZ, rng) for turn in range(4)]
            yield _written(folder, show, number, chain.through(_level(np.concatenate(turns)), rng))


def shared_out(folder: Path, talk: Path, *, shows: int, episodes: int, seconds: float) -> Iterator[Labelled]:
    """Write episodes of real talk, each show with one speaker, its own part of their talk and a chain of its own."""
    by_speaker: dict[str, list[Floats]] = {}
    for path in sorted(path for path in talk.rglob("*") if path.suffix.lower() in SUFFIXES):
        by_speaker.setdefault(path.stem.split("_")[0], []).append(_level(_loaded(path)))
    pools = {name: np.concatenate(pieces) for name, pieces in by_speaker.items()}
    rng = np.random.default_rng(6)
    used = dict.fromkeys(pools, 0)
    size = round(seconds * RATE_HZ)
    for show in range(shows):
        chain = Chain(rng)
        free = [name for name in pools if used[name] + episodes * size <= len(pools[name])]
        if not free:
            return
        name = free[show % len(free)]
        for number in range(episodes):
            piece = pools[name][used[name] : used[name] + size]
            used[name] += size
            yield _written(folder, show, number, chain.through(piece, rng))


def main() -> int:
    """Print what is found, for each system; 1 where ours is no better than MFCC statistics."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shows", type=int, default=10)
    parser.add_argument("--episodes", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--talk", type=Path)
    options = parser.parse_args()
    many = {"shows": options.shows, "episodes": options.episodes, "seconds": options.seconds}
    with tempfile.TemporaryDirectory() as name, ExtractionServer() as server:
        folder = Path(name)
        made = shared_out(folder, options.talk, **many) if options.talk else made_shows(folder, **many)
        material = of_files(list(made), kind=Kind.EPISODE, servers=[server])
        found = evaluate_similarity(material, kind=Kind.EPISODE, servers=[server], halves=0)
    print(f"{len(material.items)} episodes")
    values: dict[tuple[str, str], dict[str, float]] = {}
    for row in found.outcome.measured:
        if row.figure in FIGURES and row.genre is None:
            values.setdefault((row.protocol, row.figure), {})[row.system] = row.estimate.value
    for (protocol, figure), by_system in values.items():
        print(f"{protocol:16}{figure:24}" + "  ".join(f"{system} {value:.3f}" for system, value in by_system.items()))
    ours = [by_system["audiofeat"] for by_system in values.values()]
    theirs = [by_system["MFCC mean and deviation"] for by_system in values.values()]
    return int(any(one <= other for one, other in zip(ours, theirs, strict=True)))


def _written(folder: Path, show: int, number: int, pcm: Floats) -> Labelled:
    path = folder / f"{show:03}_{number:02}.wav"
    soundfile.write(path, pcm, RATE_HZ)
    return Labelled(path, path.name, {"show": f"show {show}"})


def _of_db(value: float) -> float:
    return float(10 ** (value / 20))


if __name__ == "__main__":
    raise SystemExit(main())

"""How well episodes find the others of their show, beside MFCC statistics and chance: ``make bench``.

Shows are made, and differ by format alone: all share the same speakers, and each episode has a room, a microphone,
noise and a level of its own (``samples/programmes.py``). Systems are fitted on half of the shows and asked about the
other half. ``python -m tests.benchmarks.shows [--shows N] [--episodes N] [--seconds S] [--talk FOLDER] [--tune]``;
with files whose names begin with their speaker (``cs_001.ogg``), real speakers talk, at their own pace. ``--tune``
chooses the weights of the episode space's groups on half of the shows and judges them on the others.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from audiofeat.domain import reference
from audiofeat.domain.fitting import RECIPES
from audiofeat.domain.items import Kind
from audiofeat.domain.space import Space, embed_all
from audiofeat.evaluation.labels import Labelled
from audiofeat.evaluation.retrieval import angular
from audiofeat.evaluation.systems import Sounding, space_of
from audiofeat.extraction.client import ExtractionServer
from audiofeat.features.frames import RATE_HZ, Floats
from audiofeat.services.evaluate_similarity import evaluate_similarity, of_files
from tests.benchmarks.repeats import SUFFIXES, _level, _loaded

sys.path.insert(0, str(Path(__file__).parents[2] / "samples"))

FIGURES = ("same_show_map", "same_show_recall_at_5")
_SPEAKERS = 6
_STEPS = (0.0, 0.5, 2.0)
_ROUNDS, _SPLITS = 3, 5


def made_shows(
    folder: Path, *, shows: int, episodes: int, seconds: float, talk: Path | None = None
) -> Iterator[Labelled]:
    """Write episodes of shows that share their speakers."""
    import programmes  # noqa: PLC0415  of the samples

    rng = np.random.default_rng(5)
    if talk is None:
        speakers = _SPEAKERS
        speak = programmes.maker([programmes.a_voice(rng) for _ in range(speakers)], RATE_HZ)
    else:
        pools = _recorded(talk)
        speakers, speak = len(pools), _player(pools)
    for show in range(shows):
        form = programmes.a_format(speakers, RATE_HZ, rng)
        for number in range(episodes):
            path = folder / f"{show:03}_{number:02}.wav"
            soundfile.write(path, programmes.episode(form, speak, seconds, RATE_HZ, rng), RATE_HZ)
            yield Labelled(path, path.name, {"show": f"show {show}"})


def _recorded(talk: Path) -> list[Floats]:
    """Return all that each speaker says, one behind the other."""
    by_speaker: dict[str, list[Floats]] = {}
    for path in sorted(path for path in talk.rglob("*") if path.suffix.lower() in SUFFIXES):
        by_speaker.setdefault(path.stem.split("_")[0], []).append(_level(_loaded(path)))
    return [np.concatenate(pieces) for pieces in by_speaker.values()]


def _player(pools: Sequence[Floats]) -> Callable[..., Floats]:
    """Return a way to have recorded speakers go on where they ended; who comes to an end begins anew."""
    said = [0] * len(pools)

    def speak(number: int, length_s: float, form: Any, rng: np.random.Generator) -> Floats:  # noqa: ARG001  as programmes.Speak
        size = round(length_s * RATE_HZ)
        at = said[number] if said[number] + size <= len(pools[number]) else 0
        said[number] = at + size
        return pools[number][at : at + size]

    return speak


def precision(space: Space, items: Sequence[Sounding]) -> float:
    """Return the mean average precision with which items find the others of their show."""
    vectors = embed_all(space, np.stack([item.descriptor for item in items]))
    distances = angular(vectors, vectors)
    np.fill_diagonal(distances, np.inf)
    shows = np.array([item.labels["show"] for item in items])
    found = []
    for row, near in enumerate(np.argsort(distances, axis=1, kind="stable")):
        ranks = np.flatnonzero(shows[near[:-1]] == shows[row]) + 1
        found.append(float(np.mean(np.arange(1, len(ranks) + 1) / ranks)))
    return float(np.mean(found))


def tuned(space: Space, items: Sequence[Sounding]) -> dict[str, float]:
    """Return the group weights that find most among some items, changed one by one from the usual ones."""
    weights, best = dict(space.group_weights), precision(space, items)
    for _ in range(_ROUNDS):
        for group in space.group_weights:
            for step in _STEPS:
                tried = {**weights, group: step * (weights[group] or 0.3)}
                value = precision(replace(space, group_weights=tried), items) if any(tried.values()) else 0.0
                if value > best:
                    weights, best = tried, value
    return weights


def tell_tuning(items: Sequence[Sounding]) -> None:
    """Print what weights that were chosen on half of the shows are worth on the other half, and those of all."""
    shows = sorted({item.labels["show"] for item in items})
    for split in range(_SPLITS):
        half = set(np.random.default_rng(split).permutation(shows)[: len(shows) // 2])
        ours = [item for item in items if item.labels["show"] in half]
        others = [item for item in items if item.labels["show"] not in half]
        space = space_of(ours, kind=Kind.EPISODE)
        chosen = replace(space, group_weights=tuned(space, ours))
        told = ", ".join(f"{group} {weight:.2g}" for group, weight in chosen.group_weights.items())
        print(f"half {split}: usual {precision(space, others):.3f}  tuned {precision(chosen, others):.3f}  ({told})")
    for name, space in (("shipped", reference.load(Kind.EPISODE)), ("fitted", space_of(items, kind=Kind.EPISODE))):
        for group in RECIPES[Kind.EPISODE].groups:
            without = replace(space, group_weights={**space.group_weights, group: 0.0})
            print(f"{name} without {group:16}{precision(without, items):.3f}  with {precision(space, items):.3f}")


def main() -> int:
    """Print what is found, for each system; 1 where ours is no better than MFCC statistics."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shows", type=int, default=12)
    parser.add_argument("--episodes", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=25.0)
    parser.add_argument("--talk", type=Path)
    parser.add_argument("--tune", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ExtractionServer() as server:
        made = made_shows(
            Path(name), shows=options.shows, episodes=options.episodes, seconds=options.seconds, talk=options.talk
        )
        material = of_files(list(made), kind=Kind.EPISODE, servers=[server])
        found = evaluate_similarity(material, kind=Kind.EPISODE, servers=[server], halves=0)
    print(f"{len(material.items)} episodes")
    if options.tune:
        tell_tuning(material.items)
    values: dict[tuple[str, str], dict[str, float]] = {}
    for row in found.outcome.measured:
        if row.figure in FIGURES and row.genre is None:
            values.setdefault((row.protocol, row.figure), {})[row.system] = row.estimate.value
    for (protocol, figure), by_system in values.items():
        print(f"{protocol:16}{figure:24}" + "  ".join(f"{system} {value:.3f}" for system, value in by_system.items()))
    ours = [by_system["audiofeat"] for by_system in values.values()]
    theirs = [by_system["MFCC mean and deviation"] for by_system in values.values()]
    return int(any(one <= other for one, other in zip(ours, theirs, strict=True)))


if __name__ == "__main__":
    raise SystemExit(main())

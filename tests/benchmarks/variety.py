"""How much more varied lists get at 95 % of their relevance: ``python -m tests.benchmarks.variety``.

Asks by every track of a catalogue with a published index, ``--home``, or of generated vectors: the plain list of ten
without caps beside the varied one with the usual caps. Intra-list distance is the mean over the pairs of a list, as one
minus the cosine, which is usual, and as an angular distance.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audiofeat.bootstrap import Services, load_settings
from audiofeat.domain.diversity import Caps, diversified, plain
from audiofeat.domain.items import Kind
from audiofeat.domain.lookups import Rules
from audiofeat.services.lookup import Answer, neighbours

_K, _KEEP_RATIO = 10, 0.95
_WANTED_GAIN, _MOST_MS, _CANDIDATES = 1.5, 2.0, 200


@dataclass(frozen=True)
class Compared:
    """One list beside the plain one."""

    gain: float
    angular_gain: float
    kept: float
    kept_of_uncapped: float
    most_of_an_artist: int
    copies: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; fail where lists break a rule or take too long."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path)
    parser.add_argument("--items", type=int, default=20_000)
    options = parser.parse_args(arguments)
    took_ms = timed()
    compared = of_catalogue(options.home) if options.home else of_generated(options.items)
    gain, angular = np.mean([one.gain for one in compared]), np.mean([one.angular_gain for one in compared])
    kept = np.min([one.kept for one in compared])
    most, copies = max(one.most_of_an_artist for one in compared), sum(one.copies for one in compared)
    uncapped = np.mean([one.kept_of_uncapped for one in compared])
    print("| lists | intra-list distance | angular | kept, least | of uncapped | of an artist | copies | CPU of 200 |")
    print("|---|---|---|---|---|---|---|---|")
    print(
        f"| {len(compared)} | {gain - 1:+.1%} | {angular - 1:+.1%} | {kept:.3f} | {uncapped:.3f} | {most} | {copies} | "
        f"p50 {np.median(took_ms):.2f} ms, p99 {np.quantile(took_ms, 0.99):.2f} ms |"
    )
    print(f"wanted: {_WANTED_GAIN - 1:+.0%}; reached: {'yes' if gain >= _WANTED_GAIN else 'no'}")
    return 0 if kept >= _KEEP_RATIO - 1e-6 and most <= 2 and not copies and np.median(took_ms) <= _MOST_MS else 1


def of_catalogue(home: Path) -> list[Compared]:
    """Compare the lists of every track of a catalogue."""
    services = Services(load_settings(home=home))
    index = services.indexes.current(Kind.TRACK)
    compared = []
    for item in services.catalogue.items(kind=Kind.TRACK, limit=100_000):
        if index.vector_of(item.item_id) is None:
            continue
        lists = [
            neighbours(item.item_id, catalogue=services.catalogue, indexes=services.indexes, rules=rules)
            for rules in (
                Rules(k=_K, artist_cap=0, album_cap=0),
                Rules(k=_K),
                Rules(k=_K, keep_ratio=_KEEP_RATIO),
            )
        ]
        uncapped, capped, varied = lists
        vectors = [np.stack([_vector(index.vector_of(line.item.item_id)) for line in one.neighbours]) for one in lists]
        artists = Counter(line.item.artist for line in varied.neighbours if line.item.artist)
        compared.append(
            Compared(
                spread(vectors[2]) / spread(vectors[0]),
                apart(vectors[2]) / apart(vectors[0]),
                relevance(varied) / relevance(capped),
                relevance(varied) / relevance(uncapped),
                max(artists.values(), default=0),
                len(varied.neighbours) - len({line.item.sha256 for line in varied.neighbours}),
            )
        )
    return compared


def of_generated(count: int) -> list[Compared]:
    """Compare the lists of generated items: artists about genres, tracks about artists."""
    rng = np.random.default_rng(5)
    artists = np.arange(count) // 20
    middles = rng.normal(0, 1, (60, 64))[np.arange(artists[-1] + 1) % 60] + rng.normal(0, 0.7, (artists[-1] + 1, 64))
    vectors = middles[artists] + rng.normal(0, 0.7, (count, 64))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    compared = []
    for asked in rng.integers(0, count, 200):
        cosine = (vectors @ vectors[asked]).astype(np.float64)
        cosine[asked] = -1
        pool = np.argsort(-cosine)[:_CANDIDATES]
        caps = Caps.of([([f"artist {n}" for n in artists[pool]], 2)])
        first, capped = (plain(cosine[pool], _K, caps=some) for some in (Caps(), caps))
        varied = diversified(cosine[pool], vectors[pool], _K, keep_ratio=_KEEP_RATIO, caps=caps)
        rows = [vectors[pool[places]] for places in (first, varied)]
        compared.append(
            Compared(
                spread(rows[1]) / spread(rows[0]),
                apart(rows[1]) / apart(rows[0]),
                float(cosine[pool[varied]].mean() / cosine[pool[capped]].mean()),
                float(cosine[pool[varied]].mean() / cosine[pool[first]].mean()),
                max(Counter(artists[pool[varied]].tolist()).values()),
                len(varied) - len(set(varied)),
            )
        )
    return compared


def timed() -> NDArray[np.float64]:
    """Return the milliseconds of processor time of choices among 200 candidates."""
    rng = np.random.default_rng(3)
    took = []
    for _ in range(200):
        vectors = rng.normal(0, 1, (_CANDIDATES, 64)) + rng.normal(0, 1, 64)
        vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
        cosine = np.sort(rng.uniform(0.3, 0.8, _CANDIDATES))[::-1]
        names = [f"artist {n}" for n in rng.integers(0, 60, _CANDIDATES)]
        caps = Caps.of([(names, 2), (names, 2)])
        began = time.thread_time()
        diversified(cosine, vectors, _K, keep_ratio=_KEEP_RATIO, caps=caps)
        took.append(1e3 * (time.thread_time() - began))
    return np.array(took)


def relevance(answer: Answer) -> float:
    """Return the mean relevance of a list."""
    return float(np.mean([line.relevance for line in answer.neighbours]))


def spread(vectors: NDArray[np.float32]) -> float:
    """Return the mean of one minus the cosine over the pairs of a list."""
    return float((1 - vectors @ vectors.T)[np.triu_indices(len(vectors), 1)].mean())


def apart(vectors: NDArray[np.float32]) -> float:
    """Return the mean angular distance over the pairs of a list."""
    away = np.sqrt(np.maximum(2 - 2 * vectors @ vectors.T, 0))
    return float(away[np.triu_indices(len(vectors), 1)].mean())


def _vector(vector: NDArray[np.float32] | None) -> NDArray[np.float32]:
    if vector is None:
        raise LookupError("an item of the answer has no vector")
    return vector


if __name__ == "__main__":
    sys.exit(main())

"""Annoy itself: the trees of one shard; and how several shards, whatever finds in them, are asked as one."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import annoy
import numpy as np
from numpy.typing import NDArray

from audiofeat.index.layout import METRIC, shard_file

TREES = 30
SEED = 20
RECALL_DEPTH = 10
# The item itself is the first of its own neighbours.
TUNED_FOR = RECALL_DEPTH + 1
# Where vectors lie in dense groups little effort is needed for ten, and trees have to be seen for each one more.
_NODES_A_ROW = 32
# A float32 product may order near ties wrongly, so a search hands this many candidates too many to the exact score.
SLACK = 16
_GROWTH = 0.4
_LEAST_SEARCH_K = 256
_MOST_EFFORT = np.iinfo(np.int32).max
_ROWS_AT_ONCE = 4_096

# Makes the files of all shards: vectors of all rows, rows of each shard, folder for the files.
ShardBuilder = Callable[[NDArray[np.float32], Sequence[int], Path], None]


class Finder(Protocol):
    """What finds candidates in a run of rows; rows are counted from the first of the run."""

    @property
    def first(self) -> int:
        """The first row of the run."""

    @property
    def rows(self) -> int:
        """How many rows it has."""

    @property
    def efforts(self) -> tuple[int, int]:
        """The least effort that is worth a try, and one that looks at everything."""

    def propose(self, vector: NDArray[np.float32], count: int, *, effort: int) -> NDArray[np.intp]:
        """Return ``count`` rows that are likely to be near, or all."""

    def nearest(self, vector: NDArray[np.float32], *, effort: int) -> tuple[list[int], list[float]]:
        """Return the ten nearest rows that are found, and how far the library itself holds them to be."""


@dataclass(frozen=True, eq=False)
class Shard:
    """The trees over a run of rows."""

    first: int
    rows: int
    trees: annoy.AnnoyIndex

    @property
    def efforts(self) -> tuple[int, int]:
        """Values of ``search_k``."""
        return _LEAST_SEARCH_K, 2 * self.rows * self.trees.get_n_trees()

    def propose(self, vector: NDArray[np.float32], count: int, *, effort: int) -> NDArray[np.intp]:
        """Return what Annoy finds."""
        effort = max(effort, _NODES_A_ROW * count)
        return np.array(self.trees.get_nns_by_vector(vector.tolist(), count, search_k=effort), dtype=np.intp)

    def nearest(self, vector: NDArray[np.float32], *, effort: int) -> tuple[list[int], list[float]]:
        """Return Annoy's own ten nearest rows and their distances."""
        return self.trees.get_nns_by_vector(vector.tolist(), RECALL_DEPTH, effort, include_distances=True)


def build_trees(vectors: NDArray[np.float32], path: Path) -> None:
    """Write one shard's file; one job and a seed give the same bytes every time, more jobs never do."""
    trees = annoy.AnnoyIndex(vectors.shape[1], METRIC)
    trees.set_seed(SEED)
    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        # Lists are added three times as quickly as arrays.
        for row, vector in enumerate(vectors[start : start + _ROWS_AT_ONCE].tolist(), start=start):
            trees.add_item(row, vector)
    trees.build(TREES, n_jobs=1)
    trees.save(str(path))


def build_here(
    vectors: NDArray[np.float32],
    rows: Sequence[int],
    folder: Path,
    *,
    build: Callable[[NDArray[np.float32], Path], None] = build_trees,
    file: Callable[[int], str] = shard_file,
) -> None:
    """Build every shard in this process, on all its cores: the library lets other threads run while it builds."""
    bounds = np.concatenate([[0], np.cumsum(rows)])
    with ThreadPoolExecutor(max_workers=min(len(rows), os.cpu_count() or 1)) as pool:
        jobs = [
            pool.submit(build, vectors[bounds[number] : bounds[number + 1]], folder / file(number))
            for number in range(len(rows))
        ]
        for job in jobs:
            job.result()


def load_shards(folder: Path, rows: Sequence[int], *, names: Sequence[str], dims: int) -> list[Shard]:
    """Map the files of all shards; raises OSError where Annoy refuses one."""
    shards, first = [], 0
    for name, count in zip(names, rows, strict=True):
        trees = annoy.AnnoyIndex(dims, METRIC)
        trees.load(str(folder / name))
        shards.append(Shard(first, count, trees))
        first += count
    return shards


def propose(shards: Sequence[Finder], vector: NDArray[np.float32], k: int, *, effort: int) -> NDArray[np.intp]:
    """Return candidate rows, those of all shards.

    ``effort`` was tuned for :data:`TUNED_FOR` neighbours at twice its value. Many more neighbours are found by far less
    than as many times the effort: the cube root kept recall at what it was tuned for up to 2,000 of them, and with a
    little more than that the first twenty of 56, which is what a lookup of twenty looks at, hold .99 of the exact ones.
    """
    effort = min(int(2 * effort * (max(k, TUNED_FOR) / TUNED_FOR) ** _GROWTH), _MOST_EFFORT)
    return np.concatenate([shard.propose(vector, k + SLACK, effort=effort) + shard.first for shard in shards])


def ask(
    shards: Sequence[Finder], vector: NDArray[np.float32], *, effort: int
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Return the library's own ten nearest rows and their distances, those of all shards merged."""
    pairs: list[tuple[float, int]] = []
    for shard in shards:
        rows, away = shard.nearest(vector, effort=effort)
        pairs += [(distance, shard.first + row) for row, distance in zip(rows, away, strict=True)]
    # Its own order stands where there is one shard: ties are not by row.
    nearest = sorted(pairs, key=lambda pair: pair[0])[:RECALL_DEPTH]
    return tuple(row for _, row in nearest), tuple(distance for distance, _ in nearest)

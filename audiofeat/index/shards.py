"""Annoy itself: the trees of one shard, and how several are asked as one."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import annoy
import numpy as np
from numpy.typing import NDArray

from audiofeat.index.layout import METRIC, shard_file

TREES = 30
SEED = 20
RECALL_DEPTH = 10
# A float32 product may order near ties wrongly, so a search hands this many candidates too many to the exact score.
SLACK = 16
_MOST_EFFORT = np.iinfo(np.int32).max
_ROWS_AT_ONCE = 4_096

# Makes the files of all shards: vectors of all rows, rows of each shard, folder for the files.
ShardBuilder = Callable[[NDArray[np.float32], Sequence[int], Path], None]


@dataclass(frozen=True, eq=False)
class Shard:
    """The trees over a run of rows."""

    first: int
    rows: int
    trees: annoy.AnnoyIndex


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


def build_here(vectors: NDArray[np.float32], rows: Sequence[int], folder: Path) -> None:
    """Build every shard in this process, on all its cores: Annoy lets other threads run while it builds."""
    bounds = np.concatenate([[0], np.cumsum(rows)])
    with ThreadPoolExecutor(max_workers=min(len(rows), os.cpu_count() or 1)) as pool:
        jobs = [
            pool.submit(build_trees, vectors[bounds[number] : bounds[number + 1]], folder / shard_file(number))
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


def propose(shards: Sequence[Shard], vector: NDArray[np.float32], k: int, *, search_k: int) -> NDArray[np.intp]:
    """Return candidate rows; ``search_k`` was tuned for ten neighbours and grows with ``k`` beyond."""
    effort = min(search_k * max(1, -(-k // RECALL_DEPTH)), _MOST_EFFORT)
    asked = vector.tolist()
    found = [
        np.array(shard.trees.get_nns_by_vector(asked, k + SLACK, search_k=effort), dtype=np.intp) + shard.first
        for shard in shards
    ]
    return np.concatenate(found)


def ask(
    shards: Sequence[Shard], vector: NDArray[np.float32], *, search_k: int
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Return Annoy's own ten nearest rows and their distances, those of all shards merged."""
    asked = vector.tolist()
    pairs: list[tuple[float, int]] = []
    for shard in shards:
        rows, away = shard.trees.get_nns_by_vector(asked, RECALL_DEPTH, search_k, include_distances=True)
        pairs += [(distance, shard.first + row) for row, distance in zip(rows, away, strict=True)]
    # Annoy's own order stands where there is one shard: its ties are not by row.
    nearest = sorted(pairs, key=lambda pair: pair[0])[:RECALL_DEPTH]
    return tuple(row for _, row in nearest), tuple(distance for distance, _ in nearest)

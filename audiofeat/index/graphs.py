"""Voyager: the graph of one shard, an optional engine beside Annoy.

A graph answers in a fraction of the time that trees need. It takes several times as long to build, and each process
that serves it holds it in memory, where trees are mapped. One thread and a seed give the same bytes every time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiofeat.errors import InvalidInput
from audiofeat.index.layout import graph_file
from audiofeat.index.shards import RECALL_DEPTH, SEED, build_here

_LINKS = 16
_CANDIDATES_AT_BUILD = 200
_LEAST_EF = 16
_EF_A_ROW = 2
_ROWS_AT_ONCE = 4_096


@dataclass(frozen=True, eq=False)
class Graph:
    """The graph over a run of rows."""

    first: int
    rows: int
    index: Any

    @property
    def efforts(self) -> tuple[int, int]:
        """Values of ``ef``."""
        return _LEAST_EF, max(_LEAST_EF, self.rows)

    def propose(self, vector: NDArray[np.float32], count: int, *, effort: int) -> NDArray[np.intp]:
        """Return what voyager finds; every row where so many are wanted that some cannot be reached by links."""
        found = self._query(vector, count, max(effort, _EF_A_ROW * count))
        return np.arange(self.rows) if found is None else found[0].astype(np.intp)

    def nearest(self, vector: NDArray[np.float32], *, effort: int) -> tuple[list[int], list[float]]:
        """Return voyager's own ten nearest rows and their distances."""
        found = self._query(vector, RECALL_DEPTH, effort)
        return ([], []) if found is None else (found[0].tolist(), found[1].tolist())

    def _query(
        self, vector: NDArray[np.float32], count: int, effort: int
    ) -> tuple[NDArray[np.uint64], NDArray[np.float32]] | None:
        import voyager  # noqa: PLC0415  optional

        wanted = min(count, self.rows)
        try:
            rows, away = self.index.query(np.array(vector), wanted, query_ef=max(min(effort, self.rows), wanted))
        except voyager.RecallError:
            return None
        return rows, away


def is_installed() -> bool:
    """Tell whether there is a voyager to build and search with."""
    return find_spec("voyager") is not None


def require_installed() -> None:
    """Raise InvalidInput where there is no voyager."""
    if not is_installed():
        raise InvalidInput("the engine voyager is not installed here", "pip install 'audiofeat[voyager]'")


def build_graphs(vectors: NDArray[np.float32], rows: Sequence[int], folder: Path) -> list[Graph]:
    """Write the graphs of all shards, and open them."""
    build_here(vectors, rows, folder, build=_build, file=graph_file)
    return load_graphs(folder, rows, dims=vectors.shape[1])


def _build(vectors: NDArray[np.float32], path: Path) -> None:
    import voyager  # noqa: PLC0415  optional

    index = voyager.Index(
        voyager.Space.Cosine,
        vectors.shape[1],
        M=_LINKS,
        ef_construction=_CANDIDATES_AT_BUILD,
        random_seed=SEED,
        max_elements=len(vectors),
    )
    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        # A copy, because voyager takes no array that is read-only.
        index.add_items(np.array(vectors[start : start + _ROWS_AT_ONCE]), num_threads=1)
    index.save(str(path))


def load_graphs(folder: Path, rows: Sequence[int], *, dims: int) -> list[Graph]:
    """Read the files of all shards; raises RuntimeError or ValueError where one is refused or has other rows."""
    import voyager  # noqa: PLC0415  optional

    graphs, first = [], 0
    for number, count in enumerate(rows):
        name = graph_file(number)
        index = voyager.Index.load(
            str(folder / name), voyager.Space.Cosine, dims, storage_data_type=voyager.StorageDataType.Float32
        )
        if len(index) != count:
            raise ValueError(f"{name} holds {len(index)} rows, the manifest says {count}")
        graphs.append(Graph(first, count, index))
        first += count
    return graphs

"""Annoy beside other libraries of its kind, each at the recall that an index is tuned to: ``make bench``.

Those that are not installed are left out; ``pip install faiss-cpu hnswlib usearch voyager`` brings all of them. Each is
searched by one thread, as hard as it must be for a recall@10 of .97 on vectors like those of ``index.py``.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiofeat.index.cells import laid_out
from audiofeat.index.recall import radii_of
from audiofeat.index.shards import build_here, load_shards, propose, shard_file
from tests.benchmarks.index import item_rows, made

Vectors = NDArray[np.float32]
# Builds into a file; returns a search of a vector at an effort, and the file.
Search = Callable[[Vectors, int], Any]
_AIM = 0.97
_DEPTH = 11
_QUERIES = 500


def annoy(vectors: Vectors, folder: Path) -> tuple[Search, Path]:
    """Thirty trees, as audiofeat builds them."""
    build_here(vectors, [len(vectors)], folder)
    shards = load_shards(folder, [len(vectors)], names=[shard_file(0)], dims=vectors.shape[1])
    return lambda vector, effort: propose(shards, vector, _DEPTH, effort=64 * effort), folder / shard_file(0)


def hnswlib(vectors: Vectors, folder: Path) -> tuple[Search, Path]:
    """A graph, M 16, 200 candidates while it is built."""
    import hnswlib  # noqa: PLC0415  optional

    index = hnswlib.Index(space="ip", dim=vectors.shape[1])
    index.init_index(len(vectors), M=16, ef_construction=200, random_seed=1)
    index.set_num_threads(1)
    index.add_items(vectors)
    index.save_index(str(folder / "hnswlib"))

    def search(vector: Vectors, effort: int) -> Any:
        index.set_ef(max(effort, _DEPTH))
        return index.knn_query(vector, _DEPTH)[0][0]

    return search, folder / "hnswlib"


def faiss_hnsw(vectors: Vectors, folder: Path) -> tuple[Search, Path]:
    """The same graph in faiss."""
    import faiss  # noqa: PLC0415  optional

    faiss.omp_set_num_threads(1)
    index = faiss.IndexHNSWFlat(vectors.shape[1], 16, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = 200
    index.add(vectors)
    faiss.write_index(index, str(folder / "faiss"))

    def search(vector: Vectors, effort: int) -> Any:
        index.hnsw.efSearch = max(effort, _DEPTH)
        return index.search(vector[None], _DEPTH)[1][0]

    return search, folder / "faiss"


def faiss_ivf(vectors: Vectors, folder: Path) -> tuple[Search, Path]:
    """Cells of k-means, of which some are searched."""
    import faiss  # noqa: PLC0415  optional

    faiss.omp_set_num_threads(1)
    cells = int(4 * np.sqrt(len(vectors)))
    quantiser = faiss.IndexFlatIP(vectors.shape[1])
    index = faiss.IndexIVFFlat(quantiser, vectors.shape[1], cells, faiss.METRIC_INNER_PRODUCT)
    index.train(vectors[:: max(1, len(vectors) // (64 * cells))])
    index.add(vectors)
    faiss.write_index(index, str(folder / "ivf"))

    def search(vector: Vectors, effort: int) -> Any:
        index.nprobe = effort
        return index.search(vector[None], _DEPTH)[1][0]

    return search, folder / "ivf"


def usearch(vectors: Vectors, folder: Path) -> tuple[Search, Path]:
    """The same graph in usearch."""
    from usearch.index import Index  # noqa: PLC0415  optional

    index = Index(ndim=vectors.shape[1], metric="ip", dtype="f32", connectivity=16, expansion_add=200)
    index.add(np.arange(len(vectors)), vectors, threads=1)
    index.save(str(folder / "usearch"))

    def search(vector: Vectors, effort: int) -> Any:
        index.expansion_search = max(effort, _DEPTH)
        return index.search(vector, _DEPTH, threads=1).keys

    return search, folder / "usearch"


def voyager(vectors: Vectors, folder: Path) -> tuple[Search, Path]:
    """The same graph in voyager."""
    import voyager  # noqa: PLC0415  optional

    index = voyager.Index(voyager.Space.InnerProduct, vectors.shape[1], M=16, ef_construction=200, random_seed=1)
    index.add_items(vectors, num_threads=1)
    index.save(str(folder / "voyager"))
    return lambda vector, effort: index.query(vector, _DEPTH, query_ef=max(effort, _DEPTH))[0], folder / "voyager"


LIBRARIES = {
    "annoy": annoy, "hnswlib": hnswlib, "faiss": faiss_hnsw, "faiss ": faiss_ivf, "usearch": usearch,
    "voyager": voyager,
}  # fmt: skip


def efforts() -> Iterator[int]:
    """Yield efforts in steps of a fifth."""
    effort = 4.0
    while effort < 20_000:
        yield int(effort)
        effort *= 1.2


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line for each library that is installed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--dims", type=int, default=64)
    options = parser.parse_args(arguments)
    print("| library | build CPU s | file MB | effort | recall@10 | CPU ms a query |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="audiofeat-libraries-") as name:
        folder = Path(name)
        vectors = np.array(made(options.rows, options.dims, folder))
        order, _ = laid_out(item_rows(options.rows), vectors, shards=1, seed=1)
        vectors = vectors[order]
        chosen = np.random.default_rng(2).choice(len(vectors), _QUERIES, replace=False)
        radii = radii_of(vectors, chosen)
        for title, build in LIBRARIES.items():
            if find_spec(title.strip()) is not None:
                measured(build, vectors, folder, chosen=chosen, radii=radii)
    return 0


def measured(
    build: Callable[[Vectors, Path], tuple[Search, Path]],
    vectors: Vectors,
    folder: Path,
    *,
    chosen: NDArray[np.intp],
    radii: NDArray[np.float64],
) -> None:
    """Print the line of one library at the smallest effort that is enough."""
    began = time.process_time()
    search, path = build(vectors, folder)
    built_s = time.process_time() - began
    for effort in efforts():
        cpu = time.process_time()
        answers = [np.asarray(search(vectors[row], effort), dtype=np.int64) for row in chosen]
        cpu_ms = 1_000 * (time.process_time() - cpu) / len(chosen)
        asked = zip(chosen, answers, radii, strict=True)
        recall = float(np.mean([_found(vectors, row, answer, radius) for row, answer, radius in asked]))
        if recall >= _AIM:
            break
    size = path.stat().st_size / 1e6
    print(f"| {build.__name__} | {built_s:.1f} | {size:.0f} | {effort} | {recall:.3f} | {cpu_ms:.3f} |", flush=True)


def _found(vectors: Vectors, row: int, answer: NDArray[np.int64], radius: float) -> float:
    others = answer[(answer != row) & (answer >= 0)]
    away = np.sort(np.linalg.norm(vectors[others].astype(np.float64) - vectors[row], axis=1))[: _DEPTH - 1]
    return float((away <= radius + 1e-9).sum() / (_DEPTH - 1))


if __name__ == "__main__":
    sys.exit(main())

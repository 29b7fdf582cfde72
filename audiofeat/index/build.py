"""Writes the files of a release into a folder, the same bytes for the same contents on the same machine."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.lib.format import dtype_to_descr, write_array_header_1_0
from numpy.typing import DTypeLike, NDArray

import audiofeat
from audiofeat.domain.item_rows import ItemRows
from audiofeat.domain.similarity import UNIT_TOLERANCE
from audiofeat.domain.space import to_json
from audiofeat.errors import InvalidInput
from audiofeat.index.cells import laid_out
from audiofeat.index.graphs import build_graphs
from audiofeat.index.layout import (
    BLOCKS_FILE,
    IDS_FILE,
    MANIFEST_FILE,
    METRIC,
    ORDER_FILE,
    SPACE_FILE,
    STARTS_FILE,
    VECTORS_FILE,
    graph_file,
    shard_file,
)
from audiofeat.index.recall import tune
from audiofeat.index.shards import SEED, Finder, ShardBuilder, ask, build_here, load_shards
from audiofeat.ports import IndexContents
from schemas.manifest import Canary, FileFact, GraphFact, Manifest, SpaceFact

ROWS_PER_SHARD = 1_000_000
_CANARIES = 8
_CHUNK_BYTES = 1 << 20
_ROWS_AT_ONCE = 65_536


def build_release(
    contents: IndexContents,
    folder: Path,
    *,
    rows_per_shard: int = ROWS_PER_SHARD,
    build_shards: ShardBuilder = build_here,
    with_graphs: bool = False,
    release: str | None = None,
    quality: Mapping[str, float | None] | None = None,
) -> Manifest:
    """Write vectors, blocks, ids, shards, graphs where they are wanted, space and, last, the manifest.

    Raises
    ------
    InvalidInput
        Rows, vectors and blocks do not belong together, or a vector is not of length 1.
    RecallTooLow
        The index would miss too many neighbours.
    """
    _check(contents)
    items = contents.rows if isinstance(contents.rows, ItemRows) else ItemRows.of(contents.rows)
    count = -(-len(items) // rows_per_shard)
    order, rows = laid_out(items, contents.vectors, shards=count, seed=SEED)
    rows = [part for part in rows if part]
    items = items.reordered(order)
    vectors = _write(contents.vectors, order, folder / VECTORS_FILE, np.float32)
    # Half precision: a cosine of blocks is told to two places.
    blocks = _write(contents.blocks, order, folder / BLOCKS_FILE, np.float16)
    for name, values in ((IDS_FILE, items.ids), (STARTS_FILE, items.starts), (ORDER_FILE, items.order)):
        np.save(folder / name, values, allow_pickle=False)
    (folder / SPACE_FILE).write_text(to_json(contents.space), encoding="utf-8")
    names = [shard_file(number) for number in range(len(rows))]
    build_shards(vectors, rows, folder)
    shards = load_shards(folder, rows, names=names, dims=vectors.shape[1])
    search_k, recall, queries = tune(shards, vectors, seed=SEED)
    graph = _graph_fact(vectors, rows, folder) if with_graphs else None
    names += [graph_file(number) for number in range(len(rows) if graph else 0)]
    space = contents.space
    files = (*names, VECTORS_FILE, BLOCKS_FILE, IDS_FILE, STARTS_FILE, ORDER_FILE, SPACE_FILE)
    manifest = Manifest(
        release=release or new_release(),
        kind=space.kind.value,
        space=SpaceFact(id=space.id, name=space.name, descriptor_version=space.descriptor_version),
        metric=METRIC,
        dims=vectors.shape[1],
        block_dims=blocks.shape[1],
        items=items.items,
        rows=len(vectors),
        shard_rows=tuple(rows),
        trees=shards[0].trees.get_n_trees(),
        search_k=search_k,
        seed=SEED,
        highest_sequence=contents.highest_sequence,
        fingerprint_version=contents.fingerprint_version,
        recall_at_10=recall,
        recall_queries=queries,
        quality=dict(quality or {}),
        canaries=_canaries(shards, vectors, effort=search_k),
        graph=graph,
        files=tuple(_fact(folder / name) for name in files),
        created_at=datetime.now(UTC),
        audiofeat_version=audiofeat.__version__,
        annoy_version=version("annoy"),
    )
    body = manifest.model_dump_json(indent=1, exclude=None if graph else {"graph"})
    (folder / MANIFEST_FILE).write_text(body, encoding="utf-8")
    return manifest


def new_release() -> str:
    """Return a name that begins with the time, so that names sort as releases do."""
    now = datetime.now(UTC)
    return f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03d}Z-{secrets.token_hex(3)}"


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file of any size."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _check(contents: IndexContents) -> None:
    rows, space = len(contents.rows), contents.space
    if contents.vectors.shape != (rows, space.dims) or not rows:
        raise InvalidInput(
            f"an index of {rows} rows needs vectors of shape {(rows, space.dims)}, not {contents.vectors.shape}"
        )
    if contents.blocks.shape != (rows, space.block_dims):
        raise InvalidInput(f"an index of {rows} rows needs blocks of shape {(rows, space.block_dims)}")
    for start in range(0, rows, _ROWS_AT_ONCE):
        lengths = np.linalg.norm(contents.vectors[start : start + _ROWS_AT_ONCE].astype(np.float64), axis=1)
        if not (np.abs(lengths - 1.0) <= UNIT_TOLERANCE).all():
            raise InvalidInput("every vector of an index must be finite and of length 1")
        if not np.isfinite(contents.blocks[start : start + _ROWS_AT_ONCE]).all():
            raise InvalidInput("every block of an index must be finite")


def _write(values: NDArray[np.floating], order: NDArray[np.intp], path: Path, dtype: DTypeLike) -> NDArray[np.float32]:
    """Write rows in another order, a part at a time, and return them mapped.

    Nothing is written through a map: on a full disk that is the death of the process, and no error.
    """
    header = {"descr": dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": values.shape}
    with path.open("wb") as file:
        write_array_header_1_0(file, header)
        for start in range(0, len(values), _ROWS_AT_ONCE):
            file.write(values[order[start : start + _ROWS_AT_ONCE]].astype(dtype, copy=False).tobytes())
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))


def _graph_fact(vectors: NDArray[np.float32], rows: Sequence[int], folder: Path) -> GraphFact:
    """Build the graphs, and say how hard they must be searched and what they find."""
    graphs = build_graphs(vectors, rows, folder)
    ef, recall, queries = tune(graphs, vectors, seed=SEED)
    return GraphFact(
        ef=ef,
        recall_at_10=recall,
        recall_queries=queries,
        canaries=_canaries(graphs, vectors, effort=ef),
        voyager_version=version("voyager"),
    )


def _canaries(shards: Sequence[Finder], vectors: NDArray[np.float32], *, effort: int) -> tuple[Canary, ...]:
    """Write down what the library answers now for a few rows spread over the index."""
    spread = np.unique(np.linspace(0, len(vectors) - 1, _CANARIES).astype(int))
    answers = ((int(row), *ask(shards, vectors[row], effort=effort)) for row in spread)
    return tuple(Canary(row=row, neighbours=rows, distances=away) for row, rows, away in answers)


def _fact(path: Path) -> FileFact:
    return FileFact.model_validate({"name": path.name, "size_bytes": path.stat().st_size, "sha256": sha256_of(path)})

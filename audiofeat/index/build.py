"""Writes the files of a release into a folder, the same bytes for the same contents on the same machine."""

import hashlib
import json
import secrets
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import annoy
import numpy as np
from numpy.typing import NDArray

import audiofeat
from audiofeat.domain.similarity import UNIT_TOLERANCE
from audiofeat.domain.space import to_json
from audiofeat.errors import InvalidInput
from audiofeat.index.layout import (
    ANNOY_FILE,
    BLOCKS_FILE,
    IDS_FILE,
    MANIFEST_FILE,
    METRIC,
    SPACE_FILE,
    VECTORS_FILE,
)
from audiofeat.index.recall import tune
from audiofeat.index.search import RECALL_DEPTH
from audiofeat.ports import IndexContents
from schemas.manifest import Canary, FileFact, Manifest, SpaceFact

TREES = 30
SEED = 20
_CANARIES = 8
_CHUNK_BYTES = 1 << 20


def build_release(contents: IndexContents, folder: Path) -> Manifest:
    """Write index, vectors, blocks, ids, space and, last, the manifest.

    Raises
    ------
    InvalidInput
        Rows, vectors and blocks do not belong together, or a vector is not of length 1.
    RecallTooLow
        The index would miss too many neighbours.
    """
    _check(contents)
    vectors = np.ascontiguousarray(contents.vectors, dtype=np.float32)
    trees = _build_trees(vectors, folder / ANNOY_FILE)
    search_k, recall, queries = tune(trees, vectors, seed=SEED)
    np.save(folder / VECTORS_FILE, vectors, allow_pickle=False)
    # Half precision: a cosine of blocks is told to two places.
    np.save(folder / BLOCKS_FILE, contents.blocks.astype(np.float16), allow_pickle=False)
    (folder / IDS_FILE).write_text(json.dumps({"rows": contents.rows}, separators=(",", ":")), encoding="utf-8")
    (folder / SPACE_FILE).write_text(to_json(contents.space), encoding="utf-8")
    now = datetime.now(UTC)
    space = contents.space
    manifest = Manifest(
        release=f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03d}Z-{secrets.token_hex(3)}",
        kind=space.kind.value,
        space=SpaceFact(id=space.id, name=space.name, descriptor_version=space.descriptor_version),
        metric=METRIC,
        dims=vectors.shape[1],
        block_dims=contents.blocks.shape[1],
        items=sum(len(item_ids) for item_ids in contents.rows),
        rows=len(vectors),
        trees=trees.get_n_trees(),
        search_k=search_k,
        seed=SEED,
        highest_sequence=contents.highest_sequence,
        fingerprint_version=contents.fingerprint_version,
        recall_at_10=recall,
        recall_queries=queries,
        canaries=_canaries(trees, vectors, search_k=search_k),
        files=tuple(_fact(folder / name) for name in (ANNOY_FILE, VECTORS_FILE, BLOCKS_FILE, IDS_FILE, SPACE_FILE)),
        created_at=now,
        audiofeat_version=audiofeat.__version__,
        annoy_version=version("annoy"),
    )
    (folder / MANIFEST_FILE).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
    return manifest


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file of any size."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _check(contents: IndexContents) -> None:
    expected = (len(contents.rows), contents.space.dims)
    if contents.vectors.shape != expected or not contents.rows:
        raise InvalidInput(
            f"an index of {expected[0]} rows needs vectors of shape {expected}, not {contents.vectors.shape}"
        )
    expected = (len(contents.rows), contents.space.block_dims)
    if contents.blocks.shape != expected or not np.isfinite(contents.blocks).all():
        raise InvalidInput(f"an index of {expected[0]} rows needs finite blocks of shape {expected}")
    lengths = np.linalg.norm(contents.vectors.astype(np.float64), axis=1)
    if not (np.abs(lengths - 1.0) <= UNIT_TOLERANCE).all():
        raise InvalidInput("every vector of an index must be finite and of length 1")


def _build_trees(vectors: NDArray[np.float32], path: Path) -> annoy.AnnoyIndex:
    """Build with one job and a seed: with more jobs every run writes another file."""
    trees = annoy.AnnoyIndex(vectors.shape[1], METRIC)
    trees.set_seed(SEED)
    for row, vector in enumerate(vectors):
        trees.add_item(row, vector.tolist())
    trees.build(TREES, n_jobs=1)
    trees.save(str(path))
    return trees


def _canaries(trees: annoy.AnnoyIndex, vectors: NDArray[np.float32], *, search_k: int) -> tuple[Canary, ...]:
    """Write down what Annoy answers now for a few rows spread over the index."""
    spread = np.unique(np.linspace(0, len(vectors) - 1, _CANARIES).astype(int))
    return tuple(ask(trees, vectors, int(row), search_k=search_k) for row in spread)


def ask(trees: annoy.AnnoyIndex, vectors: NDArray[np.float32], row: int, *, search_k: int) -> Canary:
    """Return Annoy's own answer for a row."""
    rows, away = trees.get_nns_by_vector(vectors[row].tolist(), RECALL_DEPTH, search_k, include_distances=True)
    return Canary(row=row, neighbours=tuple(rows), distances=tuple(away))


def _fact(path: Path) -> FileFact:
    return FileFact.model_validate({"name": path.name, "size_bytes": path.stat().st_size, "sha256": sha256_of(path)})

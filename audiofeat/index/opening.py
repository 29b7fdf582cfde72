"""Opens the files of a release, but only after every reason to distrust them has been looked at.

An Annoy file has no header: with the wrong metric it crashes, with the wrong dimension it aborts, cut at a node it
answers wrongly and says nothing. So sizes and hashes are compared before anything is mapped, and a throw-away
process opens the files and repeats the canary queries before this one does.
"""

import json
import resource
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.item_rows import ItemRows
from audiofeat.domain.items import Kind
from audiofeat.domain.space import Space, from_json
from audiofeat.errors import AudiofeatError, IndexDamaged
from audiofeat.index.build import sha256_of
from audiofeat.index.graphs import Graph, is_installed, load_graphs
from audiofeat.index.layout import (
    BLOCKS_FILE,
    BUILD_REMEDY,
    EARLY_ANNOY_FILE,
    EARLY_IDS_FILE,
    IDS_FILE,
    MANIFEST_FILE,
    ORDER_FILE,
    SPACE_FILE,
    STARTS_FILE,
    VECTORS_FILE,
    graph_file,
    parse_manifest,
    shard_file,
)
from audiofeat.index.search import ApproximateIndex, ExactIndex, Rows
from audiofeat.index.selftest import require_usable, run_aside
from audiofeat.index.shards import Finder, Shard, ask, load_shards
from schemas.manifest import Canary, FileFact, Manifest

# An angular node: the number of descendants, two children (the norm lies in their place), then the vector.
_NODE_HEADER_BYTES = 12
# Processors round the last bit differently, which near 0 moves an angular distance by about 5e-4.
_DISTANCE_TOLERANCE = 1e-3


@dataclass(frozen=True, eq=False)
class OpenRelease:
    """A release that may be searched; by graphs where it has some and voyager is installed."""

    manifest: Manifest
    space: Space
    annoy: ApproximateIndex
    exact: ExactIndex
    voyager: ApproximateIndex | None


def open_release(folder: Path, *, kind: Kind, release: str, manifest_sha256: str) -> OpenRelease:
    """Check the files of a folder, try them in a throw-away process, then map them here.

    Raises
    ------
    IndexDamaged
        A file is missing, cut or changed, does not fit the others, or does not answer as it did when it was built.
    LibraryUnusable
        Annoy does not run on this processor.
    """
    manifest = read_manifest(folder, kind=kind, release=release)
    if sha256_of(folder / MANIFEST_FILE) != manifest_sha256:
        raise _damaged(release, "its manifest is not the one that was published")
    check_files(folder, manifest)
    _try_aside(folder, manifest)
    rows = _open_rows(folder, manifest)
    shards = _open_shards(folder, manifest)
    graphs = _open_graphs(folder, manifest)
    return OpenRelease(
        manifest,
        rows.space,
        annoy=ApproximateIndex(rows, shards, effort=manifest.search_k),
        exact=ExactIndex(rows),
        voyager=ApproximateIndex(rows, graphs, effort=manifest.graph.ef) if manifest.graph and graphs else None,
    )


def read_manifest(folder: Path, *, kind: Kind, release: str) -> Manifest:
    """Return the manifest of a folder; raises IndexDamaged where it is missing or wrong."""
    try:
        body = (folder / MANIFEST_FILE).read_bytes()
    except FileNotFoundError as error:
        raise _damaged(release, f"{MANIFEST_FILE} is missing") from error
    return parse_manifest(body, kind=kind, release=release)


def check_files(folder: Path, manifest: Manifest) -> None:
    """Compare every file with the manifest without opening it; raises IndexDamaged."""
    facts: dict[str, FileFact] = {fact.name: fact for fact in manifest.files}
    if set(facts) != _files_of(manifest) or len(facts) != len(manifest.files):
        raise _damaged(manifest.release, "the manifest does not list each file once")
    if sum(_shard_rows(manifest)) != manifest.rows:
        raise _damaged(manifest.release, f"its shards do not come to {manifest.rows} rows")
    for name, fact in facts.items():
        path = folder / name
        if not path.is_file():
            raise _damaged(manifest.release, f"{name} is missing")
        size = path.stat().st_size
        if size != fact.size_bytes:
            raise _damaged(manifest.release, f"{name} has {size} bytes, the manifest says {fact.size_bytes}")
        if sha256_of(path) != fact.sha256:
            raise _damaged(manifest.release, f"{name} is not the file that was published (sha256 differs)")
    node_bytes = _NODE_HEADER_BYTES + 4 * manifest.dims
    for name in _shard_names(manifest):
        if facts[name].size_bytes % node_bytes:
            raise _damaged(manifest.release, f"{name} does not hold vectors of {manifest.dims} dimensions")


def _shard_names(manifest: Manifest) -> list[str]:
    if manifest.version == 1:
        return [EARLY_ANNOY_FILE]
    return [shard_file(number) for number in range(len(manifest.shard_rows))]


def _shard_rows(manifest: Manifest) -> Sequence[int]:
    return (manifest.rows,) if manifest.version == 1 else manifest.shard_rows


def _files_of(manifest: Manifest) -> set[str]:
    """Return the files that a release of this version has; early ones have no blocks."""
    ids = {EARLY_IDS_FILE} if manifest.version == 1 else {IDS_FILE, STARTS_FILE, ORDER_FILE}
    blocks = set() if manifest.block_dims is None else {BLOCKS_FILE}
    graphs = set() if manifest.graph is None else {graph_file(number) for number in range(len(manifest.shard_rows))}
    return {*_shard_names(manifest), VECTORS_FILE, SPACE_FILE} | ids | blocks | graphs


def _try_aside(folder: Path, manifest: Manifest) -> None:
    """Open the release in a throw-away process; a crash there says that the files must not be opened here."""
    try:
        trial = run_aside("audiofeat.index.opening", str(folder.resolve()), manifest.kind, manifest.release)
    except subprocess.TimeoutExpired as error:
        raise _damaged(manifest.release, "opening it takes for ever") from error
    if trial.returncode == -signal.SIGILL:
        require_usable()
    if trial.returncode < 0:
        raise _damaged(manifest.release, f"opening it ends a process by signal {-trial.returncode}")
    if trial.returncode > 0:
        last_line = (trial.stderr.strip().splitlines() or ["no message"])[-1]
        raise _damaged(manifest.release, last_line.removeprefix(f"index {manifest.release} is damaged: "))


def _open_rows(folder: Path, manifest: Manifest) -> Rows:
    try:
        space = from_json((folder / SPACE_FILE).read_bytes())
        vectors = _mapped(folder / VECTORS_FILE)
        blocks = None if manifest.block_dims is None else _mapped(folder / BLOCKS_FILE)
        items = _open_items(folder, manifest)
    except (ValueError, KeyError, TypeError, OSError, AudiofeatError) as error:
        raise _damaged(manifest.release, str(error)) from error
    if (space.id, space.kind.value, space.dims) != (manifest.space.id, manifest.kind, manifest.dims):
        raise _damaged(manifest.release, f"it was built in space {manifest.space.id} and carries space {space.id}")
    if vectors.shape != (manifest.rows, manifest.dims) or vectors.dtype != np.float32:
        raise _damaged(manifest.release, f"{VECTORS_FILE} has shape {vectors.shape}")
    if blocks is not None and (blocks.shape != (manifest.rows, space.block_dims) or blocks.dtype != np.float16):
        raise _damaged(manifest.release, f"{BLOCKS_FILE} has shape {blocks.shape}")
    if (len(items), items.items) != (manifest.rows, manifest.items):
        raise _damaged(manifest.release, f"its ids do not name {manifest.items} items in {manifest.rows} rows")
    return Rows(manifest.release, space, vectors, items, blocks)


def _mapped(path: Path) -> NDArray[Any]:
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))


def _open_items(folder: Path, manifest: Manifest) -> ItemRows:
    if manifest.version == 1:
        listed = json.loads((folder / EARLY_IDS_FILE).read_bytes())["rows"]
        return ItemRows.of([tuple(map(str, row)) for row in listed])
    items = ItemRows(
        *(np.asarray(np.load(folder / name, mmap_mode="r")) for name in (IDS_FILE, STARTS_FILE, ORDER_FILE))
    )
    items.require_whole()
    return items


def _open_shards(folder: Path, manifest: Manifest) -> list[Shard]:
    names, rows = _shard_names(manifest), _shard_rows(manifest)
    try:
        shards = load_shards(folder, rows, names=names, dims=manifest.dims)
    except OSError as error:
        raise _damaged(manifest.release, f"Annoy: {error}") from error
    for name, shard in zip(names, shards, strict=True):
        if (shard.trees.get_n_items(), shard.trees.get_n_trees()) != (shard.rows, manifest.trees):
            raise _damaged(
                manifest.release,
                f"{name} holds {shard.trees.get_n_items()} rows in {shard.trees.get_n_trees()} trees, "
                f"the manifest says {shard.rows} in {manifest.trees}",
            )
    return shards


def _open_graphs(folder: Path, manifest: Manifest) -> list[Graph]:
    if manifest.graph is None or not is_installed():
        return []
    try:
        return load_graphs(folder, manifest.shard_rows, dims=manifest.dims)
    except (RuntimeError, ValueError, OSError) as error:
        raise _damaged(manifest.release, f"voyager: {error}") from error


def _repeat_canaries(
    shards: Sequence[Finder], vectors: NDArray[np.float32], canaries: Sequence[Canary], *, effort: int, release: str
) -> None:
    for canary in canaries:
        if canary.row >= len(vectors) or not _agrees(ask(shards, vectors[canary.row], effort=effort), canary):
            raise _damaged(release, f"the canary query of row {canary.row} gives another answer")


def _agrees(answer: tuple[tuple[int, ...], tuple[float, ...]], written: Canary) -> bool:
    """Compare two answers; another processor may order or cut one near tie the other way."""
    rows, away = answer
    if len(rows) != len(written.neighbours):
        return False
    same_distances = np.allclose(away, written.distances, rtol=0.0, atol=_DISTANCE_TOLERANCE)
    return same_distances and len(set(written.neighbours) - set(rows)) <= 1


def _damaged(release: str, what: str) -> IndexDamaged:
    return IndexDamaged(f"index {release} is damaged: {what}", BUILD_REMEDY)


def main(folder: str, kind: str, release: str) -> int:
    """Open the files as a server would, and repeat the canary queries."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        manifest = read_manifest(Path(folder), kind=Kind(kind), release=release)
        shards = _open_shards(Path(folder), manifest)
        vectors = _open_rows(Path(folder), manifest).vectors
        _repeat_canaries(shards, vectors, manifest.canaries, effort=manifest.search_k, release=release)
        if manifest.graph is not None and (graphs := _open_graphs(Path(folder), manifest)):
            _repeat_canaries(graphs, vectors, manifest.graph.canaries, effort=manifest.graph.ef, release=release)
    except AudiofeatError as error:
        print(error.message, file=sys.stderr)  # noqa: T201 (the message for the process that asked)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

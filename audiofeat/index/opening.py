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
from dataclasses import dataclass
from pathlib import Path

import annoy
import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.items import Kind
from audiofeat.domain.space import Space, from_json
from audiofeat.errors import AudiofeatError, IndexDamaged
from audiofeat.index.build import ask, sha256_of
from audiofeat.index.layout import (
    ANNOY_FILE,
    BLOCKS_FILE,
    BUILD_REMEDY,
    IDS_FILE,
    MANIFEST_FILE,
    METRIC,
    SPACE_FILE,
    VECTORS_FILE,
    parse_manifest,
)
from audiofeat.index.search import AnnoyIndex, ExactIndex, Rows
from audiofeat.index.selftest import require_usable, run_aside
from schemas.manifest import Canary, FileFact, Manifest

_EARLY_FILES = frozenset({ANNOY_FILE, VECTORS_FILE, IDS_FILE, SPACE_FILE})
FILES = _EARLY_FILES | {BLOCKS_FILE}
# An angular node: the number of descendants, two children (the norm lies in their place), then the vector.
_NODE_HEADER_BYTES = 12
# Processors round the last bit differently, which near 0 moves an angular distance by about 5e-4.
_DISTANCE_TOLERANCE = 1e-3


@dataclass(frozen=True, eq=False)
class OpenRelease:
    """A release that may be searched."""

    manifest: Manifest
    space: Space
    annoy: AnnoyIndex
    exact: ExactIndex


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
    trees = _open_trees(folder, manifest)
    return OpenRelease(manifest, rows.space, AnnoyIndex(rows, trees, search_k=manifest.search_k), ExactIndex(rows))


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
    expected = _EARLY_FILES if manifest.block_dims is None else FILES
    if set(facts) != expected or len(facts) != len(manifest.files):
        raise _damaged(manifest.release, "the manifest does not list each file once")
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
    if facts[ANNOY_FILE].size_bytes % node_bytes:
        raise _damaged(manifest.release, f"{ANNOY_FILE} does not hold vectors of {manifest.dims} dimensions")


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
        vectors = np.asarray(np.load(folder / VECTORS_FILE, mmap_mode="r", allow_pickle=False))
        blocks = None
        if manifest.block_dims is not None:
            blocks = np.asarray(np.load(folder / BLOCKS_FILE, mmap_mode="r", allow_pickle=False))
        item_ids = [tuple(map(str, row)) for row in json.loads((folder / IDS_FILE).read_bytes())["rows"]]
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise _damaged(manifest.release, str(error)) from error
    if (space.id, space.kind.value, space.dims) != (manifest.space.id, manifest.kind, manifest.dims):
        raise _damaged(manifest.release, f"it was built in space {manifest.space.id} and carries space {space.id}")
    if vectors.shape != (manifest.rows, manifest.dims) or vectors.dtype != np.float32:
        raise _damaged(manifest.release, f"{VECTORS_FILE} has shape {vectors.shape}")
    if blocks is not None and (blocks.shape != (manifest.rows, space.block_dims) or blocks.dtype != np.float16):
        raise _damaged(manifest.release, f"{BLOCKS_FILE} has shape {blocks.shape}")
    if (len(item_ids), sum(map(len, item_ids))) != (manifest.rows, manifest.items):
        raise _damaged(manifest.release, f"{IDS_FILE} does not name {manifest.items} items in {manifest.rows} rows")
    return Rows(manifest.release, space, vectors, item_ids, blocks)


def _open_trees(folder: Path, manifest: Manifest) -> annoy.AnnoyIndex:
    trees = annoy.AnnoyIndex(manifest.dims, METRIC)
    try:
        trees.load(str(folder / ANNOY_FILE))
    except OSError as error:
        raise _damaged(manifest.release, f"{ANNOY_FILE}: {error}") from error
    if (trees.get_n_items(), trees.get_n_trees()) != (manifest.rows, manifest.trees):
        raise _damaged(
            manifest.release,
            f"{ANNOY_FILE} holds {trees.get_n_items()} rows in {trees.get_n_trees()} trees, "
            f"the manifest says {manifest.rows} in {manifest.trees}",
        )
    return trees


def _repeat_canaries(trees: annoy.AnnoyIndex, vectors: NDArray[np.float32], manifest: Manifest) -> None:
    for canary in manifest.canaries:
        if canary.row >= manifest.rows or not _agrees(
            ask(trees, vectors, canary.row, search_k=manifest.search_k), canary
        ):
            raise _damaged(manifest.release, f"the canary query of row {canary.row} gives another answer")


def _agrees(answer: Canary, written: Canary) -> bool:
    """Compare two answers; another processor may order or cut one near tie the other way."""
    if len(answer.neighbours) != len(written.neighbours):
        return False
    same_distances = np.allclose(answer.distances, written.distances, rtol=0.0, atol=_DISTANCE_TOLERANCE)
    return same_distances and len(set(written.neighbours) - set(answer.neighbours)) <= 1


def _damaged(release: str, what: str) -> IndexDamaged:
    return IndexDamaged(f"index {release} is damaged: {what}", BUILD_REMEDY)


def main(folder: str, kind: str, release: str) -> int:
    """Open the files as a server would, and repeat the canary queries."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        manifest = read_manifest(Path(folder), kind=Kind(kind), release=release)
        trees = _open_trees(Path(folder), manifest)
        _repeat_canaries(trees, _open_rows(Path(folder), manifest).vectors, manifest)
    except AudiofeatError as error:
        print(error.message, file=sys.stderr)  # noqa: T201 (the message for the process that asked)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

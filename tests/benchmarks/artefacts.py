"""Releases that somebody tampered with: none may be served, and no process may die of one: ``make bench``.

``python -m tests.benchmarks.artefacts --count 2000`` is the figure of the documentation. Files are cut, flipped, grown,
swapped with those of another release or emptied, and manifests say another metric, number of dimensions, rows, trees,
version or kind; of the latter the pointer is made to sign them, as a broken publisher's would.
"""

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from audiofeat.domain.items import Kind
from audiofeat.errors import IndexDamaged
from audiofeat.index.build import build_release, sha256_of
from audiofeat.index.opening import open_release
from audiofeat.ports import IndexContents
from tests.benchmarks.index import a_space, made

_ROWS = 300
# Only what is signed has to be opened in a process of its own, which takes half a second.
_SIGNED_EVERY = 10
Mutation = Callable[[Path, np.random.Generator], str]


def main(arguments: Sequence[str] | None = None) -> int:
    """Mutate, open and count; fail where anything was opened."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="audiofeat-artefacts-") as name:
        refused, opened = tried(Path(name), count=options.count)
    print(f"{sum(refused.values()):,} refused, {len(opened)} served")
    for what, count in refused.most_common():
        print(f"  {count:5} {what}")
    return 1 if opened else 0


def tried(folder: Path, *, count: int) -> tuple[Counter[str], list[str]]:
    """Return how many releases of each mutation were refused, and which were not."""
    whole, other = released(folder / "whole", seed=1), released(folder / "other", seed=2)
    signed = json.loads((whole / "manifest.json").read_text())
    sha256 = sha256_of(whole / "manifest.json")
    refused: Counter[str] = Counter()
    opened: list[str] = []
    for number in range(count):
        rng, copy = np.random.default_rng(number), folder / "copy"
        shutil.copytree(whole, copy)
        if number % _SIGNED_EVERY == 0:
            what, wanted = lie(copy, signed, rng)
        else:
            what, wanted = tamper(copy, other, rng), sha256
        try:
            open_release(copy, kind=Kind.TRACK, release=signed["release"], manifest_sha256=wanted)
            opened.append(f"{number}: {what}")
        except IndexDamaged:
            refused[what] += 1
        shutil.rmtree(copy)
    return refused, opened


def released(folder: Path, *, seed: int) -> Path:
    """Build a small release of two shards."""
    folder.mkdir()
    space = a_space()
    with tempfile.TemporaryDirectory() as name:
        vectors = np.array(made(_ROWS, space.dims, Path(name), seed=seed))
    rows = [(f"item-{row}",) for row in range(_ROWS)]
    blocks = np.zeros((_ROWS, space.block_dims), dtype=np.float32)
    build_release(
        IndexContents(space, rows, vectors, blocks, highest_sequence=1),
        folder,
        rows_per_shard=_ROWS // 2,
        with_graphs=True,
    )
    return folder


def tamper(folder: Path, other: Path, rng: np.random.Generator) -> str:
    """Change one file; return how."""
    path = rng.choice(sorted(folder.iterdir()))
    body = bytearray(path.read_bytes())
    place = int(rng.integers(len(body)))
    how = str(rng.choice(["flipped", "cut", "grown", "swapped", "emptied", "removed", "doubled"]))
    if how == "flipped":
        body[place] ^= 1 << int(rng.integers(8))
    changed = {
        "flipped": bytes(body),
        "cut": bytes(body[:place]),
        "grown": bytes(body) + rng.bytes(1 + place % 100),
        "emptied": b"",
        "doubled": bytes(body) * 2,
    }
    if how == "removed":
        path.unlink()
    elif how == "swapped":
        # The space is the same in both.
        path = folder / ("vectors.npy" if path.name in {"space.json", "blocks.npy"} else path.name)
        same = (other / path.name).read_bytes() == path.read_bytes()
        path.write_bytes(b"" if same else (other / path.name).read_bytes())
    else:
        path.write_bytes(changed[how])
    return f"{how} {'manifest' if path.name == 'manifest.json' else path.suffix}"


def lie(folder: Path, signed: dict[str, object], rng: np.random.Generator) -> tuple[str, str]:
    """Have the manifest say something else, and sign it; return what, and its hash."""
    wrong: dict[str, object] = {
        "metric": str(rng.choice(["euclidean", "dot", "manhattan", "hamming"])),
        "dims": int(rng.integers(1, 2_000)),
        "rows": int(rng.integers(1, 2 * _ROWS)),
        "items": int(rng.integers(_ROWS + 1, 2 * _ROWS)),
        "trees": int(rng.integers(100, 1_000)),
        "version": int(rng.choice([0, 1, 3, 99])),
        "kind": "episode",
        "shard_rows": [_ROWS],
        "search_k": -1,
        "canaries": [{"row": 0, "neighbours": [5, 6], "distances": [0.0, 0.1]}],
    }
    name = str(rng.choice(sorted(wrong)))
    body = json.dumps(signed | {name: wrong[name]}).encode()
    (folder / "manifest.json").write_bytes(body)
    return f"another {name}", hashlib.sha256(body).hexdigest()


if __name__ == "__main__":
    sys.exit(main())

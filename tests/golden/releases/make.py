"""Writes a small release in the format of today: ``python tests/golden/releases/make.py NAME``.

One is kept for every format that was ever published. A release that is there is never written again: what it holds is
what an old audiofeat wrote.
"""

import sys
from pathlib import Path

import numpy as np

from audiofeat.domain.descriptor import DIMENSIONS
from audiofeat.domain.fitting import fit
from audiofeat.domain.items import Kind
from audiofeat.domain.space import blocks_all, embed_all
from audiofeat.index.build import build_release
from audiofeat.ports import IndexContents

ROWS = 24


def main(name: str) -> int:
    """Write a release of 24 vectors and 25 items."""
    folder = Path(__file__).parent / name
    folder.mkdir()
    descriptors = np.random.default_rng(9).normal(20, 1, (ROWS, len(DIMENSIONS))).astype(np.float32)
    space = fit(descriptors, kind=Kind.TRACK)
    rows = [(f"item-{row}", *(("copy-of-7",) if row == 7 else ())) for row in range(ROWS)]
    contents = IndexContents(
        space, rows, embed_all(space, descriptors), blocks_all(space, descriptors), highest_sequence=25
    )
    build_release(contents, folder, with_graphs=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

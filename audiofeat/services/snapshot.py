"""What an index is made of, written into a folder page by page: a build holds one page of fingerprints at a time."""

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

from audiofeat.domain.item_rows import ItemRows
from audiofeat.domain.scaling import Matrix
from audiofeat.domain.space import Space, blocks_all, embed_all
from audiofeat.errors import IndexEmpty
from audiofeat.ports import Catalogue, EmbeddingRow, IndexContents
from audiofeat.services.fit_space import words_of_items
from audiofeat.services.inventory import PAGE_ROWS, Inventory

_KEY_BYTES = 16


def snapshot(inventory: Inventory, *, space: Space, catalogue: Catalogue, folder: Path) -> IndexContents:
    """Return what an index of these items contains: one row for each distinct vector or group, in their order.

    Of a group of duplicates the first item's vector stands for all. Vectors and blocks are maps of files in ``folder``.
    Items whose fingerprint says nothing, as of silence, are left out; raises IndexEmpty where none is left.
    """
    ids: list[NDArray[np.bytes_]] = []
    keys = bytearray()
    with (folder / "vectors").open("wb") as vectors, (folder / "blocks").open("wb") as blocks:
        for page in inventory.rows(catalogue):
            placed = embed_all(space, np.stack([row.descriptor for row in page]))
            places = np.flatnonzero(placed.any(axis=1))
            if not len(places):
                continue
            placed, inside = placed[places], [page[place] for place in places.tolist()]
            vectors.write(placed.tobytes())
            # Half precision, as a release has it.
            blocks.write(_blocks(inside, space, catalogue).astype(np.float16).tobytes())
            ids.append(np.array([row.item_id.encode() for row in inside], dtype=np.bytes_))
            keys += _keys(inside, placed, catalogue)
    if not ids:
        raise IndexEmpty(f"nothing could be measured in any {space.kind.value}", "audiofeat ingest PATH")
    rows, firsts = ItemRows.by_key(np.concatenate(ids), np.frombuffer(keys, dtype=f"S{_KEY_BYTES}"))
    return IndexContents(
        space=space,
        rows=rows,
        vectors=_kept(folder / "vectors", firsts, np.float32, space.dims),
        blocks=_kept(folder / "blocks", firsts, np.float16, space.block_dims),
        highest_sequence=inventory.highest_sequence,
    )


def _blocks(rows: Sequence[EmbeddingRow], space: Space, catalogue: Catalogue) -> Matrix:
    texts = () if space.text is None else words_of_items(space.kind, [row.item_id for row in rows], catalogue)
    return blocks_all(space, np.stack([row.descriptor for row in rows]), texts)


def _keys(rows: Sequence[EmbeddingRow], vectors: Matrix, catalogue: Catalogue) -> bytes:
    """Return the hashes by which items share a row: that of their group, or that of their vector.

    Thousands of equal vectors would fill a tree's leaves and hide the true neighbours of each other.
    """
    groups = catalogue.duplicate_groups_of([row.item_id for row in rows])
    whole = (
        groups[row.item_id].encode() if row.item_id in groups else vector.tobytes()
        for row, vector in zip(rows, vectors, strict=True)
    )
    return b"".join(blake2b(key, digest_size=_KEY_BYTES).digest() for key in whole)


def _kept(path: Path, rows: NDArray[np.intp], dtype: DTypeLike, width: int) -> NDArray[np.floating]:
    """Move the rows that stay, in ascending order, to the front of a file, and return them mapped."""
    mapped = np.memmap(path, dtype=dtype, mode="r+").reshape(-1, width)
    for start in range(0, len(rows), PAGE_ROWS):
        chosen = rows[start : start + PAGE_ROWS]
        mapped[start : start + len(chosen)] = mapped[chosen]
    return np.asarray(mapped[: len(rows)])

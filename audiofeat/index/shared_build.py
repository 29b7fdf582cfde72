"""Several workers build the shards of one release: vectors go to the store, files come back from there.

Whoever publishes builds too, from the last shard on, while workers begin with the first: so a release is built with as
many hands as there are, and also with none. What a worker brings is opened and measured like what was built here.
"""

import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.items import Kind
from audiofeat.errors import BrokerUnavailable, ObjectMissing, StoreError
from audiofeat.index.layout import file_key, shard_file
from audiofeat.index.shards import build_here, build_trees
from audiofeat.ports import ObjectStore, TaskQueue

# Asks workers for the shards of a release, by number; False where there is nobody to ask.
AskWorkers = Callable[[Kind, str, Sequence[int]], bool]


def workers_of(queue: Callable[[], TaskQueue]) -> AskWorkers:
    """Return what asks the workers behind a queue, which is looked for when it is needed."""

    def ask(kind: Kind, release: str, numbers: Sequence[int]) -> bool:
        try:
            queue().build_shards(kind, release, numbers)
        except BrokerUnavailable:
            return False
        return True

    return ask


class SharedBuild:
    """Builds the shards of one release with the help of workers.

    Parameters
    ----------
    store : ObjectStore
        Through which vectors and files go.
    ask_workers : callable
        Tells them that there is something to build.
    kind, release
        Whose shards they are.
    """

    def __init__(self, store: ObjectStore, ask_workers: AskWorkers, *, kind: Kind, release: str) -> None:
        self._store = store
        self._ask_workers = ask_workers
        self._kind = kind
        self._release = release

    def __call__(self, vectors: NDArray[np.float32], rows: Sequence[int], folder: Path) -> None:
        """Write the files of all shards into a folder."""
        if len(rows) == 1:
            build_here(vectors, rows, folder)
            return
        bounds = np.concatenate([[0], np.cumsum(rows)])
        parts = [vectors[bounds[number] : bounds[number + 1]] for number in range(len(rows))]
        try:
            for number, part in enumerate(parts):
                draft = folder / f"draft-{number:03d}.npy"
                np.save(draft, part, allow_pickle=False)
                self._store.put(_draft_key(self._kind, self._release, number), draft)
                draft.unlink()
            if not self._ask_workers(self._kind, self._release, range(len(rows))):
                build_here(vectors, rows, folder)
                return
            for number in reversed(range(len(rows))):
                if not self._fetched(number, folder):
                    build_trees(parts[number], folder / shard_file(number))
        finally:
            for number in range(len(rows)):
                with suppress(StoreError):
                    self._store.delete(_draft_key(self._kind, self._release, number))
                    self._store.delete(_built_key(self._kind, self._release, number))

    def _fetched(self, number: int, folder: Path) -> bool:
        """Take what a worker has built of a shard, where one has."""
        try:
            self._store.fetch(_built_key(self._kind, self._release, number), folder / shard_file(number))
        except ObjectMissing:
            return False
        return True


def build_shard(store: ObjectStore, kind: Kind, release: str, number: int) -> bool:
    """Build one shard as a worker does; False where it is not wanted any more."""
    with tempfile.TemporaryDirectory(prefix="audiofeat-shard-") as name:
        draft, built = Path(name) / "draft.npy", Path(name) / shard_file(number)
        try:
            store.fetch(_draft_key(kind, release, number), draft)
        except ObjectMissing:
            return False
        build_trees(np.asarray(np.load(draft, mmap_mode="r", allow_pickle=False)), built)
        store.put(_built_key(kind, release, number), built)
    return True


def _draft_key(kind: Kind, release: str, number: int) -> str:
    return file_key(kind, release, f"draft-{number:03d}.npy")


def _built_key(kind: Kind, release: str, number: int) -> str:
    return file_key(kind, release, f"built-{number:03d}.ann")

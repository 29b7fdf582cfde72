"""Publishing by swap: a release is built and tried aside, stored under a fresh key, then one pointer moves."""

import errno
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

from audiofeat.domain.items import Kind
from audiofeat.errors import DiskFull, IndexDamaged, IndexMissing, PointerMoved, StoreError
from audiofeat.index.build import ROWS_PER_SHARD, build_release, new_release, sha256_of
from audiofeat.index.graphs import require_installed
from audiofeat.index.layout import MANIFEST_FILE, pointer_key, read_pointer
from audiofeat.index.opening import open_release
from audiofeat.index.releases import GRACE, fetch_release, prune, releases_of, stored_manifest, uploaded
from audiofeat.index.selftest import require_usable
from audiofeat.index.shared_build import AskWorkers, SharedBuild, build_shard
from audiofeat.ports import IndexContents, ObjectStore, ReleaseView
from schemas.manifest import Manifest, Pointer

# A write that found no space has taken what was left of it.
_NOTHING_BYTES = 1 << 20


class Publisher:
    """Builds releases, and decides which of them is served from an artefact store.

    Parameters
    ----------
    store : ObjectStore
        Where releases go.
    ask_workers : callable
        Asks workers to build the shards of a release; returns False where there are none.
    rows_per_shard : int
        An index of more rows has several shards.
    with_graphs : bool
        Build the files of the engine voyager too.
    grace : timedelta
        For how long after its successor came a release stays, for readers that are about to fetch it.
    """

    def __init__(
        self,
        store: ObjectStore,
        *,
        ask_workers: AskWorkers = lambda *_: False,
        rows_per_shard: int = ROWS_PER_SHARD,
        with_graphs: bool = False,
        grace: timedelta = GRACE,
    ) -> None:
        self._store = store
        self._ask_workers = ask_workers
        self._rows_per_shard = rows_per_shard
        self._with_graphs = with_graphs
        self._grace = grace

    def workspace(self) -> AbstractContextManager[Path]:
        """Lend a folder for what goes into a release, removed after use; raises DiskFull where no space is left."""
        return _temporary_folder()

    def publish(self, contents: IndexContents, *, quality: Mapping[str, float | None] | None = None) -> ReleaseView:
        """Build a release, open it as a reader would, store it, and let it be served.

        Raises
        ------
        RecallTooLow
            The index is not good enough; what is served stays.
        PointerMoved
            Another publisher came first; its release is served and this one removed.
        LibraryUnusable, DiskFull, StoreError
            As they say; what is served stays and nothing half-built is left.
        InvalidInput
            Graphs are wanted and voyager is not installed.
        """
        require_usable()
        if self._with_graphs:
            require_installed()
        kind = contents.space.kind
        before = self._pointer(kind)
        release = new_release()
        shards = SharedBuild(self._store, self._ask_workers, kind=kind, release=release)
        with _temporary_folder() as folder:
            manifest = build_release(
                contents,
                folder,
                release=release,
                rows_per_shard=self._rows_per_shard,
                build_shards=shards,
                with_graphs=self._with_graphs,
                quality=quality,
            )
            sha256 = sha256_of(folder / MANIFEST_FILE)
            open_release(folder, kind=kind, release=manifest.release, manifest_sha256=sha256)
            with uploaded(self._store, folder, manifest):
                self._serve(kind, manifest.release, sha256, before)
        # The release is served by now; what could not be removed is removed after the next one.
        with suppress(StoreError, IndexDamaged):
            prune(self._store, kind, grace=self._grace)
        return _view(manifest, current=manifest.release)

    def build_shard(self, kind: Kind, release: str, number: int) -> bool:
        """Build one shard for somebody who publishes; False where it is not wanted any more."""
        require_usable()
        return build_shard(self._store, kind, release, number)

    def quality(self, kind: Kind) -> Mapping[str, float | None]:
        """Return the figures that were kept with what is served; empty where there are none."""
        current = self._current(kind)
        with suppress(IndexMissing, IndexDamaged):
            return stored_manifest(self._store, kind, current)[0].quality if current else {}
        return {}

    def list(self, kind: Kind) -> list[ReleaseView]:
        """Return the stored releases, newest first; one whose manifest is not valid is left out."""
        current = self._current(kind)
        views = []
        for release in releases_of(self._store, kind):
            with suppress(IndexMissing, IndexDamaged):
                views.append(_view(stored_manifest(self._store, kind, release)[0], current=current))
        return views

    def verify(self, kind: Kind, release: str | None = None) -> ReleaseView:
        """Fetch a release, the served one where none is named, and open it as a reader would.

        Raises
        ------
        IndexMissing
            There is no such release.
        IndexDamaged
            It must not be served.
        """
        if release is None:
            pointer, _ = read_pointer(self._store, kind)
            release, sha256 = pointer.release, pointer.manifest_sha256
        else:
            sha256 = stored_manifest(self._store, kind, release)[1]
        with _temporary_folder() as folder:
            fetch_release(self._store, kind, release, into=folder / release)
            opened = open_release(folder / release, kind=kind, release=release, manifest_sha256=sha256)
        return _view(opened.manifest, current=self._current(kind))

    def promote(self, kind: Kind, release: str) -> ReleaseView:
        """Verify a stored release and let it be served; raises as :meth:`verify`, or PointerMoved."""
        before = self._pointer(kind)
        view = self.verify(kind, release)
        if not view.is_current:
            self._serve(kind, release, stored_manifest(self._store, kind, release)[1], before)
        return _view(stored_manifest(self._store, kind, release)[0], current=release)

    def rollback(self, kind: Kind) -> ReleaseView:
        """Serve what was served before; a second rollback returns. Raises IndexMissing where nothing was."""
        pointer, _ = read_pointer(self._store, kind)
        if pointer.previous is None:
            raise IndexMissing(
                f"no index of {kind.value}s was served before {pointer.release}", "audiofeat index promote KIND RELEASE"
            )
        return self.promote(kind, pointer.previous)

    def _pointer(self, kind: Kind) -> tuple[Pointer, str] | None:
        try:
            return read_pointer(self._store, kind)
        except IndexMissing:
            return None

    def _current(self, kind: Kind) -> str | None:
        pointer = self._pointer(kind)
        return pointer[0].release if pointer else None

    def _serve(self, kind: Kind, release: str, manifest_sha256: str, before: tuple[Pointer, str] | None) -> None:
        previous = before[0].release if before else None
        body = Pointer(release=release, manifest_sha256=manifest_sha256, previous=previous).model_dump_json().encode()
        try:
            if before is None:
                self._store.put_if_absent(pointer_key(kind), body)
            else:
                self._store.swap(pointer_key(kind), body, version=before[1])
        except PointerMoved as error:
            raise PointerMoved(
                f"another {kind.value} index was published meanwhile, so {release} is not served",
                "see audiofeat index list; build again where what is served is not newer",
            ) from error


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    """Lend a folder that is removed after use; raises DiskFull where writing into it finds no space."""
    with tempfile.TemporaryDirectory(prefix="audiofeat-index-") as name:
        try:
            yield Path(name)
        except (OSError, RuntimeError) as error:
            # numpy, Annoy and voyager do not hand on the number of the error.
            if getattr(error, "errno", None) == errno.ENOSPC or shutil.disk_usage(name).free < _NOTHING_BYTES:
                raise DiskFull(f"no space is left in {name}", "free some, or set TMPDIR to a larger disk") from error
            raise


def _view(manifest: Manifest, *, current: str | None) -> ReleaseView:
    return ReleaseView(
        release=manifest.release,
        kind=Kind(manifest.kind),
        space=manifest.space.id,
        items=manifest.items,
        rows=manifest.rows,
        recall=manifest.recall_at_10,
        created_at=manifest.created_at,
        is_current=manifest.release == current,
    )

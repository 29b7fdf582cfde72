"""Serves the current release of each kind, follows the pointer, and keeps the last good one when a new one is bad."""

import os
import secrets
import shutil
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from audiofeat import logs
from audiofeat.domain.items import Kind
from audiofeat.domain.neighbours import Engine
from audiofeat.errors import (
    AudiofeatError,
    CatalogueUnavailable,
    IndexDamaged,
    IndexMissing,
    InvalidInput,
    LibraryUnusable,
    StoreError,
)
from audiofeat.index.columns import AttributeColumns
from audiofeat.index.graphs import require_installed
from audiofeat.index.layout import read_pointer
from audiofeat.index.opening import OpenRelease, open_release
from audiofeat.index.overlay import Fresh, FreshOverlay, OverlaidIndex
from audiofeat.index.releases import fetch_release
from audiofeat.ports import Catalogue, ObjectStore, ServedIndex, VectorIndex
from schemas.manifest import Pointer

_log = logs.get_logger(__name__)


@dataclass(frozen=True, eq=False)
class _Served:
    pointer: Pointer
    opened: OpenRelease
    overlay: FreshOverlay
    columns: AttributeColumns


@dataclass(frozen=True, eq=False)
class _View:
    served: _Served
    fresh: Fresh
    by_engine: dict[Engine, OverlaidIndex]


class PublishedIndexes:
    """What is searched: per kind one open release and the overlay on top of it.

    Parameters
    ----------
    store : ObjectStore
        The artefact store that holds the releases.
    catalogue : Catalogue
        Read for what was analysed since.
    cache : Path
        A folder for local copies; several processes may share it.
    poll_s : float
        How long the pointer is taken to stand still, in seconds. What it names then is made ready while queries go
        on; with 0 each query looks, and waits for what it finds.
    fresh_poll_s : float
        How long what was read of the catalogue counts as new, in seconds.
    """

    def __init__(
        self,
        store: ObjectStore,
        catalogue: Catalogue,
        cache: Path,
        *,
        poll_s: float = 5.0,
        fresh_poll_s: float = 0.0,
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._cache = cache
        self._poll_s = poll_s
        self._fresh_poll_s = fresh_poll_s
        self._kinds = {kind: _KindState() for kind in Kind}

    def current(self, kind: Kind, *, engine: Engine = Engine.ANNOY) -> ServedIndex:
        """Return a consistent view of the index and everything analysed since, up to this moment.

        Raises
        ------
        IndexMissing
            Nothing is published.
        IndexDamaged, LibraryUnusable, StoreError
            The release cannot be opened and no earlier one is being served.
        InvalidInput
            The engine is not installed, or the release was built without it.
        """
        state = self._kinds[kind]
        if state.view is None:
            self.refresh(kind)
        elif time.monotonic() - state.polled_at >= self._poll_s:
            if self._poll_s > 0 or state.is_store_down:
                # No query waits for a store, nor for a release that has to be fetched and opened.
                state.polled_at = time.monotonic()
                threading.Thread(target=self.refresh, args=(kind,), daemon=True).start()
            else:
                self.refresh(kind)
        view = self._view(kind)
        if engine not in view.by_engine:
            require_installed()
            raise InvalidInput(
                f"index {view.served.pointer.release} was built without the engine {engine}",
                "ask for annoy, or set AUDIOFEAT_INDEX_VOYAGER=true for audiofeat index build",
            )
        return view.by_engine[engine]

    def refresh(self, kind: Kind) -> None:
        """Look at the pointer now and swap to what it names; raises as :meth:`current`.

        Queries under way finish on what they began with. A release that cannot be opened leaves the old one serving;
        where the store does not answer from the start, that is the one that was served here last.
        """
        state = self._kinds[kind]
        if not state.lock.acquire(blocking=state.served is None):
            return
        try:
            state.polled_at = time.monotonic()
            pointer, _ = read_pointer(self._store, kind)
            state.is_store_down = False
            if state.served is None or pointer not in (state.served.pointer, state.refused):
                self._swap(kind, pointer)
        except (IndexMissing, IndexDamaged, LibraryUnusable, StoreError) as problem:
            state.is_store_down = isinstance(problem, StoreError)
            if state.served is None:
                self._serve_last(kind, problem)
            else:
                release = state.served.opened.manifest.release
                _log.warning("index_kept", kind=kind, release=release, problem=problem)
        finally:
            state.lock.release()

    def _serve_last(self, kind: Kind, problem: AudiofeatError) -> None:
        """Serve what was served last from this cache, where it is the store that is missing; else raise."""
        if not isinstance(problem, StoreError):
            raise problem
        try:
            pointer = Pointer.model_validate_json(self._pointer_copy(kind).read_bytes())
        except (OSError, ValidationError):
            raise problem from None
        self._swap(kind, pointer)
        _log.warning("index_kept", kind=kind, release=pointer.release, problem=problem)

    def _pointer_copy(self, kind: Kind) -> Path:
        return self._cache / f"{kind.value}.CURRENT"

    def _swap(self, kind: Kind, pointer: Pointer) -> None:
        state = self._kinds[kind]
        served = state.served
        if served is not None and pointer.release == served.pointer.release:
            state.served = replace(served, pointer=pointer)
            return
        try:
            opened = self._open(kind, pointer)
        except IndexDamaged:
            state.refused = pointer
            raise
        manifest = opened.manifest
        overlay = FreshOverlay(
            self._catalogue,
            opened.exact,
            after_sequence=manifest.highest_sequence,
            version=manifest.fingerprint_version,
            poll_s=self._fresh_poll_s,
        )
        # What is new is read before the swap, so that no query waits for it.
        columns = AttributeColumns(self._catalogue, opened.exact.items, poll_s=self._fresh_poll_s)
        with suppress(CatalogueUnavailable):
            overlay.poll()
            columns.read(served.columns.attributes if served else ())
        state.served = _Served(pointer, opened, overlay, columns)
        with suppress(OSError):
            aside = self._pointer_copy(kind).with_suffix(f".{os.getpid()}")
            aside.write_text(pointer.model_dump_json(), encoding="utf-8")
            aside.replace(self._pointer_copy(kind))
        self._tidy(kind, keep={pointer.release, served.pointer.release if served else pointer.previous})

    def _view(self, kind: Kind) -> _View:
        """Return the view of now; it is rebuilt only where the release or the overlay has changed."""
        state = self._kinds[kind]
        served, view = state.served, state.view
        if served is None:
            raise IndexMissing(f"no index of {kind.value}s is published", "audiofeat index build")
        fresh = served.overlay.poll()
        if view is None or view.served is not served or view.fresh is not fresh:
            opened = served.opened
            engines: dict[Engine, VectorIndex] = {Engine.ANNOY: opened.annoy, Engine.EXACT: opened.exact}
            if opened.voyager is not None:
                engines[Engine.VOYAGER] = opened.voyager
            view = _View(
                served,
                fresh,
                {
                    name: OverlaidIndex(index, fresh, columns=served.columns, is_exact=name is Engine.EXACT)
                    for name, index in engines.items()
                },
            )
            state.view = view
        return view

    def _open(self, kind: Kind, pointer: Pointer) -> OpenRelease:
        """Open the local copy, or fetch one: a copy that went bad on disk is no reason to refuse the release."""
        folder = self._cache / kind.value / pointer.release
        if folder.is_dir():
            try:
                return open_release(folder, kind=kind, release=pointer.release, manifest_sha256=pointer.manifest_sha256)
            except IndexDamaged:
                shutil.rmtree(folder, ignore_errors=True)
        aside = folder.with_name(f".{pointer.release}.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            fetch_release(self._store, kind, pointer.release, into=aside)
            opened = open_release(aside, kind=kind, release=pointer.release, manifest_sha256=pointer.manifest_sha256)
            _rename_unless_there(aside, folder)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        return opened

    def _tidy(self, kind: Kind, *, keep: set[str | None]) -> None:
        """Remove local copies of other releases; a process that still maps one keeps its pages."""
        for folder in (self._cache / kind.value).iterdir():
            if not folder.name.startswith(".") and folder.name not in keep:
                shutil.rmtree(folder, ignore_errors=True)


class _KindState:
    """What changes while a kind is being served; each attribute is replaced whole."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.polled_at = 0.0
        self.is_store_down = False
        self.served: _Served | None = None
        self.refused: Pointer | None = None
        self.view: _View | None = None


def _rename_unless_there(aside: Path, folder: Path) -> None:
    try:
        aside.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise

"""Releases in the artefact store: put there whole, fetched whole, listed, and removed when they are old."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from audiofeat.domain.items import Kind
from audiofeat.errors import IndexDamaged, IndexMissing, ObjectMissing, ObjectTooLarge, StoreError
from audiofeat.index.layout import (
    BUILD_REMEDY,
    MANIFEST_FILE,
    file_key,
    folder_key,
    parse_manifest,
    pointer_key,
    read_pointer,
)
from audiofeat.ports import ObjectStore
from schemas.manifest import Manifest

KEEP_RELEASES = 3
GRACE = timedelta(minutes=10)
# Files without a manifest belong to a publisher that died, or to one that is still at work.
_ABANDONED_AFTER = timedelta(days=1)


def releases_of(store: ObjectStore, kind: Kind) -> list[str]:
    """Return the releases that have a manifest, newest first: a name begins with its time."""
    return sorted((release for release, names in _folders(store, kind).items() if MANIFEST_FILE in names), reverse=True)


def stored_manifest(store: ObjectStore, kind: Kind, release: str) -> tuple[Manifest, str]:
    """Return a manifest and its sha256; raises IndexMissing, or IndexDamaged where it is not valid."""
    missing = IndexMissing(f"there is no {kind.value} index {release}", "audiofeat index list")
    if "/" in release:
        raise missing
    try:
        body, _ = store.get(file_key(kind, release, MANIFEST_FILE))
    except ObjectMissing as error:
        raise missing from error
    return parse_manifest(body, kind=kind, release=release), hashlib.sha256(body).hexdigest()


@contextmanager
def uploaded(store: ObjectStore, folder: Path, manifest: Manifest) -> Iterator[None]:
    """Store a release, manifest last; remove it again where the block fails and the pointer does not name it."""
    kind, release = Kind(manifest.kind), manifest.release
    try:
        for fact in manifest.files:
            store.put(file_key(kind, release, fact.name), folder / fact.name)
        store.put_if_absent(file_key(kind, release, MANIFEST_FILE), folder / MANIFEST_FILE)
        yield
    except BaseException:
        # A swap whose answer was lost may have happened: what is served must not be removed.
        with suppress(StoreError, IndexDamaged):
            if not _is_served(store, kind, release):
                delete_release(store, kind, release)
        raise


def fetch_release(store: ObjectStore, kind: Kind, release: str, *, into: Path) -> None:
    """Copy a release into a new folder; nothing in it may be opened before it was checked.

    Raises
    ------
    IndexMissing
        There is no such release.
    IndexDamaged
        A file is missing, or larger than the manifest says.
    """
    manifest, _ = stored_manifest(store, kind, release)
    into.mkdir(parents=True)
    for fact in manifest.files:
        try:
            store.fetch(file_key(kind, release, fact.name), into / fact.name, max_bytes=fact.size_bytes)
        except (ObjectMissing, ObjectTooLarge) as error:
            raise IndexDamaged(f"index {release} is damaged: {fact.name}: {error.message}", BUILD_REMEDY) from error
    store.fetch(file_key(kind, release, MANIFEST_FILE), into / MANIFEST_FILE)


def prune(store: ObjectStore, kind: Kind, *, grace: timedelta = GRACE) -> None:
    """Remove what is neither among the newest three nor served now or before, and abandoned uploads.

    A reader may be about to fetch what has just been replaced: it stays for a grace period.
    """
    folders = _folders(store, kind)
    whole = sorted((release for release, names in folders.items() if MANIFEST_FILE in names), reverse=True)
    now = datetime.now(UTC)
    kept = set(whole[:KEEP_RELEASES])
    kept |= {older for newer, older in pairwise(whole) if _begun_at(newer) > now - grace}
    for release, names in folders.items():
        if release in kept or (release not in whole and max(names.values()) >= now - _ABANDONED_AFTER):
            continue
        # Somebody may have promoted it meanwhile.
        pointer, _ = read_pointer(store, kind)
        if release not in {pointer.release, pointer.previous}:
            delete_release(store, kind, release)


def _begun_at(release: str) -> datetime:
    return datetime.strptime(release[:18], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)


def delete_release(store: ObjectStore, kind: Kind, release: str) -> None:
    """Remove a release, the manifest first, so that one half removed is none."""
    store.delete(file_key(kind, release, MANIFEST_FILE))
    for stored in list(store.list(file_key(kind, release, ""))):
        store.delete(stored.key)


def _folders(store: ObjectStore, kind: Kind) -> dict[str, dict[str, datetime]]:
    """Return file names and their times by release."""
    folders: dict[str, dict[str, datetime]] = {}
    for stored in store.list(folder_key(kind)):
        if stored.key != pointer_key(kind):
            release, _, name = stored.key.removeprefix(folder_key(kind)).partition("/")
            folders.setdefault(release, {})[name] = stored.modified_at
    return folders


def _is_served(store: ObjectStore, kind: Kind, release: str) -> bool:
    try:
        return read_pointer(store, kind)[0].release == release
    except IndexMissing:
        return False

"""A local folder as an object store: keys are relative POSIX paths, hidden files are not objects.

Writers of audiofeat take turns by a lock file at the root; a reader needs no lock, because a file is only ever
replaced whole. A key never leads out of the folder, be it by ``..`` or by a symbolic link.
"""

import fcntl
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from audiofeat import logs
from audiofeat.errors import AccessDenied, ObjectChanged, ObjectMissing, PointerMoved, SourceNotFound
from audiofeat.ports import Fetched, StoredObject
from audiofeat.storage.arrival import blocks_of, from_os_error, new_file, os_errors, refuse_beyond, write_blocks

_LOCK_NAME = ".audiofeat.lock"
_log = logs.get_logger(__name__)


class DirectoryStore:
    """The files of one folder.

    A version is size and modification time: reading every file only to list it would cost more than analysing
    what changed. A writer that keeps both, such as ``cp --preserve`` over an equally long file, goes unnoticed.

    Parameters
    ----------
    root : Path
        An existing folder; it is not created, so that an unmounted disk is noticed.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.expanduser().resolve()
        self.name = f"file:{self._root}"

    def list(self, prefix: str = "", *, after: str | None = None) -> Iterator[StoredObject]:
        """Yield the object that ``prefix`` names and those below it, in key order.

        Hidden files, links that lead out of the folder and what is no regular file are left out; what a person
        would miss is logged as a warning.
        """
        self._require_root()
        start = self._root if not prefix else self._path(prefix.rstrip("/"))
        try:
            found = start.stat()
        except OSError as error:
            if isinstance(failure := from_os_error(error, self._said(prefix)), ObjectMissing):
                return
            raise failure from error
        if stat.S_ISDIR(found.st_mode):
            folder = f"{prefix.rstrip('/')}/" if prefix else ""
            yield from self._walk(start, folder, after or "", is_start=True)
        elif stat.S_ISREG(found.st_mode) and not prefix.endswith("/") and prefix > (after or ""):
            yield _facts(prefix, found)

    def head(self, key: str) -> StoredObject:
        """Return one object's facts."""
        with self._opened(key) as (_, found):
            return _facts(key, found)

    def fetch(self, key: str, into: Path, *, version: str | None = None, max_bytes: int | None = None) -> Fetched:
        """Copy an object to the new file ``into``."""
        with self._opened(key) as (descriptor, found):
            if version is not None and version != _version(found):
                raise self._changed(key)
            refuse_beyond(max_bytes, found.st_size, self._said(key))
            with new_file(into) as file:
                size, sha256 = write_blocks(
                    self._read(key, descriptor), file, what=self._said(key), max_bytes=max_bytes
                )
                if _version(os.fstat(descriptor)) != _version(found):
                    raise self._changed(key)
        return Fetched(path=into, size_bytes=size, sha256=sha256)

    def get(self, key: str) -> tuple[bytes, str]:
        """Return a small object's bytes and its version."""
        with self._opened(key) as (descriptor, found):
            body = b"".join(self._read(key, descriptor))
            if _version(os.fstat(descriptor)) != _version(found):
                raise self._changed(key)
        return body, _version(found)

    def put(self, key: str, body: bytes | Path) -> str:
        """Write an object whole or not at all."""
        return self._place(key, body, lambda _: True)

    def put_if_absent(self, key: str, body: bytes | Path) -> str:
        """Write an object only where the key is free."""
        return self._place(key, body, lambda present: present is None)

    def swap(self, key: str, body: bytes, *, version: str) -> str:
        """Replace an object only while it still is ``version``."""
        return self._place(key, body, lambda present: present == version)

    def delete(self, key: str) -> None:
        """Remove an object; a key that is not there is no error."""
        self._require_root()
        path = self._path(key)
        with self._locked(), os_errors(self._said(key)):
            try:
                path.unlink()
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                return
            _sync_folder(path.parent)

    def _place(self, key: str, body: bytes | Path, allowed: Callable[[str | None], bool]) -> str:
        """Write beside the target, then put it in its place while the version that is there is allowed."""
        self._require_root()
        path = self._path(key)
        with os_errors(self._said(key)):
            path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.parent / f".{secrets.token_hex(8)}.part"
        try:
            with new_file(draft) as file:
                write_blocks(_blocks(body, self._said(key)), file, what=self._said(key))
                with os_errors(self._said(key)):
                    os.fsync(file.fileno())
            with self._locked(), os_errors(self._said(key)):
                present = _stat_or_none(path)
                if not allowed(_version(present) if present else None):
                    raise PointerMoved(f"{self._said(key)} was written by somebody else", "read it again")
                if present:
                    _date_after(draft, present)
                placed = _version(draft.stat())
                draft.replace(path)
                _sync_folder(path.parent)
        finally:
            draft.unlink(missing_ok=True)
        return placed

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with os_errors(f"the lock of {self._root}"):
            descriptor = os.open(self._root / _LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # flock and not lockf: its owner is this descriptor, so that threads exclude each other too.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def _opened(self, key: str) -> Iterator[tuple[int, os.stat_result]]:
        self._require_root()
        with os_errors(self._said(key)):
            # Without O_NONBLOCK a named pipe would hold its reader for ever.
            descriptor = os.open(self._path(key), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise ObjectMissing(f"{self._said(key)} is no regular file")
            yield descriptor, found
        finally:
            os.close(descriptor)

    def _path(self, key: str) -> Path:
        """Return where a key lies, links followed; refuse what lies outside."""
        parts = key.split("/")
        if "\0" in key or any(part in {"", ".", ".."} for part in parts):
            raise AccessDenied(f"{key!r} is no key of {self.name}", "keys are relative paths without . or ..")
        try:
            path = self._root.joinpath(*parts).resolve()
        except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
            raise ObjectMissing(f"{self._said(key)}: {error}") from error
        if not path.is_relative_to(self._root):
            raise AccessDenied(f"{self._said(key)} leads out of the folder", "copy the file instead of linking it")
        return path

    def _walk(self, folder: Path, prefix: str, after: str, *, is_start: bool = False) -> Iterator[StoredObject]:
        try:
            with os.scandir(folder) as entries:
                visible = [entry for entry in entries if not entry.name.startswith(".")]
        except OSError as error:
            if is_start:
                raise from_os_error(error, self._said(prefix)) from error
            _log.warning("folder_unreadable", folder=folder, reason=error.strerror)
            return
        # With the slash a folder sorts among its siblings just where its keys do.
        for entry in sorted(visible, key=lambda entry: f"{entry.name}/" if _is_folder(entry) else entry.name):
            key = f"{prefix}{entry.name}"
            if _is_folder(entry):
                # All keys of a folder before the one behind which to begin lie before it too.
                if f"{key}/" > after or after.startswith(f"{key}/"):
                    yield from self._walk(Path(entry.path), f"{key}/", after)
            elif key > after and (found := self._listed(key)) is not None:
                yield found

    def _listed(self, key: str) -> StoredObject | None:
        try:
            key.encode()
            found = self._path(key).stat()
        except UnicodeEncodeError:
            _log.warning("name_not_utf8", key=ascii(key))
            return None
        except (OSError, AccessDenied, ObjectMissing) as error:
            _log.warning("object_left_out", key=key, reason=error)
            return None
        return _facts(key, found) if stat.S_ISREG(found.st_mode) else None

    def _require_root(self) -> None:
        if not self._root.is_dir():
            raise SourceNotFound(f"the folder {self._root} does not exist", "check the path, or mount its disk")

    def _read(self, key: str, descriptor: int) -> Iterator[bytes]:
        with os_errors(self._said(key)):
            yield from blocks_of(descriptor)

    def _said(self, key: str) -> str:
        return f"{key or '.'} in {self._root}"

    def _changed(self, key: str) -> ObjectChanged:
        return ObjectChanged(f"{self._said(key)} was written meanwhile", "its new version is a job of its own")


def _version(found: os.stat_result) -> str:
    return f"{found.st_size}-{found.st_mtime_ns}"


def _facts(key: str, found: os.stat_result) -> StoredObject:
    modified = datetime.fromtimestamp(found.st_mtime, tz=UTC)
    return StoredObject(key=key, size_bytes=found.st_size, version=_version(found), modified_at=modified)


def _stat_or_none(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _date_after(draft: Path, present: os.stat_result) -> None:
    """Make sure that versions differ: two writes in one tick of the kernel's clock have the same time."""
    if draft.stat().st_mtime_ns <= present.st_mtime_ns:
        os.utime(draft, ns=(present.st_mtime_ns + 1, present.st_mtime_ns + 1))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False)


def _blocks(body: bytes | Path, what: str) -> Iterator[bytes]:
    if isinstance(body, bytes):
        yield body
        return
    with os_errors(f"{body}, to be written as {what}"), body.open("rb") as file:
        yield from blocks_of(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""A new file that is whole or not there: blocks in, hashed on the way, removed when anything fails."""

import errno
import hashlib
import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from audiofeat.errors import AccessDenied, AudiofeatError, DiskFull, ObjectMissing, ObjectTooLarge, StoreUnavailable

BLOCK_BYTES = 1 << 20
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}
_NOT_THERE = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO}


def from_os_error(error: OSError, what: str) -> AudiofeatError:
    """Return the audiofeat error that says what the operating system meant."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    if error.errno in _NO_SPACE:
        return DiskFull(f"no space for {what}: {reason}", "free some space; the job is tried again")
    if error.errno in _NOT_ALLOWED:
        return AccessDenied(f"{what}: {reason}", "check the owner and the permissions")
    if error.errno in _NOT_THERE:
        return ObjectMissing(f"{what}: {reason}")
    return StoreUnavailable(f"{what}: {reason}")


@contextmanager
def os_errors(what: str) -> Iterator[None]:
    """Translate the operating system's errors inside the block."""
    try:
        yield
    except OSError as error:
        raise from_os_error(error, what) from error


def refuse_beyond(max_bytes: int | None, size_bytes: int, what: str) -> None:
    """Raise ObjectTooLarge where there is a limit and the size is above it."""
    if max_bytes is not None and size_bytes > max_bytes:
        raise ObjectTooLarge(
            f"{what} has at least {size_bytes:,} bytes, allowed are {max_bytes:,}",
            "raise AUDIOFEAT_MAX_OBJECT_BYTES if it should be analysed",
        )


@contextmanager
def new_file(path: Path) -> Iterator[io.FileIO]:
    """Yield a new, private file that is closed at the end, and removed where the block ends by any exception.

    Raises
    ------
    FileExistsError
        If the path is taken; what is there stays.
    DiskFull, AccessDenied, ObjectMissing
        If it cannot be made.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise
    except OSError as error:
        raise from_os_error(error, f"the new file {path}") from error
    try:
        with io.FileIO(descriptor, "wb") as file:
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def write_blocks(
    blocks: Iterable[bytes], file: io.FileIO, *, what: str, max_bytes: int | None = None
) -> tuple[int, str]:
    """Write blocks as they come and return how many bytes they had and their sha256.

    Raises
    ------
    ObjectTooLarge
        As soon as more than ``max_bytes`` have come.
    DiskFull
        If they find no space.
    """
    digest, size = hashlib.sha256(), 0
    for block in blocks:
        size += len(block)
        refuse_beyond(max_bytes, size, what)
        digest.update(block)
        with os_errors(f"the local copy of {what}"):
            rest = memoryview(block)
            while rest:  # a nearly full disk takes a part of a block
                rest = rest[file.write(rest) :]
    return size, digest.hexdigest()


def blocks_of(descriptor: int) -> Iterator[bytes]:
    """Yield an open file's content from its position to its end."""
    while block := os.read(descriptor, BLOCK_BYTES):
        yield block

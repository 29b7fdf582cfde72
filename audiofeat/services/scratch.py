"""Private folders for work in progress, and the end of those whose worker was killed."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audiofeat.errors import DiskFull
from audiofeat.ports import LEAST_FREE_BYTES

_PREFIX = "ingest-"
# A folder is locked a moment after it is made.
_TOO_YOUNG_S = 30.0


@contextmanager
def private_folder(scratch: Path) -> Iterator[Path]:
    """Make a folder that only this user can enter, locked while its process lives, and remove it in the end."""
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=scratch) as folder:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield Path(folder)
        finally:
            os.close(lock)


def sweep(scratch: Path) -> int:
    """Remove the folders that killed processes of this host have left; return how many."""
    return sum(_sweep(left) for left in scratch.glob(f"{_PREFIX}*"))


def _sweep(folder: Path) -> bool:
    try:
        if time.time() - folder.stat().st_mtime < _TOO_YOUNG_S:
            return False
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        shutil.rmtree(folder, ignore_errors=True)
        return True
    finally:
        os.close(lock)


def require_space(folder: Path) -> None:
    """Raise DiskFull where so little is left that work could not be brought to its end."""
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < LEAST_FREE_BYTES:
        raise DiskFull(
            f"{free_bytes >> 20} MB are left under {folder}, {LEAST_FREE_BYTES >> 20} are needed",
            "free some or set AUDIOFEAT_HOME; what is done stays done, and work goes on by itself",
        )

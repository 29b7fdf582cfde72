"""Private folders for work in progress, and the end of those whose worker was killed."""

import fcntl
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from audiofeat.errors import DiskFull
from audiofeat.ports import LEAST_FREE_BYTES

_PREFIX = "ingest-"
# A folder has its final name once it is locked: unlocked under that name, its process has died.
_UNLOCKED_PREFIX = "new-"
_TOO_YOUNG_S = 30.0


@contextmanager
def private_folder(scratch: Path, token: str | None = None) -> Iterator[Path]:
    """Make a folder that only this user can enter, locked while its process lives, and remove it in the end.

    It is named after the token of the claim that is worked on in it, or will be as soon as there is one, so that
    whoever finds it abandoned knows what was lost.
    """
    name = token or secrets.token_hex(8)
    unlocked = Path(tempfile.mkdtemp(prefix=_UNLOCKED_PREFIX, dir=scratch))
    lock = os.open(unlocked, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = unlocked.rename(scratch / f"{_PREFIX}{name}")
        try:
            yield folder
        finally:
            shutil.rmtree(folder)
    finally:
        os.close(lock)


def sweep(scratch: Path, *, lose: Callable[[str], object]) -> int:
    """Remove the folders that killed processes of this host have left; return how many.

    Parameters
    ----------
    lose : callable
        Told the name of each, the token of the claim that was worked on in it, before it is removed.
    """
    oldest = time.time() - _TOO_YOUNG_S
    swept = sum(_sweep(left, lose) for left in scratch.glob(f"{_PREFIX}*"))
    return swept + sum(_sweep(left, lose) for left in scratch.glob(f"{_UNLOCKED_PREFIX}*") if _made(left) < oldest)


def _made(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _sweep(folder: Path, lose: Callable[[str], object]) -> bool:
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        if folder.name.startswith(_PREFIX):
            lose(folder.name.removeprefix(_PREFIX))
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

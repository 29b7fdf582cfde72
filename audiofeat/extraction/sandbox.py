"""What a child may use: its own session, bounded memory, no core dump, no environment or network, an end."""

import ctypes
import os
import resource
import signal
from pathlib import Path

from audiofeat.extraction.seccomp import refuse_calls

_PR_SET_PDEATHSIG = 1
_M_MMAP_THRESHOLD = -3
_LARGE_BYTES = 1 << 19
_PAGE_BYTES = resource.getpagesize()
EXTRA_MEMORY_BYTES = 2 << 30
_OPEN_FILES = 64
# Opened once: a child is short of milliseconds.
_LIBC = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent_pid: int) -> None:
    """Ask the kernel to kill this process when the thread that started it ends."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(1)


def confine(*, extra_memory_bytes: int | None = None) -> None:
    """Limit this process before it reads a single untrusted byte."""
    os.setsid()
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(name, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))
    extra = EXTRA_MEMORY_BYTES if extra_memory_bytes is None else extra_memory_bytes
    memory_bytes = _address_space_bytes() + extra
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    os.environ.clear()
    # Where the system has no filter, `audiofeat doctor` says so; the other limits hold all the same.
    refuse_calls()


def limit_cpu(seconds: float) -> None:
    """Let the kernel kill this process once it has used that much CPU time."""
    whole = int(seconds) + 1
    # SIGXCPU at the soft limit tells a deadline from other ends.
    resource.setrlimit(resource.RLIMIT_CPU, (whole, whole + 5))


def give_memory_back() -> None:
    """Return what the allocator holds to the system, and from now on each large array as soon as it is freed.

    Between the pass over a file and its results: blocks profit from memory that is kept, curves of hours do not.
    """
    _LIBC.mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
    _LIBC.malloc_trim(0)


def _address_space_bytes() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * _PAGE_BYTES

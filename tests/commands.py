"""What the end-to-end tests share: where the samples are, the ``audiofeat`` fixture's type, and its processes."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

Run = Callable[..., subprocess.CompletedProcess[str]]
SAMPLES = Path(__file__).parents[1] / "samples"


def wait_until(condition: Callable[[], bool], timeout_s: float = 120) -> None:
    """Wait for a condition; fail where it does not come true."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.05)


def quickest_s(act: Callable[[], object], enough_s: float) -> float:
    """Return how long something takes; at best of three where that is not enough, since others run beside it."""
    best_s = float("inf")
    for _ in range(3):
        began = time.monotonic()
        act()
        best_s = min(best_s, time.monotonic() - began)
        if best_s < enough_s:
            break
    return best_s


def processes_of(home: Path, word: str = "") -> list[int]:
    """Return the pids of processes that were started for a home, or beside it, and have a word in their command line.

    The extraction server has next to no environment: it is known by its working folder.
    """
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            beside = (folder / "cwd").readlink() == home.parent
        except OSError:
            continue
        ours = beside or f"AUDIOFEAT_HOME={home}".encode() in environment or str(home) in command
        if ours and word in command and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found


def kill(pids: list[int]) -> None:
    """Kill -9, one after the other."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue

"""Read untrusted bytes in a process of its own, so that what they cost is bounded and the worker goes on."""

import json
import os
import select
import signal
import time
from collections.abc import Callable
from typing import Any

from audiofeat.extraction.sandbox import confine, die_with_parent, limit_cpu

_CHUNK_BYTES = 64 * 1024
_MOST_BYTES = 16 << 20
_MOST_DESCRIPTORS = 65_536


class Unfinished(Exception):
    """Nothing came of it: an error, or a limit that it ran into."""


def confined(read: Callable[[], object], *, extra_memory_bytes: int, cpu_s: float, deadline_s: float) -> Any:  # noqa: ANN401  JSON
    """Return what ``read`` returns, as JSON has it, from a fork of this process.

    Parameters
    ----------
    read : callable
        Uses nothing that another thread may hold, such as a log.
    extra_memory_bytes : int
        Beyond what this process has.

    Raises
    ------
    Unfinished
    """
    receiving, sending = os.pipe()
    parent_pid, pid = os.getpid(), os.fork()
    if pid == 0:
        _answer(read, sending, parent_pid, extra_memory_bytes, cpu_s)
    os.close(sending)
    try:
        content = _received(receiving, time.monotonic() + deadline_s)
    finally:
        os.close(receiving)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    try:
        answer = json.loads(content)
    except ValueError:
        raise Unfinished("a limit") from None
    if "error" in answer:
        raise Unfinished(answer["error"])
    return answer["result"]


def _answer(read: Callable[[], object], sending: int, parent_pid: int, extra_memory_bytes: int, cpu_s: float) -> None:
    """Do the work of the child, and end it."""
    try:
        die_with_parent(parent_pid)
        # What this process would keep open would not end elsewhere.
        os.closerange(3, sending)
        os.closerange(sending + 1, _MOST_DESCRIPTORS)
        confine(extra_memory_bytes=extra_memory_bytes)
        limit_cpu(cpu_s)
        content = json.dumps({"result": read()}).encode()
    except BaseException as error:  # noqa: BLE001  whatever it is, this process ends here
        content = json.dumps({"error": type(error).__name__}).encode()
    try:
        while content:
            content = content[os.write(sending, content) :]
    finally:
        os._exit(0)


def _received(receiving: int, deadline: float) -> bytes:
    """Return all that comes until the other end is closed; what takes too long, or is too much, is cut off."""
    waiting, content = select.poll(), b""
    waiting.register(receiving, select.POLLIN)
    while len(content) <= _MOST_BYTES and waiting.poll(max(0.0, deadline - time.monotonic()) * 1000):
        chunk = os.read(receiving, _CHUNK_BYTES)
        if not chunk:
            return content
        content += chunk
    return b""

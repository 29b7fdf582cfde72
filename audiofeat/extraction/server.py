"""The fork server: ``python -m audiofeat.extraction.server``, one JSON line in, one JSON line out, a child per file.

It preloads the libraries once and forks for each file, so that a child starts in milliseconds and a crash in
native code kills that child only. It ends when its stdin closes, and its child with it.

Where its stdin is a socket it serves nobody itself: for each socket that comes through it, it forks a server that does,
with everything loaded.

A server says ``{"ready": true}`` once. A request is ``{"path", "source", "max_duration_s"}``; an answer
``{"record", "timings", "peak_rss_bytes"}`` or ``{"crash": {"code", "message", "signal", "stage"}}``. With
``"picture": true`` there is a ``picture`` to draw, too; with ``"groups"`` the record holds those alone;
``"heads"`` take the place of shipped ones, ``"plugins"`` are run as well.
"""

import json
import os
import resource
import select
import signal
import socket
import stat
import sys
from pathlib import Path
from time import monotonic
from typing import Any

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"))

from audiofeat.audio.probe import Probe
from audiofeat.codes import ErrorCode
from audiofeat.domain.registry import GROUP_VERSIONS
from audiofeat.extraction import sandbox
from audiofeat.extraction.analyse import analyse
from audiofeat.extraction.record import extractor
from audiofeat.extraction.rehearsal import rehearse
from audiofeat.features.picture import Picture

_PROBE_DEADLINE_S = 10.0
_DEADLINE_PER_AUDIO_S = 0.2
_READ_BYTES = 1 << 16
_SLOW_DISK_BYTES_PER_S = 20e6

Answer = dict[str, Any]


def deadline_s(duration_s: float) -> float:
    """Return the wall time that a file of this duration may take."""
    return _PROBE_DEADLINE_S + _DEADLINE_PER_AUDIO_S * duration_s


def _hashing_s(path: Path) -> float:
    """Return the time that reading a file once may take, on a slow disk."""
    try:
        return path.stat().st_size / _SLOW_DISK_BYTES_PER_S
    except OSError:
        return 0.0


def serve(requests: int, answers: int) -> None:
    """Answer requests, one at a time, until the other side closes."""
    pending = b""
    while chunk := os.read(requests, _READ_BYTES):
        *lines, pending = (pending + chunk).split(b"\n")
        for line in lines:
            answer = _in_child(json.loads(line), requests)
            if answer is None:
                return
            _send(answers, answer)


def _in_child(request: Answer, requests: int) -> Answer | None:
    """Fork, and wait for the child's answer, its end, its deadline or the end of the client (None)."""
    reading, writing = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if not child:
        os.close(reading)
        _work(request, writing, parent)
    os.close(writing)
    try:
        return _await(child, reading, requests, request)
    finally:
        os.close(reading)


def _work(request: Answer, writing: int, parent: int) -> None:
    """Be the child: confine, analyse, answer, and leave without running anybody's exit handlers."""
    try:
        sandbox.die_with_parent(parent)
        sandbox.confine()

        def on_probe(facts: Probe) -> None:
            limit = deadline_s(facts.declared_s or request["max_duration_s"])
            sandbox.limit_cpu(limit)
            _send(writing, {"deadline_s": limit})

        picture = Picture() if request.get("picture") else None
        record, timings = analyse(
            Path(request["path"]),
            source=request["source"],
            max_duration_s=request["max_duration_s"],
            wanted=request.get("groups") or (*GROUP_VERSIONS, *request.get("plugins", ())),
            heads=request.get("heads"),
            plugins=request.get("plugins"),
            on_probe=on_probe,
            on_frames=picture.push if picture else None,
        )
        peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        answer = {"record": record, "timings": timings, "peak_rss_bytes": peak_bytes}
        _send(writing, answer | ({"picture": picture.drawn()} if picture else {}))
    except MemoryError:
        _send(writing, _crash(ErrorCode.EXTRACTION_MEMORY, "the child ran out of its memory limit"))
    except BaseException as error:  # noqa: BLE001  whatever it is, it costs this child only
        _send(writing, _crash(ErrorCode.EXTRACTION_FAILED, f"{type(error).__name__}: {error}"))
    finally:
        os._exit(0)


def _await(child: int, reading: int, requests: int, request: Answer) -> Answer | None:
    started, limit = monotonic(), _PROBE_DEADLINE_S + _hashing_s(Path(request["path"]))
    received, stage = b"", "probe"
    poll = select.poll()
    poll.register(reading, select.POLLIN | select.POLLHUP)
    poll.register(requests, select.POLLHUP)
    while True:
        left_s = started + limit - monotonic()
        events = dict(poll.poll(max(0, left_s * 1000))) if left_s > 0 else {}
        if requests in events or not events:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            if requests in events:
                return None
            return _crash(ErrorCode.EXTRACTION_DEADLINE, f"the child was killed after {limit:.0f} s", stage=stage)
        chunk = os.read(reading, _READ_BYTES)
        if not chunk:
            return _ended(child, received, stage)
        received += chunk
        if b"\n" in received and received.startswith(b'{"deadline_s"'):
            first, received = received.split(b"\n", 1)
            stage = "analysis"
            limit += min(json.loads(first)["deadline_s"], deadline_s(request["max_duration_s"]))


def _ended(child: int, received: bytes, stage: str) -> Answer:
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        cpu = number == signal.SIGXCPU
        code = ErrorCode.EXTRACTION_DEADLINE if cpu else ErrorCode.EXTRACTION_SIGNAL
        name = signal.Signals(number).name
        return _crash(code, f"the child died by {name}", number, stage=stage)
    if not received.endswith(b"\n"):
        return _crash(ErrorCode.EXTRACTION_FAILED, "the child ended without an answer", stage=stage)
    whole: Answer = json.loads(received)
    if "crash" in whole:
        whole["crash"]["stage"] = stage
    return whole


def _crash(code: ErrorCode, message: str, number: int | None = None, *, stage: str | None = None) -> Answer:
    return {"crash": {"code": code.value, "message": message, "signal": number, "stage": stage}}


def _send(descriptor: int, answer: Answer) -> None:
    view = memoryview(json.dumps(answer, allow_nan=False).encode() + b"\n")
    while view:
        view = view[os.write(descriptor, view) :]


def fork_servers(clients: socket.socket) -> None:
    """Fork a server for each socket that comes in, until nobody is left who could send one."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    parent = os.getpid()
    while True:
        _, sent, *_ = socket.recv_fds(clients, 1, 1)
        if not sent:
            return
        (client,) = sent
        if not os.fork():
            sandbox.die_with_parent(parent)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            clients.close()
            _send(client, {"ready": True})
            serve(client, client)
            os._exit(0)
        os.close(client)


def main() -> None:
    """Serve on stdin and a private copy of stdout, or fork servers for the clients of a socket that is stdin.

    What native libraries print goes to stderr.
    """
    if len(sys.argv) > 1:
        sandbox.die_with_parent(int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.dup(1)
    os.dup2(2, 1)
    # Once for all children.
    extractor()
    rehearse()
    if stat.S_ISSOCK(os.fstat(0).st_mode):
        fork_servers(socket.socket(fileno=0))
        return
    _send(answers, {"ready": True})
    serve(0, answers)


if __name__ == "__main__":
    main()

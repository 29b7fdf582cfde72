"""The extraction server: the same answer everywhere, and an end for every child, whatever happens around it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import soundfile

from audiofeat.codes import ErrorCode
from audiofeat.errors import ExtractionCrashed, HostFault
from audiofeat.extraction.client import ExtractionServer, Nursery
from audiofeat.features.frames import RATE_HZ
from tests.synthesis import noise, song, write

PATIENCE_S = 10.0

Value = TypeVar("Value")


@pytest.fixture(scope="module")
def server() -> Iterator[ExtractionServer]:
    """One server for all: whatever a test does to it, it serves the next."""
    with ExtractionServer() as running:
        yield running


@pytest.fixture(scope="module")
def tune(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("sound") / "tune", np.column_stack((song(8.0), 0.7 * song(8.0))), form="mp3")


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half an hour at 44.1 kHz: seconds of work."""
    return _write_minutes(tmp_path_factory.mktemp("sound") / "long", minutes=30, rate_hz=44_100)


def _write_minutes(path: Path, *, minutes: int, rate_hz: int) -> Path:
    minute = np.column_stack((noise(60, rate_hz=rate_hz), noise(60, rate_hz=rate_hz, seed=2)))
    with soundfile.SoundFile(path, "w", rate_hz, 2, format="WAV", subtype="PCM_16") as file:
        for _ in range(minutes):
            file.write(minute)
    return path


def server_pid(server: ExtractionServer) -> int:
    assert server._process is not None
    return server._process.pid


def children(pid: int) -> list[int]:
    """Return the living children of a process."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def alive(pid: int) -> bool:
    """Tell whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(condition: Callable[[], Value]) -> Value:
    """Wait for something to be true, and return it."""
    end = time.monotonic() + PATIENCE_S
    while not (value := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)
    return value


def started_child(pid: int) -> int:
    return until(lambda: children(pid))[0]


def extract_aside(server: ExtractionServer, path: Path) -> tuple[threading.Thread, list[BaseException | object]]:
    """Extract in another thread; what it returned or raised is put into the list."""
    outcome: list[BaseException | object] = []

    def work() -> None:
        try:
            outcome.append(server.extract(path, source="a"))
        except ExtractionCrashed as error:
            outcome.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    return thread, outcome


def answers_of(program: str, *paths: Path) -> list[dict[str, Any]]:
    """Ask a server with other limits, one file after the other."""
    server = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert server.stdin is not None
    assert server.stdout is not None
    assert json.loads(server.stdout.readline()) == {"ready": True}
    answers = []
    for path in paths:
        request = {"path": str(path), "source": "a", "max_duration_s": 600}
        server.stdin.write(json.dumps(request).encode() + b"\n")
        server.stdin.flush()
        answers.append(json.loads(server.stdout.readline()))
    server.stdin.close()
    server.stdout.close()
    assert server.wait(PATIENCE_S) == 0
    return answers


class TestAnswers:
    def test_two_servers_and_any_thread_count_give_the_same_bytes(
        self, tune: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Features and reasons are equal to the last byte of JSON."""
        answers = set()
        for threads in ("1", "2"):
            monkeypatch.setattr("audiofeat.extraction.client._ENVIRONMENT", ("PATH", "OMP_NUM_THREADS"))
            monkeypatch.setenv("OMP_NUM_THREADS", threads)
            with ExtractionServer() as server:
                record = server.extract(tune, source="a").record
                answers.add(json.dumps([record["features"], record["reasons"], record["flags"]]))
        assert len(answers) == 1

    def test_what_an_extraction_tells(self, server: ExtractionServer, tune: Path) -> None:
        """A record, the time of every stage, and a peak of memory."""
        extraction = server.extract(tune, source="the tune")
        assert extraction.record["source"] == "the tune"
        assert extraction.record["status"] == "ok"
        assert {"pass", "rhythm", "descriptor"} <= set(extraction.timings)
        assert 50e6 < extraction.peak_rss_bytes < 350e6

    def test_a_file_that_is_not_there_costs_one_answer(self, server: ExtractionServer, tune: Path) -> None:
        """The child fails and says so; the next file is served by the same server."""
        pid = until(lambda: server.start() and server_pid(server))
        with pytest.raises(ExtractionCrashed) as caught:
            server.extract(tune.with_name("no such file"), source="a")
        assert caught.value.code is ErrorCode.EXTRACTION_FAILED
        assert server.extract(tune, source="a").record["status"] == "ok"
        assert server_pid(server) == pid

    def test_a_small_file_costs_little(self, server: ExtractionServer, tmp_path: Path) -> None:
        """Forking, confining and answering take under a fifth of a second for half a second of sound."""
        path = write(tmp_path / "a", noise(0.5))
        server.extract(path, source="a")
        spent_s = []
        for _ in range(5):
            started = time.monotonic()
            server.extract(path, source="a")
            spent_s.append(time.monotonic() - started)
        print(f"{1000 * min(spent_s):.0f} ms a small file")
        assert min(spent_s) < 0.2

    def test_twenty_minutes_stay_within_350_megabytes(self, server: ExtractionServer, tmp_path: Path) -> None:
        """Libraries included; the sound itself would fill 106 MB as floats."""
        path = tmp_path / "a"
        with soundfile.SoundFile(path, "w", RATE_HZ, 1, format="WAV", subtype="PCM_16") as file:
            for number in range(20):
                file.write(noise(60, seed=number))
        peak_bytes = server.extract(path, source="a").peak_rss_bytes
        print(f"peak of 20 minutes: {peak_bytes / 1e6:.0f} MB")
        assert peak_bytes < 350e6


def test_the_rehearsal_reads_every_model_and_leaves_nothing_open() -> None:
    """A child finds every model and table that the groups keep in memory; nothing stays open."""
    program = """
import gc, json, os
from functools import _lru_cache_wrapper
from audiofeat.extraction.rehearsal import rehearse
before = len(os.listdir("/proc/self/fd"))
rehearse()
cached = [f for f in gc.get_objects() if isinstance(f, _lru_cache_wrapper)]
caches = [f for f in cached if f.__module__.startswith("audiofeat.features")]
cold = [f"{f.__module__}.{f.__name__}" for f in caches if not f.cache_info().currsize]
print(json.dumps([len(caches), cold, len(os.listdir("/proc/self/fd")) - before]))
"""
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    caches, cold, opened = json.loads(ran.stdout)
    assert caches > 10
    assert cold == []
    assert opened == 0


def test_what_is_heavy_stays_out_of_the_child() -> None:
    """Each of these costs every child tens of megabytes and the server half a second; no group needs one."""
    program = "import sys, audiofeat.extraction.server as server; server.rehearse(); print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    heavy = {"scipy.signal", "scipy.stats", "scipy.sparse", "librosa", "numba", "onnxruntime"}
    assert heavy.isdisjoint(ran.stdout.split())


class TestCrashes:
    def test_a_child_that_dies_by_signal(self, server: ExtractionServer, long: Path, tune: Path) -> None:
        """A crash in native code costs that file only, and says which signal it was."""
        server.start()
        pid = server_pid(server)
        thread, outcome = extract_aside(server, long)
        os.kill(started_child(pid), signal.SIGSEGV)
        thread.join(PATIENCE_S)
        assert isinstance(outcome[0], ExtractionCrashed)
        assert outcome[0].code is ErrorCode.EXTRACTION_SIGNAL
        assert "SIGSEGV" in str(outcome[0])
        assert server.extract(tune, source="a").record["status"] == "ok"
        assert server_pid(server) == pid

    def test_a_server_that_is_killed_at_work(self, server: ExtractionServer, long: Path, tune: Path) -> None:
        """The file at hand fails, its child dies too, and the next file gets a new server."""
        server.start()
        pid = server_pid(server)
        thread, outcome = extract_aside(server, long)
        child = started_child(pid)
        os.kill(pid, signal.SIGKILL)
        thread.join(PATIENCE_S)
        assert isinstance(outcome[0], ExtractionCrashed)
        assert outcome[0].code is ErrorCode.EXTRACTION_FAILED
        until(lambda: not alive(child))
        assert server.extract(tune, source="a").record["status"] == "ok"
        assert server_pid(server) != pid

    def test_a_server_that_is_killed_at_rest(self, server: ExtractionServer, tune: Path) -> None:
        """Nobody notices."""
        server.extract(tune, source="a")
        os.kill(server_pid(server), signal.SIGKILL)
        until(lambda: not alive(server_pid(server)))
        assert server.extract(tune, source="a").record["status"] == "ok"

    def test_a_server_that_is_killed_while_it_is_asked(self, server: ExtractionServer, tune: Path) -> None:
        """A request that no longer fits into the pipe is a crash like any other."""
        server.extract(tune, source="a")
        pid = server_pid(server)
        os.kill(pid, signal.SIGSTOP)
        threading.Timer(0.2, os.kill, (pid, signal.SIGKILL)).start()
        with pytest.raises(ExtractionCrashed):
            server.extract(tune, source="long name " * 50_000)
        assert server.extract(tune, source="a").record["status"] == "ok"

    def test_a_server_that_cannot_start_blames_the_host(
        self, server: ExtractionServer, tune: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """No crash is counted for the file: it was never looked at."""
        server.stop()
        monkeypatch.setattr(sys, "executable", "/bin/false")
        with pytest.raises(HostFault, match="does not start"):
            server.extract(tune, source="a")
        monkeypatch.undo()
        assert server.extract(tune, source="a").record["status"] == "ok"

    def test_a_hang_ends_at_the_deadline(self, tmp_path: Path) -> None:
        """A child that waits for ever on a pipe is killed, and the server goes on."""
        pipe, sound = tmp_path / "pipe", write(tmp_path / "a", noise(1.0))
        os.mkfifo(pipe)
        program = "from audiofeat.extraction import server; server._PROBE_DEADLINE_S = 0.5; server.main()"
        first, second = answers_of(program, pipe, sound)
        assert first["crash"]["code"] == ErrorCode.EXTRACTION_DEADLINE
        assert second["record"]["status"] == "degraded"

    def test_a_child_that_wants_too_much_memory(self, tmp_path: Path) -> None:
        """The limit on its address space turns a memory hunger into an answer."""
        program = (
            "from audiofeat.extraction import sandbox, server; sandbox.EXTRA_MEMORY_BYTES = 1 << 20; server.main()"
        )
        path = _write_minutes(tmp_path / "a", minutes=1, rate_hz=44_100)
        (answer,) = answers_of(program, path)
        assert answer["crash"]["code"] == ErrorCode.EXTRACTION_MEMORY


class TestEnds:
    def test_closing_its_input_ends_server_and_child(self, long: Path) -> None:
        """Nothing outlives the client's interest, not even a file half done."""
        server = ExtractionServer().start()
        process = server._process
        assert process is not None
        assert process.stdin is not None
        request = {"path": str(long), "source": "a", "max_duration_s": 7_200}
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.flush()
        child = started_child(process.pid)
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 0
        until(lambda: not alive(child))

    def test_a_killed_client_leaves_nothing(self, long: Path) -> None:
        """Kill -9 of the client ends its server and the child at work."""
        program = (
            "import sys; from pathlib import Path; from audiofeat.extraction.client import ExtractionServer\n"
            "server = ExtractionServer().start(); print(server._process.pid, flush=True)\n"
            "server.extract(Path(sys.argv[1]), source='a')"
        )
        client = subprocess.Popen([sys.executable, "-c", program, str(long)], stdout=subprocess.PIPE, text=True)
        assert client.stdout is not None
        pid = int(client.stdout.readline())
        child = started_child(pid)
        client.kill()
        client.wait()
        client.stdout.close()
        until(lambda: not alive(pid) and not alive(child))

    def test_stopping_twice_is_fine(self, tune: Path) -> None:
        """And a stopped server starts again when it is asked."""
        server = ExtractionServer().start()
        server.stop()
        server.stop()
        assert server.extract(tune, source="a").record["status"] == "ok"
        server.stop()


def test_secrets_of_the_environment_stay_outside(
    server: ExtractionServer, long: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the server nor its child ever held them; the child cannot write a core dump."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-in-the-environment")
    server.stop()
    server.start()
    pid = server_pid(server)
    thread, _ = extract_aside(server, long)
    child = started_child(pid)
    for process in (pid, child):
        assert b"canary" not in Path(f"/proc/{process}/environ").read_bytes()
    core = until(lambda: [line for line in Path(f"/proc/{child}/limits").read_text().splitlines()
                          if line.startswith("Max core file size") and line.split()[4] == "0"])  # fmt: skip
    assert core
    os.kill(child, signal.SIGKILL)
    thread.join(PATIENCE_S)


def test_a_child_that_was_taken_over_reaches_nothing(tune: Path) -> None:
    """Sockets, programs and other processes' memory are refused to it; files it was given are not."""
    program = (
        "import os, socket, ctypes\n"
        "from audiofeat.extraction import server\n"
        "def tried(attempt):\n"
        "    try: attempt()\n"
        "    except PermissionError: return 'refused'\n"
        "    return 'done'\n"
        "def attach():\n"
        "    libc = ctypes.CDLL(None, use_errno=True)\n"
        "    if libc.ptrace(16, os.getppid(), 0, 0): raise OSError(ctypes.get_errno(), 'ptrace')\n"
        "def taken_over(path, **_):\n"
        "    attempts = {'inet': lambda: socket.socket(), 'unix': lambda: socket.socket(socket.AF_UNIX),\n"
        "                'pair': socket.socketpair, 'exec': lambda: os.execv('/bin/true', ['true']),\n"
        "                'attach': attach, 'read': path.read_bytes}\n"
        "    return {name: tried(attempt) for name, attempt in attempts.items()}, {}\n"
        "server.analyse = taken_over\n"
        "server.main()"
    )
    (answer,) = answers_of(program, tune)
    assert answer["record"] == {
        "inet": "refused", "unix": "refused", "pair": "refused", "exec": "refused", "attach": "refused", "read": "done",
    }  # fmt: skip


def test_a_nursery_gives_each_process_a_server_at_once(tune: Path, server: ExtractionServer) -> None:
    """The same record as from a server of one's own; each forked process has another one, which ends with it."""
    nursery = Nursery()
    with ExtractionServer(nursery=nursery) as ours:
        assert ours.extract(tune, source="tune").record == server.extract(tune, source="tune").record
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            began = time.monotonic()
            theirs = ExtractionServer(nursery=nursery)
            theirs.extract(tune, source="tune")
            os.write(writing, f"{time.monotonic() - began}".encode())
            os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(child, 0)
        assert float(os.read(reading, 100)) < PATIENCE_S
        # Its own, and not that of the child, which was killed.
        until(lambda: len(_children_of(nursery.pid)) == 1)
    until(lambda: not _children_of(nursery.pid))


def test_without_its_nursery_a_server_is_started_anew(tune: Path) -> None:
    """Killed with all it forked: what was under way is a crash, what comes next is served by a server of one's own."""
    nursery = Nursery()
    server = ExtractionServer(nursery=nursery)
    server.extract(tune, source="tune")
    assert server.pid is None
    (forked,) = _children_of(nursery.pid)
    os.kill(nursery.pid, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{forked}").exists())
    assert server.extract(tune, source="tune").record["status"] == "ok"
    assert server.pid is not None
    server.stop()


def _children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

"""The other end of the fork server, for whoever needs files analysed. Imports nothing heavy."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from audiofeat.codes import ErrorCode
from audiofeat.domain.quality import DEFAULT_MAX_DURATION_S
from audiofeat.errors import ExtractionCrashed, HostFault

# Nothing else of the environment reaches native code: it may hold secrets.
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


@dataclass(frozen=True, slots=True)
class Extraction:
    """One file's record, the seconds spent by stage, the child's peak resident memory, and a picture if asked for."""

    record: dict[str, Any]
    timings: dict[str, float]
    peak_rss_bytes: int
    picture: dict[str, Any] | None = None


class Nursery:
    """A process that has loaded everything and forks extraction servers, for a process and those it forks itself.

    Loading takes a second or two; a server that is forked is there at once. Start it from a thread that lives as long
    as it is needed: it dies with that thread.
    """

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = _start(stdin=theirs.fileno(), stdout=subprocess.DEVNULL)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def connect(self) -> socket.socket | None:
        """Return the way to a new server, which ends when this is closed; None where the nursery has ended."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(self._control, [b"+"], [theirs.fileno()])
            except OSError:
                ours.close()
                return None
        return ours


class ExtractionServer:
    """A fork server of our own, started when first needed; one file at a time.

    Start it from a thread that lives as long as it is needed: it dies with that thread.

    Parameters
    ----------
    max_duration_s : float
        Longer audio is rejected.
    nursery : Nursery, optional
        Forks the server, instead of a program that loads everything anew.
    """

    def __init__(self, *, max_duration_s: float = DEFAULT_MAX_DURATION_S, nursery: Nursery | None = None) -> None:
        self._max_duration_s = max_duration_s
        self._nursery = nursery
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._pipes: tuple[IO[bytes], IO[bytes]] | None = None
        self._owner_pid = 0
        self._is_ready = False

    def start(self) -> Self:
        """Start the server now, where it does not run yet."""
        if self._pipes is not None and self._owner_pid == os.getpid() and self._runs():
            return self
        self._owner_pid = os.getpid()
        self._is_ready = False
        self._process = None
        self._socket = self._nursery.connect() if self._nursery else None
        if self._socket:
            self._pipes = self._socket.makefile("wb"), self._socket.makefile("rb")
            return self
        self._process = _start(stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self._process.stdin is None or self._process.stdout is None:
            raise AssertionError("both pipes were asked for")
        self._pipes = self._process.stdin, self._process.stdout
        return self

    def _runs(self) -> bool:
        if self._socket is None:
            return self._process is not None and self._process.poll() is None
        try:
            return bool(self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except BlockingIOError:
            return True
        except OSError:
            return False

    @property
    def pid(self) -> int | None:
        """Process id of the running server; None where none was started, or a nursery's child."""
        return self._process.pid if self._process else None

    def extract(
        self,
        path: Path,
        *,
        source: str,
        groups: Collection[str] = (),
        heads: Mapping[str, Any] | None = None,
        plugins: Mapping[str, Any] | None = None,
        picture: bool = False,
    ) -> Extraction:
        """Return what a killable child made of a local file.

        Parameters
        ----------
        path : Path
            Its name means nothing.
        source : str
            What the record calls it.
        groups : collection of str
            The feature groups that are wanted; empty for all.
        heads : mapping, optional
            By group: the version that a catalogue knows it by, and the head to use in place of the shipped one.
        plugins : mapping, optional
            By group: models of others to run as well.
        picture : bool
            Whether to add what a figure is drawn from.

        Raises
        ------
        ExtractionCrashed
            The child died by signal, deadline or memory, or the server itself was killed.
        HostFault
            The server cannot be started: that says nothing of the file.
        """
        self.start()
        if self._pipes is None:
            raise AssertionError("start() leaves both pipes")
        requests, answers = self._pipes
        request = {
            "path": str(path.absolute()),
            "source": source,
            "max_duration_s": self._max_duration_s,
            "groups": sorted(groups),
            "heads": dict(heads or {}),
            "plugins": dict(plugins or {}),
            "picture": picture,
        }
        try:
            self._await_ready(answers)
            requests.write(json.dumps(request).encode() + b"\n")
            requests.flush()
            line = answers.readline()
        except ConnectionError:
            line = b""
        except BaseException:
            # An answer that nobody waits for would be taken for that of the next file.
            self.stop()
            raise
        if not line.endswith(b"\n"):
            self.stop()
            raise ExtractionCrashed(ErrorCode.EXTRACTION_FAILED, "the extraction server ended without an answer")
        answer = json.loads(line)
        if "crash" in answer:
            crash = answer["crash"]
            number = crash["signal"]
            name = signal.Signals(number).name if number else None
            raise ExtractionCrashed(ErrorCode(crash["code"]), crash["message"], signal=name, stage=crash["stage"])
        return Extraction(**answer)

    def _await_ready(self, answers: IO[bytes]) -> None:
        if not self._is_ready and not answers.readline():
            raise HostFault("the extraction server does not start", "run `audiofeat doctor` on this host")
        self._is_ready = True

    def stop(self) -> None:
        """End the server and any child it has."""
        process, self._process = self._process, None
        way, self._socket = self._socket, None
        pipes, self._pipes = self._pipes, None
        if pipes is None or self._owner_pid != os.getpid():
            return
        for pipe in (*pipes, way):
            if pipe:
                # What was not yet sent to a dead server is sent again by close().
                with suppress(ConnectionError):
                    pipe.close()
        if process is None:
            return
        try:
            process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _start(*, stdin: int, stdout: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "audiofeat.extraction.server", str(os.getpid())],
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.DEVNULL,
        env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
        start_new_session=True,
    )

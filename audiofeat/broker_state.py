"""How a broker is set: what would lose messages or deliver them twice."""

from typing import Any
from urllib.parse import urlsplit, urlunsplit

import kombu
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from audiofeat.domain.machine import BrokerState
from audiofeat.errors import BrokerUnavailable

_TIMEOUT_S = 5
_APPEND = "set appendonly yes, or nothing is left after a restart: the ledger's jobs are then queued again"
_KEEP = "set maxmemory-policy noeviction: a full server must refuse messages, not drop them"
_CONSUMER = (
    "AMQP does not tell consumer_timeout; on RabbitMQ 3.12 or newer it must exceed the longest job, by default 30 min",
    "run `rabbitmqctl eval 'application:get_env(rabbit, consumer_timeout).'`, raise it in rabbitmq.conf if need be",
)


def broker_state(url: str) -> BrokerState:
    """Ask a broker what it is and how it is set.

    Raises
    ------
    BrokerUnavailable
        It does not answer.
    """
    name = _without_password(url)
    try:
        with kombu.Connection(url, connect_timeout=_TIMEOUT_S) as connection:
            connection.ensure_connection(max_retries=1, timeout=_TIMEOUT_S)
            if connection.transport.driver_type == "redis":
                channel: Any = connection.default_channel
                return _redis(name, channel.client)
            facts = connection.connection.server_properties
            product = f"{facts.get('product', 'AMQP')} {facts.get('version', '')}".strip()
            return BrokerState(name, product, (_CONSUMER,))
    except (OperationalError, OSError, RedisError) as error:
        raise BrokerUnavailable(
            f"the broker at {name} does not answer: {error}", "start it, or check AUDIOFEAT_BROKER_URL"
        ) from None


def _redis(name: str, client: Any) -> BrokerState:  # noqa: ANN401  kombu's own client class
    facts = client.info()
    product = f"Valkey {facts['valkey_version']}" if "valkey_version" in facts else f"Redis {facts['redis_version']}"
    found = []
    if not facts.get("aof_enabled"):
        found.append(("messages are not written to disk", _APPEND))
    if facts.get("maxmemory_policy", "noeviction") != "noeviction":
        found.append((f"the eviction policy is {facts['maxmemory_policy']}", _KEEP))
    return BrokerState(name, product, tuple(found))


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url
    return urlunsplit(parts._replace(netloc=f"***@{parts.netloc.rpartition('@')[2]}"))

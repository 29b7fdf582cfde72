"""What a worker says of itself while it runs."""

import os
import signal
import time
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest
from celery import Celery, signals
from celery.worker.state import active_requests, reserved_requests

from audiofeat.bootstrap import Services
from workers import attendance
from workers.attendance import Attendance

LOOKS_TO_BE_SURE = 3


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Return the signals that were sent, instead of sending them."""
    found: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: found.append((pid, number)))
    return found


@pytest.fixture
def depths(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Return how many messages wait in each queue; to be changed."""
    depths = {"cold": 0, "bulk": 0}
    monkeypatch.setattr(attendance, "depth_of", lambda _app, queue: depths[queue])
    return depths


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Return a clock that stands still until ``now`` is changed."""
    clock = SimpleNamespace(now=1_000.0)
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    return clock


@pytest.fixture
def worker(depths: Mapping[str, int], clock: SimpleNamespace) -> Iterator[Attendance]:  # noqa: ARG001  the clock stands still before
    """Return the attendance of a worker with one slot, that began at the clock's present time."""
    app = cast("Celery", SimpleNamespace(conf=SimpleNamespace(worker_soft_shutdown_timeout=25.0)))
    channel = SimpleNamespace(qos=SimpleNamespace(can_consume=lambda: False))
    consumer = SimpleNamespace(hostname="worker@here", task_consumer=SimpleNamespace(channel=channel))
    attending = Attendance(cast("Services", None), app, consumer, queues=list(depths), slots=1)
    yield attending
    signals.task_received.disconnect(attending._hear)


def look(worker: Attendance, times: int) -> None:
    for _ in range(times):
        worker._listen()


def test_a_worker_that_hears_nothing_of_what_waits_ends_itself(
    worker: Attendance, depths: dict[str, int], clock: SimpleNamespace, sent: list[tuple[int, int]]
) -> None:
    """Messages wait, a slot is free, and nothing came for a while: it ends itself, and waits for nothing."""
    depths["bulk"] = 4
    clock.now += 6
    look(worker, LOOKS_TO_BE_SURE - 1)
    assert not sent
    look(worker, 2)
    assert sent == [(os.getpid(), signal.SIGTERM)]
    assert worker._app.conf.worker_soft_shutdown_timeout == 0


def test_empty_queues_are_no_reason(worker: Attendance, clock: SimpleNamespace, sent: list[tuple[int, int]]) -> None:
    """There is nothing to be heard."""
    clock.now += 600
    look(worker, 2 * LOOKS_TO_BE_SURE)
    assert not sent


def test_a_busy_worker_is_not_deaf(
    worker: Attendance, depths: dict[str, int], clock: SimpleNamespace, sent: list[tuple[int, int]]
) -> None:
    """Its slots are taken: what waits, waits for them."""
    depths["cold"] = 1
    request = Celery("of a request")
    active_requests.add(cast("Any", request))
    clock.now += 600
    look(worker, 2 * LOOKS_TO_BE_SURE)
    assert not sent


def test_a_message_in_between_starts_the_count_anew(
    worker: Attendance, depths: dict[str, int], clock: SimpleNamespace, sent: list[tuple[int, int]]
) -> None:
    """Whoever hears is not deaf, however slow."""
    depths["cold"] = 1
    for _ in range(4):
        clock.now += 6
        look(worker, LOOKS_TO_BE_SURE - 1)
        signals.task_received.send(sender=None, request=None)
        look(worker, 1)
    assert not sent


def test_a_broker_that_was_lost_unnoticed_is_connected_to_anew(worker: Attendance) -> None:
    """No message is worked on, and none is taken: what is held for unacknowledged can never be acknowledged."""
    worker._notice_loss()
    with pytest.raises(ConnectionError):
        worker._notice_loss()


def test_a_worker_that_ends_has_lost_nothing(worker: Attendance) -> None:
    """It takes no more messages, and acknowledges in its own time."""
    worker.end()
    for _ in range(4):
        worker._notice_loss()


def test_a_broker_is_not_lost_while_its_messages_are_worked_on(worker: Attendance) -> None:
    """A full worker takes no more, and rightly so; nor is one full that has just heard something."""
    request = Celery("of a request")
    reserved_requests.add(cast("Any", request))
    for _ in range(4):
        worker._notice_loss()
    reserved_requests.discard(cast("Any", request))
    for _ in range(4):
        worker._notice_loss()
        signals.task_received.send(sender=None, request=None)
    worker._consumer.task_consumer.channel.qos = None
    for _ in range(4):
        worker._notice_loss()
    worker._consumer.task_consumer = None
    worker._notice_loss()

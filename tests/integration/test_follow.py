"""``audiofeat events follow`` over a real SQS server: what is deleted when, and that nothing stops it."""

import json
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import boto3
import pytest

from audiofeat.bootstrap import Services, load_settings
from audiofeat.domain.jobs import Lane
from audiofeat.errors import CatalogueUnavailable, SourceNotFound
from audiofeat.services.follow import Follower
from audiofeat.storage.notifications import SqsQueue
from audiofeat.storage.s3_connection import S3Connection
from commands import kill, processes_of, wait_until


class Queue:
    """A queue with a client of its own, as a store or a topic has one."""

    def __init__(self, connection: S3Connection, *, visibility_s: int = 30) -> None:
        self.sqs: Any = boto3.session.Session().client(
            "sqs",
            endpoint_url=connection.endpoint_url,
            region_name=connection.region,
            aws_access_key_id=connection.access_key_id,
            aws_secret_access_key=connection.secret_access_key,
        )
        attributes = {"VisibilityTimeout": str(visibility_s)}
        self.url: str = self.sqs.create_queue(QueueName=f"events-{uuid.uuid4()}", Attributes=attributes)["QueueUrl"]

    def send(self, message: object) -> None:
        body = message if isinstance(message, str) else json.dumps(message)
        self.sqs.send_message(QueueUrl=self.url, MessageBody=body)

    @property
    def left(self) -> int:
        """How many messages it holds, lent ones among them."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return sum(int(attributes[name]) for name in names)


@pytest.fixture
def queue(s3_connection: S3Connection) -> Queue:
    return Queue(s3_connection)


def environment_of(home: Path, queue: Queue, connection: S3Connection) -> dict[str, str]:
    return {
        "AUDIOFEAT_HOME": str(home),
        "AUDIOFEAT_EVENTS_QUEUE_URL": queue.url,
        "AUDIOFEAT_S3_REGION": str(connection.region),
        "AUDIOFEAT_S3_ACCESS_KEY_ID": str(connection.access_key_id),
        "AUDIOFEAT_S3_SECRET_ACCESS_KEY": str(connection.secret_access_key),
        "AUDIOFEAT_ALLOWED_BUCKETS": "music",
    }


@pytest.fixture
def services(tmp_path: Path, queue: Queue, s3_connection: S3Connection, monkeypatch: pytest.MonkeyPatch) -> Services:
    for name, value in environment_of(tmp_path / "home", queue, s3_connection).items():
        monkeypatch.setenv(name, value)
    return Services(load_settings())


def message(key: str, number: int = 1, *, bucket: str = "music", name: str = "ObjectCreated:Put") -> dict[str, Any]:
    entry = {"key": key, "size": 9, "eTag": f"etag{number}", "sequencer": f"{number:04X}"}
    return {
        "Records": [
            {
                "eventSource": "aws:s3",
                "eventName": name,
                "eventTime": "2026-01-02T03:04:05.000Z",
                "s3": {"bucket": {"name": bucket}, "object": entry},
            }
        ]
    }


def until_empty(services: Services) -> Any:
    return services.follower.run(stopping=lambda: False, until_empty=True)


def test_messages_are_taken_over_and_deleted(services: Services, queue: Queue) -> None:
    """Plain notifications and those of a topic become jobs; the queue is empty afterwards."""
    for n in range(12):
        queue.send(message(f"{n}.wav"))
    queue.send({"Type": "Notification", "Message": json.dumps(message("topic.wav"))})
    queue.send(message("0.wav", 2, name="ObjectRemoved:Delete"))
    followed = until_empty(services)
    assert (followed.messages, followed.accepted, followed.ignored, followed.refused) == (14, 14, 0, 0)
    keys = {item.key for item in services.catalogue.items()}
    assert keys == {f"{n}.wav" for n in range(1, 12)} | {"topic.wav"}
    assert queue.left == 0


def test_poison_is_listed_and_stops_nothing(services: Services, queue: Queue) -> None:
    """What can never be accepted is deleted and kept with its reason; what lies behind it is taken over."""
    poison = ["no JSON", "[]", json.dumps({"hello": "world"}), message("a.wav", bucket="private"), "{" * 50_000]
    for body in poison:
        queue.send(body)
    queue.send(message("good.wav"))
    followed = until_empty(services)
    assert (followed.messages, followed.accepted, followed.refused) == (6, 1, 5)
    assert [item.key for item in services.catalogue.items()] == ["good.wav"]
    listed = services.catalogue.refused_messages()
    codes = sorted(one.code for one in listed)
    assert codes == ["access_denied", *["message_malformed"] * 3, "message_unknown"]
    assert {one.source for one in listed} == {queue.url}
    assert queue.left == 0


def test_a_message_stays_until_the_ledger_has_it(s3_connection: S3Connection, tmp_path: Path) -> None:
    """While the ledger cannot be used nothing is deleted; afterwards the message comes again."""
    queue = Queue(s3_connection, visibility_s=1)
    services = Services(load_settings(home=tmp_path / "home"))
    queue.send(message("a.wav"))
    take, pauses = services.catalogue.take_events, []

    def fail(*_: object, **__: object) -> Any:
        raise CatalogueUnavailable("the ledger cannot be used")

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        assert queue.left == 1
        if len(pauses) == 2:
            services.catalogue.take_events = take  # type: ignore[method-assign]  # a fault on purpose

    services.catalogue.take_events = fail  # type: ignore[method-assign]  # a fault on purpose
    source = SqsQueue(queue.url, connection=s3_connection)
    follower = Follower(source, services.intake, tasks=lambda: services.queue, pause=pause)
    followed = follower.run(stopping=lambda: follower.followed.messages == 1)
    assert followed.accepted == 1
    assert pauses == [1.0, 2.0]
    assert queue.left == 0


def test_a_fault_of_ours_holds_nothing_up(s3_connection: S3Connection, tmp_path: Path) -> None:
    """A message on which the program itself fails comes again some times, then is listed; others are taken over."""
    queue = Queue(s3_connection, visibility_s=0)
    services = Services(load_settings(home=tmp_path / "home"))
    take = services.catalogue.take_events

    def fail_on_one(events: Any, *, lane: Lane) -> Any:
        if any(event.key == "bad.wav" for event in events):
            raise ZeroDivisionError("a fault of ours")
        return take(events, lane=lane)

    services.catalogue.take_events = fail_on_one  # type: ignore[method-assign]  # a fault on purpose
    queue.send(message("bad.wav"))
    queue.send(message("good.wav"))
    source = SqsQueue(queue.url, connection=s3_connection)
    follower = Follower(source, services.intake, tasks=lambda: services.queue)
    followed = follower.run(stopping=lambda: follower.followed.messages == 2)
    assert (followed.accepted, followed.refused) == (1, 1)
    [one] = services.catalogue.refused_messages()
    assert one.message == "ZeroDivisionError: a fault of ours (after 5 deliveries)"
    assert queue.left == 0


def test_a_queue_that_is_not_there(s3_connection: S3Connection, tmp_path: Path) -> None:
    """A wrong URL ends the command with the setting's name."""
    services = Services(load_settings(home=tmp_path / "home"))
    source = SqsQueue(f"{s3_connection.endpoint_url}/123456789012/none", connection=s3_connection)
    with pytest.raises(SourceNotFound, match="AUDIOFEAT_EVENTS_QUEUE_URL"):
        Follower(source, services.intake, tasks=lambda: services.queue).run(stopping=lambda: False)


def test_the_command_runs_until_it_is_told_to_end(queue: Queue, s3_connection: S3Connection, tmp_path: Path) -> None:
    """It takes over what comes while it runs; SIGTERM ends it with a summary, with 3 if something was refused."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("AUDIOFEAT_", "AWS_"))}
    running = subprocess.Popen(
        [sys.executable, "-m", "audiofeat", "events", "follow", "--json"],
        env={**plain, **environment_of(tmp_path / "home", queue, s3_connection)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        for body in ("no JSON", message("a.wav"), message("b.wav")):
            queue.send(body)
        wait_until(lambda: queue.left == 0)
        running.send_signal(signal.SIGTERM)
        output, _ = running.communicate(timeout=30)
    finally:
        running.kill()
        running.wait()
    assert running.returncode == 3
    assert json.loads(output) == {"messages": 3, "accepted": 2, "ignored": 0, "refused": 1}
    shown = subprocess.run(
        [sys.executable, "-m", "audiofeat", "failures", "--json"],
        env={**plain, "AUDIOFEAT_HOME": str(tmp_path / "home")},
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    [one] = map(json.loads, shown.stdout.splitlines())
    assert (one["state"], one["source"], one["error"]["code"]) == ("refused", queue.url, "message_malformed")


def test_without_a_queue_the_setting_is_named(tmp_path: Path) -> None:
    """A command without its setting is a usage error."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("AUDIOFEAT_", "AWS_"))}
    ran = subprocess.run(
        [sys.executable, "-m", "audiofeat", "events", "follow"],
        env={**plain, "AUDIOFEAT_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 2
    assert "AUDIOFEAT_EVENTS_QUEUE_URL" in ran.stderr


def test_up_follows_the_queue_too(tmp_path: Path, queue: Queue, s3_connection: S3Connection) -> None:
    """Where a queue is set nobody has to start another command, and a follower that was killed is started anew."""
    home = tmp_path / "home"
    environment = {**os.environ, **environment_of(home, queue, s3_connection)}
    environment["AUDIOFEAT_S3_ENDPOINT_URL"] = str(s3_connection.endpoint_url)
    command = [sys.executable, "-m", "audiofeat", "up", "--no-api", "--workers", "0"]
    up = subprocess.Popen(command, env=environment, cwd=tmp_path)
    try:
        queue.send(message("a.wav"))
        wait_until(lambda: queue.left == 0)
        kill(processes_of(home, "follow"))
        queue.send(message("b.wav"))
        wait_until(lambda: queue.left == 0)
    finally:
        up.terminate()
        assert up.wait(40) == 0
    assert not processes_of(home)
    catalogue = Services(load_settings(home=home)).catalogue
    assert sorted(item.key for item in catalogue.items()) == ["a.wav", "b.wav"]

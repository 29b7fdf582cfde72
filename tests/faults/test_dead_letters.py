"""What comes into the queues and is no message of ours, on RabbitMQ with its dead letters."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import kombu
import pytest
from faults import chaos

from audiofeat.broker import ANALYSE_TASK, INGEST_TASK, QUEUES
from audiofeat.catalogue import open_catalogue
from audiofeat.domain.jobs import JobState
from commands import SAMPLES, Run, wait_until

REQUEST = {"schema_version": 1, "store": "s3/nowhere", "key": "a.wav", "etag": "1"}
JSON = "application/json"


def call(task: str, *arguments: object, **named: object) -> tuple[bytes, str, dict[str, str]]:
    """Return a message of Celery's protocol: body, content type, headers."""
    return json.dumps([arguments, named, {}]).encode(), JSON, {"task": task}


WRONG = {
    "pickle": (b"\x80\x04.", "application/x-python-serialize", {"task": ANALYSE_TASK}),
    "broken": (b"[[", JSON, {"task": ANALYSE_TASK}),
    "no list": (b"{}", JSON, {"task": INGEST_TASK}),
    "huge": call(INGEST_TASK, {**REQUEST, "metadata": {"title": "x" * 2_000_000}}),
    "no task": (b"[[], {}, {}]", JSON, {}),
    "unknown task": call("audiofeat.nothing", "x"),
    "no argument": call(ANALYSE_TASK),
    "a number": call(ANALYSE_TASK, 7),
    "a NUL": call(ANALYSE_TASK, "a\0b"),
    "named": call(INGEST_TASK, request=REQUEST),
    "older version": call(INGEST_TASK, {**REQUEST, "schema_version": 0}),
    "newer version": call(INGEST_TASK, {**REQUEST, "schema_version": 2}),
    "a field more": call(INGEST_TASK, {**REQUEST, "priority": 1}),
    "a path": call(INGEST_TASK, {**REQUEST, "store": "file:/etc"}),
    "a forbidden bucket": call(INGEST_TASK, {**REQUEST, "store": "s3/other"}),
}


@contextmanager
def running(environment: dict[str, str], folder: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "audiofeat", "up", "--no-api", "--workers", "1"]
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(40)


def depth(connection: kombu.Connection, name: str) -> int:
    with connection.channel() as channel:
        return int(channel.queue_declare(name, passive=True).message_count)


@pytest.mark.slow
def test_fault_25_on_rabbitmq_what_is_wrong_ends_in_the_dead_letters_with_a_reason(
    environment: dict[str, str], audiofeat: Run, tmp_path: Path, amqp_url: str
) -> None:
    """Malformed, huge, unknown, of another version: put aside and listed; the worker goes on with what comes behind."""
    environment |= {"AUDIOFEAT_BROKER_URL": amqp_url, "AUDIOFEAT_ALLOWED_BUCKETS": "nowhere"}
    music = tmp_path / "music"
    music.mkdir()
    (music / "tide.ogg").write_bytes((SAMPLES / "audio" / "pad_slow_tide.ogg").read_bytes())
    with running(environment, tmp_path), kombu.Connection(amqp_url) as connection:
        ledger = tmp_path / "home" / "catalogue.sqlite3"
        wait_until(lambda: all(exists(connection, f"{queue}.dead") for queue in QUEUES))
        with connection.channel() as channel:
            producer = kombu.Producer(channel)
            for name, (body, kind, headers) in WRONG.items():
                producer.publish(
                    body, routing_key="ingest", content_type=kind, content_encoding="utf-8",
                    headers={"id": name, "lang": "py", "root_id": name, **headers},
                )  # fmt: skip
        subprocess.run([sys.executable, "-c", chaos.REGISTER, str(music)], env=environment, cwd=tmp_path, check=True)
        catalogue = open_catalogue(f"sqlite:///{ledger}")
        wait_until(lambda: catalogue.states() == {JobState.DONE: 1})
        wait_until(lambda: depth(connection, "ingest.dead") == len(WRONG))
        assert depth(connection, "ingest") == 0
        letters = {letter.headers["id"]: letter for letter in taken(connection, "ingest.dead", len(WRONG))}
        assert set(letters) == set(WRONG)
        assert {letter.headers["x-death"][0]["reason"] for letter in letters.values()} == {"rejected"}
    shown = [json.loads(line) for line in audiofeat("failures", "messages", "--json").stdout.splitlines()]
    assert len(shown) == len(WRONG)
    assert {row["source"] for row in shown} == {"queue ingest"}
    reasons = " ".join(row["error"]["message"] for row in shown)
    for reason in ("are the most", "audiofeat.nothing", "schema_version", "priority", "store", "list of one argument"):
        assert reason in reasons
    assert "bucket" in audiofeat("failures").stdout


def exists(connection: kombu.Connection, name: str) -> bool:
    try:
        depth(connection, name)
    except connection.channel_errors:
        return False
    return True


def taken(connection: kombu.Connection, name: str, count: int) -> list[kombu.Message]:
    with connection.channel() as channel:
        found = [kombu.Queue(name, channel=channel).get(no_ack=True) for _ in range(count)]
    return [letter for letter in found if letter is not None]

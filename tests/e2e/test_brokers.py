"""The same tasks over Redis and RabbitMQ, by configuration: a listing, and a request from a foreign producer."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import boto3
import kombu
import pytest

from audiofeat.catalogue.ledger import open_catalogue
from audiofeat.domain.jobs import JobState
from audiofeat.embedded_broker import EmbeddedBroker, server_program
from audiofeat.extraction.sandbox import die_with_parent
from audiofeat.storage.s3_connection import S3Connection
from commands import SAMPLES, Run, wait_until
from tests.ports import free_port

CLIPS = ("pad_slow_tide.ogg", "noise_salt_wind.wav", "liner_notes.mp3")


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of a throw-away Valkey server on TCP."""
    port = free_port()
    server = subprocess.Popen(
        [server_program(), "--port", str(port), "--save", "", "--dir", str(tmp_path_factory.mktemp("valkey"))],
        stdout=subprocess.DEVNULL,
        preexec_fn=partial(die_with_parent, os.getpid()),
    )
    wait_until(lambda: answers(port))
    yield f"redis://127.0.0.1:{port}/0"
    server.terminate()
    server.wait()


@pytest.fixture(params=["redis", "amqp"])
def broker_url(request: pytest.FixtureRequest) -> str:
    """Return each kind of broker in turn."""
    return str(request.getfixturevalue(f"{request.param}_url"))


def test_ingest_over_a_configured_broker(audiofeat: Run, tmp_path: Path, broker_url: str) -> None:
    """With a broker of one's own, ``ingest --workers`` works a folder off through it."""
    (tmp_path / "music").mkdir()
    for clip in CLIPS:
        shutil.copy(SAMPLES / "audio" / clip, tmp_path / "music")
    done = audiofeat("ingest", tmp_path / "music", "--workers", "1", AUDIOFEAT_BROKER_URL=broker_url)
    assert done.returncode == 3, done.stderr
    assert "3 objects: 2 done, 1 rejected" in done.stdout


def test_request_from_a_foreign_producer(
    environment: dict[str, str], s3_connection: S3Connection, make_bucket: object, tmp_path: Path, broker_url: str
) -> None:
    """Ten lines of kombu enqueue the published message; the item appears with the metadata of the message."""
    bucket = make_bucket()
    settings = {
        "AUDIOFEAT_S3_ENDPOINT_URL": str(s3_connection.endpoint_url),
        "AUDIOFEAT_S3_ACCESS_KEY_ID": str(s3_connection.access_key_id),
        "AUDIOFEAT_S3_SECRET_ACCESS_KEY": str(s3_connection.secret_access_key),
        "AUDIOFEAT_BROKER_URL": broker_url,
    }
    client = boto3.client(
        "s3",
        endpoint_url=s3_connection.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=s3_connection.access_key_id,
        aws_secret_access_key=s3_connection.secret_access_key,
    )
    client.upload_file(str(SAMPLES / "audio" / CLIPS[0]), bucket, "new/tide.ogg")
    message = {
        "schema_version": 1,
        "store": f"s3/{bucket}",
        "key": "new/tide.ogg",
        "reference": "trk-9",
        "kind": "track",
        "metadata": {"title": "Tide"},
    }
    running = subprocess.Popen(
        [sys.executable, "-m", "audiofeat", "up", "--no-api", "--workers", "1"], env={**environment, **settings}
    )
    try:
        ledger = tmp_path / "home" / "catalogue.sqlite3"
        wait_until(ledger.exists)
        catalogue = open_catalogue(f"sqlite:///{ledger}")
        # Before a worker is there, there is no queue.
        wait_until(lambda: bool(catalogue.workers(seen_within_s=600)))
        send(broker_url, message)
        wait_until(lambda: catalogue.states().get(JobState.DONE) == 1)
        item = catalogue.find_item("trk-9")
        assert item.metadata["title"] == "Tide"
        assert str(item.kind) == "track"
    finally:
        running.terminate()
        assert running.wait(timeout=40) == 0


def send(broker_url: str, message: dict[str, object]) -> None:
    """Enqueue a request as a producer in another project would, knowing Celery's protocol only."""
    from celery import Celery  # noqa: PLC0415  all that a producer needs

    app = Celery(broker=broker_url, set_as_current=False)
    app.conf.task_create_missing_queues = False
    quorum = {"x-queue-type": "quorum"} if broker_url.startswith("amqp") else None
    app.conf.task_queues = [kombu.Queue("ingest", routing_key="ingest", queue_arguments=quorum, no_declare=True)]
    app.send_task("audiofeat.ingest", args=[message], queue="ingest", ignore_result=True)


def test_embedded_broker_keeps_acknowledged_messages(tmp_path: Path) -> None:
    """A second command joins the first one's broker, and messages outlive it."""
    with EmbeddedBroker(tmp_path) as first:
        with EmbeddedBroker(tmp_path) as second:
            assert second.url == first.url
        with kombu.Connection(first.url) as connection:
            connection.SimpleQueue("kept").put("job")
    with EmbeddedBroker(tmp_path) as again, kombu.Connection(again.url) as connection:
        assert connection.SimpleQueue("kept").get(timeout=5).payload == "job"

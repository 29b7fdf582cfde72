"""Canaries in every secret: none of them turns up in what is printed, logged, answered or stored."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from fastapi.testclient import TestClient

from audiofeat.api.app import create_app
from audiofeat.bootstrap import Services, load_settings
from audiofeat.storage.s3_connection import S3Connection
from commands import SAMPLES, wait_until

CANARIES = {"s3": "canary-s3-9f21", "database": "canary-database-77c0", "broker": "canary-broker-1d5e"}
# Nobody listens on these ports.
DEAD = {
    "AUDIOFEAT_DATABASE_URL": f"postgresql://owner:{CANARIES['database']}@127.0.0.1:9/audiofeat",
    "AUDIOFEAT_BROKER_URL": f"amqp://owner:{CANARIES['broker']}@127.0.0.1:9//",
    "AUDIOFEAT_S3_ENDPOINT_URL": "http://127.0.0.1:9",
    "AUDIOFEAT_S3_ACCESS_KEY_ID": "owner",
    "AUDIOFEAT_S3_SECRET_ACCESS_KEY": CANARIES["s3"],
    "AUDIOFEAT_S3_REGION": "us-east-1",
}


def leaked(text: str | bytes) -> list[str]:
    """Return the canaries in a text."""
    raw = text if isinstance(text, bytes) else text.encode()
    return [name for name, canary in CANARIES.items() if canary.encode() in raw]


@pytest.fixture
def dead(tmp_path: Path) -> dict[str, str]:
    """Environment of an installation none of whose servers is there."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("AUDIOFEAT_", "AWS_"))}
    return {**plain, **DEAD, "AUDIOFEAT_HOME": str(tmp_path / "home")}


def run(environment: Mapping[str, str], *arguments: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", *arguments],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ran.returncode
    return ran.stdout


@pytest.mark.parametrize(
    ("missing", "command", "said"),
    [
        ("", ("failures",), "catalogue_unavailable"),
        ("AUDIOFEAT_DATABASE_URL", ("ingest", "s3://bucket"), "store_unavailable"),
        ("", ("doctor", "--json"), "broker_unavailable"),
    ],
)
def test_commands_name_what_fails_without_its_secret(
    dead: dict[str, str], missing: str, command: tuple[str, ...], said: str
) -> None:
    """Ledger, store and broker that are not there are errors with a code, and without the password."""
    dead.pop(missing, None)
    printed = run(dead, "audiofeat", *command)
    assert said in printed
    assert not leaked(printed)


def test_a_wrong_form_of_a_secret_is_not_repeated(dead: dict[str, str]) -> None:
    """A URL that cannot be read is refused by the setting's name alone."""
    dead["AUDIOFEAT_BROKER_URL"] = f"ampq://owner:{CANARIES['broker']}@host"
    dead["AUDIOFEAT_S3_ENDPOINT_URL"] = f"http://owner:{CANARIES['s3']}@host"
    printed = run(dead, "audiofeat", "failures")
    assert "AUDIOFEAT_BROKER_URL" in printed
    assert "AUDIOFEAT_S3_ENDPOINT_URL" in printed
    assert not leaked(printed)


def test_a_worker_that_cannot_connect_logs_no_password(dead: dict[str, str], tmp_path: Path) -> None:
    """Celery's own complaints about the broker are written without it."""
    log = tmp_path / "log"
    with log.open("wb") as output:
        worker = subprocess.Popen(
            [sys.executable, "-m", "celery", "--app", "workers.app", "worker", "--concurrency", "1"],
            env=dead, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        wait_until(lambda: b"Cannot connect to" in log.read_bytes())
    finally:
        worker.kill()
        worker.wait()
    assert not leaked(log.read_bytes())


def test_problems_over_http_carry_no_secret(
    dead: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """503 for ledger and store, and a job that could not be rung for, with nothing of the passwords in body or log."""
    for name, value in dead.items():
        monkeypatch.setenv(name, value)
    client = TestClient(
        create_app(Services(load_settings())), base_url="http://127.0.0.1", raise_server_exceptions=False
    )
    answers = [client.get("/v1/jobs"), client.get("/readyz"), client.get("/v1/indexes")]
    monkeypatch.delenv("AUDIOFEAT_DATABASE_URL")
    client = TestClient(
        create_app(Services(load_settings())), base_url="http://127.0.0.1", raise_server_exceptions=False
    )
    request = {"store": "s3/demo", "key": "a.wav", "etag": "abc"}
    answers += [client.post("/v1/ingestions", json=request), client.get("/v1/indexes")]
    assert [answer.status_code for answer in answers] == [503, 503, 503, 202, 200]
    assert "not_rung" in caplog.messages
    told = "".join(f"{record.getMessage()}{vars(record).get('facts')}" for record in caplog.records)
    assert not leaked(told + "".join(answer.text for answer in answers))


@pytest.fixture
def bucket(s3_connection: S3Connection) -> Iterator[str]:
    """Return a bucket with one clip and one text, written under the canary as secret."""
    s3 = boto3.session.Session().client(
        "s3", endpoint_url=s3_connection.endpoint_url, region_name="us-east-1", aws_access_key_id="owner",
        aws_secret_access_key=CANARIES["s3"], config=Config(s3={"addressing_style": "path"}),
    )  # fmt: skip
    s3.create_bucket(Bucket="canaries")
    for name in ("pad_slow_tide.ogg", "liner_notes.mp3"):
        s3.upload_file(str(SAMPLES / "audio" / name), "canaries", name)
    yield "canaries"
    for name in ("pad_slow_tide.ogg", "liner_notes.mp3"):
        s3.delete_object(Bucket="canaries", Key=name)
    s3.delete_bucket(Bucket="canaries")


def test_nothing_on_disk_holds_a_secret_after_work(
    dead: dict[str, str], bucket: str, s3_connection: S3Connection, tmp_path: Path
) -> None:
    """Ledger, broker's file, logs and counters of a run over S3 are free of the key that opened it."""
    environment = {name: value for name, value in dead.items() if name not in DEAD or "S3" in name}
    environment["AUDIOFEAT_S3_ENDPOINT_URL"] = str(s3_connection.endpoint_url)
    printed = run(environment, "audiofeat", "ingest", f"s3://{bucket}", "--workers", "1")
    assert "1 done, 1 rejected" in printed
    files = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert {"catalogue.sqlite3", "workers.log"} <= {path.name for path in files}
    assert not [path for path in files if leaked(path.read_bytes())]

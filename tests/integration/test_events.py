"""``POST /v1/events`` over a real ledger: what is taken over, what is refused, and that nothing is ever opened."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from audiofeat.api.app import create_app
from audiofeat.bootstrap import Services, load_settings
from audiofeat.domain.jobs import Lane
from audiofeat.errors import CatalogueUnavailable
from schemas.events import EventsReceived
from schemas.problem import Problem
from tests.ports import free_port

TOPIC = "arn:aws:sns:eu-west-1:123456789012:uploads"


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """Return services whose S3 server does not exist: whoever asks it gets an error."""
    return Services(
        load_settings(
            home=tmp_path / "home",
            s3_endpoint_url=f"http://127.0.0.1:{free_port()}",
            s3_region="us-east-1",
            s3_access_key_id="id",
            s3_secret_access_key="secret",
            allowed_buckets=("music",),
        )
    )


@pytest.fixture
def http(services: Services) -> Iterator[TestClient]:
    with TestClient(create_app(services), base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield client


def record(key: str, number: int = 1, *, bucket: str = "music", **fields: Any) -> dict[str, Any]:
    return {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "eventTime": "2026-01-02T03:04:05.000Z",
        "s3": {
            "bucket": {"name": bucket},
            "object": {"key": key, "size": 9, "eTag": f"etag{number}", "sequencer": f"{number:04X}"},
        },
        **fields,
    }


def post(http: TestClient, message: object, *, media_type: str = "application/json") -> EventsReceived:
    body = message if isinstance(message, str) else json.dumps(message)
    answer = http.post("/v1/events", content=body, headers={"Content-Type": media_type})
    assert answer.status_code == 202, answer.text
    return EventsReceived.model_validate_json(answer.text)


def refused(http: TestClient, body: bytes) -> Problem:
    answer = http.post("/v1/events", content=body)
    assert answer.status_code == 422
    return Problem.model_validate_json(answer.text)


def test_each_record_has_its_fate(http: TestClient, services: Services) -> None:
    """New ones become jobs of the cold lane, known and foreign ones are ignored, bad ones are named and kept."""
    deleted = record("b.wav", 2, eventName="ObjectRemoved:Delete")
    message = {
        "Records": [record("a%2Bb.wav"), record("b.wav"), deleted, record("cover.jpg"), record("a", bucket="x" * 9)]
    }
    received = post(http, message)
    assert (received.accepted, received.ignored) == (3, 1)
    assert [part.code for part in received.refused] == ["access_denied"]
    assert [item.key for item in services.catalogue.items()] == ["a+b.wav"]
    assert len(services.catalogue.due(Lane.COLD, limit=10)) == 1
    again = post(http, message)
    assert (again.accepted, again.ignored, len(again.refused)) == (0, 4, 1)
    shown = services.catalogue.refused_messages()
    assert {(one.source, one.code) for one in shown} == {("POST /v1/events", "access_denied")}


def test_sns_sends_text(http: TestClient) -> None:
    """A notification of a topic is taken whatever its media type, and a test event is no news."""
    wrapped = {"Type": "Notification", "TopicArn": TOPIC, "Message": json.dumps({"Records": [record("a.wav")]})}
    assert post(http, wrapped, media_type="text/plain; charset=UTF-8").accepted == 1
    tested = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "music"}
    assert post(http, tested) == EventsReceived(accepted=0, ignored=1, refused=[])


def test_a_subscription_is_not_confirmed(http: TestClient, services: Services) -> None:
    """The answer says how a person confirms; nobody connects to the URL in the message."""
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.3)
        url = f"http://127.0.0.1:{trap.getsockname()[1]}/confirm"
        asked = {"Type": "SubscriptionConfirmation", "TopicArn": TOPIC, "Token": "23a4", "SubscribeURL": url}
        problem = refused(http, json.dumps(asked).encode())
        with pytest.raises(TimeoutError):
            trap.accept()
    assert problem.code == "confirmation_needed"
    assert problem.remedy is not None
    assert f"--topic-arn {TOPIC} --token 23a4" in problem.remedy
    assert url not in problem.model_dump_json()
    assert [one.code for one in services.catalogue.refused_messages()] == ["confirmation_needed"]


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"", "message_malformed"), (b"\x80\x04}", "message_malformed"), (b'{"a": 1}', "message_unknown")],
)
def test_what_is_no_event_is_a_problem(http: TestClient, services: Services, body: bytes, code: str) -> None:
    """Garbage gets a code and a remedy, and is on the list of refused messages without its text."""
    assert refused(http, body).code == code
    [one] = services.catalogue.refused_messages()
    assert one.code == code


def test_a_large_body_is_refused_while_it_arrives(http: TestClient) -> None:
    """More than a megabyte is not read to its end."""
    answer = http.post("/v1/events", content=b" " * 1_000_001)
    assert answer.status_code == 413


def test_urls_and_paths_are_only_names(http: TestClient, services: Services, tmp_path: Path) -> None:
    """A key that looks like a URL or a path is a key; a bucket that looks like one is refused; nothing is opened."""
    (tmp_path / "canary.wav").write_bytes(b"x")
    keys = ["http://127.0.0.1/x.wav", f"{tmp_path}/canary.wav", "../../etc/passwd.wav", "file:///etc/x.wav"]
    assert post(http, {"Records": [record(key) for key in keys]}).accepted == len(keys)
    assert sorted(item.key for item in services.catalogue.items()) == sorted(keys)
    assert {item.store for item in services.catalogue.items()} == {"s3/music"}
    for bucket in ("file:/etc", "http://127.0.0.1", "..", f"{tmp_path}"):
        [part] = post(http, {"Records": [record("a.wav", bucket=bucket)]}).refused
        assert part.code == "message_malformed"


def test_a_version_that_is_not_told_is_asked_for(http: TestClient) -> None:
    """An event without an ETag needs the store; where that does not answer the message may come again."""
    nameless = record("a.wav")
    del nameless["s3"]["object"]["eTag"]
    answer = http.post("/v1/events", json={"Records": [nameless]})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]


def test_a_ledger_that_is_down_takes_nothing(http: TestClient, services: Services) -> None:
    """What was not written down is not accepted: the sender is told to come again."""

    def fail(*_: object, **__: object) -> None:
        raise CatalogueUnavailable("the ledger cannot be used")

    services.catalogue.take_events = fail  # type: ignore[method-assign]  # a fault on purpose
    answer = http.post("/v1/events", json={"Records": [record("a.wav")]})
    assert answer.status_code == 503
    assert Problem.model_validate_json(answer.text).code == "catalogue_unavailable"

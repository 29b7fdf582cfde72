"""Messages of every sender, in every envelope, and what is refused."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from audiofeat.domain.envelopes import MOST_MESSAGE_BYTES, Parsed, parse_message
from audiofeat.domain.object_events import Happened, canonical_sequencer
from audiofeat.errors import AccessDenied, MessageRefused

TOPIC = "arn:aws:sns:eu-west-1:123456789012:uploads"


def store_of(bucket: str) -> str:
    """Allow all buckets but one."""
    if bucket == "private":
        raise AccessDenied("the bucket private is not allowed here")
    return f"s3/{bucket}"


def parse(body: object) -> Parsed:
    return parse_message(body if isinstance(body, str | bytes) else json.dumps(body), store_of=store_of)


def aws(
    key: str = "new/a.wav", *, name: str = "ObjectCreated:Put", bucket: str = "music", **entry: Any
) -> dict[str, Any]:
    """Return a record as Amazon documents it."""
    described = {
        "key": key,
        "size": 1024,
        "eTag": "d41d8cd98f00b204e9800998ecf8427e",
        "sequencer": "0055AED6DCD90281E5",
    }
    return {
        "eventVersion": "2.2",
        "eventSource": "aws:s3",
        "awsRegion": "eu-west-1",
        "eventTime": "2026-01-02T03:04:05.678Z",
        "eventName": name,
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "uploads",
            "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
            "object": {**described, **entry},
        },
    }


def ceph(key: str = "a b+c/é%20.wav", *, name: str = "ObjectCreated:Put", **entry: Any) -> dict[str, Any]:
    """Return a record as a Ceph gateway 16.2 sends it."""
    described = {
        "key": key,
        "size": 10,
        "eTag": "336311a016184326ddbdd61edd4eeb52",
        "versionId": "",
        "sequencer": "3397076B25A2FE27",
        "metadata": [],
        "tags": [],
    }
    return {
        "eventVersion": "2.2",
        "eventSource": "ceph:s3",
        "awsRegion": "",
        "eventTime": "2026-11-26T02:19:31.668871Z",
        "eventName": name,
        "s3": {"bucket": {"name": "music", "arn": "arn:aws:s3:::music"}, "object": {**described, **entry}},
        "eventId": "1795659571.670999.336311a016184326ddbdd61edd4eeb52",
        "opaqueData": "",
    }


def eventbridge(detail_type: str = "Object Created", **detail: Any) -> dict[str, Any]:
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": detail_type,
        "source": "aws.s3",
        "account": "123456789012",
        "time": "2026-01-02T03:04:05Z",
        "region": "eu-west-1",
        "detail": {
            "bucket": {"name": "music"},
            "object": {"key": "a b+c.wav", "size": 5, "etag": "abc", "sequencer": "00617F08299329D189"},
            "reason": "PutObject",
            **detail,
        },
    }


def sns(message: object) -> dict[str, Any]:
    return {"Type": "Notification", "MessageId": "1", "TopicArn": TOPIC, "Message": json.dumps(message)}


def test_amazon_encodes_keys_and_ceph_does_not() -> None:
    """The sender tells how a key is written; both come out as the store's API has them."""
    [encoded] = parse({"Records": [aws("a+b%2Bc/%C3%A9%2520.wav")]}).events
    [plain] = parse({"Records": [ceph()]}).events
    assert encoded.key == plain.key == "a b+c/é%20.wav"


def test_everything_that_a_record_says() -> None:
    """Store, version, size, time and place in the history are read; quotes go from an ETag."""
    [event] = parse({"Records": [aws(eTag='"abc-2"', versionId="096fKKXTRTtl3on89fVO.nfljtsv6qko")]}).events
    assert (event.store, event.key, event.happened) == ("s3/music", "new/a.wav", Happened.CREATED)
    assert (event.version, event.version_id, event.size_bytes) == ("abc-2", "096fKKXTRTtl3on89fVO.nfljtsv6qko", 1024)
    assert event.at == datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    assert event.sequencer == "0055aed6dcd90281e5"
    assert event.removes_version is None


@pytest.mark.parametrize("wrap", [lambda m: m, sns, lambda m: sns(sns(m))])
@pytest.mark.parametrize(
    ("message", "key"),
    [
        ({"Records": [aws("a%2Bb.wav")]}, "a+b.wav"),
        ({"Records": [ceph()]}, "a b+c/é%20.wav"),
        (eventbridge(), "a b+c.wav"),
    ],
)
def test_envelopes(wrap: Any, message: dict[str, Any], key: str) -> None:
    """S3, Ceph and EventBridge messages are found by themselves and inside SNS notifications."""
    parsed = parse(wrap(message))
    assert [(event.key, event.store) for event in parsed.events] == [(key, "s3/music")]
    assert parsed.refusals == []


@pytest.mark.parametrize(
    ("name", "happened"),
    [
        ("ObjectCreated:Copy", Happened.CREATED),
        ("s3:ObjectCreated:CompleteMultipartUpload", Happened.CREATED),
        ("ObjectRemoved:Delete", Happened.DELETED),
        ("LifecycleExpiration:DeleteMarkerCreated", Happened.DELETED),
        ("s3:ObjectLifecycle:Expiration:Current", Happened.DELETED),
    ],
)
def test_names_of_events(name: str, happened: Happened) -> None:
    """Every way of writing and of deleting counts."""
    assert [event.happened for event in parse({"Records": [aws(name=name)]}).events] == [happened]


@pytest.mark.parametrize(
    "message",
    [
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "music", "RequestId": "1", "HostId": "2"},
        {"Records": [aws(name="ObjectRestore:Post")]},
        {"Records": [aws(name="ObjectTagging:Put")]},
        {"Records": [ceph(name="ObjectLifecycle:AbortMultipartUpload")]},
        eventbridge("Object Tags Added"),
    ],
)
def test_what_changes_no_object_is_ignored(message: dict[str, Any]) -> None:
    """Test events, tags and restores are no news, and no fault either."""
    parsed = parse(message)
    assert (parsed.events, parsed.ignored, parsed.refusals) == ([], 1, [])


def test_versions_that_are_removed_for_ever() -> None:
    """A delete with a version id is about that version; a delete marker is about the key."""
    names = ("ObjectRemoved:Delete", "ObjectRemoved:DeleteMarkerCreated")
    removed, marked = parse({"Records": [aws(name=name, versionId="v1") for name in names]}).events
    assert (removed.removes_version, marked.removes_version) == ("v1", None)
    gone = {"key": "a.wav", "version-id": "v1", "sequencer": "01"}
    [removed] = parse(eventbridge("Object Deleted", object=gone)).events
    [marked] = parse(eventbridge("Object Deleted", object=gone, **{"deletion-type": "Delete Marker Created"})).events
    assert (removed.removes_version, marked.removes_version) == ("v1", None)


def test_a_bad_record_does_not_spoil_its_neighbours() -> None:
    """Each record is judged alone, and says which one it was."""
    parsed = parse({"Records": [aws("a.wav"), {"eventSource": "aws:s3"}, aws("b.wav", bucket="private"), aws("c.wav")]})
    assert [event.key for event in parsed.events] == ["a.wav", "c.wav"]
    assert [refusal.code for refusal in parsed.refusals] == ["message_malformed", "access_denied"]
    assert "record 1: 'eventName' is missing" in parsed.refusals[0].message
    assert "record 2: the bucket private is not allowed" in parsed.refusals[1].message


@pytest.mark.parametrize(
    "record",
    [
        None, 7, [], {}, {**aws(), "eventSource": "other:s3"}, {**aws(), "eventSource": ["aws:s3"]},
        {**aws(), "eventTime": "yesterday"}, {**aws(), "eventName": 1}, {**aws(), "s3": {}},
        aws(""), aws("a" * 1025), aws("a%00.wav"), aws("%FF.wav"), {**ceph("\ud800.wav")},
        aws(bucket="../etc"), aws(bucket="http://host"), aws(bucket="a"), aws(eTag="a b"), aws(eTag={}),
        aws(sequencer="xyz"), aws(sequencer="0" * 65), aws(size=-1), aws(size="1"), aws(size=2**60), aws(size=1.5),
        aws(versionId="a b"), aws(versionId=["v"]),
    ],
)  # fmt: skip
def test_records_that_are_refused(record: Any) -> None:
    """What is missing, of the wrong type or out of range refuses the record with a code, and raises nothing."""
    parsed = parse({"Records": [record]})
    assert parsed.events == []
    assert [refusal.code for refusal in parsed.refusals] == ["message_malformed"]
    assert len(parsed.refusals[0].message) < 300


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "message_malformed"),
        (b"\xff\xfe", "message_malformed"),
        (b"[]", "message_malformed"),
        (b"null", "message_malformed"),
        (b"{", "message_malformed"),
        (b"[" * 100_000, "message_malformed"),
        (b"1" * 10_000, "message_malformed"),
        (b"{}", "message_unknown"),
        (b'{"Records": {}}', "message_unknown"),
        (b'{"source": "aws.ec2", "detail-type": "x"}', "message_unknown"),
        (b'{"Type": "Notification", "Message": 1}', "message_unknown"),
        (json.dumps(sns(sns(sns(sns({"Records": []}))))).encode(), "message_malformed"),
        (json.dumps({"Type": "Notification", "Message": "no JSON"}).encode(), "message_malformed"),
        (b" " * (MOST_MESSAGE_BYTES + 1), "message_too_large"),
    ],
)
def test_messages_that_are_refused(body: bytes, code: str) -> None:
    """Bodies of which nothing can be used raise, with a code that says why."""
    with pytest.raises(MessageRefused) as caught:
        parse(body)
    assert caught.value.code == code


def test_a_subscription_is_confirmed_by_hand() -> None:
    """The URL is neither opened nor shown; the command that confirms is, as long as no shell could read more in it."""
    url = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription"
    asked = {"Type": "SubscriptionConfirmation", "TopicArn": TOPIC, "Token": "2336412f37", "SubscribeURL": url}
    with pytest.raises(MessageRefused) as caught:
        parse(asked)
    assert caught.value.code == "confirmation_needed"
    assert f"aws sns confirm-subscription --topic-arn {TOPIC} --token 2336412f37" in caught.value.remedy
    assert url not in str(caught.value)
    for wrong in ({"Token": "x; rm -rf /"}, {"TopicArn": "arn:aws:sns:x:1:`id`"}, {"Token": None}):
        with pytest.raises(MessageRefused) as caught:
            parse({**asked, **wrong})
        assert caught.value.code == "message_malformed"


def test_sequencers_of_ceph_are_turned_round() -> None:
    """Three writes of one key, as a gateway told them, keep their order, which the text alone does not have."""
    told = ["3397076BD8AD9B28", "3397076B4FD7412B", "3397076B021ABC2B", "3597076BA31D6932"]
    assert sorted(told) != told
    canonical = [canonical_sequencer(text, is_ceph=True) for text in told]
    assert sorted(canonical) == canonical

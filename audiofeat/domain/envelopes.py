"""From the text of a message to the events inside, whoever sent it and however it is wrapped.

Understood are Amazon's S3 notifications, those of a Ceph gateway, and EventBridge's; each also as the ``Message`` of an
SNS notification. A queue's message body is any of these. Nothing that a message names is ever opened here.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import unquote_plus

from audiofeat.codes import ErrorCode
from audiofeat.domain.object_events import Happened, ObjectEvent, canonical_sequencer
from audiofeat.errors import AudiofeatError, MessageRefused

MOST_MESSAGE_BYTES = 1_000_000
MOST_KEY_BYTES = 1024
_MOST_WRAPPINGS = 3
_LARGEST_OBJECT_BYTES = 50 * 2**40
_SHOWN = 80
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")
_ETAG = re.compile(r"[A-Za-z0-9+/=_.-]{1,200}")
_VERSION_ID = re.compile(r"[!-~]{1,1024}")
_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]{1,256}")
_TOKEN = re.compile(r"[A-Za-z0-9]{1,2048}")
# In this order: the first beginning that fits decides. What fits none changes no object.
_NAMES = (
    ("ObjectCreated:", Happened.CREATED),
    ("ObjectSynced:Create", Happened.CREATED),
    ("ObjectSynced:Delete", Happened.DELETED),
    ("ObjectRemoved:", Happened.DELETED),
    ("LifecycleExpiration:", Happened.DELETED),
    ("ObjectLifecycle:Expiration:Current", Happened.DELETED),
    ("ObjectLifecycle:Expiration:DeleteMarker", Happened.DELETED),
)
_DETAIL_TYPES = {"Object Created": Happened.CREATED, "Object Deleted": Happened.DELETED}


@dataclass(frozen=True, slots=True)
class Refusal:
    """One part of a message that can never be accepted, and why."""

    code: ErrorCode
    message: str


StoreOf = Callable[[str], str]


@dataclass(slots=True)
class Parsed:
    """What a message came to: events in their order, how many parts change no object, and what is refused."""

    events: list[ObjectEvent] = field(default_factory=list)
    ignored: int = 0
    refusals: list[Refusal] = field(default_factory=list)


def parse_message(body: bytes | str, *, store_of: StoreOf) -> Parsed:
    """Read a message; a record that cannot be used does not spoil those beside it.

    Parameters
    ----------
    body : bytes or str
        As it came from a queue or over HTTP.
    store_of : callable
        Returns the name of a bucket's store; what it raises of ours refuses the record.

    Raises
    ------
    MessageRefused
        Where nothing in it can be used: too large, no JSON, an unknown envelope, or a request of SNS to confirm.
    """
    size = len(body if isinstance(body, bytes) else body.encode(errors="surrogatepass"))
    if size > MOST_MESSAGE_BYTES:
        raise MessageRefused(
            ErrorCode.MESSAGE_TOO_LARGE, f"the message has {size:,} bytes, allowed are {MOST_MESSAGE_BYTES:,}"
        )
    parsed = Parsed()
    _unwrap(body, parsed, store_of, wrappings=0)
    return parsed


def _unwrap(body: bytes | str, parsed: Parsed, store_of: StoreOf, *, wrappings: int) -> None:
    message = _json_object(body)
    if isinstance(message.get("Records"), list):
        for number, record in enumerate(message["Records"]):
            _read(parsed, f"record {number}", partial(_from_record, record, store_of))
    elif message.get("Event") == "s3:TestEvent":
        parsed.ignored += 1
    elif message.get("source") == "aws.s3" and "detail-type" in message:
        _read(parsed, "the event", partial(_from_eventbridge, message, store_of))
    elif message.get("Type") == "Notification" and isinstance(message.get("Message"), str):
        if wrappings == _MOST_WRAPPINGS:
            raise MessageRefused(ErrorCode.MESSAGE_MALFORMED, "the message is wrapped in too many envelopes")
        _unwrap(message["Message"], parsed, store_of, wrappings=wrappings + 1)
    elif message.get("Type") in {"SubscriptionConfirmation", "UnsubscribeConfirmation"}:
        raise _confirmation(message)
    else:
        known = "known are S3 notifications (Records), SNS notifications and EventBridge events of the source aws.s3"
        raise MessageRefused(ErrorCode.MESSAGE_UNKNOWN, f"no known envelope: it has {_names(message)}; {known}")


def _read(parsed: Parsed, what: str, read: Callable[[], ObjectEvent | None]) -> None:
    try:
        event = read()
    except AudiofeatError as error:
        parsed.refusals.append(Refusal(error.code, f"{what}: {error}"))
        return
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        parsed.refusals.append(Refusal(ErrorCode.MESSAGE_MALFORMED, f"{what}: {reason}"))
        return
    if event is None:
        parsed.ignored += 1
    else:
        parsed.events.append(event)


def _from_record(record: Mapping[str, Any], store_of: StoreOf) -> ObjectEvent | None:
    """Return the event of one record of an S3 notification; None where it changes no object."""
    sender = record["eventSource"]
    if sender not in {"aws:s3", "ceph:s3"}:
        raise ValueError(f"its eventSource is {_shown(sender)}, known are 'aws:s3' and 'ceph:s3'")
    is_ceph = sender == "ceph:s3"
    name = _text(record, "eventName").removeprefix("s3:")
    happened = next((what for beginning, what in _NAMES if name.startswith(beginning)), None)
    if happened is None:
        return None
    entry = record["s3"]["object"]
    key = _text(entry, "key")
    return _event(
        happened,
        store=_store(record["s3"]["bucket"], store_of),
        # Amazon encodes keys as in a form, with a plus for a space; Ceph leaves them as they are.
        key=key if is_ceph else unquote_plus(key, errors="strict"),
        at=_text(record, "eventTime"),
        entry={**entry, "etag": entry.get("eTag"), "version-id": entry.get("versionId")},
        is_marker=name.endswith("DeleteMarkerCreated"),
        is_ceph=is_ceph,
    )


def _from_eventbridge(message: Mapping[str, Any], store_of: StoreOf) -> ObjectEvent | None:
    happened = _DETAIL_TYPES.get(message["detail-type"])
    if happened is None:
        return None
    detail = message["detail"]
    return _event(
        happened,
        store=_store(detail["bucket"], store_of),
        key=_text(detail["object"], "key"),
        at=_text(message, "time"),
        entry=detail["object"],
        is_marker=detail.get("deletion-type") == "Delete Marker Created",
    )


def _event(
    happened: Happened,
    *,
    store: str,
    key: str,
    at: str,
    entry: Mapping[str, Any],
    is_marker: bool,
    is_ceph: bool = False,
) -> ObjectEvent:
    if not 1 <= len(key.encode()) <= MOST_KEY_BYTES or "\0" in key:
        raise ValueError(f"a key has 1 to {MOST_KEY_BYTES} bytes of UTF-8 without NUL, this is {_shown(key)}")
    etag, version_id, sequencer = (
        "" if entry.get(name) is None else _text(entry, name) for name in ("etag", "version-id", "sequencer")
    )
    etag = etag.removeprefix("W/").strip('"')
    if etag and not _ETAG.fullmatch(etag):
        raise ValueError(f"{_shown(etag)} is no possible ETag")
    if version_id and not _VERSION_ID.fullmatch(version_id):
        raise ValueError(f"{_shown(version_id)} is no possible version id")
    size = 0 if entry.get("size") is None else entry["size"]
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= _LARGEST_OBJECT_BYTES:
        raise ValueError(f"{_shown(size)} is no possible size")
    when = datetime.fromisoformat(at)
    return ObjectEvent(
        store=store,
        key=key,
        happened=happened,
        at=when if when.tzinfo else when.replace(tzinfo=UTC),
        sequencer=canonical_sequencer(sequencer, is_ceph=is_ceph) if sequencer else "",
        version=etag or None,
        # A delete marker's own version id names no version that ever had bytes.
        version_id=None if is_marker else version_id or None,
        size_bytes=size,
    )


def _store(bucket: Mapping[str, Any], store_of: StoreOf) -> str:
    name = _text(bucket, "name")
    if not _BUCKET.fullmatch(name):
        raise ValueError(f"{_shown(name)} is no possible bucket")
    return store_of(name)


def _json_object(body: bytes | str) -> dict[str, Any]:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        # What the reader says would repeat parts of the message.
        raise MessageRefused(ErrorCode.MESSAGE_MALFORMED, "the message is no JSON") from None
    if not isinstance(message, dict):
        raise MessageRefused(ErrorCode.MESSAGE_MALFORMED, "the message is JSON, and no object")
    return message


def _confirmation(message: Mapping[str, Any]) -> MessageRefused:
    topic, token = (str(message.get(name) or "") for name in ("TopicArn", "Token"))
    if not _TOPIC.fullmatch(topic) or not _TOKEN.fullmatch(token):
        return MessageRefused(ErrorCode.MESSAGE_MALFORMED, "SNS asks for something without a proper TopicArn and Token")
    return MessageRefused(
        ErrorCode.CONFIRMATION_NEEDED,
        f"SNS asks to confirm a change of a subscription to {topic}; its URL is not opened",
        f"where the topic is yours: aws sns confirm-subscription --topic-arn {topic} --token {token}",
    )


def _text(part: Mapping[str, Any], name: str) -> str:
    value = part[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is no text")
    return value


def _names(message: Mapping[str, Any]) -> str:
    return ", ".join(_shown(name) for name in sorted(message)[:5]) or "nothing"


def _shown(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."

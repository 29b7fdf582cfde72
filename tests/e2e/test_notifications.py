"""From an upload to a neighbour without a command: a Ceph gateway pushes its notifications to a running API."""

import json
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest
from radosgw import ACCESS_KEY_ID, SECRET_ACCESS_KEY, Radosgw

from commands import SAMPLES, Run, wait_until

CLIPS = ("pad_slow_tide.ogg", "dnb_neon_circuit.ogg", "pad_winter_orchard.mp3")
ODD = "new/slow tide+é%20(100%).ogg"


@pytest.fixture
def bucket(make_radosgw_bucket: Any) -> str:
    name: str = make_radosgw_bucket()
    return name


@pytest.fixture
def environment(environment: dict[str, str], radosgw: Radosgw, bucket: str) -> dict[str, str]:
    """Environment of a user of the gateway."""
    return {
        **environment,
        "AUDIOFEAT_S3_ENDPOINT_URL": radosgw.endpoint,
        "AUDIOFEAT_S3_REGION": "default",
        "AUDIOFEAT_S3_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AUDIOFEAT_S3_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AUDIOFEAT_ALLOWED_BUCKETS": bucket,
    }


def ask(url: str) -> tuple[int, Any]:
    try:
        with urlopen(Request(url)) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, json.load(error)


def state_of(api: str, name: str) -> str:
    """Return the state of an item, or the code of why there is none."""
    status, answer = ask(f"{api}/v1/items/{quote(name)}")
    return str(answer["state"] if status == 200 else answer["code"])


def test_from_upload_to_neighbour(audiofeat: Run, api: str, radosgw: Radosgw, bucket: str) -> None:
    """An upload is analysed and found, an overwritten object is analysed anew, a deleted one is found no more."""
    s3 = radosgw.client("s3")
    topic = radosgw.client("sns").create_topic(Name=bucket, Attributes={"push-endpoint": f"{api}/v1/events"})
    events = {"TopicArn": topic["TopicArn"], "Id": "audiofeat", "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"TopicConfigurations": [events]})
    for clip in CLIPS:
        s3.put_object(Bucket=bucket, Key=f"new/{clip}", Body=(SAMPLES / "audio" / clip).read_bytes())
    for clip in CLIPS:
        wait_until(lambda clip=clip: state_of(api, f"new/{clip}") == "done")  # type: ignore[misc]  # mypy and defaults
    assert audiofeat("index", "build").returncode == 0

    # The same bytes under a key with everything that is encoded elsewhere.
    s3.put_object(Bucket=bucket, Key=ODD, Body=(SAMPLES / "audio" / CLIPS[0]).read_bytes())
    wait_until(lambda: state_of(api, ODD) == "done")
    near = ask(f"{api}/v1/items/{CLIPS[0]}/neighbours?k=3&duplicates=show")[1]["neighbours"]
    assert [line["key"] for line in near] == [ODD, f"new/{CLIPS[2]}", f"new/{CLIPS[1]}"]

    # Overwritten: what is served is what lies there now.
    before = ask(f"{api}/v1/items/{CLIPS[1]}")[1]["sha256"]
    s3.put_object(Bucket=bucket, Key=f"new/{CLIPS[1]}", Body=(SAMPLES / "audio" / "noise_salt_wind.wav").read_bytes())
    wait_until(lambda: ask(f"{api}/v1/items/{CLIPS[1]}")[1]["sha256"] != before)

    s3.delete_object(Bucket=bucket, Key=ODD)
    wait_until(lambda: state_of(api, ODD) == "item_unknown")
    near = ask(f"{api}/v1/items/{CLIPS[0]}/neighbours?k=3&duplicates=show")[1]["neighbours"]
    assert [line["key"] for line in near] == [f"new/{CLIPS[2]}", f"new/{CLIPS[1]}"]

    # Everything was told: a pass over the bucket finds nothing that was missed.
    found = json.loads(audiofeat("sync", f"s3://{bucket}", "--json").stdout)
    assert found == {
        "looked_at": 4, "created": 0, "changed": 0, "gone": 0, "unchanged": 4, "left_out": 0, "overtaken": 0,
        "failed": 0,
    }  # fmt: skip
    assert audiofeat("failures").stdout == ""

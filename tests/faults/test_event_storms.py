"""Fault 14: events duplicated, reordered, with late deletions, in both dialects, end in one and the same catalogue."""

import json
import random
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest

from audiofeat.catalogue import open_catalogue
from audiofeat.domain.items import Kind, KindSource
from audiofeat.domain.jobs import JobState, Lane, Outcome
from audiofeat.services.events import Intake

BEGAN = 1_795_659_571
KEYS = ("new/a b+c é%20.wav", "b.mp3", "shows/one.ogg")


def history(seed: int, steps: int = 60) -> list[tuple[str, str, int]]:
    """Return what happened: keys, what was done to them, and a number that rises."""
    draw = random.Random(seed)
    return [(draw.choice(KEYS), draw.choice(["put", "put", "delete"]), number) for number in range(steps)]


def record(dialect: str, step: tuple[str, str, int]) -> dict[str, Any]:
    """Return a step as that store would tell it."""
    key, done, number = step
    name = "ObjectCreated:Put" if done == "put" else "ObjectRemoved:Delete"
    # The clock of a gateway: seconds and nanoseconds, least significant byte first.
    clock = (BEGAN + number // 3).to_bytes(4, "little") + (number * 7_654_321).to_bytes(4, "little")
    is_ceph = dialect == "ceph"
    entry = {
        "key": key if is_ceph else quote_plus(key, safe="/"),
        "size": 1_000,
        "eTag": f"etag{number}" if done == "put" or is_ceph else None,
        "sequencer": clock.hex().upper() if is_ceph else f"{number + 1:016X}" + "0" * (number % 3),
    }
    return {
        "eventSource": f"{dialect}:s3",
        "eventName": name,
        "eventTime": "2026-01-02T03:04:05.000Z",
        "s3": {"bucket": {"name": "music"}, "object": entry},
    }


def told(dialect: str, steps: list[tuple[str, str, int]], folder: Path, *, per_message: int = 1) -> dict[str, str]:
    """Tell a new ledger the steps, work off what is due, and return key and version of every item that is found."""
    catalogue = open_catalogue(f"sqlite:///{folder}/{random.random()}.sqlite3")
    intake = Intake(catalogue, store_of=lambda bucket: f"s3/{bucket}", open_store=pytest.fail)
    for start in range(0, len(steps), per_message):
        records = [record(dialect, step) for step in steps[start : start + per_message]]
        received = intake.receive(json.dumps({"Records": records}), source="test")
        assert (received.accepted + received.ignored, received.refusals) == (len(records), ())
    for job_id in catalogue.due(Lane.COLD, limit=100):
        claim = catalogue.claim(job_id, worker="w", lease_s=60)
        assert claim is not None
        outcome = Outcome(
            state=JobState.DONE, sha256=claim.audio.version, audio={"decoded_duration_s": 1.0}, flags=(), groups=(),
            extractor={}, kind=Kind.TRACK, kind_source=KindSource.INFERRED, descriptor=b"\0\0\0\0",
        )  # fmt: skip
        assert catalogue.finish(claim, outcome)
    found = {item.key: item.sha256 or "" for item in catalogue.items()}
    catalogue.close()
    return found


@pytest.mark.parametrize("dialect", ["aws", "ceph"])
@pytest.mark.parametrize("seed", range(4))
def test_a_storm_of_events_ends_as_the_history_did(dialect: str, seed: int, tmp_path: Path) -> None:
    """Each event up to three times, in any order, alone or several at once: each key is what its last event says."""
    steps = history(seed)
    last = {key: (done, number) for key, done, number in steps}
    expected = {key: f"etag{number}" for key, (done, number) in last.items() if done == "put"}
    assert told(dialect, steps, tmp_path) == expected
    draw = random.Random(seed)
    storm = [step for step in steps for _ in range(draw.randint(1, 3))]
    draw.shuffle(storm)
    assert told(dialect, storm, tmp_path, per_message=7) == expected


def test_the_last_event_first(tmp_path: Path) -> None:
    """Told backwards, every event but the newest of each key is late, deletions of what is there again among them."""
    steps = [
        (KEYS[0], "put", 1),
        (KEYS[0], "delete", 2),
        (KEYS[0], "put", 3),
        (KEYS[1], "put", 4),
        (KEYS[1], "delete", 5),
    ]
    for dialect in ("aws", "ceph"):
        assert told(dialect, steps[::-1], tmp_path) == {KEYS[0]: "etag3"}

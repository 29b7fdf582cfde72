"""Faults of object storage, through a proxy that makes them before a real S3 server."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from faults.flaky import Flaky, flaky_proxy

from audiofeat.bootstrap import Services
from audiofeat.config import load_settings
from audiofeat.domain.items import ObjectVersion
from audiofeat.domain.jobs import JobState, Lane, Registration
from audiofeat.storage.s3_connection import S3Connection
from commands import SAMPLES

CLIP = (SAMPLES / "audio" / "pad_slow_tide.ogg").read_bytes()
OTHER = (SAMPLES / "audio" / "noise_grey_weather.ogg").read_bytes()


@dataclass
class World:
    """An installation whose store is behind a flaky proxy, and the store itself."""

    services: Services
    plan: Flaky
    bucket: str
    s3: object

    def put(self, key: str, body: bytes) -> str:
        """Write an object past the proxy and return its version."""
        return str(self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)["ETag"]).strip('"')

    def queue(self, key: str, version: str) -> str:
        """Register a version of an object; return the job's id."""
        audio = ObjectVersion(f"s3/{self.bucket}", key, version)
        return self.services.catalogue.register([Registration(audio)])[0].job_id

    def work(self, job_id: str) -> JobState | None:
        """Work on a job as a worker does."""
        return self.services.ingest.run(job_id, worker="test")


@pytest.fixture
def world(
    s3_connection: S3Connection, make_bucket: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    with flaky_proxy(str(s3_connection.endpoint_url)) as (url, plan):
        settings = {
            "HOME": str(tmp_path / "home"),
            "S3_ENDPOINT_URL": url,
            "S3_REGION": "us-east-1",
            "S3_ACCESS_KEY_ID": str(s3_connection.access_key_id),
            "S3_SECRET_ACCESS_KEY": str(s3_connection.secret_access_key),
        }
        for name, value in settings.items():
            monkeypatch.setenv(f"AUDIOFEAT_{name}", value)
        s3 = boto3.session.Session().client(
            "s3", endpoint_url=s3_connection.endpoint_url, region_name="us-east-1",
            aws_access_key_id=s3_connection.access_key_id, aws_secret_access_key=s3_connection.secret_access_key,
            config=Config(s3={"addressing_style": "path"}),
        )  # fmt: skip
        services = Services(load_settings())
        yield World(services, plan, make_bucket(), s3)
        services.extraction.stop()


@pytest.mark.parametrize("fault", ["500", "503", "reset", "cut"])
def test_fault_16_a_passing_fault_is_not_noticed(world: World, fault: str) -> None:
    """One bad answer in the middle costs another request, and the right bytes are stored."""
    job_id = world.queue("a.ogg", world.put("a.ogg", CLIP))
    world.plan.faults.extend([fault])
    state = world.work(job_id)
    if state is JobState.RETRY_WAIT:
        # A body that breaks off is not read on, but asked for again later.
        world.services.catalogue._database._clock = lambda: 4e9
        assert world.services.catalogue.wake_rested() == 1
        state = world.work(job_id)
    assert state in {JobState.DONE, JobState.DEGRADED}
    item = world.services.catalogue.find_item("a.ogg")
    assert item.sha256 == hashlib.sha256(CLIP).hexdigest()


@pytest.mark.parametrize("fault", ["503", "cut"])
def test_fault_16_a_lasting_fault_waits_with_backoff(world: World, fault: str) -> None:
    """The job rests, its next attempt is later each time, no budget is charged, and nothing is stored."""
    job_id = world.queue("a.ogg", world.put("a.ogg", CLIP))
    world.plan.always = fault
    assert world.work(job_id) is JobState.RETRY_WAIT
    job = world.services.catalogue.job(job_id)
    assert (job.error_code, job.crashes, job.losses) == ("store_unavailable", 0, 0)
    assert world.services.catalogue.due(Lane.NORMAL, limit=9) == []
    assert world.services.catalogue.find_item("a.ogg").sha256 is None


def test_fault_16_garbled_bytes_are_known_by_their_hash(world: World) -> None:
    """What arrived is filed under its own hash, never under that of what lies in the store."""
    job_id = world.queue("a.ogg", world.put("a.ogg", CLIP))
    world.plan.always = "garbled"
    world.work(job_id)
    assert world.services.catalogue.outcome_of_audio(hashlib.sha256(CLIP).hexdigest()) is None


@pytest.mark.parametrize(("fault", "code"), [("403", "access_denied"), ("404", "object_missing")])
def test_fault_17_what_is_forbidden_or_missing_is_rejected_at_once(world: World, fault: str, code: str) -> None:
    """At most two calls, and the job is over until somebody mends it."""
    job_id = world.queue("a.ogg", world.put("a.ogg", CLIP))
    world.plan.always, world.plan.requests = fault, []
    assert world.work(job_id) is JobState.REJECTED
    assert world.services.catalogue.job(job_id).error_code == code
    assert len(world.plan.requests) <= 2


def test_fault_15_an_object_overwritten_before_the_fetch(world: World) -> None:
    """Nothing is stored for the old version, and the new one is queued without anybody asking."""
    old = world.queue("a.ogg", world.put("a.ogg", CLIP))
    world.put("a.ogg", OTHER)
    assert world.work(old) is JobState.SUPERSEDED
    (new,) = world.services.catalogue.due(Lane.NORMAL, limit=9)
    assert world.work(new) in {JobState.DONE, JobState.DEGRADED}
    assert world.services.catalogue.find_item("a.ogg").sha256 == hashlib.sha256(OTHER).hexdigest()


def test_fault_15_an_object_overwritten_during_the_analysis(world: World) -> None:
    """The older result, though it comes last, does not stand in place of the newer one."""
    catalogue, ingest = world.services.catalogue, world.services.ingest
    old = world.queue("a.ogg", world.put("a.ogg", CLIP))

    class Overtaken:
        """Extracts, and meanwhile the object is overwritten, registered and analysed."""

        def extract(self, path: Path, *, source: str, **options: object) -> object:
            extraction = world.services.extraction.extract(path, source=source, **options)
            if not self.__dict__:
                self.__dict__["done"] = True
                new = world.queue("a.ogg", world.put("a.ogg", OTHER))
                assert world.work(new) in {JobState.DONE, JobState.DEGRADED}
            return extraction

    from dataclasses import replace  # noqa: PLC0415  one use

    assert replace(ingest, extractor=Overtaken()).run(old, worker="slow") is not None
    assert catalogue.job(old).state is JobState.SUPERSEDED
    assert catalogue.find_item("a.ogg").sha256 == hashlib.sha256(OTHER).hexdigest()

"""Metrics of a machine that runs: the numbers after a known amount of work, whoever did it and was replaced."""

import os
import re
import signal
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from audiofeat.bootstrap import Services, load_settings
from audiofeat.codes import ErrorCode
from audiofeat.domain.items import ObjectVersion
from audiofeat.domain.jobs import JobState, Lane, Registration
from audiofeat.errors import ExtractionCrashed, ObjectMissing, StoreUnavailable
from audiofeat.extraction.client import Extraction
from audiofeat.storage.location import Location
from audiofeat.storage.s3 import S3Store
from audiofeat.storage.s3_connection import S3Connection
from audiofeat.telemetry.metrics import Metrics, exposition
from scraping import samples, value

ROOT = Path(__file__).parents[2]


def in_children(count: int, work: Callable[[int], None], *, die: bool = False) -> None:
    """Do the work in forked processes, one after the other; each then ends, or dies by SIGKILL."""
    for number in range(count):
        child = os.fork()
        if not child:
            try:
                work(number)
                if die:
                    os.kill(os.getpid(), signal.SIGKILL)
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) == die


@pytest.mark.parametrize("die", [False, True])
def test_processes_that_take_each_others_place_add_up(tmp_path: Path, *, die: bool) -> None:
    """Six successive processes in two places count to the right sum in two sets of files, even after kill -9."""
    folder = tmp_path / "metrics"

    def work(number: int) -> None:
        metrics = Metrics(folder, process=f"celery@host.{number % 2}")
        metrics.job_ended(Lane.COLD, JobState.DONE, audio_s=2.5)
        metrics.child_ended("SIGSEGV")
        with metrics.stage("fetch"):
            pass

    in_children(6, work, die=die)
    found = samples(exposition(folder).decode())
    assert value(found, "audiofeat_job_ends_total", lane="cold", state="done") == 6
    assert value(found, "audiofeat_audio_seconds_total") == 15.0
    assert value(found, "audiofeat_extraction_child_ends_total", how="SIGSEGV") == 6
    assert value(found, "audiofeat_stage_seconds_count", stage="fetch") == 6
    assert sorted(path.name for path in folder.iterdir()) == [
        "counter_celery@host.0.db", "counter_celery@host.1.db", "histogram_celery@host.0.db",
        "histogram_celery@host.1.db",
    ]  # fmt: skip


def test_a_home_that_counted_nothing_has_an_empty_exposition(tmp_path: Path) -> None:
    """Scraping before the first job is no error."""
    assert exposition(tmp_path / "metrics") == b""


def test_calls_to_s3_are_told_by_operation_and_outcome(
    s3_connection: S3Connection, make_bucket: Callable[[], str], tmp_path: Path
) -> None:
    """A success, a 404 and a server that is not there are one call each, retries within."""
    told: list[tuple[str, str, float]] = []

    def store(bucket: str, **changes: object) -> S3Store:
        facts = {
            name: getattr(s3_connection, name)
            for name in ("endpoint_url", "region", "access_key_id", "secret_access_key")
        }
        watched = S3Connection(**{**facts, **changes}, watch=lambda *call: told.append(call))
        return S3Store(bucket, connection=watched)

    working = store(make_bucket())
    working.put("a", b"bytes")
    working.fetch("a", tmp_path / "a")
    with pytest.raises(ObjectMissing):
        working.head("b")
    with pytest.raises(StoreUnavailable):
        store("bucket", endpoint_url="http://127.0.0.1:9", attempts=2).head("a")
    assert [call[:2] for call in told] == [
        ("PutObject", "200"), ("GetObject", "200"), ("HeadObject", "404"), ("HeadObject", "no_answer"),
    ]  # fmt: skip
    assert all(0 < seconds < 20 for *_, seconds in told)


def test_a_killed_child_is_counted_by_its_signal_and_its_folder_was_private(tmp_path: Path) -> None:
    """What native code does to a child is seen in the counters; while it worked nobody else could read the audio."""
    music = tmp_path / "music"
    music.mkdir()
    (music / "song.wav").write_bytes(b"RIFF")
    services = Services(load_settings(home=tmp_path / "home"), process="test")
    version = next(services.stores.at(Location(folder=music)).list()).version
    [job] = services.catalogue.register([Registration(ObjectVersion(f"file:{music}", "song.wav", version))])
    modes: list[int] = []

    class Killed:
        def extract(self, path: Path, **_: object) -> Extraction:
            modes.extend(stat.S_IMODE(place.stat().st_mode) for place in (path.parent.parent, path.parent, path))
            raise ExtractionCrashed(ErrorCode.EXTRACTION_SIGNAL, "the child died by SIGSEGV", signal="SIGSEGV")

    services.__dict__["extraction"] = Killed()
    assert services.ingest.run(job.job_id, worker="w") is JobState.QUEUED
    assert services.ingest.run("no such job", worker="w") is None
    assert modes == [0o700, 0o700, 0o600]
    found = samples(services.exposition().decode())
    assert value(found, "audiofeat_extraction_child_ends_total", how="SIGSEGV") == 1
    assert value(found, "audiofeat_job_ends_total", lane="normal", state="queued") == 1
    assert value(found, "audiofeat_refusals_total", what="claim") == 1
    assert value(found, "audiofeat_jobs", lane="normal", state="queued") == 1


def test_alert_rules_speak_of_metrics_that_exist() -> None:
    """Every metric and label in the shipped rules is one that the page for operators lists."""
    page = (ROOT / "docs" / "how-to" / "operate.md").read_text()
    listed = set(re.findall(r"`(audiofeat_\w+)`", page))
    rules = yaml.safe_load((ROOT / "docker" / "alerts.yml").read_text())["groups"][0]["rules"]
    used = {name for rule in rules for name in re.findall(r"audiofeat_\w+", rule["expr"])}
    assert used
    assert {name.removesuffix("_count") for name in used} <= listed
    assert all(rule["annotations"]["summary"] and rule["labels"]["severity"] in {"page", "ticket"} for rule in rules)

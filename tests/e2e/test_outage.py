"""What still works when most of it is gone, and how a worker that does nothing is found out."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import boto3
import pytest
from botocore.config import Config

from audiofeat.broker import CeleryQueue, celery_app
from audiofeat.catalogue import open_catalogue
from audiofeat.domain.items import ObjectVersion
from audiofeat.domain.jobs import JobState, Lane, Registration
from audiofeat.embedded_broker import EmbeddedBroker, embedded_url
from commands import SAMPLES, Run, kill, processes_of, wait_until
from tests.ports import free_port

CLIPS = ("pad_slow_tide.ogg", "dnb_neon_circuit.ogg", "noise_salt_wind.wav")
SECRET = "not-a-secret"


def status_of(url: str) -> tuple[int, str]:
    """Return status and body of an answer; 0 where there is none."""
    try:
        with urlopen(url, timeout=60) as response:
            return response.status, response.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


@contextmanager
def process(*arguments: str, environment: dict[str, str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program of the machine until the block ends."""
    with (folder / "output.log").open("ab") as log:
        running = subprocess.Popen(
            [sys.executable, "-m", *arguments], env=environment, cwd=folder, stdout=log, stderr=log
        )
    try:
        yield running
    finally:
        running.kill()
        running.wait()


def upload(url: str) -> None:
    """Fill a bucket for audio, and make one for artefacts."""
    s3 = boto3.session.Session().client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="owner", aws_secret_access_key=SECRET,
        config=Config(s3={"addressing_style": "path"}),
    )  # fmt: skip
    for bucket in ("music", "artefacts"):
        s3.create_bucket(Bucket=bucket)
    for clip in CLIPS:
        s3.upload_file(str(SAMPLES / "audio" / clip), "music", clip)


def test_lookups_are_answered_while_broker_store_and_workers_are_dead(
    audiofeat: Run, environment: dict[str, str], mortal_s3: tuple[subprocess.Popen[str], str], tmp_path: Path
) -> None:
    """After kill -9 of all of them every lookup is answered, also by an API that is started only then."""
    server, url = mortal_s3
    upload(url)
    port = free_port()
    environment |= {
        "AUDIOFEAT_S3_ENDPOINT_URL": url, "AUDIOFEAT_S3_REGION": "us-east-1", "AUDIOFEAT_S3_ACCESS_KEY_ID": "owner",
        "AUDIOFEAT_S3_SECRET_ACCESS_KEY": SECRET, "AUDIOFEAT_ARTEFACT_STORE": "s3://artefacts",
        "AUDIOFEAT_API_PORT": str(port), "AUDIOFEAT_POLL_S": "0.5",
    }  # fmt: skip
    api = f"http://127.0.0.1:{port}"
    lookup = f"{api}/v1/items/{CLIPS[0]}/neighbours?k=2"
    with (
        process("audiofeat.api", environment=environment, folder=tmp_path),
        process("audiofeat", "up", "--no-api", "--workers", "1", environment=environment, folder=tmp_path) as machine,
    ):
        assert audiofeat("ingest", "s3://music", **environment).returncode == 0
        assert audiofeat("index", "build", **environment).returncode == 0
        wait_until(lambda: status_of(lookup)[0] == 200)
        machine.kill()
        kill(processes_of(tmp_path / "home", "-m workers"))
        server.kill()
        server.wait()
        wait_until(
            lambda: not processes_of(tmp_path / "home", "valkey") + processes_of(tmp_path / "home", "-m workers")
        )
        began, answers = time.monotonic(), []
        while time.monotonic() - began < 10:
            answers.append(status_of(lookup)[0])
            time.sleep(0.05)
        assert set(answers) == {200}
        assert len(answers) > 10
        assert status_of(f"{api}/readyz")[0] == 200
        assert "audiofeat_ledger_up 1.0" in status_of(f"{api}/metrics")[1]
    with process("audiofeat.api", environment=environment, folder=tmp_path):
        wait_until(lambda: status_of(f"{api}/livez")[0] == 200)
        assert [status_of(lookup)[0] for _ in range(20)] == [200] * 20


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """Run the broker of the home and nothing else."""
    with EmbeddedBroker(tmp_path / "home") as running:
        yield running


def test_a_worker_that_takes_nothing_of_what_is_due_is_found_out(
    environment: dict[str, str], broker: EmbeddedBroker, tmp_path: Path
) -> None:
    """Its probes are red while a job waits that nobody rang for, and green again when it has taken it."""
    assert broker
    music, port = tmp_path / "music", free_port()
    music.mkdir()
    shutil.copy(SAMPLES / "audio" / CLIPS[0], music)
    environment |= {"AUDIOFEAT_METRICS_PORT": str(port), "AUDIOFEAT_STALL_S": "2", "AUDIOFEAT_WORKERS": "1"}
    probes = f"http://127.0.0.1:{port}"
    catalogue = open_catalogue(f"sqlite:///{tmp_path}/home/catalogue.sqlite3")
    celery = ("celery", "--app", "workers.app", "worker", "--queues", "cold,normal,bulk,ingest", "--concurrency", "1")
    with process(*celery, environment=environment, folder=tmp_path):
        wait_until(lambda: status_of(f"{probes}/readyz") == (200, "ready\n"))
        wait_until(lambda: bool(catalogue.workers(seen_within_s=60)))
        clip = music / CLIPS[0]
        version = f"{clip.stat().st_size}-{clip.stat().st_mtime_ns}"
        registration = Registration(ObjectVersion(f"file:{music}", clip.name, version, 1), lane=Lane.COLD)
        (registered,) = catalogue.register([registration])
        wait_until(lambda: status_of(f"{probes}/livez") == (503, "stalled: cold\n"))
        assert status_of(f"{probes}/readyz") == (503, "stalled: cold\n")
        assert "audiofeat_stalled_workers 1.0" in status_of(f"{probes}/metrics")[1]
        ring(tmp_path / "home", registered.job_id)
        wait_until(lambda: catalogue.job(registered.job_id).state in {JobState.DONE, JobState.REJECTED})
        wait_until(lambda: status_of(f"{probes}/livez") == (200, "alive\n"))
        found = status_of(f"{probes}/metrics")[1]
        assert "audiofeat_job_ends_total" in found
        assert status_of(f"{probes}/elsewhere")[0] == 404


def ring(home: Path, job_id: str) -> None:
    """Tell the workers of a job, as the reconciler would."""
    CeleryQueue(celery_app(embedded_url(home), max_duration_s=60, concurrency=1)).ring([job_id], Lane.COLD)

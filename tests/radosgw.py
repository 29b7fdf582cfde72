"""A real S3 server for the tests: a throw-away Ceph of one monitor, one store in memory and one gateway.

Where moto says yes to any signature and looks at conditions loosely, a Ceph gateway checks what a client claims, has
one winner of a race, and tells of its objects over HTTP. All of it listens on loopback and ends with the tests.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import boto3
import pytest
from botocore.config import Config

from audiofeat.extraction.sandbox import die_with_parent
from audiofeat.storage.s3_connection import S3Connection
from tests.ports import free_ports

ACCESS_KEY_ID = "tester"
SECRET_ACCESS_KEY = "real-secret"
START_S = 120.0
_PROGRAMS = ("ceph-mon", "ceph-osd", "ceph", "radosgw", "radosgw-admin")
_INSTALL = "apt-get install -y --no-install-recommends ceph-mon ceph-osd ceph-common radosgw"
# Monitors wait a second before they agree on anything, and making a pool takes several agreements. What the store would
# tell the monitor about its place when it starts comes too early on a busy machine, and ends it: it is told before.
_CONFIGURATION = """
[global]
fsid = {cluster}
mon host = v1:127.0.0.1:{monitor}
mon initial members = a
public addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
keyring = {folder}/keyring
run dir = {folder}
log file = {folder}/$name.log
admin socket =
ms bind ipv6 = false
ms bind msgr2 = false
paxos propose interval = 0.02
paxos min wait = 0.01
mon allow pool size one = true
mon max pg per osd = 1000
mon data avail crit = 1
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd max object name len = 256
[mon.a]
mon data = {folder}/mon
[osd.0]
osd class update on start = false
osd crush update on start = false
osd data = {folder}/osd
osd objectstore = memstore
memstore device bytes = 1073741824
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:{gateway}
rgw thread pool size = 32
"""


class Radosgw:
    """The running cluster.

    Parameters
    ----------
    folder : Path
        Holds its configuration, its logs and its data, as far as that is not in memory.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        monitor, gateway = free_ports(2)
        self.endpoint = f"http://127.0.0.1:{gateway}"
        self._processes: list[subprocess.Popen[bytes]] = []
        for name in ("mon", "osd"):
            (folder / name).mkdir()
        self._cluster = str(uuid.uuid4())
        configuration = _CONFIGURATION.format(cluster=self._cluster, monitor=monitor, gateway=gateway, folder=folder)
        (folder / "ceph.conf").write_text(configuration)
        self._monitor = f"v1:127.0.0.1:{monitor}"

    def start(self) -> None:
        """Make the cluster, run it, and add a user; returns when the gateway answers."""
        new_key = ("ceph-authtool", "--gen-key", str(self._folder / "keyring"))
        self._run(*new_key, "--create-keyring", "--name", "mon.", "--cap", "mon", "allow *")
        self._run(*new_key, "--name", "client.admin", "--cap", "mon", "allow *", "--cap", "osd", "allow *")
        monitors = str(self._folder / "monmap")
        self._run("monmaptool", "--create", "--addv", "a", self._monitor, "--fsid", self._cluster, monitors)
        known = ["--monmap", monitors, "--keyring", str(self._folder / "keyring")]
        self._begin("ceph-mon", "--id", "a", prepare=["--mkfs", *known])
        name = str(uuid.uuid4())
        self._tell_monitor(f"osd new {name}\nosd crush add osd.0 1 root=default host=localhost\n")
        self._begin("ceph-osd", "--id", "0", prepare=["--mkfs", "--osd-uuid", name])
        self._begin("radosgw", "--name", "client.rgw")
        self._wait_for_gateway()
        user = ("user", "create", "--uid", "tester", "--display-name", "tester")
        keys = ("--access-key", ACCESS_KEY_ID, "--secret-key", SECRET_ACCESS_KEY)
        self._run("radosgw-admin", "--name", "client.rgw", *user, *keys)

    def stop(self) -> None:
        """End it at once: nothing of it is kept."""
        for process in reversed(self._processes):
            process.send_signal(signal.SIGKILL)
            process.wait()

    def client(self, service: str, *, secret: str = SECRET_ACCESS_KEY) -> Any:
        """Return a boto3 client; the gateway speaks ``s3``, and ``sns`` for topics of notifications."""
        return boto3.session.Session().client(
            service,
            endpoint_url=self.endpoint,
            region_name="default",
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=secret,
            config=Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required"),
        )

    def _begin(self, program: str, *arguments: str, prepare: list[str] | None = None) -> None:
        if prepare:
            self._run(program, *arguments, *prepare)
        with (self._folder / f"{program}.out").open("wb") as output:
            self._processes.append(
                subprocess.Popen(
                    self._command(program, *arguments, "-f"),
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    preexec_fn=partial(die_with_parent, os.getpid()),
                )
            )

    def _tell_monitor(self, said: str) -> None:
        """Say it again to a monitor that listens already and does not know its own commands yet."""
        end = time.monotonic() + START_S
        while "command descriptions" in (problem := self._problem_of("ceph", said=said)) and time.monotonic() < end:
            time.sleep(0.2)
        assert not problem, problem

    def _run(self, program: str, *arguments: str) -> None:
        problem = self._problem_of(program, *arguments)
        assert not problem, f"{program} {' '.join(arguments)}: {problem}"

    def _problem_of(self, program: str, *arguments: str, said: str = "") -> str:
        """Run a program to its end; return what it says went wrong, or nothing."""
        ran = subprocess.run(
            self._command(program, *arguments),
            check=False,
            input=said,
            capture_output=True,
            text=True,
            timeout=START_S,
        )
        return (ran.stderr or f"exit code {ran.returncode}") if ran.returncode else ""

    def _command(self, program: str, *arguments: str) -> list[str]:
        if program in {"ceph-authtool", "monmaptool"}:
            return [program, *arguments]
        return [program, "--conf", str(self._folder / "ceph.conf"), *arguments]

    def _wait_for_gateway(self) -> None:
        end = time.monotonic() + START_S
        while time.monotonic() < end and all(process.poll() is None for process in self._processes):
            try:
                urlopen(self.endpoint, timeout=2).close()
            except (URLError, OSError):
                time.sleep(0.05)
            else:
                return
        logs = "\n".join(path.read_text(errors="replace")[-2_000:] for path in self._folder.glob("*.out"))
        pytest.fail(f"radosgw did not start: {logs}")


@contextmanager
def server() -> Iterator[Radosgw]:
    """Run a Ceph gateway; skip where its programs are not installed."""
    if not all(map(shutil.which, _PROGRAMS)):
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"needs radosgw: {_INSTALL}")
    folder = Path(tempfile.mkdtemp(prefix="audiofeat-radosgw-"))
    gateway = Radosgw(folder)
    try:
        gateway.start()
        yield gateway
    finally:
        gateway.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def radosgw() -> Iterator[Radosgw]:
    """Start a gateway that runs for the whole session."""
    with server() as gateway:
        yield gateway


@pytest.fixture(scope="session")
def radosgw_connection(radosgw: Radosgw) -> S3Connection:
    """Return how the gateway is reached."""
    return S3Connection(
        endpoint_url=radosgw.endpoint,
        region="default",
        access_key_id=ACCESS_KEY_ID,
        secret_access_key=SECRET_ACCESS_KEY,
    )


@pytest.fixture
def make_radosgw_bucket(radosgw: Radosgw) -> Callable[[], str]:
    """Return a function that makes an empty bucket and returns its name."""

    def make() -> str:
        bucket = f"test-{uuid.uuid4()}"
        radosgw.client("s3").create_bucket(Bucket=bucket)
        return bucket

    return make

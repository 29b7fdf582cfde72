"""Fixtures that more than one folder of tests uses: an S3 server, buckets in it, and every store in turn."""

import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from hypothesis import settings

from audiofeat.ports import ObjectStore
from audiofeat.storage.directory import DirectoryStore
from audiofeat.storage.s3 import S3Store
from audiofeat.storage.s3_connection import S3Connection

pytest_plugins = ["ledgers", "postgresql", "rabbitmq", "radosgw"]
# The same examples every time, however long they take: what fails was broken by a change.
settings.register_profile("tests", deadline=None, derandomize=True)
settings.load_profile("tests")
_ACCESS_KEY_ID = "tester"
_SECRET_ACCESS_KEY = "not-a-secret"

# It ends when its stdin closes, thus also when the test process is killed. moto looks at a condition and writes
# in two steps, where S3 does both at once: one request at a time makes its conditional writes as S3's are.
_S3_SERVER = """
import os, sys, threading
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    def log(self, *args): pass

moto, turn = DomainDispatcherApplication(create_backend_app), threading.Lock()

def in_turn(environ, start_response):
    with turn:
        return moto(environ, start_response)

server = make_server("127.0.0.1", 0, in_turn, threaded=True, request_handler=Quiet)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
os._exit(0)
"""


def start_s3_server() -> tuple[subprocess.Popen[str], str]:
    """Start an S3 server in a process of its own, on a free port of this machine only; return it and its URL."""
    server = subprocess.Popen(
        [sys.executable, "-c", _S3_SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    port = server.stdout.readline().strip()
    assert port, "the S3 server did not start"
    return server, f"http://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """Return the URL of an S3 server that runs for the whole session."""
    server, url = start_s3_server()
    yield url
    server.communicate(timeout=10)


@pytest.fixture
def mortal_s3() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Return an S3 server that a test may kill, and its URL."""
    server, url = start_s3_server()
    yield server, url
    server.kill()
    server.communicate(timeout=10)


@pytest.fixture(scope="session")
def s3_connection(s3_endpoint: str) -> S3Connection:
    """Return how the S3 server of the tests is reached."""
    return S3Connection(
        endpoint_url=s3_endpoint,
        region="us-east-1",
        access_key_id=_ACCESS_KEY_ID,
        secret_access_key=_SECRET_ACCESS_KEY,
    )


@pytest.fixture
def make_bucket(s3_connection: S3Connection) -> Callable[[], str]:
    """Return a function that makes an empty bucket and returns its name."""
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=s3_connection.endpoint_url,
        region_name=s3_connection.region,
        aws_access_key_id=s3_connection.access_key_id,
        aws_secret_access_key=s3_connection.secret_access_key,
        config=Config(s3={"addressing_style": "path"}),
    )

    def make() -> str:
        bucket = f"test-{uuid.uuid4()}"
        client.create_bucket(Bucket=bucket)
        return bucket

    return make


@pytest.fixture
def s3_store(s3_connection: S3Connection, make_bucket: Callable[[], str]) -> S3Store:
    """Return an S3 store on an empty bucket."""
    return S3Store(make_bucket(), connection=s3_connection)


@pytest.fixture(params=["directory", "moto", "radosgw"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """Each implementation in turn, the one for S3 on two servers, empty."""
    if request.param == "directory":
        (tmp_path / "root").mkdir()
        return DirectoryStore(tmp_path / "root")
    if request.param == "moto":
        found: S3Store = request.getfixturevalue("s3_store")
        return found
    make: Callable[[], str] = request.getfixturevalue("make_radosgw_bucket")
    return S3Store(make(), connection=request.getfixturevalue("radosgw_connection"))

"""Faults 15 to 17: an object that changes under the worker, a store that fails, and one that says no."""

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from audiofeat.bootstrap import Services, load_settings
from audiofeat.domain.items import ObjectVersion
from audiofeat.domain.jobs import JobState, Lane, Registration
from audiofeat.extraction.client import Extraction
from audiofeat.services.ingest import Ingest
from audiofeat.storage.s3 import S3Store
from audiofeat.storage.s3_connection import S3Connection
from commands import SAMPLES

FIRST = (SAMPLES / "audio" / "pad_slow_tide.ogg").read_bytes()
SECOND = (SAMPLES / "audio" / "dnb_neon_circuit.ogg").read_bytes()
KEY = "new/a.ogg"


@pytest.fixture(params=["moto", "radosgw"])
def store(request: pytest.FixtureRequest) -> S3Store:
    """An empty bucket on each server."""
    if request.param == "moto":
        found: S3Store = request.getfixturevalue("s3_store")
        return found
    make: Callable[[], str] = request.getfixturevalue("make_radosgw_bucket")
    return S3Store(make(), connection=request.getfixturevalue("radosgw_connection"))


@contextmanager
def working(tmp_path: Path, store: S3Store) -> Iterator[tuple[Services, Ingest]]:
    """Wire services whose source is the given store; end the child at the end."""
    services = Services(load_settings(home=tmp_path / "home", lease_s=60, heartbeat_s=20))
    try:
        yield services, replace(services.ingest, open_store=lambda _: store)
    finally:
        services.extraction.stop()


def queued(services: Services, store: S3Store, version: str) -> str:
    [job] = services.catalogue.register([Registration(ObjectVersion(store.name, KEY, version), lane=Lane.COLD)])
    return job.job_id


@dataclass
class Meanwhile:
    """An extractor while whose work something happens."""

    extractor: Any
    happens: Callable[[], None]

    def extract(self, path: Path, **asked: Any) -> Extraction:
        self.happens()
        found: Extraction = self.extractor.extract(path, **asked)
        return found


def served(services: Services) -> str | None:
    """Return the sha256 of the audio that the item serves."""
    return services.catalogue.find_item(KEY).sha256


def test_overwritten_while_it_is_analysed(store: S3Store, tmp_path: Path) -> None:
    """Each result is filed under the bytes that were heard, and the newest version is what the item serves."""
    with working(tmp_path, store) as (services, ingest):
        first = queued(services, store, store.put(KEY, FIRST))
        later: list[str] = []

        def overwrite() -> None:
            later.append(queued(services, store, store.put(KEY, SECOND)))

        slow = replace(ingest, extractor=Meanwhile(ingest.extractor, overwrite))
        assert slow.run(first, worker="w") is JobState.DONE
        assert services.catalogue.job(first).state is JobState.DONE
        assert served(services) == sha256(FIRST).hexdigest()
        assert ingest.run(later[0], worker="w") is JobState.DONE
        assert served(services) == sha256(SECOND).hexdigest()


def test_overtaken_while_it_is_analysed(store: S3Store, tmp_path: Path) -> None:
    """A worker that is slower than the one with the next version does not put the old result back."""
    with working(tmp_path, store) as (services, ingest):
        first = queued(services, store, store.put(KEY, FIRST))

        def overtake() -> None:
            second = queued(services, store, store.put(KEY, SECOND))
            assert ingest.run(second, worker="fast") is JobState.DONE

        slow = replace(ingest, extractor=Meanwhile(services.extraction, overtake))
        slow.run(first, worker="slow")
        assert services.catalogue.job(first).state is JobState.SUPERSEDED
        assert served(services) == sha256(SECOND).hexdigest()


def test_overwritten_before_it_is_fetched(store: S3Store, tmp_path: Path) -> None:
    """A version that is no longer there is never analysed in place of the one that is."""
    with working(tmp_path, store) as (services, ingest):
        first = queued(services, store, store.put(KEY, FIRST))
        version = store.put(KEY, SECOND)
        ingest.run(first, worker="w")
        job = services.catalogue.job(first)
        assert job.state in {JobState.REJECTED, JobState.SUPERSEDED}
        assert services.catalogue.outcome_of_audio(sha256(SECOND).hexdigest()) is None
        assert ingest.run(queued(services, store, version), worker="w") is JobState.DONE
        assert served(services) == sha256(SECOND).hexdigest()


class Proxy:
    """Stands before an S3 server and spoils its answers, each request as the next of ``faults`` says."""

    def __init__(self, behind: str) -> None:
        self.faults: list[str] = []
        self.calls: Counter[str] = Counter()
        proxy, target = self, urlsplit(behind)

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                proxy.calls[self.command] += 1
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                fault = proxy.faults.pop(0) if proxy.faults and self.command == "GET" else ""
                if fault.isdigit():
                    refusal = f"<Error><Code>{_CODES[fault]}</Code></Error>".encode()
                    self.send(int(fault), [("Content-Length", str(len(refusal)))], refusal)
                elif fault == "reset":
                    self.connection.close()
                else:
                    upstream = HTTPConnection(target.hostname or "", target.port, timeout=20)
                    upstream.request(self.command, self.path, body, dict(self.headers))
                    answer = upstream.getresponse()
                    content = answer.read()
                    upstream.close()
                    if fault == "slow":
                        time.sleep(2.5)
                    self.send(answer.status, answer.getheaders(), _spoilt(content, fault))
                self.close_connection = True

            do_GET = do_HEAD = do_PUT = answer  # noqa: N815  the names are http.server's

            def send(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
                try:
                    self.send_response_only(status)
                    for name, value in headers:
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    return

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


_CODES = {"500": "InternalError", "503": "SlowDown", "403": "AccessDenied", "404": "NoSuchKey"}


def _spoilt(content: bytes, fault: str) -> bytes:
    return {"cut": content[: len(content) // 2], "empty": b""}.get(fault, content)


@pytest.fixture
def proxy(s3_connection: S3Connection) -> Iterator[Proxy]:
    made = Proxy(str(s3_connection.endpoint_url))
    yield made
    made.close()


def behind(proxy: Proxy, store: S3Store, connection: S3Connection) -> S3Store:
    """Return the same bucket, reached through the proxy by a client that is not patient."""
    told = replace(connection, endpoint_url=proxy.endpoint, attempts=2, connect_timeout_s=1, read_timeout_s=1)
    return S3Store(store.name.partition("/")[2], connection=told)


@pytest.mark.parametrize("fault", ["500", "503", "reset", "cut", "empty", "slow"])
def test_a_store_that_fails_is_tried_again(
    proxy: Proxy, s3_store: S3Store, s3_connection: S3Connection, tmp_path: Path, fault: str
) -> None:
    """However it fails, the job waits with backoff, no crash or loss is counted, and the true bytes are analysed."""
    version = s3_store.put(KEY, FIRST)
    with working(tmp_path, behind(proxy, s3_store, s3_connection)) as (services, ingest):
        job_id = queued(services, s3_store, version)
        proxy.faults = [fault] * 2
        assert ingest.run(job_id, worker="w") is JobState.RETRY_WAIT
        waits = services.catalogue.job(job_id)
        assert (waits.error_code, waits.crashes, waits.losses) == ("store_unavailable", 0, 0)
        assert services.catalogue.find_item(KEY).sha256 is None
        proxy.faults = []
        deadline = time.monotonic() + 30
        while ingest.run(job_id, worker="w") is not JobState.DONE:
            assert time.monotonic() < deadline
            time.sleep(0.1)
            services.catalogue.wake_rested()
        assert served(services) == sha256(FIRST).hexdigest()
        assert not list(ingest.scratch.iterdir())


@pytest.mark.parametrize(("status", "code"), [("403", "access_denied"), ("404", "object_missing")])
def test_a_store_that_says_no_is_asked_once(  # noqa: PLR0917  fixtures and parameters
    proxy: Proxy, s3_store: S3Store, s3_connection: S3Connection, tmp_path: Path, status: str, code: str
) -> None:
    """A refusal is final: the job is rejected after at most two calls."""
    version = s3_store.put(KEY, FIRST)
    with working(tmp_path, behind(proxy, s3_store, s3_connection)) as (services, ingest):
        job_id = queued(services, s3_store, version)
        proxy.faults = [status] * 10
        assert ingest.run(job_id, worker="w") is JobState.REJECTED
        assert services.catalogue.job(job_id).error_code == code
        assert proxy.calls.total() <= 2


def test_a_real_gateway_that_says_no(
    radosgw_connection: S3Connection, make_radosgw_bucket: Any, tmp_path: Path
) -> None:
    """A wrong secret ends the job as access_denied, and the message holds neither secret nor signature."""
    bucket = make_radosgw_bucket()
    version = S3Store(bucket, connection=radosgw_connection).put(KEY, FIRST)
    wrong = S3Store(bucket, connection=replace(radosgw_connection, secret_access_key="canary-secret"))
    with working(tmp_path, wrong) as (services, ingest):
        job_id = queued(services, wrong, version)
        assert ingest.run(job_id, worker="w") is JobState.REJECTED
        job = services.catalogue.job(job_id)
        assert job.error_code == "access_denied"
        assert not re.search("canary|signature=", str(job.error_message), re.IGNORECASE)

"""Traces: one from the request over the broker to the ledger where they are on, and not a byte of them where not."""

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.request import Request, urlopen

import boto3
import pytest
from botocore.config import Config
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from audiofeat.storage.s3_connection import S3Connection
from commands import SAMPLES, wait_until

CLIP = "pad_slow_tide.ogg"


@pytest.fixture
def collector() -> Iterator[tuple[str, list[Span]]]:
    """Run a collector of OTLP over HTTP; return its URL and the spans that it has got."""
    spans: list[Span] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            sent = ExportTraceServiceRequest.FromString(body)
            spans.extend(span for part in sent.resource_spans for scope in part.scope_spans for span in scope.spans)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", spans
    server.shutdown()
    server.server_close()


@pytest.fixture
def traced(environment: dict[str, str], collector: tuple[str, list[Span]], s3_connection: S3Connection) -> None:
    """Have what is started from now on send traces to the collector, and read from the S3 server."""
    environment |= {
        "AUDIOFEAT_TRACES": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": collector[0], "AUDIOFEAT_COLD_WORKERS": "0",
        "AUDIOFEAT_S3_ENDPOINT_URL": s3_connection.endpoint_url or "", "AUDIOFEAT_S3_REGION": "us-east-1",
        "AUDIOFEAT_S3_ACCESS_KEY_ID": s3_connection.access_key_id or "",
        "AUDIOFEAT_S3_SECRET_ACCESS_KEY": s3_connection.secret_access_key or "",
    }  # fmt: skip
    s3 = boto3.session.Session().client(
        "s3", endpoint_url=s3_connection.endpoint_url, region_name="us-east-1",
        aws_access_key_id=s3_connection.access_key_id, aws_secret_access_key=s3_connection.secret_access_key,
        config=Config(s3={"addressing_style": "path"}),
    )  # fmt: skip
    s3.create_bucket(Bucket="traced")
    s3.upload_file(str(SAMPLES / "audio" / CLIP), "traced", CLIP)


def test_one_trace_leads_from_the_request_to_the_ledger(
    traced: None, api: str, collector: tuple[str, list[Span]]
) -> None:
    """The caller's trace goes on in the API and, whoever rang for the job, through every stage in the worker."""
    assert traced is None
    trace, caller = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    body = json.dumps({"store": "s3/traced", "key": CLIP}).encode()
    headers = {"Content-Type": "application/json", "traceparent": f"00-{trace}-{caller}-01"}
    with urlopen(Request(f"{api}/v1/ingestions", body, headers)) as response:
        assert response.status == 202
    _, spans = collector

    def ours() -> dict[str, Span]:
        return {span.name: span for span in list(spans) if span.trace_id.hex() == trace}

    stages = ("fetch", "tags", "extract", "store", "finish")
    wait_until(lambda: {"POST /v1/ingestions", "job", *stages} <= ours().keys())
    found = ours()
    assert found["POST /v1/ingestions"].parent_span_id.hex() == caller
    assert found["job"].parent_span_id == found["POST /v1/ingestions"].span_id
    assert all(found[stage].parent_span_id == found["job"].span_id for stage in stages)


def test_nothing_of_it_is_imported_where_it_is_off(environment: dict[str, str], tmp_path: Path) -> None:
    """Neither worker nor API loads what makes and sends spans; the bare interface comes with FastAPI and redis."""
    code = (
        "import sys\n"
        "from audiofeat.bootstrap import Services, load_settings\n"
        "from audiofeat.api.app import create_app\n"
        "services = Services(load_settings(), process='test'); create_app(services); services.ingest\n"
        "with services.traced('x', {}), services.metrics.stage('y'): pass\n"
        "ours = ('opentelemetry.sdk', 'opentelemetry.exporter', 'audiofeat.telemetry.tracing')\n"
        "print([name for name in sys.modules if name.startswith(ours)])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"

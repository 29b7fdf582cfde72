"""A proxy before an S3 server that does what networks and servers do: refuse, delay, cut, garble and hang up."""

import http.client
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit


class Flaky:
    """What the next answers to GET are to be like; ``""`` is as the server gave it. Counts every request.

    ``500`` and ``503`` instead of an answer, ``403`` and ``404`` likewise; ``cut`` sends half of the body, ``garbled``
    flips a byte, ``reset`` hangs up at once.
    """

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream)
        self.faults: deque[str] = deque()
        self.always = ""
        self.requests: list[str] = []

    def fault(self) -> str:
        return self.faults.popleft() if self.faults else self.always


@contextmanager
def flaky_proxy(upstream: str) -> Iterator[tuple[str, Flaky]]:
    """Run a proxy on a free port; give its URL and the handle on it."""
    plan = Flaky(upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            plan.requests.append(f"{self.command} {self.path}")
            fault = plan.fault() if self.command in {"GET", "HEAD"} else ""
            if fault == "reset":
                self.close_connection = True
                return
            if fault.isdigit():
                self.answer(int(fault), {"Content-Type": "application/xml"}, b"<Error><Code>Fault</Code></Error>")
                return
            onward = http.client.HTTPConnection(plan.upstream.hostname or "", plan.upstream.port, timeout=20)
            onward.request(self.command, self.path, body, dict(self.headers.items()))
            got = onward.getresponse()
            content = got.read()
            headers = {name: value for name, value in got.getheaders() if name.lower() != "transfer-encoding"}
            if fault == "garbled" and content:
                content = content[:-1] + bytes([content[-1] ^ 1])
            if fault == "cut":
                self.answer(got.status, headers | {"Content-Length": str(len(content))}, content[: len(content) // 2])
                self.close_connection = True
                return
            self.answer(got.status, headers, content)

        def answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(content))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = forward  # noqa: N815  the names are http.server's

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", plan
    finally:
        server.shutdown()
        server.server_close()

"""A small HTTP server of a test's own, that answers as it is told: well, badly, late, or not at all."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Answer:
    """What is sent: ``pieces`` one after the other, each after ``pause_s``; a missing length closes the connection."""

    status: int = 200
    body: bytes = b""
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    pieces: Iterator[bytes] | None = None
    declared: int | None = None
    hangs: bool = False


@dataclass
class Host:
    """The server: by path (without query) what it answers, the last one again and again; and what it was asked."""

    origin: str = ""
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def says(self, path: str, *answers: Answer) -> None:
        self.answers[path] = list(answers)

    def next_for(self, target: str, headers: Any) -> Answer:
        self.asked.append((target, {name.lower(): value for name, value in headers.items()}))
        waiting = self.answers.get(target.partition("?")[0], [Answer(404)])
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


@contextmanager
def serving() -> Iterator[Host]:
    """Serve on a free loopback port until the end of the block."""
    host = Host()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = host.next_for(self.path, self.headers)
            if answer.hangs:
                host.ended.wait()
                return
            self.send_response(answer.status)
            if answer.kind:
                self.send_header("Content-Type", answer.kind)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.pieces is None:
                self.send_header("Content-Length", str(answer.declared or len(answer.body)))
            self.end_headers()
            try:
                for piece in answer.pieces or [answer.body]:
                    self.wfile.write(piece)
            except OSError:
                """The client has seen enough."""

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    host.origin = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield host
    finally:
        host.ended.set()
        server.shutdown()
        server.server_close()


Waits = list[float]


def recorded() -> tuple[Waits, Callable[[float], None]]:
    """Return a list, and what puts waits into it instead of waiting."""
    waits: Waits = []
    return waits, waits.append

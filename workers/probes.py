"""What probes and Prometheus ask a worker: is it alive, can it work, and what has been done."""

from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from audiofeat import logs
from audiofeat.bootstrap import Services
from audiofeat.errors import AudiofeatError
from audiofeat.forks import between_forks
from audiofeat.services.scratch import require_space

_log = logs.get_logger(__name__)
_TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Probes:
    """Answers for one worker, known by its name in the ledger.

    Parameters
    ----------
    services : Services
        Of the worker's main process.
    worker : str
        As it attends.
    """

    def __init__(self, services: Services, *, worker: str) -> None:
        self._services = services
        self._worker = worker

    def answer(self, path: str) -> tuple[HTTPStatus, bytes]:
        """Return status and body for a path."""
        if path == "/metrics":
            return HTTPStatus.OK, self._services.exposition()
        if path == "/livez":
            return self._liveness()
        if path == "/readyz":
            return self._readiness()
        return HTTPStatus.NOT_FOUND, b"/metrics, /livez or /readyz\n"

    def _liveness(self) -> tuple[HTTPStatus, bytes]:
        """Fail where a restart would help: the worker could take what is due and does not."""
        try:
            stalled = self._stalled()
        except AudiofeatError as error:
            # Whether it is stalled is not known, and no restart brings the ledger back.
            return HTTPStatus.OK, f"alive; {error.code}\n".encode()
        if stalled:
            return HTTPStatus.SERVICE_UNAVAILABLE, f"stalled: {', '.join(stalled)}\n".encode()
        return HTTPStatus.OK, b"alive\n"

    def _readiness(self) -> tuple[HTTPStatus, bytes]:
        try:
            require_space(self._services.home)
            stalled = self._stalled()
        except AudiofeatError as error:
            return HTTPStatus.SERVICE_UNAVAILABLE, f"{error.code}: {error}\n".encode()
        if stalled:
            return HTTPStatus.SERVICE_UNAVAILABLE, f"stalled: {', '.join(stalled)}\n".encode()
        return HTTPStatus.OK, b"ready\n"

    def _stalled(self) -> tuple[str, ...]:
        survey = self._services.survey()
        return next((worker.stalled_lanes for worker in survey.workers if worker.view.name == self._worker), ())


def serve(probes: Probes, host: str, port: int) -> None:
    """Answer probes from a thread of this process, until it ends; without the port the worker works all the same."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with between_forks():
                status, body = probes.answer(self.path.partition("?")[0])
            self.send_response(status)
            self.send_header("Content-Type", _TEXT)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing of requests that come every few seconds."""

    try:
        server = ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        _log.warning("probes_not_served", host=host, port=port, reason=error.strerror)
        return
    Thread(target=server.serve_forever, name="probes", daemon=True).start()

"""``audiofeat up``: broker, workers and API in the foreground until Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from http import HTTPStatus
from typing import Annotated
from urllib.request import urlopen

import typer

from audiofeat import logs
from audiofeat.bootstrap import Services, load_settings
from audiofeat.extraction.sandbox import die_with_parent

_POLL_S = 0.2
_STOP_PATIENCE_S = 10.0
_FOLLOW_AGAIN_S = 10.0


def up(
    *,
    workers: Annotated[
        int | None, typer.Option(min=0, max=256, help="Worker processes. [default: AUDIOFEAT_WORKERS]")
    ] = None,
    api: Annotated[bool, typer.Option(help="Serve the HTTP API.")] = True,
) -> None:
    """Run broker, workers, reconciler and API, and follow a queue of events where one is set, until Ctrl-C."""
    from audiofeat.cli.machine import Machine

    services = Services(load_settings())
    settings = services.settings
    logs.configure(level=settings.log_level, as_json=settings.logs_json, secrets=settings.secrets)
    services.catalogue.states()
    stopping: list[int] = []
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda number, _: stopping.append(number))
    count = settings.workers if workers is None else workers
    with Machine(services, workers=count, cold_workers=settings.cold_workers, stays=True) as machine:
        server = _start(settings.home, "-m", "audiofeat.api") if api else None
        follower = _Follower(settings.home) if settings.events_queue_url else None
        try:
            announced = False
            while not stopping:
                machine.tick()
                if not announced and (server is None or _listens(settings.api_host, settings.api_port)):
                    where = f"http://{settings.api_host}:{settings.api_port}/docs" if server else "off"
                    typer.echo(f"running: {count} workers, API {where}; Ctrl-C ends it", err=True)
                    announced = True
                if follower:
                    follower.keep_alive()
                if server is not None and server.poll() is not None:
                    # Why, it has said itself.
                    raise typer.Exit(1)
                time.sleep(_POLL_S)
        finally:
            # They end side by side.
            machine.dismiss()
            for process in (server, follower.process if follower else None):
                if process is not None:
                    _end(process)
    typer.echo("stopped", err=True)


def _listens(host: str, port: int) -> bool:
    try:
        with urlopen(f"http://{host}:{port}/healthz", timeout=1) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False


class _Follower:
    """What follows the queue of events; started again a while after it has ended, for whatever reason."""

    def __init__(self, home: os.PathLike[str]) -> None:
        self._home = home
        self._began_at = float("-inf")
        self.process: subprocess.Popen[bytes] | None = None

    def keep_alive(self) -> None:
        """Start it where it does not run, and has not lately been started."""
        if (self.process is None or self.process.poll() is not None) and (
            time.monotonic() - self._began_at > _FOLLOW_AGAIN_S
        ):
            self._began_at = time.monotonic()
            self.process = _start(self._home, "-m", "audiofeat", "events", "follow")


def _start(home: os.PathLike[str], *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "AUDIOFEAT_HOME": str(home)},
        preexec_fn=partial(die_with_parent, os.getpid()),
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()

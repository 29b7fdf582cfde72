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


def up(
    *,
    workers: Annotated[
        int | None, typer.Option(min=0, max=256, help="Worker processes. [default: AUDIOFEAT_WORKERS]")
    ] = None,
    api: Annotated[bool, typer.Option(help="Serve the HTTP API.")] = True,
) -> None:
    """Run broker, workers, reconciler and API in the foreground until Ctrl-C."""
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
        server = _start_api(settings.home) if api else None
        try:
            announced = False
            while not stopping:
                machine.tick()
                if not announced and (server is None or _listens(settings.api_host, settings.api_port)):
                    where = f"http://{settings.api_host}:{settings.api_port}/docs" if server else "off"
                    typer.echo(f"running: {count} workers, API {where}; Ctrl-C ends it", err=True)
                    announced = True
                if server is not None and server.poll() is not None:
                    # Why, it has said itself.
                    raise typer.Exit(1)
                time.sleep(_POLL_S)
        finally:
            # They end side by side.
            machine.dismiss()
            if server is not None and server.poll() is None:
                server.terminate()
                try:
                    server.wait(_STOP_PATIENCE_S)
                except subprocess.TimeoutExpired:
                    server.kill()
    typer.echo("stopped", err=True)


def _listens(host: str, port: int) -> bool:
    try:
        with urlopen(f"http://{host}:{port}/healthz", timeout=1) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False


def _start_api(home: os.PathLike[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "audiofeat.api"],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "AUDIOFEAT_HOME": str(home)},
        preexec_fn=partial(die_with_parent, os.getpid()),
    )

"""Listening: the socket is bound before anything is started, so that a taken port is a plain error."""

import errno
import gc
import socket
import sys
import threading
from contextlib import suppress

import uvicorn

from audiofeat.api.access import is_loopback
from audiofeat.api.app import create_app
from audiofeat.bootstrap import Services
from audiofeat.domain.items import Kind
from audiofeat.errors import AudiofeatError, PortTaken, SettingsInvalid
from audiofeat.logs import get_logger

# Less than `audiofeat up` waits for it.
_LAST_REQUESTS_S = 8
_BACKLOG = 2048
# A lookup that computes lets others have the interpreter after so long; by default that is as long as a lookup takes.
_SWITCH_S = 0.001
_log = get_logger(__name__)


def run(services: Services) -> None:
    """Serve the API on the configured host and port until SIGINT or SIGTERM.

    Raises
    ------
    PortTaken
        Another program listens there.
    SettingsInvalid
        This machine cannot listen there.
    """
    settings = services.settings
    with listen(settings.api_host, settings.api_port) as listener:
        config = uvicorn.Config(
            create_app(services),
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_LAST_REQUESTS_S,
        )
        _tell_who_may_ask(services)
        sys.setswitchinterval(_SWITCH_S)
        threading.Thread(target=_warm, args=(services,), name="warming", daemon=True).start()
        uvicorn.Server(config).run(sockets=[listener])


def _warm(services: Services) -> None:
    """Open what is published before somebody asks, and take what lasts out of the reach of garbage collection.

    A full collection walks through every object of every library, some fifty milliseconds in which nobody is answered.
    """
    for kind in Kind:
        # Whoever asks is told what is wrong.
        with suppress(AudiofeatError):
            services.indexes.current(kind)
    gc.collect()
    gc.freeze()


def _tell_who_may_ask(services: Services) -> None:
    host = services.settings.api_host
    try:
        has_keys = services.catalogue.has_keys()
    except AudiofeatError:
        # It starts without the ledger, and lets nobody in until that is there.
        return
    if has_keys:
        return
    if is_loopback(host):
        _log.info("api_is_open", host=host, remedy="audiofeat keys create NAME")
    else:
        _log.warning("api_has_no_keys", host=host, remedy="audiofeat keys create NAME")


def listen(host: str, port: int) -> socket.socket:
    """Return a listening TCP socket; raises as :func:`run`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(f"another program listens on {host}:{port}", "end it, or set AUDIOFEAT_API_PORT") from error
        raise SettingsInvalid(
            f"the API cannot listen on {host}:{port}: {error.strerror}", "set AUDIOFEAT_API_HOST and AUDIOFEAT_API_PORT"
        ) from error

"""Listening: the socket is bound before anything is started, so that a taken port is a plain error."""

import errno
import socket

import uvicorn

from audiofeat.api.app import create_app
from audiofeat.bootstrap import Services
from audiofeat.errors import PortTaken, SettingsInvalid

# Less than `audiofeat up` waits for it.
_LAST_REQUESTS_S = 8
_BACKLOG = 2048


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
        uvicorn.Server(config).run(sockets=[listener])


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

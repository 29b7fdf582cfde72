"""Ports of loopback for servers of the tests that run side by side."""

import random
import socket
from pathlib import Path

# The system gives ports out of its own range to whoever connects anywhere: one that was just free may be taken by the
# time that a server has started. Below it nobody takes what he was not told to.
_FIRST = 20_000
_BEYOND = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])


def free_port() -> int:
    """Return a port that nobody listens on, nor is likely to."""
    (port,) = free_ports(1)
    return port


def free_ports(count: int) -> list[int]:
    """Return several; they differ."""
    found: list[int] = []
    for port in random.SystemRandom().sample(range(_FIRST, _BEYOND), 100 + count):
        if len(found) < count and _is_free(port):
            found.append(port)
    assert len(found) == count, "the tests find no free ports"
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True

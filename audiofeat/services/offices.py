"""Offices that one process at a time may hold, so that no two do the same work side by side."""

import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from audiofeat.ports import Catalogue


def new_holder() -> str:
    """Return a name that nobody else holds an office under; it tells host and process."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


@contextmanager
def alone(office: str, catalogue: Catalogue, *, lease_s: float) -> Iterator[str | None]:
    """Hold an office, and give the name under which to prolong the lease; None where the office is taken."""
    holder = new_holder()
    if not catalogue.lead(office, holder=holder, lease_s=lease_s):
        yield None
        return
    try:
        yield holder
    finally:
        catalogue.resign(office, holder=holder)

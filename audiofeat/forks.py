"""No fork while another thread is at work: the child would inherit its locks, and nobody would ever release them."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_turn = threading.RLock()
os.register_at_fork(before=_turn.acquire, after_in_parent=_turn.release, after_in_child=_turn.release)


@contextmanager
def between_forks() -> Iterator[None]:
    """Keep this process from forking; what runs inside must end soon, for a worker replaces no process meanwhile."""
    with _turn:
        yield

"""A real RabbitMQ for the tests: a throw-away node on free loopback ports, with a port mapper of its own."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from audiofeat.extraction.sandbox import die_with_parent
from tests.commands import wait_until
from tests.ports import free_ports


@contextmanager
def server() -> Iterator[str]:
    """Run a node, and give its URL; skip where none is installed."""
    if not shutil.which("rabbitmq-server"):
        reason = "needs rabbitmq-server: apt-get install -y --no-install-recommends rabbitmq-server"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    folder = Path(tempfile.mkdtemp(prefix="audiofeat-rabbitmq-"))
    port, distribution, mapper = free_ports(3)
    program = sorted(Path("/usr/lib/rabbitmq").glob("lib/rabbitmq_server-*/sbin/rabbitmq-server"))
    (folder / "rabbitmq.conf").write_text(f"listeners.tcp.local = 127.0.0.1:{port}\n")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "ERL_EPMD_PORT": str(mapper),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": f"test{port}@localhost",
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
    }
    with (folder / "out").open("wb") as output:
        process = subprocess.Popen(
            [program[-1] if program else "rabbitmq-server"],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=partial(die_with_parent, os.getpid()),
        )
    try:
        wait_until(lambda: _answers(port))
        yield f"amqp://guest:guest@127.0.0.1:{port}//"
    finally:
        process.terminate()
        process.wait()
        subprocess.run(["epmd", "-port", str(mapper), "-kill"], check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def amqp_url() -> Iterator[str]:
    """URL of a node that runs for the whole session."""
    with server() as url:
        yield url


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0

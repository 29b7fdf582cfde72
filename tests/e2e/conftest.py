"""The command line as a user runs it: a process of its own, a home of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from commands import Run, processes_of, wait_until
from tests.ports import free_port


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Environment of a user without any setting of ours but the home."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("AUDIOFEAT_", "AWS_"))}
    return {**plain, "AUDIOFEAT_HOME": str(tmp_path / "home"), "COLUMNS": "200"}


@pytest.fixture
def audiofeat(environment: Mapping[str, str], tmp_path: Path) -> Run:
    """Run ``audiofeat`` with these arguments, in an empty folder."""

    def run(*arguments: str | Path, timeout_s: float = 120, **extra: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "audiofeat", *map(str, arguments)],
            check=False,
            cwd=tmp_path,
            env={**environment, **extra},
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )

    return run


@pytest.fixture
def api(environment: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """Run ``audiofeat up``; return the API's address; end it as Ctrl-C does."""
    port = free_port()
    running = subprocess.Popen(
        [sys.executable, "-m", "audiofeat", "up", "--workers", "1"],
        env={**environment, "AUDIOFEAT_API_PORT": str(port)},
        cwd=tmp_path,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: answers(f"{address}/readyz"))
        yield address
    finally:
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=40) == 0
        wait_until(lambda: not processes_of(tmp_path / "home"), timeout_s=10)


def answers(url: str) -> bool:
    """Tell whether a URL answers with 200."""
    try:
        with urlopen(url) as response:
            return bool(response.status == 200)
    except URLError:
        return False

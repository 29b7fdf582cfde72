"""The command line as a user runs it: a process of its own, a home of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from commands import Run


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

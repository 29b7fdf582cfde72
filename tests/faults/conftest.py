"""A home of its own for each test: as a process would see it, and wired in this one."""

from pathlib import Path

import pytest
from e2e.conftest import audiofeat, environment

from audiofeat.bootstrap import Services
from audiofeat.config import load_settings

__all__ = ["audiofeat", "environment"]


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Services:
    """Everything wired for a home of this test."""
    monkeypatch.setenv("AUDIOFEAT_HOME", str(tmp_path / "home"))
    return Services(load_settings())

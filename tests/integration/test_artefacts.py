"""Releases that somebody tampered with: a small run of the benchmark."""

from pathlib import Path

from tests.benchmarks.artefacts import tried


def test_no_tampered_release_is_served(tmp_path: Path) -> None:
    """Of two hundred, cut, flipped, swapped or lying, none is opened, and this process lives."""
    refused, opened = tried(tmp_path, count=200)
    assert opened == []
    assert sum(refused.values()) == 200
    assert len(refused) > 15

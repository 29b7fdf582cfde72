"""No value changes without a raised group version, and none is raised without being kept."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from audiofeat.extraction.client import ExtractionServer
from tests.golden.golden import analysed, differences, items, load
from tests.golden.update import updated


@pytest.fixture(scope="module")
def server() -> Iterator[ExtractionServer]:
    with ExtractionServer() as running:
        yield running


@pytest.mark.parametrize("name", items())
def test_an_item_measures_as_it_did(name: str, server: ExtractionServer, tmp_path: Path) -> None:
    """Every field of every group, within the tolerance of its scope."""
    assert not list(differences(name, load(name), analysed(name, server, tmp_path)))


@pytest.fixture
def stored() -> dict[str, Any]:
    return {"rhythm": {"version": 1, "values": {"tempo_bpm": 120.0, "onset_rate_hz": None},
                       "reasons": {"onset_rate_hz": "silence"}}}  # fmt: skip


def test_a_change_is_noticed(stored: dict[str, Any]) -> None:
    """A value that moves, a null that becomes a number, or another reason, asks for a raised version."""
    today = copy.deepcopy(stored)
    today["rhythm"]["values"]["tempo_bpm"] = 120.05
    assert not list(differences("a", stored, today))
    today["rhythm"]["values"]["tempo_bpm"] = 121.0
    today["rhythm"]["reasons"]["onset_rate_hz"] = "no_pulse"
    found = list(differences("a", stored, today))
    assert [line.split(" ")[1] for line in found] == ["rhythm.onset_rate_hz", "rhythm.tempo_bpm"]
    assert all("raise the version of rhythm" in line for line in found)


def test_a_raised_version_must_be_kept(stored: dict[str, Any]) -> None:
    """As must a group that is new, and one that is gone."""
    today = copy.deepcopy(stored)
    today["rhythm"]["version"] = 2
    assert "update.py" in next(differences("a", stored, today))
    assert "new" in next(differences("a", {}, today))
    assert "gone" in next(differences("a", stored, {}))


def test_updating_takes_only_what_was_raised(stored: dict[str, Any]) -> None:
    """The raised or new group is taken, the changed one under its old version refused."""
    today = copy.deepcopy(stored)
    today["rhythm"]["values"]["tempo_bpm"] = 100.0
    kept, refused = updated(stored, today)
    assert (kept, refused) == (stored, ["rhythm.tempo_bpm"])
    today["rhythm"]["version"] = 2
    assert updated(stored, today) == (today, [])
    assert updated({}, today) == (today, [])

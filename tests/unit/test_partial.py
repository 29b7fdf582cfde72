"""Measuring some groups alone: what they read is known, and the numbers are those of a whole analysis."""

import json
from pathlib import Path
from typing import Any

import pytest

from audiofeat.domain.registry import GROUP_READS, GROUP_VERSIONS
from audiofeat.extraction import analyse as module
from audiofeat.extraction.analyse import GROUPS, analyse
from audiofeat.features.frames import Frames, Measured, Result
from tests.synthesis import song, write


class Watched(dict[str, dict[str, Any]]):
    """Remembers which groups were looked at."""

    def __init__(self, measured: Measured) -> None:
        super().__init__(measured)
        self.read: set[str] = set()

    def __getitem__(self, group: str) -> dict[str, Any]:
        self.read.add(group)
        return super().__getitem__(group)


@pytest.fixture(scope="module")
def tune(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("sound") / "tune", song(8.0))


@pytest.fixture(scope="module")
def whole(tune: Path) -> dict[str, Any]:
    record, _ = analyse(tune, source="tune", max_duration_s=60.0)
    return record


def test_the_registry_tells_what_each_group_reads(tune: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A group looks at no other than the registry says: else it could not be measured without the rest."""
    seen: dict[str, set[str]] = {}

    def spy(name: str) -> type:
        class Spy:
            def __init__(self) -> None:
                self._group = GROUPS[name]()

            def push(self, frames: Frames) -> None:
                self._group.push(frames)

            def result(self, measured: Measured, silence: Any) -> Result:
                watched = Watched(measured)
                found = self._group.result(watched, silence)
                seen[name] = watched.read
                return found

        return Spy

    spies = {name: spy(name) for name in GROUPS}
    with monkeypatch.context() as patched:
        patched.setattr(module, "GROUPS", spies)
        record, _ = analyse(tune, source="tune", max_duration_s=60.0)
    assert record["status"] == "ok"
    assert {name: frozenset(read) for name, read in seen.items() if read} == GROUP_READS


@pytest.mark.parametrize("wanted", [("rhythm",), ("mood",), ("structure", "file"), ("descriptor",)])
def test_some_groups_alone_have_the_numbers_of_a_whole_analysis(
    tune: Path, whole: dict[str, Any], wanted: tuple[str, ...]
) -> None:
    """The record holds the wanted groups and no other, byte for byte as when everything is measured."""
    record, spent = analyse(tune, source="tune", max_duration_s=60.0, wanted=wanted)
    assert set(record["features"]) == set(wanted)
    for part in ("audio", "flags"):
        assert record[part] == whole[part]
    for group in wanted:
        assert json.dumps(record["features"][group]) == json.dumps(whole["features"][group])
    reasons = {path: why for path, why in whole["reasons"].items() if path.split(".")[0] in wanted}
    assert record["reasons"] == reasons
    assert set(spent) < {"pass", *GROUP_VERSIONS}

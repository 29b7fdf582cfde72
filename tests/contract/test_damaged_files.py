"""Damaged and mutated files through a real extraction server: the promised verdict, and a parent that goes on.

A sample of what ``tests/benchmarks/damage.py`` and ``tests/benchmarks/fuzz.py`` do at length.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from audiofeat.extraction.client import ExtractionServer
from tests.benchmarks.damage import resident_mb, verdict
from tests.benchmarks.fuzz import run
from tests.commands import quickest_s
from tests.damage import Case, cases

EVERY = 4
MUTATIONS = 2_000
AT_A_TIME = 2
SILENT = ("foreign", "bomb")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExtractionServer]:
    """One warm server for all files."""
    first = tmp_path_factory.mktemp("warm") / "object"
    first.write_bytes(cases()[0].make())
    with ExtractionServer() as running:
        running.extract(first, source="warm")
        yield running


def test_there_are_enough_of_them() -> None:
    """More than 300, none twice."""
    names = [(case.kind, case.name) for case in cases()]
    assert len(set(names)) == len(names) > 300


@pytest.mark.parametrize("case", cases()[::EVERY], ids=lambda case: f"{case.kind}: {case.name}")
def test_a_damaged_file_gets_its_verdict(case: Case, server: ExtractionServer, tmp_path: Path) -> None:
    """Status, flags and code are those promised by how the file was made."""
    path = tmp_path / "object"
    path.write_bytes(case.make())
    said, kept, _ = verdict(server, path, case)
    assert kept, f"{said}, promised {case.verdict}"


def test_garbage_is_told_at_once(server: ExtractionServer, tmp_path: Path) -> None:
    """Half of what is no audio is refused in under 300 ms, a bomb in under a second and 300 MB."""
    took: dict[str, list[float]] = {kind: [] for kind in SILENT}
    path = tmp_path / "object"
    for case in cases():
        if case.kind in SILENT:
            path.write_bytes(case.make())

            def ask(case: Case = case) -> None:
                _, kept, peak_mb = verdict(server, path, case)
                assert kept, case
                assert peak_mb < 300

            took[case.kind].append(quickest_s(ask, 1))
    assert sorted(took["foreign"])[len(took["foreign"]) // 2] < 0.3
    assert max(took["bomb"]) < 1


def test_the_server_does_not_grow(server: ExtractionServer, tmp_path: Path) -> None:
    """Its resident memory is the same after two hundred rejections."""
    path = tmp_path / "object"
    path.write_bytes(b"no sound")
    assert server._process
    before_mb = resident_mb(server._process.pid)
    for _ in range(200):
        server.extract(path, source="again")
    assert resident_mb(server._process.pid) < before_mb + 2


@pytest.mark.timeout(900)
def test_mutated_files_end_in_an_answer(tmp_path: Path) -> None:
    """Whatever was flipped, cut or joined: a record within its ranges, and no child or server dies."""
    part = MUTATIONS // AT_A_TIME
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        starts = range(0, MUTATIONS, part)
        tallies = list(
            pool.map(lambda first: run(part, first=first, keep=tmp_path, on_thousand=lambda _: None), starts)
        )
    assert sum(tally.done for tally in tallies) == MUTATIONS
    assert not [finding for tally in tallies for finding in tally.findings]
    assert not sum(tally.server_deaths for tally in tallies)

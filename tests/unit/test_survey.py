"""Who counts as stalled, and what somebody should look at."""

import time
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import cast

import pytest

from audiofeat.domain.items import Kind
from audiofeat.domain.jobs import Lane
from audiofeat.errors import CatalogueUnavailable
from audiofeat.ports import Catalogue, CensusView, LaneView, Survey, WorkerState, WorkerView
from audiofeat.services import survey as survey_module
from audiofeat.services.survey import Surveyor, stalled_lanes
from commands import wait_until

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WORKER = WorkerView("host:one", "host", ("ingest", "cold", "normal"), 2, NOW, NOW)


def lane(lane: Lane, *, oldest_due_s: float | None, idle_s: float | None) -> LaneView:
    return LaneView(lane, {}, oldest_due_s, idle_s, 0, 0.0)


@pytest.mark.parametrize(
    ("held", "waiting", "stalled"),
    [
        (0, lane(Lane.COLD, oldest_due_s=121.0, idle_s=None), ("cold",)),
        (1, lane(Lane.COLD, oldest_due_s=121.0, idle_s=121.0), ("cold",)),
        (2, lane(Lane.COLD, oldest_due_s=999.0, idle_s=None), ()),  # every slot is taken
        (0, lane(Lane.COLD, oldest_due_s=119.0, idle_s=None), ()),  # it has not waited for long
        (0, lane(Lane.COLD, oldest_due_s=999.0, idle_s=3.0), ()),  # somebody is at it
        (0, lane(Lane.COLD, oldest_due_s=None, idle_s=None), ()),  # nothing to do
        (0, lane(Lane.BULK, oldest_due_s=999.0, idle_s=None), ()),  # not its lane
    ],
)
def test_a_worker_is_stalled_where_it_could_take_what_waits_and_does_not(
    held: int, waiting: LaneView, stalled: tuple[str, ...]
) -> None:
    """Long jobs, young queues and foreign lanes make none."""
    assert stalled_lanes(WORKER, held, [waiting], stall_s=120.0) == stalled


def test_warnings_name_worker_lane_and_disk() -> None:
    """A stalled worker, a lane that nobody serves, and a full disk are told."""
    survey = Survey((), (WorkerState(WORKER, 0, ("cold",)),), ("bulk",), dict.fromkeys(Kind), 1 << 20, 300.0)
    assert survey.warnings == [
        "host:one has a free slot and takes nothing from cold",
        "no worker takes jobs from bulk",
        "1 MB are free, 16 are needed",
    ]


class Slow:
    """A ledger that takes long to count, and may be gone."""

    def __init__(self) -> None:
        self.counted = 0
        self.is_gone = False
        self.may_go_on = Event()

    def census(self, *, window_s: float) -> CensusView:
        if self.is_gone:
            raise CatalogueUnavailable("gone")
        assert window_s == 300.0
        self.counted += 1
        if self.counted > 1:
            assert self.may_go_on.wait(60)
        return CensusView((), {}, dict.fromkeys(Kind))

    def workers(self, *, seen_within_s: float) -> list[WorkerView]:
        assert seen_within_s == 24.0
        return []


def test_nobody_waits_for_a_ledger_that_takes_long_to_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All but the first get what was counted last while one thread counts; a ledger that went away is told."""
    monkeypatch.setattr(survey_module, "_PATIENCE_S", -1.0)
    monkeypatch.setattr(survey_module, "_LEAST_AGE_S", 0.0)
    monkeypatch.setattr(survey_module, "_LOOKING_RATIO", 0.0)
    ledger = Slow()
    surveyor = Surveyor(catalogue=cast("Catalogue", ledger), home=tmp_path, stall_s=120.0, lease_s=8.0)
    first = surveyor.look()
    began = time.monotonic()
    assert all(surveyor.look() is first for _ in range(20))
    assert time.monotonic() - began < 30
    wait_until(lambda: ledger.counted == 2)
    ledger.may_go_on.set()
    wait_until(lambda: surveyor.look() is not first)
    ledger.is_gone = True

    def is_told() -> bool:
        try:
            surveyor.look()
        except CatalogueUnavailable:
            return True
        return False

    wait_until(is_told)

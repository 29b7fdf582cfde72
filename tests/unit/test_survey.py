"""Who counts as stalled, and what somebody should look at."""

from datetime import UTC, datetime

import pytest

from audiofeat.domain.items import Kind
from audiofeat.domain.jobs import Lane
from audiofeat.ports import LaneView, Survey, WorkerState, WorkerView
from audiofeat.services.survey import stalled_lanes

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

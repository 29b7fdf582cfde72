"""Counting in the ledger, on SQLite and on PostgreSQL: what is where, since when, and who holds it."""

from dataclasses import replace

import pytest

from audiofeat.catalogue import SqlCatalogue, open_catalogue
from audiofeat.domain.items import Kind, ObjectVersion
from audiofeat.domain.jobs import JobState, Lane, Registration
from audiofeat.ports import CensusView, IndexState, LaneView
from ledgers import Clock

WINDOW_S = 60.0


@pytest.fixture
def catalogue(ledger_url: str, clock: Clock) -> SqlCatalogue:
    return open_catalogue(ledger_url, clock=clock)


def register(catalogue: SqlCatalogue, lane: Lane, *keys: str) -> list[str]:
    registrations = [Registration(ObjectVersion("music", key, "1", 1), lane=lane) for key in keys]
    return [registered.job_id for registered in catalogue.register(registrations)]


def lane_of(counted: CensusView, lane: Lane) -> LaneView:
    return next(view for view in counted.lanes if view.lane is lane)


def test_an_empty_ledger_has_every_lane_and_nothing_in_it(catalogue: SqlCatalogue) -> None:
    """Nothing is due, nobody holds anything, and no index is there."""
    counted = catalogue.census(window_s=WINDOW_S)
    assert counted.lanes == tuple(LaneView(lane, {}, None, None, 0, 0.0) for lane in Lane)
    assert not counted.held
    assert counted.indexes == dict.fromkeys(Kind)


def test_lanes_are_counted_apart_with_the_age_of_their_oldest(catalogue: SqlCatalogue, clock: Clock) -> None:
    """What waits is counted by lane and state; the age is that of the first of the queue."""
    register(catalogue, Lane.COLD, "a", "b")
    clock.now += 40
    (held,) = register(catalogue, Lane.NORMAL, "c")
    register(catalogue, Lane.COLD, "d")
    assert catalogue.claim(held, worker="host:one", lease_s=10)
    clock.now += 5
    counted = catalogue.census(window_s=WINDOW_S)
    assert lane_of(counted, Lane.COLD) == LaneView(Lane.COLD, {JobState.QUEUED: 3}, 45.0, None, 0, 0.0)
    assert lane_of(counted, Lane.NORMAL) == LaneView(Lane.NORMAL, {JobState.LEASED: 1}, None, 5.0, 0, 0.0)
    assert counted.held == {"host:one": 1}


def test_what_ended_counts_for_as_long_as_the_window(catalogue: SqlCatalogue, clock: Clock) -> None:
    """A refusal is an end within the window, and neither end nor sign of life after it."""
    (job_id,) = register(catalogue, Lane.BULK, "a")
    claim = catalogue.claim(job_id, worker="host:one", lease_s=10)
    assert claim is not None
    assert catalogue.reject(claim, code="not_audio", message="text")
    clock.now += WINDOW_S - 1
    assert lane_of(catalogue.census(window_s=WINDOW_S), Lane.BULK) == LaneView(
        Lane.BULK, {JobState.REJECTED: 1}, None, WINDOW_S - 1, 1, 0.0
    )
    clock.now += 2
    bulk = lane_of(catalogue.census(window_s=WINDOW_S), Lane.BULK)
    assert bulk == replace(bulk, idle_s=None, ended=0)


def test_the_index_that_was_served_last_is_told_with_its_age(catalogue: SqlCatalogue, clock: Clock) -> None:
    """Rolling back makes an earlier release the last one again; its age is that of its build."""
    for release in ("20231114T221320000Z-aaaaaa", "20231114T230000000Z-bbbbbb", "20231114T221320000Z-aaaaaa"):
        catalogue.record_release(release, kind=Kind.TRACK, space="s", items=4, recall=1.0)
        clock.now += 10_000
    indexes = catalogue.census(window_s=WINDOW_S).indexes
    # START is 22:13:20 of that day.
    assert indexes[Kind.TRACK] == IndexState("20231114T221320000Z-aaaaaa", "s", 30_000.0, 4, 1.0)
    assert indexes[Kind.EPISODE] is None

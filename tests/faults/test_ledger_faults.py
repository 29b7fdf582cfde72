"""Faults of clocks, reconcilers, batches and the database file: what the ledger makes of them."""

import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from contract.test_catalogue import outcome

from audiofeat.catalogue import SqlCatalogue, open_catalogue
from audiofeat.domain.batches import BatchScope, BatchState
from audiofeat.domain.items import ObjectVersion
from audiofeat.domain.jobs import Change, Claim, JobState, Lane, Registration
from audiofeat.services.reconcile import Reconciler
from commands import wait_until

LEASE_S = 8.0


class Time:
    """The ledger's clock and a process's own, which go on together unless one is set."""

    def __init__(self) -> None:
        self.ledger, self.steady = 1_700_000_000.0, 1_000.0

    def passes(self, seconds: float) -> None:
        self.ledger += seconds
        self.steady += seconds


class Doorbell:
    """A queue that keeps what was rung, until somebody takes it or it is lost."""

    def __init__(self) -> None:
        self.waiting: dict[Lane, list[str]] = {lane: [] for lane in Lane}

    def ring(self, job_ids: list[str], lane: Lane) -> None:
        self.waiting[lane] += job_ids

    def depth(self, lane: Lane) -> int:
        return len(self.waiting[lane])


@pytest.fixture
def now() -> Time:
    return Time()


@pytest.fixture
def catalogue(ledger_url: str, now: Time) -> SqlCatalogue:
    return open_catalogue(ledger_url, clock=lambda: now.ledger)


def reconciler(catalogue: SqlCatalogue, bell: Doorbell, now: Time, *, slots: int = 2) -> Reconciler:
    return Reconciler(catalogue, bell, slots=slots, lease_s=LEASE_S, office_s=3.0, clock=lambda: now.steady)


def queue(catalogue: SqlCatalogue, count: int, *, lane: Lane = Lane.NORMAL) -> list[str]:
    made = catalogue.register([Registration(ObjectVersion("m", f"{lane}{n}.wav", "1"), lane) for n in range(count)])
    return [job.job_id for job in made]


def take(catalogue: SqlCatalogue, job_id: str) -> Claim:
    claim = catalogue.claim(job_id, worker="w", lease_s=LEASE_S)
    assert claim is not None
    return claim


@pytest.mark.parametrize("jump_s", [3_600.0, -3_600.0], ids=["an hour ahead", "an hour back"])
def test_fault_20_a_clock_that_jumps_expires_nobody(catalogue: SqlCatalogue, now: Time, jump_s: float) -> None:
    """Workers that go on giving signs keep their jobs, one that is dead loses its own, and each job ends once."""
    bell = Doorbell()
    leader = reconciler(catalogue, bell, now)
    alive, dead = (take(catalogue, job_id) for job_id in queue(catalogue, 2))
    leader.step()
    now.passes(1)
    now.ledger += jump_s
    for _ in range(12):
        leader.step()
        now.passes(1)
        assert catalogue.heartbeat(alive, lease_s=LEASE_S)
    assert catalogue.job(alive.job_id).losses == 0
    # One set back is bounded by the longest lease there can be.
    now.passes(600)
    catalogue.heartbeat(alive, lease_s=LEASE_S)
    leader.step()
    assert catalogue.job(dead.job_id).losses == 1
    again = take(catalogue, dead.job_id)
    assert not catalogue.finish(dead, outcome("twice"))
    assert catalogue.finish(again, outcome("once"))
    assert catalogue.finish(alive, outcome("alive"))
    assert catalogue.outcome_of_audio("twice") is None


def test_fault_24_of_two_reconcilers_one_acts(catalogue: SqlCatalogue, now: Time) -> None:
    """The other one rings for nothing, takes over when the first falls silent, and at once when it resigns."""
    queue(catalogue, 3)
    bells = Doorbell(), Doorbell()
    first, second = (reconciler(catalogue, bell, now) for bell in bells)
    assert (first.step(), second.step(), second.feed()) == (3, 0, 0)
    now.passes(2)
    assert (first.step(), second.step()) == (0, 0)
    now.passes(3.1)
    assert second.step() == 3
    assert first.step() == 0
    assert [bell.depth(Lane.NORMAL) for bell in bells] == [3, 3]
    second.resign()
    first.step()
    assert second.step() == 0


def test_fault_24_two_reconcilers_at_once_expire_a_lease_once(catalogue: SqlCatalogue, now: Time) -> None:
    """Even if both believed to lead, a loss would be counted once."""
    claim = take(catalogue, queue(catalogue, 1)[0])
    now.passes(LEASE_S + 1)
    assert catalogue.expire_leases() + catalogue.expire_leases() == 1
    assert catalogue.job(claim.job_id).losses == 1


def test_fault_12_what_the_broker_lost_is_rung_for_again(catalogue: SqlCatalogue, now: Time) -> None:
    """A lane that has run empty while its jobs are still queued is filled anew; one that is full is left alone."""
    queue(catalogue, 5)
    bell = Doorbell()
    leader = reconciler(catalogue, bell, now)
    rung = leader.step()
    assert rung == 5
    now.passes(60)
    assert leader.step() == 0
    bell.waiting[Lane.NORMAL].clear()
    now.passes(6)
    assert leader.step() == 5


def test_fault_12_a_message_that_died_with_its_worker_is_rung_for_again(catalogue: SqlCatalogue, now: Time) -> None:
    """The lane is never empty, but what was rung for long after the job was taken: its message is lost."""
    fetched, *_ = queue(catalogue, 40)
    bell = Doorbell()
    leader = reconciler(catalogue, bell, now)
    leader.step()
    bell.waiting[Lane.NORMAL].remove(fetched)
    while fetched not in bell.waiting[Lane.NORMAL]:
        now.passes(3)
        assert now.steady < 1_030
        take(catalogue, bell.waiting[Lane.NORMAL].pop(0))
        leader.step()
    assert bell.depth(Lane.NORMAL) > 1
    assert len(set(bell.waiting[Lane.NORMAL])) == bell.depth(Lane.NORMAL), "one was rung for twice that was not lost"


def test_fault_1_a_job_that_lost_its_worker_goes_first(catalogue: SqlCatalogue, now: Time) -> None:
    """Whoever is free takes it, by the message of any job of its lane, and the job behind that message comes next."""
    new = take(catalogue, queue(catalogue, 1, lane=Lane.COLD)[0])
    lost, asked, *_ = queue(catalogue, 40)
    dead = take(catalogue, lost)
    bell = Doorbell()
    leader = reconciler(catalogue, bell, now)
    leader.step()
    now.passes(LEASE_S + 1)
    catalogue.heartbeat(new, lease_s=LEASE_S)
    leader.step()
    taken = catalogue.claim(asked, worker="w", lease_s=LEASE_S, lost_first=True)
    assert taken is not None
    assert (taken.job_id, taken.attempt) == (lost, 2)
    assert not catalogue.finish(dead, outcome("twice"))
    again = catalogue.claim(asked, worker="w", lease_s=LEASE_S, lost_first=True)
    assert again is not None
    assert again.job_id == asked
    other = queue(catalogue, 2, lane=Lane.COLD)[1]
    now.passes(LEASE_S + 1)
    assert catalogue.expire_leases() == 3
    cold = catalogue.claim(other, worker="w", lease_s=LEASE_S, lost_first=True)
    assert cold is not None
    assert cold.job_id == new.job_id, "each lane has its own"


def test_a_lane_is_kept_about_twice_as_deep_as_there_are_slots(catalogue: SqlCatalogue, now: Time) -> None:
    """At rest twice the slots, more while short jobs drain it, and less again."""
    queue(catalogue, 500, lane=Lane.BULK)
    bell = Doorbell()
    leader = reconciler(catalogue, bell, now, slots=2)
    depths = []
    for _ in range(6):
        leader.step()
        depths.append(bell.depth(Lane.BULK))
        for job_id in bell.waiting[Lane.BULK]:
            catalogue.reject(take(catalogue, job_id), code="not_audio", message="")
        bell.waiting[Lane.BULK].clear()
    assert depths[0] <= 8
    assert depths == sorted(depths)
    assert depths[-1] == 16
    for _ in range(12):
        leader.step()
        bell.waiting[Lane.BULK] = bell.waiting[Lane.BULK][1:]
    assert bell.depth(Lane.BULK) < depths[-1]


def test_fault_22_a_batch_killed_at_ten_random_points_does_every_item_once(ledger_url: str) -> None:
    """Killed with whoever expands it and works it off, paused and resumed: each item has one job, done once."""
    catalogue = open_catalogue(ledger_url)
    made = catalogue.register([Registration(ObjectVersion("m", f"{n:03}.wav", "1")) for n in range(60)])
    for job in made:
        claim = catalogue.claim(job.job_id, worker="w", lease_s=LEASE_S)
        assert claim is not None
        catalogue.finish(claim, outcome(claim.audio.key, groups=(), descriptor=None))
    batch_id = catalogue.create_batch("reprocess", lane=Lane.BULK, scope=BatchScope(), most_open=10).batch_id
    dice = random.Random(4)

    def work_for_ever() -> None:
        own = open_catalogue(ledger_url)
        while True:
            own.expand_batches(page=3)
            for job_id in own.due(Lane.BULK, limit=2):
                claimed = own.claim(job_id, worker="w", lease_s=0.05)
                if claimed:
                    own.finish(claimed, outcome(claimed.audio.key, groups=(), descriptor=None))
            own.settle_batches()

    for turn in range(10):
        with killed(work_for_ever):
            time.sleep(dice.uniform(0.1, 0.3))
        time.sleep(0.1)
        catalogue.expire_leases()
        if turn == 5 and catalogue.batch(batch_id).state is BatchState.RUNNING:
            catalogue.change_batch(Change.PAUSE, batch_id)
            catalogue.change_batch(Change.RESUME, batch_id)
    deadline = time.monotonic() + 180
    while catalogue.batch(batch_id).state is not BatchState.DONE:
        assert time.monotonic() < deadline
        with killed(work_for_ever):
            time.sleep(1)
        time.sleep(0.1)
        catalogue.expire_leases()
    ended = catalogue.batch(batch_id)
    assert (ended.looked_at, dict(ended.counts)) == (60, {JobState.DONE: 60})
    assert catalogue.states() == {JobState.DONE: 120}


@contextmanager
def killed(work: Callable[[], None]) -> Iterator[None]:
    """Let a child work, and kill -9 it in the end."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(1)
    yield
    os.kill(child, signal.SIGKILL)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1]), "the child had ended by itself"


def test_fault_27_kills_in_the_checkpoint_leave_the_file_sound(tmp_path: Path) -> None:
    """A hundred kills of a process that writes and checkpoints: every acknowledged job is there, integrity is ok."""
    path, told = tmp_path / "ledger.sqlite3", tmp_path / "told"
    catalogue = open_catalogue(f"sqlite:///{path}")
    dice = random.Random(27)

    def write_and_checkpoint(turn: int) -> None:
        with told.open("ab", buffering=0) as answers, sqlite3.connect(path, isolation_level=None) as other:
            for n in range(10_000):
                (job,) = catalogue.register([Registration(ObjectVersion("m", f"{turn}-{n}.wav", "1"))])
                answers.write(f"{job.job_id}\n".encode())
                other.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    told.touch()
    for turn in range(100):
        before = told.stat().st_size
        with killed(lambda turn=turn: write_and_checkpoint(turn)):
            wait_until(lambda before=before: told.stat().st_size > before)
            time.sleep(dice.uniform(0, 0.02))
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        there = {row[0] for row in connection.execute("SELECT job_id FROM jobs")}
    acknowledged = set(told.read_text().split())
    assert len(acknowledged) >= 100
    assert acknowledged <= there

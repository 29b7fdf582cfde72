"""What becomes of jobs when people, newer versions, other releases and time have their say; on both databases."""

import os
import signal
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy
from contract.test_catalogue import LEASE_S, catalogue, die_in_a_fork, outcome, queue, take, version
from sqlalchemy import Engine, event

from audiofeat.catalogue import SqlCatalogue
from audiofeat.domain.batches import BatchScope, BatchState
from audiofeat.domain.descriptor import pack
from audiofeat.domain.items import Kind
from audiofeat.domain.jobs import CRASH_BUDGET, Change, Evidence, GroupResult, JobFilter, JobState, Lane, Registration
from audiofeat.errors import BatchUnknown, InvalidInput
from ledgers import Clock

__all__ = ["catalogue"]
FAULT = {"code": "extraction_signal", "message": "the child died by SIGSEGV"}


def state(catalogue: SqlCatalogue, job_id: str) -> JobState:
    return catalogue.job(job_id).state


def only(job_id: str) -> JobFilter:
    return JobFilter(job_ids=(job_id,))


class TestPeople:
    def test_a_paused_job_waits_until_it_is_resumed(self, catalogue: SqlCatalogue) -> None:
        """Nobody can claim it, no pass wakes it, and resuming queues it."""
        job_id = queue(catalogue)
        assert catalogue.change_jobs(Change.PAUSE, only(job_id)) == 1
        assert catalogue.claim(job_id, worker="w", lease_s=LEASE_S) is None
        assert catalogue.due(Lane.NORMAL, limit=9) == []
        assert catalogue.wake_rested() == catalogue.expire_leases() == 0
        assert catalogue.change_jobs(Change.RESUME, only(job_id)) == 1
        assert catalogue.due(Lane.NORMAL, limit=9) == [job_id]

    def test_work_that_goes_on_is_not_paused(self, catalogue: SqlCatalogue) -> None:
        """A leased job ends as it would have."""
        claim = take(catalogue, queue(catalogue))
        assert catalogue.change_jobs(Change.PAUSE, only(claim.job_id)) == 0
        assert catalogue.finish(claim, outcome())

    def test_the_result_of_a_cancelled_job_is_refused(self, catalogue: SqlCatalogue) -> None:
        """Cancelling takes the token from the worker, and a listing does not bring the job back."""
        claim = take(catalogue, queue(catalogue))
        assert catalogue.change_jobs(Change.CANCEL, only(claim.job_id)) == 1
        assert not catalogue.heartbeat(claim, lease_s=LEASE_S)
        assert not catalogue.finish(claim, outcome())
        assert catalogue.outcome_of_audio("aa") is None
        queue(catalogue)
        assert state(catalogue, claim.job_id) is JobState.CANCELLED

    def test_a_replayed_job_has_its_budgets_back(self, catalogue: SqlCatalogue) -> None:
        """Quarantined, replayed, crashed once: it is tried again."""
        job_id = queue(catalogue)
        for _ in range(CRASH_BUDGET):
            catalogue.crash(take(catalogue, job_id), **FAULT)
        assert state(catalogue, job_id) is JobState.QUARANTINED
        assert catalogue.change_jobs(Change.REPLAY, JobFilter(error_code="extraction_signal")) == 1
        job = catalogue.job(job_id)
        assert (job.state, job.crashes, job.losses, job.error_code) == (JobState.QUEUED, 0, 0, None)
        assert catalogue.crash(take(catalogue, job_id), **FAULT) is JobState.QUEUED

    def test_only_what_failed_is_replayed(self, catalogue: SqlCatalogue) -> None:
        """Among jobs of every fate, a replay of all takes rejected, quarantined and cancelled ones."""
        done, rejected, waiting, cancelled = (queue(catalogue, version(f"{n}.wav")) for n in range(4))
        catalogue.finish(take(catalogue, done), outcome())
        catalogue.reject(take(catalogue, rejected), code="not_audio", message="")
        catalogue.change_jobs(Change.CANCEL, only(cancelled))
        assert catalogue.change_jobs(Change.REPLAY, JobFilter()) == 2
        assert [state(catalogue, job_id) for job_id in (done, rejected, waiting, cancelled)] == [
            JobState.DONE, JobState.QUEUED, JobState.QUEUED, JobState.QUEUED,
        ]  # fmt: skip

    def test_a_thousand_jobs_are_changed_at_once(self, catalogue: SqlCatalogue) -> None:
        """Pages of a change meet every job of a lane once, and none of another."""
        catalogue.register([Registration(version(f"{n}.wav"), lane=Lane.BULK) for n in range(1_100)])
        queue(catalogue)
        assert catalogue.change_jobs(Change.PAUSE, JobFilter(lane=Lane.BULK)) == 1_100
        assert catalogue.states() == {JobState.PAUSED: 1_100, JobState.QUEUED: 1}


class TestEvidence:
    def test_each_crash_leaves_its_evidence(self, catalogue: SqlCatalogue) -> None:
        """Stage, signal, sha256 and versions of every attempt are there when the job is in quarantine."""
        job_id = queue(catalogue)
        found = Evidence("analysis", "SIGSEGV", "ab" * 32, {"essentia": "2.1"})
        for _ in range(CRASH_BUDGET):
            catalogue.crash(take(catalogue, job_id), **FAULT, evidence=found)
        steps, incidents = catalogue.history(job_id)
        assert [(i.attempt, i.code, i.evidence) for i in incidents] == [
            (n, "extraction_signal", found) for n in range(1, CRASH_BUDGET + 1)
        ]
        assert [step.after for step in steps] == ["queued", *["leased", "queued"] * 2, "leased", "quarantined"]
        assert incidents[0].worker == "w1"

    def test_a_loss_is_an_incident_too(self, catalogue: SqlCatalogue, clock: Clock) -> None:
        """It names the worker that fell silent."""
        job_id = queue(catalogue)
        take(catalogue, job_id)
        clock.now += LEASE_S + 1
        catalogue.expire_leases()
        (incident,) = catalogue.history(job_id)[1]
        assert (incident.code, incident.worker) == ("lease_lost", "w1")


class TestNewerVersions:
    def test_an_overwritten_object_hands_over_to_its_present_version(self, catalogue: SqlCatalogue) -> None:
        """The job ends as superseded, and the version that is there now has a job of the same item."""
        claim = take(catalogue, queue(catalogue))
        assert catalogue.supersede(claim, Registration(version(number="2")))
        (waiting,) = catalogue.due(Lane.NORMAL, limit=9)
        assert catalogue.job(waiting).item_id == claim.item_id
        assert state(catalogue, claim.job_id) is JobState.SUPERSEDED
        assert not catalogue.supersede(claim, Registration(version(number="3")))

    def test_the_replaced_version_s_job_is_superseded(self, catalogue: SqlCatalogue) -> None:
        """Once the newer version is done, the older job is no longer among the done."""
        old = queue(catalogue)
        catalogue.finish(take(catalogue, old), outcome())
        new = queue(catalogue, version(number="2"))
        catalogue.finish(take(catalogue, new), outcome("bb"))
        assert (state(catalogue, old), state(catalogue, new)) == (JobState.SUPERSEDED, JobState.DONE)

    def test_a_version_that_was_put_back_is_current_again(self, catalogue: SqlCatalogue) -> None:
        """One, two, one again: the item is served from the first version once more."""
        first = queue(catalogue)
        catalogue.finish(take(catalogue, first), outcome("aa"))
        catalogue.finish(take(catalogue, queue(catalogue, version(number="2"))), outcome("bb"))
        assert queue(catalogue) == first
        claim = take(catalogue, first)
        assert catalogue.finish(claim, outcome("aa"))
        item = catalogue.items_by_id([claim.item_id])[claim.item_id]
        assert (item.sha256, item.state) == ("aa", JobState.DONE)

    def test_two_objects_of_one_reference_do_not_take_turns(self, catalogue: SqlCatalogue) -> None:
        """Listing both again and again leaves the later one in place and wakes nothing."""
        both = [Registration(version(key), reference="trk-1") for key in ("a.wav", "b.wav")]
        made = catalogue.register(both)
        catalogue.finish(take(catalogue, made[1].job_id), outcome())
        again = catalogue.register(both)
        assert [job.state for job in again] == [JobState.SUPERSEDED, JobState.DONE]
        assert catalogue.due(Lane.NORMAL, limit=9) == []

    def test_an_older_release_does_not_undo_a_newer_one(self, catalogue: SqlCatalogue) -> None:
        """A result of older feature versions is kept beside the newer one, and the item keeps the newer descriptor."""
        newer = outcome(groups=(GroupResult("g", 2, {"x": 2}, {}),), descriptor=pack_of(2.0))
        catalogue.finish(take(catalogue, queue(catalogue)), newer)
        older = outcome(
            groups=(GroupResult("g", 1, {"x": 1}, {}),), descriptor=pack_of(1.0), audio={"decoded_duration_s": 1.0}
        )
        claim = take(catalogue, queue(catalogue, version("copy.wav")))
        assert catalogue.finish(claim, older)
        assert catalogue.analyses_of_audio("aa")["g"].values == {"x": 2}
        known = catalogue.outcome_of_audio("aa")
        assert known is not None
        assert (known[0], known[3]) == (newer.audio, pack_of(2.0))
        row = catalogue.embedding_of(claim.item_id)
        assert row is not None
        assert row.descriptor.tolist() == [2.0]


def pack_of(value: float) -> bytes:
    import numpy as np  # noqa: PLC0415  one array

    return pack(np.array([value], dtype=np.float32))


class TestOffices:
    def test_one_holds_an_office_at_a_time(self, catalogue: SqlCatalogue, clock: Clock) -> None:
        """The holder keeps it by coming back, another one waits for silence or for a resignation."""

        def lead(holder: str) -> bool:
            return catalogue.lead("reconciler", holder=holder, lease_s=3.0)

        assert lead("a")
        assert not lead("b")
        clock.now += 2.9
        assert lead("a")
        clock.now += 2.9
        assert not lead("b")
        clock.now += 0.2
        assert lead("b")
        assert not lead("a")
        catalogue.resign("reconciler", holder="a")
        assert not lead("a")
        catalogue.resign("reconciler", holder="b")
        assert lead("a")

    def test_a_clock_that_was_set_back_locks_nobody_out(self, catalogue: SqlCatalogue, clock: Clock) -> None:
        """An office, a lease and a wait of before the jump end within their longest time."""
        catalogue.lead("reconciler", holder="a", lease_s=3.0)
        left = take(catalogue, queue(catalogue))
        resting = queue(catalogue, version("b.wav"))
        catalogue.postpone(take(catalogue, resting), code="store_unavailable", message="")
        clock.now -= 86_400
        assert catalogue.lead("reconciler", holder="b", lease_s=3.0)
        catalogue.expire_leases()
        catalogue.wake_rested()
        clock.now += 901
        assert catalogue.expire_leases() == catalogue.wake_rested() == 1
        assert state(catalogue, left.job_id) is state(catalogue, resting) is JobState.QUEUED

    def test_workers_are_known_while_they_attend(self, catalogue: SqlCatalogue, clock: Clock) -> None:
        """Silent ones and those that left are not listed."""
        catalogue.attend("h1:all", host="h1", lanes=("cold", "bulk"), slots=2)
        catalogue.attend("h2:all", host="h2", lanes=("cold",), slots=3)
        clock.now += 5
        catalogue.attend("h2:all", host="h2", lanes=("cold",), slots=4)
        (there,) = catalogue.workers(seen_within_s=4)
        assert (there.name, there.host, there.lanes, there.slots) == ("h2:all", "h2", ("cold",), 4)
        assert len(catalogue.workers(seen_within_s=6)) == 2
        catalogue.leave("h1:all")
        assert len(catalogue.workers(seen_within_s=6)) == 1


class TestRetention:
    def test_history_and_replaced_jobs_are_forgotten(self, catalogue: SqlCatalogue, clock: Clock) -> None:
        """What an item is served from stays, and the next listing still knows it as unchanged."""
        old, new = queue(catalogue), None
        catalogue.finish(take(catalogue, old), outcome())
        new = queue(catalogue, version(number="2"))
        catalogue.finish(take(catalogue, new), outcome("bb"))
        assert catalogue.forget(before=clock.now) == 0
        clock.now += 100
        assert catalogue.forget(before=clock.now) > 0
        assert catalogue.matching_jobs(JobFilter(key="a/one.wav")) == [catalogue.job(new)]
        assert catalogue.history(new) == ([], [])
        assert not catalogue.register([Registration(version(number="2"))])[0].is_new


def fill(catalogue: SqlCatalogue, count: int, *, groups: dict[str, int]) -> None:
    """Finish ``count`` items, each of an audio of its own with these groups."""
    found = tuple(GroupResult(name, number, {}, {}) for name, number in groups.items())
    for n in range(count):
        job_id = queue(catalogue, version(f"{n}.wav"))
        assert catalogue.finish(take(catalogue, job_id), outcome(f"sha-{n}", groups=found, descriptor=None))


def work_off(catalogue: SqlCatalogue, *, most: int = 1_000) -> list[str]:
    """Claim and finish the bulk lane's jobs; return their keys."""
    keys = []
    for job_id in catalogue.due(Lane.BULK, limit=most):
        claim = take(catalogue, job_id)
        assert catalogue.finish(claim, outcome(f"sha-{claim.audio.key.split('.')[0]}", groups=(), descriptor=None))
        keys.append(claim.audio.key)
    return keys


class TestBatches:
    def begin(self, catalogue: SqlCatalogue, **options: Any) -> str:
        made = catalogue.create_batch("reprocess", lane=Lane.BULK, **{"scope": BatchScope(), **options})
        assert made.state is BatchState.RUNNING
        return made.batch_id

    def test_every_item_is_done_once(self, catalogue: SqlCatalogue) -> None:
        """Small pages, a small window, and a pause in the middle: each item has one job, and the batch ends."""
        fill(catalogue, 23, groups={})
        batch_id = self.begin(catalogue, total=23, most_open=5)
        done: list[str] = []
        for turn in range(40):
            catalogue.expand_batches(page=3)
            assert sum(catalogue.batch(batch_id).counts.get(s, 0) for s in (JobState.QUEUED, JobState.PAUSED)) <= 5
            if turn == 4:
                paused = catalogue.change_batch(Change.PAUSE, batch_id)
                assert paused.counts[JobState.PAUSED] > 0
                assert catalogue.expand_batches(page=3) == 0
                assert work_off(catalogue) == []
                assert catalogue.settle_batches() == 0
                catalogue.change_batch(Change.RESUME, batch_id)
            done += work_off(catalogue)
            catalogue.settle_batches()
        assert sorted(done) == sorted(f"{n}.wav" for n in range(23))
        ended = catalogue.batch(batch_id)
        assert (ended.state, ended.looked_at, dict(ended.counts)) == (BatchState.DONE, 23, {JobState.DONE: 23})
        assert ended.finished_at is not None

    def test_only_stale_items_are_in_scope(self, catalogue: SqlCatalogue) -> None:
        """Items that have every wanted group version are passed over, as are other kinds and prefixes."""
        fill(catalogue, 3, groups={"g": 1, "h": 1})
        fill_one = outcome("new", groups=(GroupResult("g", 2, {}, {}), GroupResult("h", 1, {}, {})))
        catalogue.finish(take(catalogue, queue(catalogue, version("new.wav"))), fill_one)
        scope = BatchScope(item_kind=Kind.TRACK, key_prefix="", stale_against={"g": 2, "h": 1})
        self.begin(catalogue, scope=scope)
        catalogue.expand_batches(page=100)
        assert sorted(work_off(catalogue)) == ["0.wav", "1.wav", "2.wav"]
        self.begin(catalogue, scope=replace(scope, item_kind=Kind.EPISODE))
        catalogue.expand_batches(page=100)
        assert work_off(catalogue) == []

    def test_a_batch_s_job_does_not_overwrite_a_newer_version(self, catalogue: SqlCatalogue) -> None:
        """The object changed after the batch made its job: the item is served from what is newer."""
        fill(catalogue, 1, groups={})
        self.begin(catalogue)
        catalogue.expand_batches(page=100)
        (again,) = catalogue.due(Lane.BULK, limit=9)
        claim = take(catalogue, again)
        newer = take(catalogue, queue(catalogue, version("0.wav", "2")))
        assert catalogue.finish(newer, outcome("newer"))
        assert catalogue.finish(claim, outcome("sha-0"))
        assert state(catalogue, again) is JobState.SUPERSEDED
        assert catalogue.find_item("0.wav").sha256 == "newer"

    def test_a_listing_knows_a_version_that_a_batch_repeated(self, catalogue: SqlCatalogue, clock: Clock) -> None:
        """The first job of a version outlives the batches and their retention."""
        fill(catalogue, 1, groups={})
        for _ in range(2):
            self.begin(catalogue)
            catalogue.expand_batches(page=100)
            assert work_off(catalogue) == ["0.wav"]
            catalogue.settle_batches()
        clock.now += 1
        catalogue.forget(before=clock.now)
        (registered,) = catalogue.register([Registration(version("0.wav"))])
        assert (registered.is_new, registered.state) == (False, JobState.DONE)

    def test_a_cancelled_batch_ends_with_its_jobs(self, catalogue: SqlCatalogue) -> None:
        """Waiting and running ones are cancelled, the batch cannot be changed any more."""
        fill(catalogue, 4, groups={})
        batch_id = self.begin(catalogue)
        catalogue.expand_batches(page=100)
        claim = take(catalogue, catalogue.due(Lane.BULK, limit=1)[0])
        cancelled = catalogue.change_batch(Change.CANCEL, batch_id)
        assert dict(cancelled.counts) == {JobState.CANCELLED: 4}
        assert not catalogue.finish(claim, outcome())
        catalogue.settle_batches()
        assert catalogue.batches(states=[BatchState.CANCELLED])[0].finished_at is not None
        with pytest.raises(InvalidInput, match="is cancelled"):
            catalogue.change_batch(Change.RESUME, batch_id)
        with pytest.raises(BatchUnknown, match="nope"):
            catalogue.batch("nope")

    @pytest.mark.parametrize("end", ["given back", "killed"])
    def test_a_job_that_comes_back_into_a_paused_batch_is_paused(self, catalogue: SqlCatalogue, end: str) -> None:
        """What was being worked on during the pause does not run on: nobody can take it before it is paused."""
        fill(catalogue, 1, groups={})
        batch_id = self.begin(catalogue)
        catalogue.expand_batches(page=100)
        claim = take(catalogue, catalogue.due(Lane.BULK, limit=1)[0])
        catalogue.change_batch(Change.PAUSE, batch_id)
        if end == "killed":
            assert catalogue.lose(claim.token)
        else:
            catalogue.release(claim)
        assert state(catalogue, claim.job_id) is JobState.PAUSED
        catalogue.change_batch(Change.RESUME, batch_id)
        assert state(catalogue, claim.job_id) is JobState.QUEUED

    @pytest.mark.parametrize("moment", ["UPDATE batches", "INSERT INTO jobs", "INSERT INTO transitions", "COMMIT"])
    def test_a_kill_between_cursor_and_jobs_repeats_nothing(self, catalogue: SqlCatalogue, moment: str) -> None:
        """Fault 22, the ledger's part: cursor and jobs move together or not at all."""
        fill(catalogue, 6, groups={})
        batch_id = self.begin(catalogue)
        catalogue.expand_batches(page=2)

        def kill_before(statement: str) -> None:
            if statement.startswith(moment):
                os.kill(os.getpid(), signal.SIGKILL)

        def expand_and_die() -> None:
            event.listen(Engine, "before_cursor_execute", lambda *call: kill_before(call[2]))
            event.listen(Engine, "commit", lambda _: kill_before("COMMIT"))
            catalogue.expand_batches(page=2)

        # A read-only transaction commits before the one that writes.
        assert die_in_a_fork(expand_and_die) == signal.SIGKILL
        assert catalogue.batch(batch_id).looked_at == 2
        while catalogue.expand_batches(page=2):
            pass
        assert len(work_off(catalogue)) == 6


def test_what_is_looked_for_all_the_time_has_small_indexes(catalogue: SqlCatalogue, ledger_url: str) -> None:
    """The planner takes the partial indexes for due jobs and run-out leases, and the key for a claim."""
    catalogue.register([Registration(version(f"{n}.wav")) for n in range(3_000)])
    with sqlalchemy.create_engine(ledger_url.replace("postgresql:", "postgresql+psycopg:")).begin() as connection:
        connection.exec_driver_sql("UPDATE jobs SET state = 'rejected' WHERE sequence <= 2900")
        connection.exec_driver_sql("ANALYZE")
    plans: dict[str, str] = {}

    def explain(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "FROM jobs" in statement and not statement.startswith("EXPLAIN"):
            plan = "EXPLAIN QUERY PLAN" if "sqlite" in ledger_url else "EXPLAIN"
            rows = connection.exec_driver_sql(f"{plan} {statement}", parameters).all()
            plans[statement] = " ".join(str(row) for row in rows)

    event.listen(Engine, "before_cursor_execute", explain)
    try:
        catalogue.due(Lane.NORMAL, limit=16)
        catalogue.expire_leases()
        catalogue.wake_rested()
    finally:
        event.remove(Engine, "before_cursor_execute", explain)
    due, silent, rested = plans.values()
    assert "jobs_due" in due
    assert "jobs_leased" in silent
    assert "jobs_resting" in rested

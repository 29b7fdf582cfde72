"""What every ledger promises, on SQLite and on PostgreSQL."""

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, event

from audiofeat.catalogue import SqlCatalogue, open_catalogue
from audiofeat.domain.descriptor import pack
from audiofeat.domain.items import Kind, KindSource, ObjectVersion
from audiofeat.domain.jobs import (
    CRASH_BUDGET,
    LOSS_BUDGET,
    STORAGE_PATIENCE_S,
    Claim,
    GroupResult,
    JobState,
    Lane,
    MetadataRecord,
    Outcome,
    Registration,
)
from audiofeat.errors import InvalidInput, ItemUnknown, JobUnknown
from ledgers import Clock

LEASE_S = 10.0


@pytest.fixture
def catalogue(ledger_url: str, clock: Clock) -> SqlCatalogue:
    return open_catalogue(ledger_url, clock=clock)


def version(key: str = "a/one.wav", number: str = "1") -> ObjectVersion:
    return ObjectVersion(store="music", key=key, version=number, size_bytes=100)


def outcome(sha256: str = "aa", **changes: object) -> Outcome:
    made = Outcome(
        state=JobState.DONE,
        sha256=sha256,
        audio={"decoded_duration_s": 12.5},
        flags=("clipped",),
        groups=(GroupResult("rhythm", 1, {"tempo_bpm": 120.0, "beat_times_s": None}, {"beat_times_s": "no_pulse"}),),
        extractor={"audiofeat": "0"},
        kind=Kind.TRACK,
        kind_source=KindSource.INFERRED,
        tags=MetadataRecord("tags", {"title": "One"}),
        descriptor=pack(np.arange(4, dtype=np.float32)),
        space="tracks-1",
        embedding=pack(np.ones(2, dtype=np.float32)),
    )
    return replace(made, **changes)


def queue(catalogue: SqlCatalogue, audio: ObjectVersion | None = None, **fields: object) -> str:
    registration = replace(Registration(audio or version()), **fields)
    return catalogue.register([registration])[0].job_id


def take(catalogue: SqlCatalogue, job_id: str) -> Claim:
    claim = catalogue.claim(job_id, worker="w1", lease_s=LEASE_S)
    assert claim is not None
    return claim


def die_in_a_fork(work: Callable[[], object]) -> int:
    """Run ``work`` in a child and return the signal that ended it."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    return os.WTERMSIG(os.waitpid(child, 0)[1])


class TestLaterMetadata:
    def test_new_records_of_analysed_audio_are_merged(self, catalogue: SqlCatalogue) -> None:
        """What a table says later is taken over, what the tags said stays, and saying it again changes nothing."""
        job_id = queue(catalogue)
        tags = MetadataRecord("tags", {"title": "From the tags"})
        assert catalogue.finish(take(catalogue, job_id), outcome(tags=tags))
        feed = MetadataRecord("csv:feed", {"title": "From the feed", "album": "One"})
        registration = Registration(audio=version(), records=(feed,))
        (registered,) = catalogue.register([registration])
        assert registered.is_redescribed
        said = {(v.field, v.value, v.source, v.chosen) for v in catalogue.metadata_values(registered.item_id)}
        assert said == {
            ("title", "From the feed", "csv:feed", True),
            ("title", "From the tags", "tags", False),
            ("album", "One", "csv:feed", True),
        }
        (again,) = catalogue.register([registration])
        assert not again.is_redescribed
        web = MetadataRecord("jsonl:web", {"genre": "Ambient"})
        catalogue.register([Registration(audio=version(), records=(web,))])
        sources = {v.source for v in catalogue.metadata_values(registered.item_id)}
        assert sources == {"csv:feed", "jsonl:web", "tags"}

    def test_a_kind_told_later_moves_the_fingerprint(self, catalogue: SqlCatalogue) -> None:
        """An item that was taken for a track is found among the episodes once metadata says so; an option does not."""
        job_id = queue(catalogue)
        guessed = outcome(kind=Kind.TRACK, kind_source=KindSource.INFERRED, descriptor=pack(np.ones(3, np.float32)))
        assert catalogue.finish(take(catalogue, job_id), guessed)
        before = catalogue.embeddings(Kind.TRACK)[0].sequence
        told = Registration(audio=version(), kind=Kind.EPISODE, kind_source=KindSource.METADATA)
        (registered,) = catalogue.register([told])
        assert catalogue.items_by_id([registered.item_id])[registered.item_id].kind is Kind.EPISODE
        assert catalogue.embeddings(Kind.TRACK) == []
        (moved,) = catalogue.embeddings(Kind.EPISODE)
        assert moved.sequence > before
        assert moved.space is None
        catalogue.register([Registration(audio=version(), kind=Kind.TRACK, kind_source=KindSource.OPTION)])
        assert catalogue.items_by_id([registered.item_id])[registered.item_id].kind is Kind.EPISODE

    def test_new_records_of_a_waiting_job_reach_its_claim(self, catalogue: SqlCatalogue) -> None:
        """A job that has not begun is worked on with the newest records."""
        job_id = queue(catalogue)
        feed = MetadataRecord("csv:feed", {"title": "Late"})
        catalogue.register([Registration(audio=version(), records=(feed,))])
        assert take(catalogue, job_id).records == (feed,)


class TestRegistration:
    def test_an_object_version_is_registered_once(self, catalogue: SqlCatalogue) -> None:
        """Registering again, also within one batch, makes no second job."""
        one, two = Registration(version()), Registration(version("b/two.wav"))
        first = catalogue.register([one, two, one])
        again = catalogue.register([two, one])
        assert [answer.is_new for answer in first] == [True, True, False]
        assert [answer.is_new for answer in again] == [False, False]
        assert {answer.job_id for answer in first} == {answer.job_id for answer in again}
        assert catalogue.states() == {JobState.QUEUED: 2}

    def test_a_newer_version_supersedes_waiting_ones(self, catalogue: SqlCatalogue) -> None:
        """Queued and postponed jobs of an item end when a newer version of its object is registered."""
        first = queue(catalogue)
        second = queue(catalogue, version(number="2"))
        assert catalogue.postpone(take(catalogue, second), code="store_unavailable", message="") is JobState.RETRY_WAIT
        third = queue(catalogue, version(number="3"))
        assert catalogue.job(first).state is catalogue.job(second).state is JobState.SUPERSEDED
        assert catalogue.job(third).state is JobState.QUEUED
        assert catalogue.job(first).item_id == catalogue.job(third).item_id

    def test_the_last_of_two_versions_in_one_batch_stays(self, catalogue: SqlCatalogue) -> None:
        """A batch that holds two versions of an object says which one it superseded."""
        answers = catalogue.register([Registration(version()), Registration(version(number="2"))])
        assert [answer.state for answer in answers] == [JobState.SUPERSEDED, JobState.QUEUED]

    def test_a_reference_names_one_item_wherever_its_audio_lies(self, catalogue: SqlCatalogue) -> None:
        """A new object with a known reference is a new audio version of the same item."""
        old = queue(catalogue, reference="trk-1")
        new = queue(catalogue, version("elsewhere/uno.flac"), reference="trk-1")
        assert catalogue.job(old).item_id == catalogue.job(new).item_id
        catalogue.finish(take(catalogue, new), outcome())
        assert catalogue.find_item("trk-1").key == "elsewhere/uno.flac"

    @pytest.mark.parametrize("number", ["1", "2"], ids=["same version", "new version"])
    def test_a_reference_learnt_later_is_an_alias(self, catalogue: SqlCatalogue, number: str) -> None:
        """The item keeps its id and is found by the reference from then on."""
        nameless = catalogue.job(queue(catalogue)).item_id
        named = catalogue.job(queue(catalogue, version(number=number), reference="trk-1")).item_id
        assert named == nameless
        assert catalogue.find_item("trk-1").item_id == nameless
        assert catalogue.find_item(nameless).reference == "trk-1"

    def test_another_reference_at_the_same_place_is_another_item(self, catalogue: SqlCatalogue) -> None:
        """An object that now belongs to another reference does not overwrite the first item."""
        first = catalogue.job(queue(catalogue, reference="trk-1")).item_id
        second = catalogue.job(queue(catalogue, version(number="2"), reference="trk-2")).item_id
        assert first != second
        assert catalogue.find_item("trk-1").item_id == first

    def test_a_kind_gives_way_only_to_as_strong_a_source(self, catalogue: SqlCatalogue) -> None:
        """What metadata said of an item is not undone by an option or by inference."""
        first = queue(catalogue, kind=Kind.EPISODE, kind_source=KindSource.METADATA)
        second = queue(catalogue, version(number="2"), kind=Kind.TRACK, kind_source=KindSource.OPTION)
        claim = take(catalogue, second)
        assert claim.kind is Kind.EPISODE
        catalogue.finish(claim, outcome())
        item = catalogue.find_item(catalogue.job(first).item_id)
        assert (item.kind, item.kind_source) == (Kind.EPISODE, KindSource.METADATA)
        row = catalogue.embedding_of(item.item_id)
        assert row is not None
        assert (row.kind, row.embedding) == (Kind.EPISODE, None), "a vector of the tracks' space was kept"

    def test_a_claim_carries_what_was_registered(self, catalogue: SqlCatalogue) -> None:
        """Object, lane and metadata records come back as they went in."""
        records = (MetadataRecord("table", {"title": "Ünë\0", "year": 1999, "tags": ["a", None]}),)
        claim = take(catalogue, queue(catalogue, lane=Lane.COLD, records=records))
        assert (claim.audio, claim.lane, claim.records, claim.attempt) == (version(), Lane.COLD, records, 1)

    def test_a_claim_carries_its_own_item(self, catalogue: SqlCatalogue) -> None:
        """Among items of different kinds, each claim has the kind of its item."""
        kinds = {"a.wav": Kind.EPISODE, "b.wav": Kind.TRACK, "c.wav": None}
        claims = {key: take(catalogue, queue(catalogue, version(key), kind=kind)) for key, kind in kinds.items()}
        assert {key: claim.kind for key, claim in claims.items()} == kinds

    def test_an_inferred_kind_is_inferred_anew(self, catalogue: SqlCatalogue) -> None:
        """A claim on a new version does not take an earlier guess for knowledge."""
        catalogue.finish(take(catalogue, queue(catalogue)), outcome())
        assert take(catalogue, queue(catalogue, version(number="2"))).kind is None


class TestClaims:
    def test_due_jobs_come_in_order_of_registration(self, catalogue: SqlCatalogue) -> None:
        """A lane lists its queued jobs, oldest first, and no leased one."""
        made = catalogue.register([Registration(version(f"{n}.wav"), lane=Lane.BULK) for n in range(5)])
        ids = [answer.job_id for answer in made]
        take(catalogue, ids[1])
        assert catalogue.due(Lane.BULK, limit=3) == [ids[0], ids[2], ids[3]]
        assert catalogue.due(Lane.COLD, limit=3) == []

    def test_threads_that_claim_one_job_have_one_winner(self, catalogue: SqlCatalogue) -> None:
        """Eight threads at once: each of ten jobs is given out exactly once."""
        start = threading.Barrier(8)
        made = catalogue.register([Registration(version(f"{n}.wav")) for n in range(10)])

        def claim_all(thread: int) -> list[str]:
            start.wait()
            claims = [catalogue.claim(job.job_id, worker=f"w{thread}", lease_s=LEASE_S) for job in made]
            return [claim.job_id for claim in claims if claim]

        with ThreadPoolExecutor(8) as pool:
            won = [job_id for ids in pool.map(claim_all, range(8)) for job_id in ids]
        assert sorted(won) == sorted(job.job_id for job in made)

    def test_processes_that_claim_one_job_have_one_winner(self, catalogue: SqlCatalogue, tmp_path: Path) -> None:
        """Four forks of a process whose ledger was in use: each job is given out exactly once."""
        made = catalogue.register([Registration(version(f"{n}.wav")) for n in range(20)])

        def claim_all() -> None:
            claims = [catalogue.claim(job.job_id, worker="w", lease_s=LEASE_S) for job in made]
            (tmp_path / f"won-{os.getpid()}").write_text("\n".join(claim.job_id for claim in claims if claim))

        children = []
        for _ in range(4):
            child = os.fork()
            if child == 0:
                claim_all()
                os._exit(0)
            children.append(child)
        assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0, 0]
        won = [job_id for path in tmp_path.glob("won-*") for job_id in path.read_text().split()]
        assert sorted(won) == sorted(job.job_id for job in made)
        assert catalogue.states() == {JobState.LEASED: 20}

    def test_a_heartbeat_keeps_the_lease(self, catalogue: SqlCatalogue, clock: Clock) -> None:
        """A job whose worker speaks is not given to another."""
        claim = take(catalogue, queue(catalogue))
        clock.now += LEASE_S - 1
        assert catalogue.heartbeat(claim, lease_s=LEASE_S)
        clock.now += LEASE_S - 1
        assert catalogue.expire_leases() == 0
        assert catalogue.claim(claim.job_id, worker="w2", lease_s=LEASE_S) is None

    @pytest.mark.parametrize("verb", ["heartbeat", "finish", "reject", "crash", "postpone", "release"])
    def test_a_stale_token_changes_nothing(self, catalogue: SqlCatalogue, clock: Clock, verb: str) -> None:
        """A worker that was thought dead and comes back is refused by every verb."""
        stale = take(catalogue, queue(catalogue))
        clock.now += LEASE_S + 1
        assert catalogue.expire_leases() == 1
        fresh = take(catalogue, stale.job_id)
        before = catalogue.job(stale.job_id)
        error = {"code": "not_audio", "message": "text"}
        calls: dict[str, Callable[[], object]] = {
            "heartbeat": lambda: catalogue.heartbeat(stale, lease_s=LEASE_S),
            "finish": lambda: catalogue.finish(stale, outcome()),
            "reject": lambda: catalogue.reject(stale, **error),
            "crash": lambda: catalogue.crash(stale, **error),
            "postpone": lambda: catalogue.postpone(stale, **error),
            "release": lambda: catalogue.release(stale),
        }
        assert calls[verb]() in (False, None)
        assert catalogue.job(stale.job_id) == before
        assert catalogue.outcome_of_audio("aa") is None
        assert catalogue.finish(fresh, outcome())

    def test_ten_losses_end_in_quarantine(self, catalogue: SqlCatalogue, clock: Clock) -> None:
        """A lease that runs out counts one loss and no crash, and leaves the job to the reconciler alone."""
        job_id = queue(catalogue)
        take(catalogue, job_id)
        for losses in range(1, LOSS_BUDGET + 1):
            clock.now += LEASE_S + 1
            assert catalogue.claim(job_id, worker="w2", lease_s=LEASE_S) is None
            assert catalogue.expire_leases() == 1
            claim = catalogue.claim(job_id, worker="w1", lease_s=LEASE_S)
            job = catalogue.job(job_id)
            assert (job.losses, job.crashes, claim is None) == (losses, 0, losses == LOSS_BUDGET)
        assert (job.state, job.error_code) == (JobState.QUARANTINED, "lease_lost")


class TestEndings:
    def test_three_crashes_end_in_quarantine(self, catalogue: SqlCatalogue) -> None:
        """A crash requeues the job until its budget is spent."""
        job_id = queue(catalogue)
        states = [
            catalogue.crash(take(catalogue, job_id), code="extraction_signal", message="signal 11\0")
            for _ in range(CRASH_BUDGET)
        ]
        assert states == [JobState.QUEUED, JobState.QUEUED, JobState.QUARANTINED]
        job = catalogue.job(job_id)
        assert (job.crashes, job.losses, job.attempt) == (3, 0, 3)
        assert (job.error_code, job.error_message) == ("extraction_signal", "signal 11")
        assert catalogue.claim(job_id, worker="w1", lease_s=LEASE_S) is None

    def test_a_release_counts_nothing(self, catalogue: SqlCatalogue) -> None:
        """However often a shutdown gives a job back, it is never quarantined."""
        job_id = queue(catalogue)
        for _ in range(LOSS_BUDGET + 1):
            catalogue.release(take(catalogue, job_id))
        job = catalogue.job(job_id)
        assert (job.state, job.crashes, job.losses) == (JobState.QUEUED, 0, 0)

    def test_a_postponed_job_waits_and_is_woken(self, catalogue: SqlCatalogue, clock: Clock) -> None:
        """A storage fault costs a wait and no budget."""
        job_id = queue(catalogue)
        assert catalogue.postpone(take(catalogue, job_id), code="store_unavailable", message="503") is (
            JobState.RETRY_WAIT
        )
        assert catalogue.claim(job_id, worker="w1", lease_s=LEASE_S) is None
        assert catalogue.wake_rested() == 0
        clock.now += 2.0
        assert catalogue.wake_rested() == 1
        assert catalogue.due(Lane.NORMAL, limit=9) == [job_id]
        assert catalogue.job(job_id).crashes == catalogue.job(job_id).losses == 0

    def test_a_day_of_storage_faults_is_the_end(self, catalogue: SqlCatalogue, clock: Clock) -> None:
        """Patience is counted from the first fault of an unbroken row: a crash in between begins a new one."""
        job_id = queue(catalogue)

        def fail_then_wait(wait_s: float) -> JobState | None:
            state = catalogue.postpone(take(catalogue, job_id), code="store_unavailable", message="503")
            clock.now += wait_s
            catalogue.wake_rested()
            return state

        assert fail_then_wait(STORAGE_PATIENCE_S) is JobState.RETRY_WAIT
        catalogue.crash(take(catalogue, job_id), code="extraction_signal", message="")
        assert fail_then_wait(STORAGE_PATIENCE_S - 1) is JobState.RETRY_WAIT
        assert fail_then_wait(1_000) is JobState.RETRY_WAIT
        assert fail_then_wait(1) is JobState.DEAD
        assert catalogue.due(Lane.NORMAL, limit=9) == []

    def test_a_rejected_job_says_why(self, catalogue: SqlCatalogue) -> None:
        """Code and message are kept, and the item shows the state."""
        job_id = queue(catalogue)
        assert catalogue.reject(take(catalogue, job_id), code="not_audio", message="this is text")
        job = catalogue.job(job_id)
        assert (job.state, job.error_code, job.error_message) == (JobState.REJECTED, "not_audio", "this is text")
        assert catalogue.find_item("one.wav").state is JobState.REJECTED


class TestResults:
    def test_everything_that_was_finished_is_found(self, catalogue: SqlCatalogue) -> None:
        """Item, audio, analyses, metadata and embedding are all there after one finish."""
        job_id = queue(catalogue, records=(MetadataRecord("table", {"title": "one"}),))
        done = outcome()
        assert catalogue.finish(take(catalogue, job_id), done)
        item = catalogue.find_item("one.wav")
        assert (item.state, item.sha256, item.flags) == (JobState.DONE, "aa", ("clipped",))
        assert (item.kind, item.kind_source, dict(item.metadata)) == (Kind.TRACK, "inferred", {"title": "one"})
        said = [(value.value, value.source, value.chosen) for value in catalogue.metadata_values(item.item_id)]
        assert said == [("one", "table", True), ("One", "tags", False)]
        assert catalogue.outcome_of_audio("aa") == (done.audio, done.flags, done.extractor, done.descriptor)
        assert catalogue.analyses_of_audio("aa")["rhythm"].values == done.groups[0].values
        assert catalogue.analyses_of_audio("aa")["rhythm"].reasons == done.groups[0].reasons
        row = catalogue.embedding_of(item.item_id)
        assert row is not None
        assert row.embedding is not None
        assert (row.descriptor.tolist(), row.embedding.tolist()) == ([0, 1, 2, 3], [1, 1])
        assert catalogue.seconds_decoded([job_id]) == 12.5

    def test_an_older_result_never_overwrites_a_newer_one(self, catalogue: SqlCatalogue) -> None:
        """The slow worker's job ends as superseded; what it learnt of the bytes is kept."""
        slow = take(catalogue, queue(catalogue))
        fast = take(catalogue, queue(catalogue, version(number="2")))
        assert catalogue.finish(fast, outcome("new"))
        before = catalogue.embedding_of(fast.item_id)
        assert catalogue.finish(slow, outcome("old", tags=None))
        item = catalogue.find_item(fast.item_id)
        after = catalogue.embedding_of(fast.item_id)
        assert before is not None
        assert after is not None
        assert (item.sha256, dict(item.metadata), after.sequence) == ("new", {"title": "One"}, before.sequence)
        assert catalogue.job(slow.job_id).state is JobState.SUPERSEDED
        assert "rhythm" in catalogue.analyses_of_audio("old")

    def test_a_stored_analysis_is_never_replaced(self, catalogue: SqlCatalogue) -> None:
        """The same bytes under two keys share analyses; a newer version of a group stands beside the older."""
        catalogue.finish(take(catalogue, queue(catalogue)), outcome(groups=(GroupResult("g", 1, {"x": 1}, {}),)))
        copies = (GroupResult("g", 1, {"x": 2}, {}), GroupResult("h", 1, {"y": 3}, {}))
        catalogue.finish(take(catalogue, queue(catalogue, version("copy.wav"))), outcome(groups=copies))
        stored = catalogue.analyses_of_audio("aa")
        assert (stored["g"].values, stored["h"].values) == ({"x": 1}, {"y": 3})
        newer = (GroupResult("g", 2, {"x": 4}, {}, curves_key="curves/g"),)
        catalogue.finish(take(catalogue, queue(catalogue, version("third.wav"))), outcome(groups=newer))
        stored = catalogue.analyses_of_audio("aa")
        assert (stored["g"].version, stored["g"].values, stored["g"].curves_key) == (2, {"x": 4}, "curves/g")

    def test_embeddings_are_numbered_in_commit_order(self, catalogue: SqlCatalogue) -> None:
        """Threads finish at once, a reader that polls by sequence number sees every row exactly once."""
        made = catalogue.register([Registration(version(f"{n}.wav")) for n in range(12)])
        claims = [take(catalogue, job.job_id) for job in made]
        seen: list[str] = []

        def poll(after: int) -> int:
            rows = catalogue.embeddings(Kind.TRACK, after_sequence=after)
            seen.extend(row.item_id for row in rows)
            return rows[-1].sequence if rows else after

        with ThreadPoolExecutor(4) as pool:
            finished = [pool.submit(catalogue.finish, claim, outcome(f"sha-{n}")) for n, claim in enumerate(claims)]
            last = 0
            while not all(future.done() for future in finished):
                last = poll(last)
        poll(last)
        assert all(future.result() for future in finished)
        assert sorted(seen) == sorted(job.item_id for job in made)
        assert catalogue.embeddings(Kind.EPISODE) == []

    def test_fingerprints_are_counted_in_pages_and_read_by_id(self, catalogue: SqlCatalogue) -> None:
        """Notes come in the order of commits and say how long a fingerprint is; rows are those of the ids alone."""
        claims = [take(catalogue, queue(catalogue, version(f"{n}.wav"))) for n in range(3)]
        for number, claim in enumerate(claims):
            assert catalogue.finish(claim, outcome(f"sha-{number}"))
        first = catalogue.fingerprinted(Kind.TRACK, after_sequence=0, limit=2)
        assert [(note.item_id, note.sha256, note.dims) for note in first] == [
            (claims[0].item_id, "sha-0", 4),
            (claims[1].item_id, "sha-1", 4),
        ]
        rest = catalogue.fingerprinted(Kind.TRACK, after_sequence=first[-1].sequence, limit=2)
        assert [note.item_id for note in rest] == [claims[2].item_id]
        assert catalogue.fingerprinted(Kind.EPISODE, after_sequence=0, limit=2) == []
        rows = catalogue.embeddings_by_id([claims[2].item_id, claims[0].item_id, "nobody"])
        assert {name: row.sha256 for name, row in rows.items()} == {
            claims[0].item_id: "sha-0",
            claims[2].item_id: "sha-2",
        }
        assert rows[claims[0].item_id].version == first[0].version

    def test_a_version_without_descriptor_takes_the_embedding_away(self, catalogue: SqlCatalogue) -> None:
        """An item whose new audio is silent is no longer near anything, and readers of the overlay learn it."""
        claim = take(catalogue, queue(catalogue))
        catalogue.finish(claim, outcome())
        catalogue.finish(take(catalogue, queue(catalogue, version(number="2"))), outcome("b", descriptor=None))
        emptied = catalogue.embedding_of(claim.item_id)
        assert emptied is not None
        assert np.isnan(emptied.descriptor).all()
        assert emptied.space is emptied.embedding is None
        assert [row.sequence for row in catalogue.embeddings(Kind.TRACK, after_sequence=1)] == [emptied.sequence]

    @pytest.mark.parametrize("moment", ["INSERT INTO analyses", "INSERT INTO embeddings", "UPDATE jobs", "COMMIT"])
    def test_a_kill_inside_finish_leaves_nothing_half_written(
        self, catalogue: SqlCatalogue, clock: Clock, moment: str
    ) -> None:
        """Killed at any write: no row of the result, and the job is done by the next worker."""
        job_id = queue(catalogue)
        claim = take(catalogue, job_id)

        def kill_before(statement: str) -> None:
            if statement.startswith(moment):
                os.kill(os.getpid(), signal.SIGKILL)

        def finish_and_die() -> None:
            event.listen(Engine, "before_cursor_execute", lambda *call: kill_before(call[2]))
            event.listen(Engine, "commit", lambda _: kill_before("COMMIT"))
            catalogue.finish(claim, outcome())

        assert die_in_a_fork(finish_and_die) == signal.SIGKILL
        assert catalogue.job(job_id).state is JobState.LEASED
        assert catalogue.outcome_of_audio("aa") is None
        assert catalogue.analyses_of_audio("aa") == {}
        assert catalogue.metadata_values(claim.item_id) == []
        assert catalogue.embeddings(Kind.TRACK) == []
        clock.now += LEASE_S + 1
        assert catalogue.expire_leases() == 1
        assert catalogue.finish(take(catalogue, job_id), outcome())

    def test_a_value_that_is_no_json_is_refused_whole(self, catalogue: SqlCatalogue) -> None:
        """NaN never reaches the ledger, and nothing of its outcome does."""
        claim = take(catalogue, queue(catalogue))
        with pytest.raises(InvalidInput, match="cannot store a value"):
            catalogue.finish(claim, outcome(groups=(GroupResult("g", 1, {"x": float("nan")}, {}),)))
        assert catalogue.outcome_of_audio("aa") is None
        assert catalogue.job(claim.job_id).state is JobState.LEASED


class TestLookups:
    def test_an_item_answers_to_all_its_names(self, catalogue: SqlCatalogue) -> None:
        """Id, reference, full key and file name find the same item."""
        item_id = catalogue.job(queue(catalogue, reference="trk-1")).item_id
        names = (item_id, "trk-1", "a/one.wav", "one.wav")
        assert {catalogue.find_item(name).item_id for name in names} == {item_id}

    def test_a_shared_file_name_lists_the_candidates(self, catalogue: SqlCatalogue) -> None:
        """At most five of the items that share a file name are listed."""
        catalogue.register([Registration(version(f"{n}/one.wav")) for n in range(7)])
        with pytest.raises(ItemUnknown, match=r"more than one item: music/0/one.wav \(id .*music/4/one.wav") as caught:
            catalogue.find_item("one.wav")
        assert "music/5" not in str(caught.value)
        assert catalogue.find_item("5/one.wav").key == "5/one.wav"

    def test_an_unknown_name_gets_suggestions(self, catalogue: SqlCatalogue) -> None:
        """The remedy names what comes close, or says that the catalogue is empty."""
        with pytest.raises(ItemUnknown, match="ingest something"):
            catalogue.find_item("onne.wav")
        queue(catalogue)
        with pytest.raises(ItemUnknown, match=r"did you mean one\.wav"):
            catalogue.find_item("onne.wav")

    def test_an_unknown_job_is_an_error(self, catalogue: SqlCatalogue) -> None:
        """A job id that was never given out raises."""
        with pytest.raises(JobUnknown, match="nope"):
            catalogue.job("nope")

    def test_items_come_in_pages(self, catalogue: SqlCatalogue) -> None:
        """Following the last id through pages shows each item once."""
        kinds = [Kind.TRACK, Kind.TRACK, Kind.EPISODE, Kind.TRACK]
        made = catalogue.register([Registration(version(f"{n}.wav"), kind=kind) for n, kind in enumerate(kinds)])
        first = catalogue.items(limit=3)
        rest = catalogue.items(after=first[-1].item_id, limit=3)
        assert [item.item_id for item in first + rest] == sorted(job.item_id for job in made)
        assert len(catalogue.items(kind=Kind.TRACK)) == 3

    def test_jobs_come_newest_change_first(self, catalogue: SqlCatalogue, clock: Clock) -> None:
        """Filtered by state and by id, and cut to the limit."""
        made = catalogue.register([Registration(version(f"{n}.wav")) for n in range(4)])
        ids = [job.job_id for job in made]
        for job_id in (ids[2], ids[0]):
            clock.now += 1
            catalogue.reject(take(catalogue, job_id), code="not_audio", message="")
        assert [job.job_id for job in catalogue.jobs(states=[JobState.REJECTED])] == [ids[0], ids[2]]
        assert [job.job_id for job in catalogue.jobs(limit=1)] == [ids[0]]
        assert [job.job_id for job in catalogue.jobs(job_ids=[ids[1], ids[2]])] == [ids[2], ids[1]]
        assert catalogue.jobs(job_ids=[]) == []

    def test_a_hundred_thousand_ids_can_be_asked_for(self, catalogue: SqlCatalogue) -> None:
        """Counts, lists and sums take as many ids as a catalogue has, each counted once."""
        job_id = queue(catalogue)
        catalogue.finish(take(catalogue, job_id), outcome())
        many = [f"{n:064d}" for n in range(100_000)] + [job_id, job_id]
        assert catalogue.states(many) == {JobState.DONE: 1}
        assert catalogue.seconds_decoded(many) == 12.5
        assert [job.job_id for job in catalogue.jobs(job_ids=many)] == [job_id]
        assert catalogue.items_by_id(many) == {}
        assert catalogue.states([]) == {}

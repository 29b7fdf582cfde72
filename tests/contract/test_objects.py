"""What every ledger does with events and observations: hiding, showing, calling off, and not believing what is old."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import sqlalchemy

from audiofeat.catalogue import SqlCatalogue, open_catalogue
from audiofeat.catalogue.object_ledger import MOST_REFUSED_KEPT
from audiofeat.codes import ErrorCode
from audiofeat.domain.descriptor import pack
from audiofeat.domain.items import Kind, KindSource, ObjectVersion, item_id
from audiofeat.domain.jobs import Claim, JobState, Lane, Outcome, Registered, Registration
from audiofeat.domain.object_events import Happened, ObjectEvent
from audiofeat.domain.whereabouts import Fate, Observation, RefusedMessage, SyncProgress, Taken
from audiofeat.errors import ItemUnknown

STORE = "s3/music"
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def catalogue(ledger_url: str) -> Iterator[SqlCatalogue]:
    opened = open_catalogue(ledger_url)
    yield opened
    opened.close()


def event(number: int, happened: Happened = Happened.CREATED, *, key: str = "a.wav", **fields: Any) -> ObjectEvent:
    """Return the event with that place in the history of its key."""
    version = f"etag{number}" if happened is Happened.CREATED else None
    made = ObjectEvent(
        store=STORE, key=key, happened=happened, at=BEGAN, sequencer=f"{number:04x}", version=version, size_bytes=100
    )
    return replace(made, **fields)


def created(catalogue: SqlCatalogue, number: int, **fields: Any) -> Taken:
    return catalogue.take_events([event(number, **fields)], lane=Lane.COLD)[0]


def deleted(catalogue: SqlCatalogue, number: int, **fields: Any) -> Taken:
    return catalogue.take_events([event(number, Happened.DELETED, **fields)], lane=Lane.COLD)[0]


def job_of(taken: Taken) -> Registered:
    assert taken.job is not None
    return taken.job


def claimed(catalogue: SqlCatalogue, job: Registered) -> Claim:
    claim = catalogue.claim(job.job_id, worker="w", lease_s=60)
    assert claim is not None
    return claim


def finish(catalogue: SqlCatalogue, claim: Claim) -> bool:
    """Write a result whose sha256 is the version that was analysed."""
    outcome = Outcome(
        state=JobState.DONE,
        sha256=claim.audio.version,
        audio={"decoded_duration_s": 1.0},
        flags=(),
        groups=(),
        extractor={},
        kind=Kind.TRACK,
        kind_source=KindSource.INFERRED,
        descriptor=pack(np.ones(3, np.float32)),
        space="tracks-1",
        embedding=pack(np.ones(2, np.float32)),
    )
    return catalogue.finish(claim, outcome)


def analysed(catalogue: SqlCatalogue, number: int, **fields: Any) -> str:
    """Tell of a creation, analyse it, and return the item."""
    job = job_of(created(catalogue, number, **fields))
    assert finish(catalogue, claimed(catalogue, job))
    return job.item_id


def test_a_deleted_item_is_hidden_and_kept(catalogue: SqlCatalogue) -> None:
    """No lookup finds it, whoever follows the fingerprints is told, and its job and audio stay in the ledger."""
    item = analysed(catalogue, 1)
    [before] = catalogue.embeddings(Kind.TRACK)
    assert deleted(catalogue, 2) == Taken(Fate.ACCEPTED)
    for name in (item, "a.wav"):
        with pytest.raises(ItemUnknown):
            catalogue.find_item(name)
    assert catalogue.items() == []
    assert catalogue.items_by_id([item]) == {}
    [after] = catalogue.embeddings(Kind.TRACK, after_sequence=before.sequence)
    assert after.embedding is None
    assert after.descriptor.size == 0
    assert [job.state for job in catalogue.jobs()] == [JobState.DONE]
    assert catalogue.outcome_of_audio("etag1") is not None


def test_a_newer_creation_shows_it_again(catalogue: SqlCatalogue) -> None:
    """The same bytes at the same key are the same job, which runs again and restores the item with its id."""
    item = analysed(catalogue, 1)
    deleted(catalogue, 2)
    back = job_of(created(catalogue, 3, version="etag1"))
    assert (back.item_id, back.is_new, back.state) == (item, False, JobState.QUEUED)
    assert catalogue.find_item("a.wav").item_id == item
    assert finish(catalogue, claimed(catalogue, back))
    [row] = catalogue.embeddings(Kind.TRACK)
    assert row.descriptor.tolist() == [1, 1, 1]


@pytest.mark.parametrize("number", [1, 2])
def test_late_events_change_nothing(catalogue: SqlCatalogue, number: int) -> None:
    """A creation and a deletion that come after a later event are ignored."""
    item = analysed(catalogue, 2)
    assert created(catalogue, number).fate is Fate.LATE
    assert deleted(catalogue, 1).fate is Fate.LATE
    assert catalogue.find_item("a.wav").item_id == item
    assert len(catalogue.jobs()) == 1


def test_a_deletion_before_its_creation(catalogue: SqlCatalogue) -> None:
    """A key that is gone before it was heard of never becomes an item."""
    assert deleted(catalogue, 2).fate is Fate.ACCEPTED
    assert created(catalogue, 1).fate is Fate.LATE
    assert catalogue.items() == []
    assert catalogue.jobs() == []


def test_without_sequencers_the_time_decides(catalogue: SqlCatalogue) -> None:
    """A store that numbers nothing is followed by its clock."""
    later = BEGAN + timedelta(seconds=1)
    created(catalogue, 1, sequencer="", at=later)
    assert deleted(catalogue, 1, sequencer="", at=BEGAN).fate is Fate.LATE
    assert deleted(catalogue, 1, sequencer="", at=later).fate is Fate.ACCEPTED


def test_work_on_what_is_gone_is_called_off(catalogue: SqlCatalogue) -> None:
    """A worker that is at it cannot bring the item back, and a waiting job is not due any more."""
    claim = claimed(catalogue, job_of(created(catalogue, 1)))
    created(catalogue, 1, key="b.wav")
    deleted(catalogue, 2)
    deleted(catalogue, 2, key="b.wav")
    assert not finish(catalogue, claim)
    assert catalogue.due(Lane.COLD, limit=10) == []
    assert {job.state for job in catalogue.jobs()} == {JobState.SUPERSEDED}
    assert catalogue.embeddings(Kind.TRACK) == []


def test_an_old_version_that_comes_back_is_served_again(catalogue: SqlCatalogue) -> None:
    """Bytes that a later version had replaced are the newest again when they are put back."""
    item = analysed(catalogue, 1)
    analysed(catalogue, 2)
    assert catalogue.find_item(item).sha256 == "etag2"
    back = job_of(created(catalogue, 3, version="etag1"))
    assert finish(catalogue, claimed(catalogue, back))
    assert catalogue.find_item(item).sha256 == "etag1"


def test_work_on_an_old_version_that_comes_back_counts(catalogue: SqlCatalogue) -> None:
    """A job that has not ended yet when its version is put back is not overtaken by the version in between."""
    first = claimed(catalogue, job_of(created(catalogue, 1)))
    second = claimed(catalogue, job_of(created(catalogue, 2)))
    created(catalogue, 3, version="etag1")
    assert finish(catalogue, second)
    assert finish(catalogue, first)
    assert catalogue.find_item("a.wav").sha256 == "etag1"


def test_another_object_of_the_item_takes_over(catalogue: SqlCatalogue) -> None:
    """Where two objects carry one reference, the item lives as long as one of them does."""
    for key in ("old.wav", "new.wav"):
        [job] = catalogue.register([Registration(ObjectVersion(STORE, key, key), reference="trk-1")])
        assert finish(catalogue, claimed(catalogue, job))
    assert catalogue.find_item("trk-1").key == "new.wav"
    deleted(catalogue, 1, key="new.wav")
    [due] = catalogue.due(Lane.NORMAL, limit=10)
    claim = catalogue.claim(due, worker="w", lease_s=60)
    assert claim is not None
    assert finish(catalogue, claim)
    assert catalogue.find_item("trk-1").key == "old.wav"
    deleted(catalogue, 1, key="old.wav")
    with pytest.raises(ItemUnknown):
        catalogue.find_item("trk-1")
    # What was deleted first comes back under the same item.
    [again] = catalogue.register([Registration(ObjectVersion(STORE, "new.wav", "v2"), reference="trk-1")])
    assert again.item_id == item_id(reference="trk-1", store="", key="")
    assert catalogue.find_item("trk-1").item_id == again.item_id


def test_a_job_of_what_lies_somewhere_is_not_forgotten(catalogue: SqlCatalogue) -> None:
    """History goes after its retention, but not the job of an object that an item may fall back to."""
    for key in ("old.wav", "new.wav"):
        [job] = catalogue.register([Registration(ObjectVersion(STORE, key, key), reference="trk-1")])
    assert finish(catalogue, claimed(catalogue, job))
    created(catalogue, 1, key="replaced.wav")
    created(catalogue, 2, key="replaced.wav")
    assert catalogue.forget(before=time.time() + 60)
    assert sorted(job.key for job in catalogue.jobs()) == ["new.wav", "old.wav", "replaced.wav"]
    deleted(catalogue, 1, key="new.wav")
    assert [catalogue.job(due).key for due in catalogue.due(Lane.NORMAL, limit=10)] == ["old.wav"]
    assert catalogue.find_item("trk-1").item_id == job.item_id


def test_a_deletion_of_an_object_that_is_not_served_changes_nothing(catalogue: SqlCatalogue) -> None:
    """The item goes on with the object that it has, and nothing is analysed again."""
    for key in ("old.wav", "new.wav"):
        [job] = catalogue.register([Registration(ObjectVersion(STORE, key, key), reference="trk-1")])
        assert finish(catalogue, claimed(catalogue, job))
    deleted(catalogue, 1, key="old.wav")
    assert catalogue.find_item("trk-1").key == "new.wav"
    assert catalogue.due(Lane.NORMAL, limit=10) == []


def test_what_is_no_audio_is_left_alone_unless_it_is_known(catalogue: SqlCatalogue) -> None:
    """The ending decides for strangers; an object that somebody asked for by its key is followed whatever its name."""
    assert created(catalogue, 1, key="cover.jpg").fate is Fate.NOT_AUDIO
    assert deleted(catalogue, 2, key="cover.jpg").fate is Fate.NOT_AUDIO
    catalogue.register([Registration(ObjectVersion(STORE, "blob", "1"))])
    assert created(catalogue, 1, key="blob").fate is Fate.ACCEPTED
    assert deleted(catalogue, 2, key="blob").fate is Fate.ACCEPTED
    assert catalogue.items() == []


def test_the_removal_of_an_old_version_hides_nothing(catalogue: SqlCatalogue) -> None:
    """In a versioned bucket the clearing away of what was replaced is no news; that of the newest is."""
    item = analysed(catalogue, 1, version_id="v1")
    analysed(catalogue, 2, version_id="v2")
    deleted(catalogue, 3, version_id="v1")
    assert catalogue.find_item("a.wav").item_id == item
    deleted(catalogue, 4, version_id="v2")
    assert catalogue.items() == []
    assert created(catalogue, 3, version_id="v3").fate is Fate.ACCEPTED
    assert catalogue.find_item("a.wav").item_id == item


def test_a_version_whose_removal_was_told_first(catalogue: SqlCatalogue) -> None:
    """It never becomes an item, while one that was made under the same id afterwards does."""
    assert deleted(catalogue, 2, version_id="null").fate is Fate.ACCEPTED
    assert created(catalogue, 1, version_id="null") == Taken(Fate.ACCEPTED)
    assert catalogue.items() == []
    assert catalogue.due(Lane.COLD, limit=10) == []
    assert created(catalogue, 3, version_id="null").job is not None
    assert [item.key for item in catalogue.items()] == ["a.wav"]


def test_observations_count_only_against_what_is_still_known(catalogue: SqlCatalogue) -> None:
    """A look into the store that an event has overtaken is not believed, be it of a presence or of an absence."""
    created(catalogue, 1)
    [known] = catalogue.known_objects(STORE, "", after=None, limit=10)
    created(catalogue, 2)
    for version in ("etag0", None):
        stale = Observation("a.wav", version, 1, known.revision)
        assert catalogue.take_observations(STORE, [stale], lane=Lane.NORMAL) == [Taken(Fate.LATE)]
    unheard_of = Observation("a.wav", "etag0", 1, None)
    assert catalogue.take_observations(STORE, [unheard_of], lane=Lane.NORMAL) == [Taken(Fate.LATE)]
    [known] = catalogue.known_objects(STORE, "", after=None, limit=10)
    assert known.version == "etag2"
    gone = Observation("a.wav", None, 0, known.revision)
    assert catalogue.take_observations(STORE, [gone], lane=Lane.NORMAL) == [Taken(Fate.ACCEPTED)]
    assert catalogue.items() == []
    # The event that tells the same later is no news.
    assert created(catalogue, 2).fate is Fate.LATE


def test_known_objects_come_in_the_order_of_stores(catalogue: SqlCatalogue) -> None:
    """Keys are ordered by the bytes of UTF-8, whatever language the database was made for, and by whole parts."""
    keys = ["B.wav", "a", "a-1.wav", "a.wav", "a/1.wav", "a/2/3.wav", "a0.wav", "b.wav", "é.wav", "\U0001f3b5.wav"]
    catalogue.register([Registration(ObjectVersion(STORE, key, "1")) for key in reversed(keys)])
    catalogue.register([Registration(ObjectVersion("s3/other", "a.wav", "1"))])

    def known(prefix: str, after: str | None = None, limit: int = 100) -> list[str]:
        return [one.key for one in catalogue.known_objects(STORE, prefix, after=after, limit=limit)]

    assert known("") == sorted(keys) == keys
    assert known("a") == ["a", "a/1.wav", "a/2/3.wav"]
    assert known("a/") == ["a/1.wav", "a/2/3.wav"]
    assert known("", after="a.wav", limit=2) == ["a/1.wav", "a/2/3.wav"]


def test_refused_messages_are_kept_newest_first_and_not_for_ever(catalogue: SqlCatalogue) -> None:
    """People see what was refused and why; a flood of it does not fill the ledger."""
    assert catalogue.refused_messages() == []
    reason = "x\0" * 3_000
    catalogue.refuse([RefusedMessage("queue", ErrorCode.MESSAGE_MALFORMED, reason)])
    flood = [RefusedMessage("http", ErrorCode.MESSAGE_UNKNOWN, str(n)) for n in range(MOST_REFUSED_KEPT)]
    catalogue.refuse(flood[:2])
    newest, _, oldest = catalogue.refused_messages()
    assert (newest.source, newest.code, newest.message) == ("http", "message_unknown", "1")
    assert oldest.message == "x" * 2_000
    assert newest.at is not None
    catalogue.refuse(flood)
    assert len(catalogue.refused_messages(limit=2 * MOST_REFUSED_KEPT)) == MOST_REFUSED_KEPT


def test_the_progress_of_a_pass_is_kept_until_it_ends(catalogue: SqlCatalogue) -> None:
    """Each place has one unfinished pass at most."""
    assert catalogue.sync_progress(STORE, "a/") is None
    for cursor in ("a/1", "a/2"):
        catalogue.keep_sync_progress(STORE, "a/", SyncProgress(cursor, {"gone": 2}))
    assert catalogue.sync_progress(STORE, "a/") == SyncProgress("a/2", {"gone": 2})
    assert catalogue.sync_progress(STORE, "") is None
    catalogue.keep_sync_progress(STORE, "a/", None)
    assert catalogue.sync_progress(STORE, "a/") is None


def test_an_older_ledger_learns_what_lies_where(ledger_url: str) -> None:
    """A ledger from before there were events knows of each key the newest version that it has a job for."""
    before = open_catalogue(ledger_url)
    for number in ("1", "2"):
        before.register([Registration(ObjectVersion(STORE, "a.wav", number))])
    before.close()
    engine = sqlalchemy.create_engine(ledger_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        for table in ("objects", "removed_versions", "refused_messages", "syncs"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
        connection.exec_driver_sql("ALTER TABLE items DROP COLUMN hidden_at")
        # What came after it, too.
        connection.exec_driver_sql("DROP INDEX jobs_lost")
        connection.exec_driver_sql("ALTER TABLE jobs DROP COLUMN trace")
        connection.exec_driver_sql("ALTER TABLE items DROP COLUMN taken_down_at")
        connection.exec_driver_sql("DROP TABLE attributes")
        connection.exec_driver_sql("DROP TABLE models")
        connection.exec_driver_sql(
            "CREATE TABLE metadata_values (item_id TEXT, field TEXT, source TEXT, value JSON, chosen BOOLEAN)"
        )
        for table in ("thing_items", "things", "source_records", "metadata_locks", "merge_policies", "match_keys"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
        for table in ("record_keys", "source_visits", "source_rounds"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
        for table in ("duplicate_members", "duplicate_suggestions", "duplicate_splits", "api_keys", "secrets"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
        for table in ("duplicate_firsts", "duplicate_marks", "duplicate_looks"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
        for table in ("repeats", "repeats_heard", "repeat_hearings"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0002'")
    engine.dispose()
    after = open_catalogue(ledger_url)
    [known] = after.known_objects(STORE, "", after=None, limit=10)
    assert (known.key, known.version) == ("a.wav", "2")
    after.close()

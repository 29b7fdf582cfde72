"""What is out of date, what it costs, and windows, on SQLite and on PostgreSQL."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import time
from pathlib import Path

import pytest

from audiofeat.catalogue import SqlCatalogue, open_catalogue
from audiofeat.domain.batches import BatchScope, BatchState
from audiofeat.domain.items import Kind, KindSource, ObjectVersion
from audiofeat.domain.jobs import Change, GroupResult, JobState, Lane, Outcome, Registration
from audiofeat.ports import Extent, StaleItem
from audiofeat.services.reprocess import begin, keep_windows, plan, progress, prune
from audiofeat.storage.directory import DirectoryStore
from ledgers import Clock

WANTED = {"rhythm": 2, "tonal": 3}
SCOPE = BatchScope(stale_against=WANTED)


@pytest.fixture
def catalogue(ledger_url: str, clock: Clock) -> SqlCatalogue:
    return open_catalogue(ledger_url, clock=clock)


def analysed(catalogue: SqlCatalogue, key: str, versions: Mapping[str, int], *, kind: Kind = Kind.TRACK) -> str:
    """Have an item of 100 s and 5 GB with results of these versions; return its id."""
    (job,) = catalogue.register([Registration(ObjectVersion("s3/music", key, "1"), kind=kind)])
    claim = catalogue.claim(job.job_id, worker="w", lease_s=60)
    assert claim is not None
    outcome = Outcome(
        state=JobState.DONE, sha256=key, audio={"decoded_duration_s": 100.0, "bytes": 5_000_000_000}, flags=(),
        groups=tuple(GroupResult(group, version, {}, {}) for group, version in versions.items()), extractor={},
        kind=kind, kind_source=KindSource.METADATA, timings={"pass": 1.0, "rhythm": 2.0, "tonal": 0.5},
    )  # fmt: skip
    assert catalogue.finish(claim, outcome)
    return job.item_id


def test_the_extent_is_counted_in_all_and_by_group(catalogue: SqlCatalogue) -> None:
    """An item counts once however many of its groups are stale; what is missing is stale too."""
    analysed(catalogue, "a", {"rhythm": 2, "tonal": 3})
    analysed(catalogue, "b", {"rhythm": 1, "tonal": 3})
    analysed(catalogue, "c", {"tonal": 2})
    assert catalogue.extent(SCOPE) == Extent(3, 2, 200.0, 10_000_000_000, {"rhythm": (2, 200.0), "tonal": (1, 100.0)})


def test_both_versions_beside_each_other_are_not_stale(catalogue: SqlCatalogue) -> None:
    """A result of the wanted version counts, whatever older ones lie beside it."""
    analysed(catalogue, "a", {"rhythm": 1, "tonal": 3})
    analysed(catalogue, "a2", {"rhythm": 1, "tonal": 3})
    (job,) = catalogue.register([Registration(ObjectVersion("s3/music", "a", "2"))])
    claim = catalogue.claim(job.job_id, worker="w", lease_s=60)
    assert claim is not None
    newer = Outcome(
        state=JobState.DONE, sha256="a", audio={"decoded_duration_s": 100.0, "bytes": 1}, flags=(),
        groups=(GroupResult("rhythm", 2, {}, {}), GroupResult("tonal", 3, {}, {})), extractor={}, kind=Kind.TRACK,
        kind_source=KindSource.METADATA,
    )  # fmt: skip
    assert catalogue.finish(claim, newer)
    assert catalogue.extent(SCOPE).stale_items == 1


def test_a_scope_narrows_what_is_compared(catalogue: SqlCatalogue) -> None:
    """Kind, store, beginning of the key, and groups."""
    analysed(catalogue, "a/one", {"rhythm": 1, "tonal": 2})
    analysed(catalogue, "b/two", {"rhythm": 1, "tonal": 2}, kind=Kind.EPISODE)
    for scope, items in (
        (replace(SCOPE, item_kind="episode"), 1),
        (replace(SCOPE, key_prefix="a/"), 1),
        (replace(SCOPE, store="s3/music"), 2),
        (replace(SCOPE, store="s3/other"), 0),
    ):
        assert catalogue.extent(scope).stale_items == items
    assert set(catalogue.extent(BatchScope(stale_against={"tonal": 3})).groups) == {"tonal"}


def test_stale_items_are_listed_page_by_page_with_what_they_have(catalogue: SqlCatalogue) -> None:
    """Each with its stale groups alone; the last page is empty."""
    ids = {analysed(catalogue, key, {"rhythm": 1, "tonal": 3}): key for key in "abc"}
    missing = analysed(catalogue, "d", {"rhythm": 2})
    analysed(catalogue, "e", WANTED)
    found: list[StaleItem] = []
    while page := catalogue.stale_items(SCOPE, after=found[-1].item_id if found else None, limit=3):
        found += page
    assert [item.item_id for item in found] == sorted([*ids, missing])
    assert {item.key: item.groups for item in found} == {**{key: {"rhythm": 1} for key in "abc"}, "d": {"tonal": None}}


def test_the_estimate_follows_recorded_timings(catalogue: SqlCatalogue) -> None:
    """Shared work for all stale audio, and each stale group's own share; nothing is guessed without a measurement."""
    assert plan(SCOPE, catalogue=catalogue).cpu_s is None
    analysed(catalogue, "a", {"rhythm": 1, "tonal": 3})
    analysed(catalogue, "b", WANTED)
    # 100 s of audio at (1 + 2) / 100 s for each second.
    assert plan(SCOPE, catalogue=catalogue).cpu_s == pytest.approx(3.0)


def test_a_batch_waits_for_its_window_and_a_person_for_none(catalogue: SqlCatalogue) -> None:
    """Outside it is held, inside it goes on; what somebody paused stays paused when the window opens."""
    for key in "ab":
        analysed(catalogue, key, {"rhythm": 1, "tonal": 3})
    batch, _ = begin(SCOPE, catalogue=catalogue, window="22:00-06:00")
    assert batch is not None
    assert catalogue.expand_batches(page=10)
    noon, night = time(12), time(23)

    def state() -> tuple[BatchState, bool, int]:
        now = catalogue.batch(batch.batch_id)
        held = progress(now, catalogue=catalogue).is_held
        return now.state, held, len(catalogue.due(Lane.BULK, limit=10))

    assert state() == (BatchState.RUNNING, False, 2)
    assert keep_windows(catalogue, noon) == 1
    assert keep_windows(catalogue, noon) == 0
    assert state() == (BatchState.PAUSED, True, 0)
    assert keep_windows(catalogue, night) == 1
    assert state() == (BatchState.RUNNING, False, 2)
    catalogue.change_batch(Change.PAUSE, batch.batch_id)
    assert keep_windows(catalogue, night) == 0
    assert state() == (BatchState.PAUSED, False, 0)
    catalogue.change_batch(Change.RESUME, batch.batch_id)
    assert keep_windows(catalogue, noon) == 1
    catalogue.change_batch(Change.PAUSE, batch.batch_id)
    assert keep_windows(catalogue, night) == 0


def test_progress_tells_rate_and_time_left(catalogue: SqlCatalogue, clock: Clock) -> None:
    """Half of it ended lately means a rate and a time left; nothing lately means none."""
    for key in "abcd":
        analysed(catalogue, key, {"rhythm": 1, "tonal": 3})
    batch, planned = begin(SCOPE, catalogue=catalogue)
    assert batch is not None
    assert planned.extent.stale_items == 4
    assert catalogue.expand_batches(page=10)
    for job_id in catalogue.due(Lane.BULK, limit=2):
        claim = catalogue.claim(job_id, worker="w", lease_s=60)
        assert claim is not None
        assert catalogue.reject(claim, code="not_audio", message="text")
    now = progress(catalogue.batch(batch.batch_id), catalogue=catalogue)
    assert (now.total, now.ended, now.failed) == (4, 2, 2)
    assert now.per_minute > 0
    assert now.left_s == pytest.approx(60 * 2 / now.per_minute)
    clock.now += 3_600
    later = progress(catalogue.batch(batch.batch_id), catalogue=catalogue)
    assert (later.per_minute, later.left_s) == (0.0, None)


def test_nothing_is_begun_where_nothing_is_stale(catalogue: SqlCatalogue) -> None:
    """No batch is left behind."""
    analysed(catalogue, "a", WANTED)
    batch, _ = begin(SCOPE, catalogue=catalogue)
    assert batch is None
    assert not catalogue.batches()


def test_old_results_with_a_successor_are_dropped_with_their_curves(
    catalogue: SqlCatalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is stale stays until it has been measured anew, and so does what a newer audiofeat has measured."""
    monkeypatch.setattr("audiofeat.services.reprocess.registry.GROUP_VERSIONS", WANTED)
    (tmp_path / "artefacts").mkdir()
    artefacts = DirectoryStore(tmp_path / "artefacts")
    for name, group, version in (("a", "rhythm", 1), ("a", "rhythm", 2), ("a", "tonal", 4), ("b", "tonal", 2)):
        key = f"{name}/{group}-{version}"
        artefacts.put(key, b"curves")
        (job,) = catalogue.register([Registration(ObjectVersion("s3/music", f"{key}.wav", "1"))])
        claim = catalogue.claim(job.job_id, worker="w", lease_s=60)
        assert claim is not None
        outcome = Outcome(
            state=JobState.DONE, sha256=name, audio={"decoded_duration_s": 1.0, "bytes": 1}, flags=(),
            groups=(GroupResult(group, version, {}, {}, curves_key=key),), extractor={}, kind=Kind.TRACK,
            kind_source=KindSource.METADATA,
        )  # fmt: skip
        assert catalogue.finish(claim, outcome)
    assert [prune(catalogue=catalogue, artefacts=artefacts) for _ in range(2)] == [1, 0]
    assert sorted(found.key for found in artefacts.list("")) == ["a/rhythm-2", "a/tonal-4", "b/tonal-2"]
    assert {group: analysis.version for group, analysis in catalogue.analyses_of_audio("a").items()} == {
        "rhythm": 2, "tonal": 4,
    }  # fmt: skip

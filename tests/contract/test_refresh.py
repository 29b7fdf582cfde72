"""Sources on the network are kept fresh: rung for when they are due, asked in slices, and left alone when they fail."""

from collections.abc import Iterable, Iterator

import pytest

from audiofeat.catalogue import SqlCatalogue, open_catalogue
from audiofeat.domain.items import Kind, KindSource, ObjectVersion
from audiofeat.domain.jobs import GroupResult, JobState, MetadataRecord, Outcome, Registration
from audiofeat.domain.source_records import SourceRecord, Told
from audiofeat.errors import SettingsInvalid
from audiofeat.metadata_sources.network import open_scheduled
from audiofeat.ports import Described, Round
from audiofeat.services.refresh import Refresher, refresh_source
from audiofeat.source_errors import SourceUnavailable


@pytest.fixture
def catalogue(ledger_url: str) -> Iterator[SqlCatalogue]:
    opened = open_catalogue(ledger_url)
    yield opened
    opened.close()


def add(catalogue: SqlCatalogue, name: str) -> str:
    [job] = catalogue.register([Registration(ObjectVersion("s3/shop", f"{name}.wav", "v1", 1), kind=Kind.TRACK)])
    claim = catalogue.claim(job.job_id, worker="test", lease_s=60)
    assert claim is not None
    outcome = Outcome(
        state=JobState.DONE, sha256=name.encode().hex().ljust(64, "0"), audio={"decoded_duration_s": 9.0}, flags=(),
        groups=(GroupResult("rhythm", 2, {"tempo_bpm": 120.0}, {}),), extractor={}, kind=Kind.TRACK,
        kind_source=KindSource.METADATA, tags=MetadataRecord("tags", {"title": name}),
    )  # fmt: skip
    assert catalogue.finish(claim, outcome)
    return job.item_id


class Service:
    """A source that is asked about items one by one, and may fail."""

    name, licence, is_of_the_world = "service", None, True

    def __init__(self, fail_at: str | None = None) -> None:
        self.asked: list[str] = []
        self._fail_at = fail_at

    def fetch(self, items: Iterable[Described]) -> Iterator[Told]:
        for item in items:
            if item.item_id == self._fail_at:
                raise SourceUnavailable("it does not answer")
            self.asked.append(item.item_id)
            yield SourceRecord(self.name, item.item_id, {"title": "x"}, 1.0)


class Bell:
    """A broker that remembers who was rung for."""

    def __init__(self) -> None:
        self.rung: list[str] = []

    def refresh(self, source: str) -> None:
        self.rung.append(source)


def test_what_is_due_is_rung_for_once(catalogue: SqlCatalogue) -> None:
    """By one process of several; a ring that was lost is followed by another, and what is not due has none."""
    now = [0.0]
    bell = Bell()
    catalogue.keep_round("later", Round("", catalogue.time() + 1_000))
    one, other = (Refresher(catalogue, bell, ["service", "later"], clock=lambda: now[0]) for _ in range(2))  # type: ignore[arg-type]  # all that it is asked for
    assert [one.step(), other.step(), one.step()] == [1, 0, 0]
    now[0] = 60.0
    assert one.step() == 0
    now[0] = 601.0
    assert one.step() == 1
    assert bell.rung == ["service", "service"]


def test_a_round_is_gone_through_in_slices(catalogue: SqlCatalogue) -> None:
    """Each goes on where the last one stopped; after the whole round the source rests."""
    items = sorted(add(catalogue, name) for name in "abc")
    service = Service()
    assert refresh_source(catalogue, service, every_s=100.0, slice_s=0.0)
    catalogue.keep_round("service", Round(items[0], 0.0))
    assert not refresh_source(catalogue, service, every_s=100.0)
    assert service.asked == items[1:]
    assert catalogue.round_of("service").due_at > catalogue.time()
    assert not refresh_source(catalogue, service, every_s=100.0)
    assert service.asked == items[1:]


def test_a_source_that_fails_is_left_for_a_while(catalogue: SqlCatalogue) -> None:
    """It is asked on from where it began, and another process that asks it is not disturbed."""
    items = sorted(add(catalogue, name) for name in "abc")
    catalogue.lead("source service", holder="other", lease_s=60)
    assert not refresh_source(catalogue, Service(), every_s=100.0)
    assert catalogue.round_of("service") == Round("", 0.0)
    catalogue.resign("source service", holder="other")
    service = Service(fail_at=items[2])
    assert not refresh_source(catalogue, service, every_s=100.0)
    found = catalogue.round_of("service")
    assert service.asked == items[:2]
    assert found.after == ""
    assert catalogue.time() < found.due_at < catalogue.time() + 1_000


@pytest.mark.parametrize(
    ("name", "every_s"),
    [("musicbrainz", 86_400), ("rss:feeds.example/a.xml", 7_200), ("rss:feeds.example/b.xml", None)],
)
def test_the_workers_know_where_a_source_is(name: str, every_s: float | None) -> None:
    """A message names it; the address, which may hold a secret, stands in their settings."""

    class Chosen:
        metadata_user_agent, musicbrainz_url, musicbrainz_rate = "a/1 (b)", "https://musicbrainz.org", 1.0
        musicbrainz_fresh_days, metadata_feed_hours = 30.0, 2.0
        metadata_refresh = ("musicbrainz", "https://feeds.example/a.xml?token=secret")

    if every_s is None:
        with pytest.raises(SettingsInvalid, match="METADATA_REFRESH"):
            open_scheduled(Chosen(), lambda *_: None, name)
    else:
        source, found_s = open_scheduled(Chosen(), lambda *_: None, name)
        assert (source.name, found_s) == (name, every_s)

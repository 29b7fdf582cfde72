"""What every ledger does with metadata: keeps records as received, merges them, and leaves the last word to people."""

from collections.abc import Iterator

import pytest
import sqlalchemy
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import text

from audiofeat.catalogue import SqlCatalogue, open_catalogue
from audiofeat.catalogue.migrations.versions import v0010_source_records
from audiofeat.domain import filters
from audiofeat.domain.items import Kind, KindSource, ObjectVersion
from audiofeat.domain.jobs import GroupResult, JobState, MetadataRecord, Outcome, Registration
from audiofeat.domain.merge_policy import parse
from audiofeat.domain.source_records import Match, MatchState, SourceRecord
from audiofeat.services.import_metadata import bring_up_to_date, match_again, take_in
from audiofeat.services.metadata_locks import lock_fields


@pytest.fixture
def catalogue(ledger_url: str) -> Iterator[SqlCatalogue]:
    opened = open_catalogue(ledger_url)
    yield opened
    opened.close()


def add(catalogue: SqlCatalogue, name: str, *, duration_s: float = 200.0, **said: object) -> str:
    """Register, claim and finish an item with tags, and return its id."""
    [job] = catalogue.register([Registration(ObjectVersion("s3/shop", f"{name}.wav", "v1", 1), kind=Kind.TRACK)])
    claim = catalogue.claim(job.job_id, worker="test", lease_s=60)
    assert claim is not None
    outcome = Outcome(
        state=JobState.DONE, sha256=name.encode().hex().ljust(64, "0"), audio={"decoded_duration_s": duration_s},
        flags=(), groups=(GroupResult("rhythm", 2, {"tempo_bpm": 120.0}, {}),), extractor={}, kind=Kind.TRACK,
        kind_source=KindSource.METADATA, tags=MetadataRecord("tags", dict(said)) if said else None,
    )  # fmt: skip
    assert catalogue.finish(claim, outcome)
    return job.item_id


class Said:
    """A source that says what it is given."""

    licence = None

    def __init__(self, name: str, *records: dict[str, object], at: float = 1.0, licence: str | None = None) -> None:
        self.name = name
        self._records = [
            SourceRecord(name, str(n), fields, fetched_at=at, licence=licence) for n, fields in enumerate(records)
        ]

    def fetch(self, _items: object) -> Iterator[SourceRecord]:
        yield from self._records


def chosen(catalogue: SqlCatalogue, item_id: str) -> dict[str, object]:
    """Return an item's chosen metadata, which the ledger's row and the merge on demand agree about."""
    demanded = {value.field: value.value for value in catalogue.metadata_values(item_id) if value.chosen}
    assert dict(catalogue.items_by_id([item_id])[item_id].metadata) == demanded
    return demanded


def test_a_record_finds_its_item_and_every_value_says_whence(catalogue: SqlCatalogue) -> None:
    """By ISRC; the attribute by which lookups filter follows at once."""
    item_id = add(catalogue, "a", title="Old", isrc="GBAYE6900531")
    source = Said("musicbrainz", {"isrc": "GB-AYE-69-00531", "title": "New", "label": "Harbour"}, licence="CC0-1.0")
    done = take_in(catalogue, source)
    assert done.states == {MatchState.MATCHED: 1}
    assert chosen(catalogue, item_id) == {"isrc": "GBAYE6900531", "title": "New", "label": "Harbour"}
    assert catalogue.matching(Kind.TRACK, filters.parse(["label=harbour"])) == [item_id]
    [label] = [value for value in catalogue.metadata_values(item_id) if value.field == "label"]
    assert (label.source, label.record_id, label.licence, label.fetched_at) == ("musicbrainz", "0", "CC0-1.0", 1.0)
    assert (label.rule, label.confidence) == ("order", 0.98)


def test_a_refreshed_record_replaces_itself(catalogue: SqlCatalogue) -> None:
    """What a source no longer says is gone; saying the same again changes nothing."""
    item_id = add(catalogue, "a", isrc="GBAYE6900531")
    take_in(catalogue, Said("web", {"isrc": "GBAYE6900531", "title": "One", "label": "L"}))
    take_in(catalogue, Said("web", {"isrc": "GBAYE6900531", "title": "Two"}, at=2.0))
    said = catalogue.metadata_values(item_id)
    assert chosen(catalogue, item_id) == {"isrc": "GBAYE6900531", "title": "Two"}
    take_in(catalogue, Said("web", {"isrc": "GBAYE6900531", "title": "Two"}, at=2.0))
    assert catalogue.metadata_values(item_id) == said


def test_a_lock_outlives_refresh_and_analysis(catalogue: SqlCatalogue) -> None:
    """Until it is taken away, a person's word stands; then the sources are heard again."""
    item_id = add(catalogue, "a", title="Tag", isrc="GBAYE6900531")
    lock_fields(catalogue, item_id, {"title": "Mine", "explicit": "no"}, by="ana")
    take_in(catalogue, Said("web", {"isrc": "GBAYE6900531", "title": "Web", "explicit": "yes"}))
    assert chosen(catalogue, item_id) == {"isrc": "GBAYE6900531", "title": "Mine", "explicit": False}
    lock_fields(catalogue, item_id, {"title": None}, by="ana")
    assert chosen(catalogue, item_id) == {"isrc": "GBAYE6900531", "title": "Web", "explicit": False}


def test_another_policy_merges_what_is_there(catalogue: SqlCatalogue) -> None:
    """Nothing is fetched; an item that was not yet merged anew keeps to the policy that its row names."""
    item_id = add(catalogue, "a", title="Tag", isrc="GBAYE6900531", duration_s=12.0)
    take_in(catalogue, Said("web", {"isrc": "GBAYE6900531", "title": "Web", "duration_s": 13}))
    assert chosen(catalogue, item_id) == {"isrc": "GBAYE6900531", "title": "Web", "duration_s": 12.0}
    catalogue.put_policy(parse('version = 1\norder = ["tags", "*"]'))
    assert chosen(catalogue, item_id)["title"] == "Web"
    assert bring_up_to_date(catalogue) == 1
    assert chosen(catalogue, item_id) == {"isrc": "GBAYE6900531", "title": "Tag", "duration_s": 13.0}
    assert bring_up_to_date(catalogue) == 0


def test_an_ambiguous_match_waits_for_a_person(catalogue: SqlCatalogue) -> None:
    """Two items that are as near are asked about; accepting one refuses the other, and a refresh asks no more."""
    one = add(catalogue, "a", artist="Ana Example", title="Evening Song")
    other = add(catalogue, "b", artist="Ana Example", title="Evening Song")
    said = {"artist": "Ana Example", "title": "Evening Song", "duration_s": 200.0, "label": "Harbour"}
    assert take_in(catalogue, Said("web", said)).states == {MatchState.WAITING: 1}
    assert "label" not in chosen(catalogue, one)
    waiting = catalogue.waiting_matches()
    assert {match.item_id for match in waiting} == {one, other}
    assert catalogue.waiting_matches(after=("web", "0", min(one, other))) == waiting[1:]
    assert catalogue.decide_match("web", "0", one, accept=True)
    assert not catalogue.decide_match("web", "9", one, accept=True)
    assert (chosen(catalogue, one).get("label"), chosen(catalogue, other).get("label")) == ("Harbour", None)
    assert catalogue.waiting_matches() == []
    take_in(catalogue, Said("web", said, at=3.0))
    assert catalogue.waiting_matches() == []
    assert chosen(catalogue, one)["label"] == "Harbour"


def test_a_record_of_nothing_is_kept(catalogue: SqlCatalogue) -> None:
    """It is counted as unmatched, and changes no item."""
    item_id = add(catalogue, "a", artist="Ana Example", title="Evening Song")
    assert take_in(catalogue, Said("web", {"artist": "Bob", "title": "Morning"})).states == {MatchState.UNMATCHED: 1}
    assert catalogue.record_sources() == [("tags", None, 1), ("web", None, 1)]
    assert chosen(catalogue, item_id) == {"artist": "Ana Example", "title": "Evening Song"}


def test_a_record_may_come_before_its_item(catalogue: SqlCatalogue) -> None:
    """It is matched once the item is there, and stays where it is otherwise."""
    said = [{"isrc": "GBAYE6900531", "label": "Harbour"}, {"isrc": "GBAYE6900532", "label": "Nobody's"}]
    assert take_in(catalogue, Said("web", *said)).states == {MatchState.UNMATCHED: 2}
    assert match_again(catalogue) == 0
    item_id = add(catalogue, "a", isrc="GBAYE6900531")
    assert match_again(catalogue) == 1
    assert chosen(catalogue, item_id)["label"] == "Harbour"
    assert [record.record_id for record in catalogue.records_without_item()] == ["1"]
    assert catalogue.records_without_item(after=("web", "1")) == []


@pytest.mark.parametrize("which", [{"source": "web"}, {"licence": "CC BY"}])
def test_a_source_or_a_licence_is_forgotten(catalogue: SqlCatalogue, which: dict[str, str]) -> None:
    """All that it said is gone, page by page, and what the others say stands."""
    items = [add(catalogue, name, title="Tag", isrc=f"GBAYE690053{name}") for name in ("1", "2", "3")]
    said = [{"isrc": f"GBAYE690053{name}", "title": "Web", "label": "L"} for name in ("1", "2", "3")]
    take_in(catalogue, Said("web", *said, licence="CC BY"))
    assert chosen(catalogue, items[0])["label"] == "L"
    assert [catalogue.forget_records(**which, limit=2) for _ in range(3)] == [2, 1, 0]
    assert [chosen(catalogue, item_id).get("label") for item_id in items] == [None] * 3
    assert {chosen(catalogue, item_id)["title"] for item_id in items} == {"Tag"}


def test_hostile_values_are_values(catalogue: SqlCatalogue) -> None:
    """SQL, HTML, formulas, control characters and lone surrogates in titles harm nothing but themselves."""
    item_id = add(catalogue, "a", isrc="GBAYE6900531")
    titles = ["'; DROP TABLE items; --", "<script>alert(1)</script>", "=HYPERLINK(1)", "a\x00\x1b[31mb", "\ud800x"]
    for number, title in enumerate(titles):
        record = SourceRecord("web", f"{number}{title}", {"isrc": "GBAYE6900531", "title": title}, float(number))
        cleaned = SourceRecord("web", f"{number}", record.fields, record.fetched_at)
        catalogue.keep_matches([Match(cleaned, item_id, MatchState.MATCHED)])
    said = {value.value for value in catalogue.metadata_values(item_id) if value.field == "title"}
    assert said == {*titles[:3], "a [31mb", "x"}
    assert chosen(catalogue, item_id)["title"] == "x"


def test_an_older_ledger_turns_values_into_records(ledger_url: str) -> None:
    """What tables and tags said before there were records is merged as before, and found by imports."""
    before = open_catalogue(ledger_url)
    item_id = add(before, "a", artist="Ana", title="Tag", isrc="GBAYE6900531")
    wanted = chosen(before, item_id)
    before.close()
    engine = sqlalchemy.create_engine(ledger_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE metadata_values (item_id TEXT, field TEXT, source TEXT, value JSON, chosen BOOLEAN)"
        )
        insert = text("INSERT INTO metadata_values VALUES (:item_id, :field, 'tags', :value, TRUE)")
        for field, value in wanted.items():
            connection.execute(insert, {"item_id": item_id, "field": field, "value": f'"{value}"'})
        for table in ("source_records", "metadata_locks", "merge_policies", "match_keys"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
        connection.exec_driver_sql("DROP INDEX attributes_by_policy")
        connection.exec_driver_sql("ALTER TABLE attributes DROP COLUMN policy")
        with Operations.context(MigrationContext.configure(connection)):
            v0010_source_records.upgrade()
    engine.dispose()
    after = open_catalogue(ledger_url)
    assert chosen(after, item_id) == wanted
    done = take_in(after, Said("web", {"isrc": "GBAYE6900531", "label": "L"}))
    assert done.states == {MatchState.MATCHED: 1}
    assert chosen(after, item_id) == {**wanted, "label": "L"}
    after.close()

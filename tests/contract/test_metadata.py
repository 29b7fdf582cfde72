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
from audiofeat.domain.source_records import Match, MatchState, SourceRecord, Told, Visit, Whole, Withdrawn
from audiofeat.errors import Busy
from audiofeat.ports import Round
from audiofeat.services.fetch_metadata import fetch, tracks
from audiofeat.services.import_metadata import bring_up_to_date, match_again, match_for, take_in
from audiofeat.services.metadata_locks import lock_fields
from audiofeat.source_errors import SourceUnavailable


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
    is_of_the_world = False

    def __init__(
        self,
        name: str,
        *records: dict[str, object],
        at: float = 1.0,
        licence: str | None = None,
        then: tuple[Told, ...] = (),
    ) -> None:
        self.name = name
        self._told: list[Told] = [
            SourceRecord(name, str(fields.get("id", n)), fields, fetched_at=at, licence=licence)
            for n, fields in enumerate(records)
        ]
        self._told += then

    def fetch(self, _items: object) -> Iterator[Told]:
        yield from self._told


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


def test_an_item_that_comes_late_finds_what_was_said(catalogue: SqlCatalogue) -> None:
    """By an identifier or by names; it takes no look at all other records, and happens once."""
    said = [
        {"isrc": "GBAYE6900531", "label": "Harbour"},
        {"artist": "Ana Example", "title": "Evening Song", "duration_s": 201, "country": "GB"},
        {"isrc": "GBAYE6900539"},
    ]
    take_in(catalogue, Said("web", *said))
    first = add(catalogue, "a", isrc="GBAYE6900531")
    assert match_for(catalogue, [first]) == 1
    second = add(catalogue, "b", artist="Example, Ana", title="Evening Song")
    assert match_for(catalogue, [second]) == 1
    assert (chosen(catalogue, first)["label"], chosen(catalogue, second)["country"]) == ("Harbour", "GB")
    assert [match_for(catalogue, [item_id]) for item_id in (first, second)] == [0, 0]
    assert [record.record_id for record in catalogue.records_without_item()] == ["2"]


def test_an_item_that_learns_an_identifier_finds_what_was_said_before(catalogue: SqlCatalogue) -> None:
    """A feed came first, then the table that says which file is which episode: nobody has to ask the feed again."""
    item_id = add(catalogue, "a", title="01")
    feed = Said("rss:two-chairs", {"guid": "ep-1", "title": "On Leaving", "show": "Two Chairs"})
    assert take_in(catalogue, feed).states == {MatchState.UNMATCHED: 1}
    assert take_in(catalogue, Said("csv:map", {"path": "a.wav", "guid": "ep-1"})).states == {MatchState.MATCHED: 1}
    assert chosen(catalogue, item_id)["show"] == "Two Chairs"
    assert catalogue.records_without_item() == []


def test_an_episode_is_found_by_its_file(catalogue: SqlCatalogue) -> None:
    """By the name in its enclosure, with its title, or without one by its duration; before or after the record."""

    def episode(name: str, **said: object) -> dict[str, object]:
        address = f"https://cdn.example.org/{name}.wav?from=feed"
        return {"guid": name, "title": f"On {name}", "show": "Two Chairs", "enclosure_url": address, **said}

    titled, bare = add(catalogue, "tide", title="On Tide"), add(catalogue, "gale")
    add(catalogue, "media", title="Elsewhere")
    said = [episode("tide"), episode("gale", duration_s=201), episode("late"), episode("media"), episode("none")]
    states = take_in(catalogue, Said("rss:two-chairs", *said)).states
    assert states == {MatchState.MATCHED: 2, MatchState.WAITING: 1, MatchState.UNMATCHED: 2}
    late = add(catalogue, "late", title="On Late")
    assert match_for(catalogue, [late]) == 1
    assert {chosen(catalogue, item_id)["show"] for item_id in (titled, bare, late)} == {"Two Chairs"}
    assert [match.rule for match in catalogue.waiting_matches()] == ["file_name"]


@pytest.mark.parametrize("is_file_first", [True, False])
def test_an_episode_that_comes_anew_under_another_name(catalogue: SqlCatalogue, *, is_file_first: bool) -> None:
    """The same GUID, another enclosure: what the feed says goes over to the new file, whichever comes first."""

    def feed(name: str, at: float) -> Said:
        address = f"https://cdn.example.org/{name}.wav"
        said = {"guid": "ep-1", "title": "Tides", "show": "Two Chairs", "enclosure_url": address}
        return Said("rss:two-chairs", said, at=at)

    before = add(catalogue, "ep1", title="Tides")
    assert take_in(catalogue, feed("ep1", 1.0)).states == {MatchState.MATCHED: 1}
    assert match_for(catalogue, [before]) == 0
    if is_file_first:
        after = add(catalogue, "ep1-v2", title="Tides")
        assert take_in(catalogue, feed("ep1-v2", 2.0)).states == {MatchState.MATCHED: 1}
    else:
        assert take_in(catalogue, feed("ep1-v2", 2.0)).states == {MatchState.MATCHED: 1}
        assert chosen(catalogue, before)["show"] == "Two Chairs"
        after = add(catalogue, "ep1-v2", title="Tides")
        assert match_for(catalogue, [after]) == 1
    assert chosen(catalogue, after)["guid"] == "ep-1"
    assert chosen(catalogue, before) == {"title": "Tides"}
    assert catalogue.waiting_matches() == []


def test_a_file_name_that_a_whole_feed_has_says_nothing(catalogue: SqlCatalogue) -> None:
    """Some hosts call every file the same."""
    add(catalogue, "media")
    said = [
        {"guid": str(n), "title": f"On {n}", "enclosure_url": f"https://h/{n}/media.wav", "duration_s": 200}
        for n in range(2)
    ]
    assert take_in(catalogue, Said("rss:x", *said)).states == {MatchState.UNMATCHED: 2}


def test_a_recording_of_several_isrcs(catalogue: SqlCatalogue) -> None:
    """Any of them finds the item that has it; that the others differ is no contradiction."""
    item_id = add(catalogue, "a", isrc="GBAYE6900531")
    record = {"mbid": "m", "isrcs": ["GB-AYE-69-00530", "gbaye6900531", "none", 5], "label": "L"}
    assert take_in(catalogue, Said("web", record)).states == {MatchState.MATCHED: 1}
    assert (chosen(catalogue, item_id)["label"], chosen(catalogue, item_id)["isrc"]) == ("L", "GBAYE6900531")


def test_records_of_before_are_found_after_the_next_merge(catalogue: SqlCatalogue) -> None:
    """A ledger of an older audiofeat has no keys of records; a merge makes them."""
    take_in(catalogue, Said("web", {"isrc": "GBAYE6900531", "label": "Harbour"}))
    with catalogue._database.writing() as (connection, _):
        connection.exec_driver_sql("DELETE FROM record_keys")
    assert match_again(catalogue) == 0
    assert match_for(catalogue, [add(catalogue, "a", isrc="GBAYE6900531")]) == 1


def test_a_source_of_the_world_leaves_no_trace_of_what_is_not_ours(catalogue: SqlCatalogue) -> None:
    """A dump tells of millions of recordings: what finds no item, or is only like one, is counted and not kept."""
    add(catalogue, "a", isrc="GBAYE6900531", artist="Ana Example", title="Evening Song")
    records = [
        {"isrc": "GBAYE6900531", "label": "L"},
        {"isrc": "GBAYE6900539"},
        {"artist": "Ana Example", "title": "Evening Song (live)"},
        {"isrc": "GBAYE6900531", "mbid": "m", "duration_s": 900},
    ]
    dump = Said("musicbrainz:recording", *records)
    dump.is_of_the_world = True
    done = take_in(catalogue, dump)
    assert done.states == {MatchState.MATCHED: 1, MatchState.UNMATCHED: 1, MatchState.WAITING: 2}
    assert catalogue.records_without_item() == []
    assert [match.record.record_id for match in catalogue.waiting_matches()] == ["3"]


def test_what_a_source_takes_back_is_gone(catalogue: SqlCatalogue) -> None:
    """One record or all under a name, whether matched or not; what came with the item, and other sources, stay."""
    one, other = (add(catalogue, name, title="Tag", isrc=f"GBAYE690053{name}") for name in "12")
    names = ("978/GBAYE6900531", "978/GBAYE6900532", "97/GBAYE6900531")
    records = [{"id": name, "isrc": name.partition("/")[2], "label": name} for name in names]
    take_in(catalogue, Said("ddex:a", *records, {"id": "978/none", "isrc": "GBAYE6900539"}))
    taken = take_in(catalogue, Said("ddex:a", then=(Withdrawn("ddex:a", "978"), Withdrawn("tags", one))))
    assert taken.withdrawn == {one, other}
    assert [chosen(catalogue, item_id).get("label") for item_id in (one, other)] == ["97/GBAYE6900531", None]
    assert {chosen(catalogue, item_id)["title"] for item_id in (one, other)} == {"Tag"}
    assert catalogue.record_sources() == [("ddex:a", None, 1), ("tags", None, 2)]


def test_a_whole_source_takes_back_what_it_no_longer_says(catalogue: SqlCatalogue) -> None:
    """All of it, or what is newer than the oldest that it still shows; what a person decided about the rest stands."""
    items = [add(catalogue, name, isrc=f"GBAYE690053{name}") for name in "1234"]
    said = [
        {"id": name, "isrc": f"GBAYE690053{name}", "release_date": f"2026-09-0{name}", "label": "L"} for name in "1234"
    ]
    take_in(catalogue, Said("rss:a", *said))
    assert catalogue.decide_match("rss:a", "4", items[3], accept=True)
    now = said[1:2] + said[3:]
    taken = take_in(catalogue, Said("rss:a", *now, at=2.0, then=(Whole("rss:a", 2.0, since="2026-09-02"),)))
    assert taken.withdrawn == {items[2]}
    assert [chosen(catalogue, item_id).get("label") for item_id in items] == ["L", "L", None, "L"]
    take_in(catalogue, Said("rss:a", *now, at=3.0, then=(Whole("rss:a", 3.0),)))
    assert [chosen(catalogue, item_id).get("label") for item_id in items] == [None, "L", None, "L"]


def test_a_person_decided_about_the_record_not_about_what_it_said(catalogue: SqlCatalogue) -> None:
    """A record that comes again brings its new words to the item it was accepted for, whatever it looks like now."""
    item_id = add(catalogue, "a", artist="Ana Example", title="Evening Song")
    add(catalogue, "b", artist="Ana Example", title="Evening Song")
    take_in(catalogue, Said("web", {"artist": "Ana Example", "title": "Evening Song", "label": "Old"}))
    assert catalogue.decide_match("web", "0", item_id, accept=True)
    take_in(catalogue, Said("web", {"artist": "Somebody Else", "title": "Morning", "label": "New"}, at=2.0))
    assert chosen(catalogue, item_id)["label"] == "New"
    assert catalogue.records_without_item() == []


def test_a_kind_that_is_said_later_moves_the_item(catalogue: SqlCatalogue) -> None:
    """It is found among the items of its kind from then on; a lock is a word like any other."""
    item_id = add(catalogue, "a", isrc="GBAYE6900531")
    take_in(catalogue, Said("web", {"isrc": "GBAYE6900531", "kind": "episode"}))
    assert catalogue.items_by_id([item_id])[item_id].kind is Kind.EPISODE
    assert (catalogue.matching(Kind.TRACK, ()), catalogue.matching(Kind.EPISODE, ())) == ([], [item_id])
    lock_fields(catalogue, item_id, {"kind": "track"}, by="ana")
    assert catalogue.items_by_id([item_id])[item_id].kind is Kind.TRACK


def test_visits_and_rounds(catalogue: SqlCatalogue) -> None:
    """The last one is known, and forgotten with what the source said: else nothing would be asked for again."""
    assert (catalogue.visit("web", "/a"), catalogue.round_of("web")) == (None, Round("", 0.0))
    take_in(
        catalogue,
        Said("web", {"isrc": "GBAYE6900531"}, then=(Visit("web", "/a", 1.0, "e"), Visit("web", "/a", 2.0, "f"))),
    )
    catalogue.keep_round("web", Round("item", 3.0))
    assert (catalogue.visit("web", "/a"), catalogue.round_of("web")) == (
        Visit("web", "/a", 2.0, "f"),
        Round("item", 3.0),
    )
    catalogue.forget_records(source="web")
    assert (catalogue.visit("web", "/a"), catalogue.round_of("web")) == (None, Round("", 0.0))


def test_what_came_before_a_source_failed_is_kept(catalogue: SqlCatalogue) -> None:
    """With the visit that brought it; the failure is told of all the same."""

    class Failing(Said):
        def fetch(self, _items: object) -> Iterator[Told]:
            yield from super().fetch(_items)
            raise SourceUnavailable("it does not answer")

    item_id = add(catalogue, "a", isrc="GBAYE6900531")
    failing = Failing("web", {"isrc": "GBAYE6900531", "label": "L"}, then=(Visit("web", "/a", 1.0),))
    with pytest.raises(SourceUnavailable):
        fetch(catalogue, failing)
    assert chosen(catalogue, item_id)["label"] == "L"
    assert catalogue.visit("web", "/a") == Visit("web", "/a", 1.0)


def test_one_process_asks_a_source(catalogue: SqlCatalogue) -> None:
    """Another one is told so; the tracks that it asks about come in order, from where it stopped."""
    items = sorted(add(catalogue, name, title="x") for name in "abc")
    assert [item.item_id for item in tracks(catalogue, after=items[0])] == items[1:]
    assert [item.item_id for item in tracks(catalogue, filters.parse(["title=y"]))] == []
    assert catalogue.lead("source web", holder="other", lease_s=60)
    with pytest.raises(Busy, match="another process"):
        fetch(catalogue, Said("web"))
    catalogue.resign("source web", holder="other")
    assert fetch(catalogue, Said("web", {"isrc": "GBAYE6900531"})).records == 1


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

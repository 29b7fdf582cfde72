"""What every ledger does with attributes: keeps them with metadata and features, and finds items by them."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
import sqlalchemy
from alembic.migration import MigrationContext
from alembic.operations import Operations

from audiofeat.catalogue import SqlCatalogue, open_catalogue
from audiofeat.catalogue.attributes import keep_said
from audiofeat.catalogue.database import Database
from audiofeat.catalogue.migrations.versions import v0006_attributes, v0012_things
from audiofeat.domain import filters, targets
from audiofeat.domain.attributes import attribute
from audiofeat.domain.descriptor import pack
from audiofeat.domain.item_rows import ItemRows
from audiofeat.domain.items import Kind, KindSource, ObjectVersion
from audiofeat.domain.jobs import GroupResult, JobState, Lane, MetadataRecord, Outcome, Registration
from audiofeat.domain.merge_policy import DEFAULT
from audiofeat.domain.neighbours import Facts
from audiofeat.domain.object_events import Happened, ObjectEvent
from audiofeat.domain.things import ThingKind
from audiofeat.index.columns import AttributeColumns
from audiofeat.index.overlay_rows import OverlayRows
from audiofeat.ports import Candidate

SONGS: dict[str, dict[str, Any]] = {
    "amber": {"artist": "Ana B", "genre": ["Ambient", "Drone"], "release_date": "1994-05-01", "language": "pt-br"},
    "birch": {"artist": "ANA b", "genre": "Techno", "release_date": "1999", "explicit": True, "license": "CC BY",
              "publisher": "Harbour", "country": "DE", "tenant": "north"},
    "cedar": {"artist": "Čeněk", "genre": "dark ambient", "release_date": "2001-02", "explicit": False,
              "composer": "Ana B; Eva"},
    "delta": {"show": "Two Chairs", "label": "Harbour", "publisher": "Quay; Harbour Audio",
              "isrc": "GB-AYE-69-00531", "reference": "trk-4"},
}  # fmt: skip
HEARD = {
    "amber": {"tempo_bpm": 80.0, "key": "A", "mode": "minor", "arousal": 0.2, "pulse_clarity": 0.1},
    "birch": {"tempo_bpm": 122.0, "key": "C#", "mode": "minor", "arousal": 0.8, "pulse_clarity": 0.9},
    "cedar": {"tempo_bpm": 124.0, "key": "G", "mode": "major", "arousal": 0.3, "pulse_clarity": 0.5},
    "delta": {"tempo_bpm": None, "key": None, "mode": None, "arousal": None, "pulse_clarity": None},
}


@pytest.fixture
def catalogue(ledger_url: str) -> Iterator[SqlCatalogue]:
    opened = open_catalogue(ledger_url)
    yield opened
    opened.close()


def registration(name: str, said: dict[str, Any]) -> Registration:
    record = MetadataRecord("csv:shop", said)
    audio = ObjectVersion("s3/shop", f"{name}.wav", "v1", 1)
    reference = said.get("reference")
    return Registration(audio, reference=reference, kind=Kind.TRACK, kind_source=KindSource.METADATA, records=(record,))


def add(catalogue: SqlCatalogue, name: str, *, rhythm_version: int = 2) -> str:
    """Register, claim and finish one of the songs, and return its item."""
    [job] = catalogue.register([registration(name, SONGS[name])])
    claim = catalogue.claim(job.job_id, worker="test", lease_s=60)
    assert claim is not None
    heard = HEARD[name]
    groups = (
        GroupResult("rhythm", rhythm_version, {name: heard[name] for name in ("tempo_bpm", "pulse_clarity")}, {}),
        GroupResult("tonal", 5, {name: heard[name] for name in ("key", "mode")}, {}),
        GroupResult("mood", 3, {"arousal": heard["arousal"]}, {}),
    )
    outcome = Outcome(
        state=JobState.DONE, sha256=name.encode().hex().ljust(64, "0"), audio={"decoded_duration_s": 60.0}, flags=(),
        groups=groups, extractor={}, kind=Kind.TRACK, kind_source=KindSource.METADATA,
        descriptor=pack(np.ones(3, np.float32)),
    )  # fmt: skip
    assert catalogue.finish(claim, outcome)
    return job.item_id


@pytest.fixture
def songs(catalogue: SqlCatalogue) -> dict[str, str]:
    """Return the items of all songs by name."""
    return {name: add(catalogue, name) for name in SONGS}


def found(catalogue: SqlCatalogue, songs: dict[str, str], terms: Sequence[str]) -> set[str]:
    """Return the songs that meet conditions, the same whether asked for by id or at large."""
    conditions = filters.parse(terms)
    names = {item_id: name for name, item_id in songs.items()}
    asked = set(catalogue.candidates(list(names), conditions))
    assert set(catalogue.matching(Kind.TRACK, conditions)) == asked
    assert catalogue.matching(Kind.EPISODE, conditions) == []
    return {names[item_id] for item_id in asked}


@pytest.mark.parametrize(
    ("terms", "names"),
    [
        ([], {"amber", "birch", "cedar", "delta"}),
        (["artist=ana B"], {"amber", "birch"}),
        (["artist!=Ana B"], {"cedar", "delta"}),
        (["artist=čENĚK"], {"cedar"}),
        (["genre=drone"], {"amber"}),
        (["genre=ambient"], {"amber", "cedar"}),
        (["genre=ambient|folk"], {"amber", "cedar"}),
        (["genre!=Ambient music"], {"birch", "delta"}),
        (["genre=dark ambient"], {"cedar"}),
        (["genre=electronica"], {"amber", "birch", "cedar"}),
        (["genre=techno|drone"], {"amber", "birch"}),
        (["genre=100%"], set()),
        (["language=pt"], {"amber"}),
        (["release_date=1994..1999"], {"amber", "birch"}),
        (["release_date=..2001-02"], {"amber", "birch", "cedar"}),
        (["release_date=1994"], {"amber"}),
        (["release_date=2000.."], {"cedar"}),
        (["explicit=false"], {"cedar"}),
        (["explicit!=true"], {"amber", "cedar", "delta"}),
        (["licence=cc by"], {"birch"}),
        (["isrc=GBAYE6900531"], {"delta"}),
        (["show=two chairs"], {"delta"}),
        (["composer=ana b|nobody"], {"cedar"}),
        (["label=harbour"], {"birch", "delta"}),
        (["publisher=quay|nobody"], {"delta"}),
        (["publisher!=quay", "label=harbour"], {"birch"}),
        (["publisher=harbour", "label=harbour", "country=de", "tenant=north", "composer!=eva"], {"birch"}),
        (["tempo_bpm=118..126"], {"birch", "cedar"}),
        (["tempo_bpm!=118..126"], {"amber", "delta"}),
        (["tempo_bpm=118..126", "mode=minor"], {"birch"}),
        (["key=Db"], {"birch"}),
        (["pulse_clarity=0.4.."], {"birch", "cedar"}),
        (["pulse_clarity!=0.4.."], {"amber", "delta"}),
        (["duration_s=59..61"], {"amber", "birch", "cedar", "delta"}),
    ],
)
def test_conditions_find_what_they_say(
    catalogue: SqlCatalogue, songs: dict[str, str], terms: list[str], names: set[str]
) -> None:
    """Text without regard to case, a genre with its subtree, a year's days, features with a column and without."""
    assert found(catalogue, songs, terms) == names


def test_a_candidate_carries_what_a_line_needs(catalogue: SqlCatalogue, songs: dict[str, str]) -> None:
    """Names, caps, facts and metadata come in one statement."""
    known = catalogue.candidates([songs["birch"], songs["delta"], "nobody"])
    assert set(known) == {songs["birch"], songs["delta"]}
    birch, delta = known[songs["birch"]], known[songs["delta"]]
    assert birch == Candidate(
        songs["birch"], Kind.TRACK, None, "birch.wav", b"birch".hex().ljust(64, "0"), "ana b", None,
        122.0, "C#", "minor", birch.said,
    )  # fmt: skip
    assert birch.facts == Facts(122.0, "C#", "minor")
    assert birch.metadata["artist"] == "ANA b"
    assert (delta.artist, delta.reference) == ("two chairs", "trk-4")


def test_a_changed_attribute_acts_at_once(catalogue: SqlCatalogue, songs: dict[str, str]) -> None:
    """A table that is read again moves an item to its new artist, and leaves what was measured."""
    catalogue.register([registration("birch", {**SONGS["birch"], "artist": "Somebody"})])
    assert found(catalogue, songs, ["artist=somebody"]) == {"birch"}
    assert found(catalogue, songs, ["artist=ana b"]) == {"amber"}
    assert found(catalogue, songs, ["tempo_bpm=122"]) == {"birch"}


def test_a_hidden_item_is_no_candidate(catalogue: SqlCatalogue, songs: dict[str, str]) -> None:
    """Once its object is gone, neither ids nor conditions nor external ids find it."""
    gone = ObjectEvent(
        store="s3/shop", key="delta.wav", happened=Happened.DELETED, at=datetime.now(UTC), sequencer="", version=None,
        size_bytes=0,
    )  # fmt: skip
    catalogue.take_events([gone], lane=Lane.COLD)
    assert found(catalogue, songs, []) == {"amber", "birch", "cedar"}
    assert catalogue.seed("isrc", "gbaye6900531") is None


def test_external_ids_and_names_lead_to_items(catalogue: SqlCatalogue, songs: dict[str, str]) -> None:
    """An ISRC, a reference, an id."""
    assert catalogue.seed("isrc", "gbaye6900531") == songs["delta"]
    assert catalogue.seed("reference", "trk-4") == songs["delta"]
    assert catalogue.seed("mbid", "nobody") is None
    names = catalogue.named(["trk-4", songs["amber"], "nobody"])
    assert names == {"trk-4": songs["delta"], songs["amber"]: songs["amber"]}


def test_a_target_orders_items(catalogue: SqlCatalogue, songs: dict[str, str]) -> None:
    """The nearest to 122 BPM, minor, energetic comes first, and conditions hold."""
    target = targets.parse("122 BPM, minor, energetic")
    near = catalogue.nearest_to_target(Kind.TRACK, target, (), limit=10)
    assert next(iter(near)) == songs["birch"]
    assert list(near.values()) == sorted(near.values(), reverse=True)
    assert near[songs["birch"]] == pytest.approx((1 + 1 + (1 - 0.05 / 0.3)) / 3)
    assert near[songs["delta"]] == 0
    assert catalogue.closeness([songs["birch"]], target) == {songs["birch"]: pytest.approx(near[songs["birch"]])}
    [first] = catalogue.nearest_to_target(Kind.TRACK, target, filters.parse(["mode=major"]), limit=1)
    assert first == songs["cedar"]
    rare = catalogue.nearest_to_target(Kind.TRACK, targets.checked({"pulse_clarity": 0.5}), (), limit=1)
    assert list(rare) == [songs["cedar"]]


def values(catalogue: SqlCatalogue, name: str, *, after: int | None = None) -> dict[str, Any]:
    """Return what is known of one attribute, by item, of all items or of those written after a change."""
    return {row[0]: row[1] for page in catalogue.values_of([attribute(name)], after=after) for row in page}


def test_columns_are_read_whole_and_followed(catalogue: SqlCatalogue, songs: dict[str, str]) -> None:
    """All values at first, then those of the items that were written since; of some items, whatever was written."""
    assert values(catalogue, "artist") == {
        songs["amber"]: "ana b", songs["birch"]: "ana b", songs["cedar"]: "čeněk", songs["delta"]: None,
    }  # fmt: skip
    assert values(catalogue, "tempo_bpm")[songs["cedar"]] == 124.0
    assert values(catalogue, "explicit")[songs["birch"]] is True
    settled = catalogue.settled_change()
    assert values(catalogue, "artist", after=settled) == {}
    catalogue.register([registration("delta", SONGS["delta"] | {"artist": "Dora"})])
    assert values(catalogue, "artist", after=settled) == {songs["delta"]: "dora"}
    assert catalogue.settled_change() > settled
    both = [attribute("artist"), attribute("tempo_bpm")]
    assert catalogue.values_of_items(both, [songs["birch"], "nobody"]) == [(songs["birch"], "ana b", 122.0)]


def test_what_commits_late_is_not_passed_over(ledger_url: str, catalogue: SqlCatalogue, songs: dict[str, str]) -> None:
    """A reader that looks while somebody is writing sees the change when it looks again, whoever committed first."""
    database = Database(ledger_url)
    with database.writing() as (connection, _):
        keep_said(connection, {songs["amber"]: {"artist": "Late"}}, policy=DEFAULT)
        if not database.is_sqlite:
            catalogue.register([registration("delta", SONGS["delta"] | {"artist": "Early"})])
        settled = catalogue.settled_change()
        assert songs["amber"] not in values(catalogue, "artist", after=settled)
    assert values(catalogue, "artist", after=settled)[songs["amber"]] == "late"
    database.close()


@pytest.mark.parametrize(
    "terms",
    [
        ["genre=ambient|techno"], ["genre!=ambient"], ["genre=100%"], ["language=pt"], ["language!=pt"],
        ["release_date=1994..1999"], ["release_date!=1994"], ["release_date=..2001-02"], ["explicit=false"],
        ["explicit!=true"], ["artist=ana b|nobody"], ["artist!=ana b"], ["key=Db"], ["tempo_bpm=..122"],
        ["tempo_bpm!=118..126"], ["tempo_bpm=124"],
    ],
)  # fmt: skip
def test_a_condition_means_the_same_in_memory(catalogue: SqlCatalogue, songs: dict[str, str], terms: list[str]) -> None:
    """What the ledger finds is what meets the condition value by value, in a column, and by an index's mask."""
    [condition] = filters.parse(terms)
    found = set(catalogue.matching(Kind.TRACK, [condition]))
    known = values(catalogue, condition.attribute.name)
    assert {item_id for item_id, value in known.items() if condition.meets(value)} == found
    rows = sorted(songs.values())
    columns = AttributeColumns(catalogue, ItemRows.of([(item_id,) for item_id in rows]), poll_s=0.0)
    passing = columns.passing([condition], OverlayRows(2, 2), 0)
    assert passing is not None
    assert {item_id for item_id, is_in in zip(rows, passing.rows, strict=True) if is_in} == found
    assert passing.left_out == len(rows) - len(found)
    assert passing.is_whole


def test_an_older_ledger_learns_its_attributes(ledger_url: str) -> None:
    """A ledger from before there were attributes has them from its metadata and analyses after the upgrade."""
    before = open_catalogue(ledger_url)
    songs = {name: add(before, name) for name in SONGS}
    wanted = before.candidates(list(songs.values()))
    before.close()
    engine = sqlalchemy.create_engine(ledger_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        values = [
            {"item_id": item_id, "field": field, "source": "csv:shop", "value": json.dumps(value), "chosen": True}
            for item_id, candidate in wanted.items()
            for field, value in candidate.metadata.items()
        ]
        connection.exec_driver_sql(
            "CREATE TABLE metadata_values (item_id TEXT, field TEXT, source TEXT, value JSON, chosen BOOLEAN)"
        )
        insert = "INSERT INTO metadata_values VALUES (:item_id, :field, :source, :value, :chosen)"
        connection.execute(sqlalchemy.text(insert), values)
        connection.exec_driver_sql("DROP TABLE attributes")
        for table in ("thing_items", "things"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
        with Operations.context(MigrationContext.configure(connection)):
            v0006_attributes.upgrade()
            connection.exec_driver_sql("DROP TABLE metadata_values")
            connection.exec_driver_sql("ALTER TABLE attributes ADD COLUMN policy TEXT")
            v0012_things.upgrade()
            connection.exec_driver_sql("ALTER TABLE attributes ADD COLUMN change BIGINT NOT NULL DEFAULT 0")
    engine.dispose()
    after = open_catalogue(ledger_url)
    assert after.candidates(list(songs.values())) == wanted
    assert found(after, songs, ["tempo_bpm=118..126", "artist=ana b", "licence=cc by"]) == {"birch"}
    assert found(after, songs, ["genre=ambient"]) == {"amber", "cedar"}
    assert [(thing.name.casefold(), items) for thing, items in after.things(ThingKind.ARTIST)] == [
        ("ana b", 2),
        ("čeněk", 1),
    ]
    after.close()

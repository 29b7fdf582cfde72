"""The merge policy, the rules of the fields, and which records are about which object."""

import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audiofeat.domain.items import Kind
from audiofeat.domain.jobs import MetadataRecord, MetadataValue
from audiofeat.domain.merge_policy import Rule, parse
from audiofeat.domain.merging import choose, conflicts, merge
from audiofeat.domain.metadata import About, Records
from audiofeat.domain.metadata_fields import KNOWN_FIELDS, MOST_CHARACTERS, field_name, read_value
from audiofeat.domain.source_records import Lock, SourceRecord, delivered

FEED, CATALOGUE = "csv:label_feed", "jsonl:web_catalogue"


def _chosen(values: tuple[MetadataValue, ...]) -> dict[str, Any]:
    return {value.field: value.value for value in values if value.chosen}


def _merge(*records: MetadataRecord) -> tuple[MetadataValue, ...]:
    return merge(delivered(records))


def _plain(values: tuple[MetadataValue, ...]) -> list[tuple[str, Any, str, bool]]:
    return [(value.field, value.value, value.source, value.chosen) for value in values]


class TestMerge:
    """One value of each field is chosen, and none is lost."""

    def test_trust_by_class_then_by_order(self) -> None:
        """A message goes before tables, tables in the order named, tags last."""
        said = [(source, MetadataRecord(source, {"title": source})) for source in ("tags", CATALOGUE, FEED, "message")]
        records = [record for _, record in said]
        order = [value.source for value in merge(delivered(records))]
        assert order == ["message", CATALOGUE, FEED, "tags"]
        order = [value.source for value in merge(delivered(records[::-1]))]
        assert order == ["message", FEED, CATALOGUE, "tags"]

    def test_fields_are_merged_one_by_one(self) -> None:
        """A trusted source that is silent on a field leaves it to the next one."""
        merged = _merge(
            MetadataRecord(FEED, {"title": "A", "genre": " "}), MetadataRecord("tags", {"title": "B", "genre": "Jazz"})
        )
        assert _chosen(merged) == {"title": "A", "genre": "Jazz"}
        assert ("title", "B", "tags", False) in _plain(merged)

    def test_an_invalid_value_is_kept_and_not_chosen(self) -> None:
        """The most trusted source loses a field where what it says is impossible."""
        merged = _merge(MetadataRecord(FEED, {"isrc": "none"}), MetadataRecord("tags", {"isrc": "GBAYE6900531"}))
        assert _plain(merged) == [("isrc", "GBAYE6900531", "tags", True), ("isrc", "none", FEED, False)]
        assert [value.rule for value in merged] == ["order", "invalid"]
        assert _chosen(_merge(MetadataRecord(FEED, {"isrc": "none"}))) == {}

    def test_one_warning_is_enough(self) -> None:
        """An item is explicit as soon as any source says so."""
        records = [MetadataRecord(FEED, {"explicit": "no"}), MetadataRecord("tags", {"explicit": True})]
        assert _chosen(_merge(*records)) == {"explicit": True}
        assert _chosen(_merge(*records, MetadataRecord("api", {"explicit": "?"}))) == {"explicit": True}

    def test_equal_trust_is_decided_by_name(self) -> None:
        """The order of arrival decides nothing."""
        records = [SourceRecord("csv:b", "1", {"title": "1"}), SourceRecord("csv:a", "1", {"title": "2"})]
        assert _chosen(merge(records)) == _chosen(merge(records[::-1])) == {"title": "2"}

    def test_unknown_fields_are_kept(self) -> None:
        """A column that audiofeat does not know is a field like any other."""
        assert _chosen(_merge(MetadataRecord(FEED, {"Catalogue No": 12}))) == {"catalogue_no": "12"}

    @pytest.mark.parametrize(
        ("rule", "value"),
        [
            ("order", "first"),
            ("freshest", "fresh"),
            ("longest", "the longest one"),
            ("vote", "Common"),
            ("measured", 12.5),
        ],
    )
    def test_the_policy_names_the_rule(self, rule: str, value: object) -> None:
        """Each rule chooses its own of the same values, and says so."""
        policy = parse(f'version = 1\norder = ["d", "a", ["b", "c"]]\n[fields.x]\nrule = "{rule}"')
        said = [("a", "Common", 1.0), ("b", "fresh", 9.0), ("c", "the longest one", 2.0), ("e", "COMMON", 0.0)]
        records = [SourceRecord(source, "r", {"x": text}, at) for source, text, at in [*said, ("d", "first", 5.0)]]
        [chosen] = [one for one in merge(records, policy, measured={"x": 12.5, "y": 1.0}) if one.chosen]
        assert (chosen.value, chosen.rule) == (value, rule)

    def test_a_lock_stands_above_every_source(self) -> None:
        """A person's word is chosen whatever sources say, also where none says anything, and shows whose it is."""
        records = delivered([MetadataRecord("message", {"title": "Wrong"})])
        locks = [Lock("title", "Right", "ana", 7.0), Lock("album", "One", "ana", 7.0)]
        merged = merge(records, locks=locks)
        assert _chosen(merged) == {"title": "Right", "album": "One"}
        assert ("title", "Wrong", "message", False) in _plain(merged)
        assert {(one.source, one.rule, one.fetched_at) for one in merged if one.chosen} == {("person:ana", "lock", 7.0)}

    def test_a_conflict_is_a_difference_of_valid_values(self) -> None:
        """Case and invalid values are none."""
        records = [
            SourceRecord("csv:a", "1", {"title": "One", "genre": "Jazz", "isrc": "?"}),
            SourceRecord("csv:b", "1", {"title": "Two", "genre": "jazz", "isrc": "GBAYE6900531"}),
        ]
        assert {name: [one.value for one in said] for name, said in conflicts(merge(records)).items()} == {
            "title": ["One", "Two"]
        }

    # The first text that Hypothesis draws waits for its table of all characters.
    @settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
    @given(
        st.lists(
            st.builds(
                SourceRecord,
                source=st.sampled_from(["message", "api", FEED, CATALOGUE, "rss", "tags"]),
                record_id=st.sampled_from(["1", "2"]),
                fields=st.dictionaries(
                    st.sampled_from([*KNOWN_FIELDS, "label"]),
                    st.none()
                    | st.booleans()
                    | st.integers()
                    | st.floats()
                    | st.text(max_size=20)
                    | st.sampled_from(["2024-02-30", "2024", "track", "yes", "no", "en", "GBAYE6900531", "x" * 2000])
                    | st.lists(st.text(max_size=3), max_size=3),
                    max_size=6,
                ),
                fetched_at=st.sampled_from([0.0, 1.0]),
                rank=st.integers(0, 2),
            ),
            max_size=6,
        ),
        st.sampled_from(list(Rule)),
        st.permutations(["csv", "jsonl", "rss", "message", "*"]),
        st.dictionaries(st.sampled_from(["title", "label"]), st.text(min_size=1, max_size=3), max_size=1),
        st.randoms(use_true_random=False),
    )
    def test_whatever_is_said(
        self,
        records: list[SourceRecord],
        rule: Rule,
        order: list[str],
        locked: dict[str, str],
        shuffler: random.Random,
    ) -> None:
        """Order of arrival never matters, repetition neither, every statement has its source, one value is chosen."""
        own = '[fields.title]\nrule = "vote"\n[fields.duration_s]\nrule = "measured"\n[fields.genre]\norder = ["tags"]'
        policy = parse(f'version = 1\norder = {json.dumps(order)}\nrule = "{rule}"\n{own}')
        locks = [Lock(field, value, "ana", 1.0) for field, value in locked.items()]
        measured = {"duration_s": 12.5}
        merged = merge(records, policy, locks=locks, measured=measured)
        shuffled = records + records[:2]
        shuffler.shuffle(shuffled)
        assert merge(shuffled, policy, locks=locks, measured=measured) == merged
        assert choose(shuffled, policy, locks=locks, measured=measured) == _chosen(merged)

        said = {
            (field, record.source, value, problem is None)
            for record in records
            for field, raw in record.fields.items()
            for value, problem in [read_value(field, raw)]
            if value is not None
        }
        heard = {one for one in _plain(merged) if one[2] in {"measured", "person:ana"}}
        assert {(field, source, value) for field, value, source, _ in set(_plain(merged)) - heard} == {
            one[:3] for one in said
        }
        for field in {one[0] for one in said} | set(locked):
            chosen = [one.value for one in merged if one.field == field and one.chosen]
            valid = [one[2] for one in said if one[0] == field and one[3]]
            if field in locked:
                assert chosen == [locked[field]]
            elif not valid:
                assert chosen == ([12.5] if field == "duration_s" else [])
            else:
                assert len(chosen) == 1
                assert chosen[0] in [*valid, *(measured[field] for _ in [0] if field in measured)]
        assert all(one.source and one.rule for one in merged)
        json.dumps([value.value for value in merged], allow_nan=False).encode()


class TestFields:
    """What a value of each field looks like."""

    @pytest.mark.parametrize(
        ("field", "raw", "value"),
        [
            ("title", "  A\tB\n C ", "A B C"),
            ("title", "Ange\u0301lique\x00", "Angélique"),
            ("artist", ["A", "", "B"], "A; B"),
            ("album", 1989, "1989"),
            ("kind", "Episode", "episode"),
            ("language", "PT_br", "pt-br"),
            ("isrc", "us-rc1-76 07839", "USRC17607839"),
            ("release_date", "1999", "1999"),
            ("release_date", 1999, "1999"),
            ("release_date", "1999-12", "1999-12"),
            ("release_date", "2024-02-29T10:00:00Z", "2024-02-29"),
            ("explicit", "Yes", True),
            ("explicit", False, False),
            ("explicit", 0, False),
            ("duration_s", "12.5", 12.5),
        ],
    )
    def test_valid(self, field: str, raw: object, value: object) -> None:
        """Values come out in one form."""
        found = read_value(field, raw)
        assert found == (value, None)
        assert type(found[0]) is type(value)
        assert read_value(field, value) == found

    @pytest.mark.parametrize(
        ("field", "raw"),
        [
            ("title", "x" * (MOST_CHARACTERS + 1)),
            ("title", {"a": 1}),
            ("title", True),
            ("kind", "song"),
            ("language", "english language"),
            ("isrc", "GBAYE690053"),
            ("release_date", "2023-02-29"),
            ("release_date", "0000"),
            ("release_date", "31.12.1999"),
            ("explicit", "perhaps"),
            ("duration_s", "-1"),
            ("duration_s", float("nan")),
            ("duration_s", 10**400),
        ],
    )
    def test_invalid(self, field: str, raw: object) -> None:
        """What breaks the rule is kept as bounded text, with the problem in words."""
        value, problem = read_value(field, raw)
        assert problem
        assert isinstance(value, str)
        assert len(value) <= MOST_CHARACTERS

    @pytest.mark.parametrize("raw", [None, "", "  \n", [], ["", " "]])
    def test_nothing_said(self, raw: object) -> None:
        """Emptiness is no statement."""
        assert read_value("title", raw) == (None, None)

    def test_field_names(self) -> None:
        """Spelling of a column's name does not matter."""
        assert field_name("Release Date") == field_name("release-date") == "release_date"


def _row(source: str, **fields: str) -> tuple[dict[str, str], MetadataRecord]:
    keys = {name: value for name, value in fields.items() if name in {"path", "reference"}}
    return keys, MetadataRecord(source, {name: value for name, value in fields.items() if name != "path"})


class TestRecords:
    """Which rows of tables are about which object."""

    def test_by_path_and_by_the_tail_of_a_path(self) -> None:
        """A path means its object, or the only one that ends with it at a slash."""
        exact = _row(FEED, path="demo/a.ogg", title="A")
        tail = _row(FEED, path="b.ogg", title="B", reference="trk-1", kind="track")
        records = Records([exact, tail], keys=["demo/a.ogg", "demo/b.ogg", "demo/bb.ogg"])
        assert records.about("demo/a.ogg") == About(None, None, (exact[1],))
        assert records.about("demo/b.ogg") == About("trk-1", Kind.TRACK, (tail[1],))
        assert records.about("demo/bb.ogg") == About(None, None, ())
        assert records.about("never listed") == About(None, None, ())

    def test_a_tail_of_two_objects_is_neither(self) -> None:
        """track01.mp3 of every album is no item's name; the object that is called just so may have the row."""
        row = _row(FEED, path="1.mp3", reference="r")
        assert Records([row], keys=["a/1.mp3", "b/1.mp3"]).about("a/1.mp3").records == ()
        records = Records([row], keys=["a/1.mp3", "1.mp3"])
        assert records.about("1.mp3").reference == "r"
        assert records.about("a/1.mp3").records == ()

    def test_the_longer_path_is_nearer(self) -> None:
        """Of two rows of one source that fit, the more specific one is meant."""
        rows = [_row(FEED, path="1.mp3", reference="short"), _row(FEED, path="a/1.mp3", reference="long")]
        assert Records(rows, keys=["x/a/1.mp3"]).about("x/a/1.mp3").reference == "long"

    def test_rows_that_contradict_each_other_mean_nothing(self) -> None:
        """One path under two references of one source is no identity."""
        rows = [_row(FEED, path="a", reference="1"), _row(FEED, path="a", reference="2")]
        assert Records(rows, keys=["a"]).about("a") == About(None, None, ())

    def test_a_reference_joins_sources(self) -> None:
        """A source that knows only references is found through one that knows the path."""
        by_path = _row(FEED, path="a.ogg", reference="trk-1")
        by_reference = _row(CATALOGUE, reference="trk-1", kind="episode")
        other = _row(CATALOGUE, reference="trk-2", kind="track")
        records = Records([other, by_reference, by_path], keys=["a.ogg"])
        assert records.about("a.ogg") == About("trk-1", Kind.EPISODE, (by_reference[1], by_path[1]))

    def test_a_known_reference_decides(self) -> None:
        """Where the item's reference is known, a path that says otherwise is not believed."""
        by_path, by_reference = _row(FEED, path="a", reference="1"), _row(FEED, path="b", reference="2")
        silent = _row(CATALOGUE, path="a", title="T")
        records = Records([by_path, by_reference, silent], keys=["a"])
        assert records.about("a", reference="2") == About("2", None, (by_reference[1], silent[1]))

    def test_the_kind_is_the_most_trusted_source_s(self) -> None:
        """Kind follows the merge policy, invalid values left out."""
        rows = [
            _row(FEED, path="a", kind="song"),
            _row(CATALOGUE, path="a", kind="episode"),
            _row("csv:z", path="a", kind="track"),
        ]
        assert Records(rows, keys=["a"]).about("a").kind is Kind.EPISODE

    def test_names_compare_composed(self) -> None:
        """A name that macOS wrote decomposed is found by a table that writes it composed."""
        row = _row(FEED, path="./caf\u00e9.ogg", title="x")
        assert Records([row], keys=["demo/cafe\u0301.ogg"]).about("demo/cafe\u0301.ogg").records == (row[1],)

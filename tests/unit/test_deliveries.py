"""Deliveries in files: what is broken costs itself, is told of with its place, and the rest comes through."""

import json
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from audiofeat.domain.source_records import SourceRecord, Unreadable
from audiofeat.errors import InvalidInput, SourceNotFound
from audiofeat.metadata_sources.deliveries import open_delivery
from audiofeat.metadata_sources.rss import FeedReader

FEED = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"
     xmlns:podcast="https://podcastindex.org/namespace/1.0">
<channel><title>Two Chairs</title><language>en-GB</language><itunes:author>Harbour Audio</itunes:author>
<itunes:category text="Arts"/><itunes:explicit>false</itunes:explicit>
<item>
  <title>The <![CDATA[<b>first</b>]]> one</title><guid isPermaLink="false">ep-1</guid>
  <pubDate>Tue, 01 Sep 2026 07:00:00 GMT</pubDate><itunes:duration>1:02:03</itunes:duration>
  <enclosure url="https://cdn.example/ep-1.mp3?from=feed" length="1" type="audio/mpeg"/>
  <podcast:season name="Autumn">2</podcast:season><podcast:episode>7</podcast:episode>
  <podcast:person role="Host">Ana Example</podcast:person><podcast:person>Bob Beispiel</podcast:person>
  <podcast:transcript url="https://cdn.example/ep-1.vtt" type="text/vtt"/>
  <podcast:transcript url="https://cdn.example/ep-1.srt" type="application/srt"/>
  <itunes:explicit>true</itunes:explicit><other xmlns="urn:other"><title>Not this one</title></other>
</item>
%s
<item><title>The last one</title><guid>ep-9</guid><itunes:duration>95</itunes:duration></item>
</channel></rss>
"""
BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'


def read(path: Path, **known: Any) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the fields of the records of a file, and the lines and reasons of what is none."""
    source = open_delivery(path, name=None, licence=None, fetched_at=1.0, **known)
    received = list(source.fetch(()))
    problems = [one for one in received if isinstance(one, Unreadable)]
    assert all(one.place.startswith(f"{path}:") for one in problems)
    said = [dict(one.fields) for one in received if isinstance(one, SourceRecord)]
    return said, [f"{one.place.rpartition(':')[2]}: {one.reason}" for one in problems]


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def pieces(content: bytes, size: int) -> Iterator[bytes]:
    return (content[start : start + size] for start in range(0, len(content), size))


class TestLines:
    def test_csv(self, tmp_path: Path) -> None:
        """Quotes, line breaks and empty values are read as RFC 4180 has them."""
        path = written(tmp_path, "feed.csv", '\ufeffReference,Title,Label\nr1,"Say ""hi"",\nthere",\nr2,=SUM(1),L\n')
        assert read(path) == (
            [{"reference": "r1", "title": 'Say "hi",\nthere'}, {"reference": "r2", "title": "=SUM(1)", "label": "L"}],
            [],
        )

    def test_a_broken_row_costs_itself(self, tmp_path: Path) -> None:
        """Too few values, an open quotation mark, wrong bytes, a huge field: the rows after them are read."""
        rows = [b"id,title", b"1", b'2,"open', b"3,fine", b"4,\xff", b"5," + b"x" * 3_000_000, b"6,a\x00b", b"7,last"]
        said, problems = read(written(tmp_path, "feed.csv", b"\n".join(rows)))
        assert [one["id"] for one in said] == ["3", "6", "7"]
        assert [problem.partition(":")[0] for problem in problems] == ["2", "3", "5", "6"]
        assert problems[0] == "2: 1 values under 2 columns"
        assert "UTF-8" in problems[2]

    def test_json_lines(self, tmp_path: Path) -> None:
        """What is no JSON object is told of, with its line."""
        deep = "[" * 100_000
        lines = ['{"Guid": "g", "explicit": true}', "[1]", "{", "", '{"a": NaN}', deep, "{}", '{"guid": "h"}']
        said, problems = read(written(tmp_path, "web.jsonl", "\n".join(lines)))
        assert said == [{"guid": "g", "explicit": True}, {"guid": "h"}]
        assert [problem.partition(":")[0] for problem in problems] == ["2", "3", "5", "6", "7"]

    def test_json_of_other_projects(self, tmp_path: Path) -> None:
        """Listens and low-level documents have their fields deep inside; what looks like neither is left as it is."""
        listen = {
            "listened_at": 1, "track_metadata": {
                "artist_name": "Ana", "track_name": "Song", "release_name": "Album",
                "additional_info": {"isrc": "GBAYE6900531", "duration_ms": 200_500, "tags": ["drone"]},
                "mbid_mapping": {"recording_mbid": "m-1", "artist_mbids": ["a-1"]},
            },
        }  # fmt: skip
        measured = {
            "metadata": {
                "audio_properties": {"length": 200.5}, "version": {},
                "tags": {"title": ["Song"], "artist": ["Ana", "Bob"], "musicbrainz_recordingid": ["m-1"]},
            },
            "rhythm": {"bpm": 120.4}, "tonal": {"key_key": "A", "key_scale": "minor"}, "lowlevel": {},
        }  # fmt: skip
        newer = {**measured, "tonal": {"key_edma": {"key": "Eb", "scale": "major", "strength": 0.8}}}
        other = {"title": "x", "metadata": {"a": 1}}
        lines = "\n".join(map(json.dumps, [listen, measured, other, newer, {"track_metadata": 5}, {"metadata": []}]))
        said, problems = read(written(tmp_path, "brainz.jsonl", lines))
        assert said[:3] == [
            {
                "kind": "track", "title": "Song", "artist": "Ana", "album": "Album", "mbid": "m-1",
                "isrc": "GBAYE6900531", "artist_mbids": ["a-1"], "artist_ids": "Ana=mbid:a-1",
                "genre": ["drone"], "duration_s": 200.5,
            },
            {
                "kind": "track", "title": "Song", "artist": ["Ana", "Bob"], "mbid": "m-1", "duration_s": 200.5,
                "tempo_bpm": 120.4, "key": "A minor",
            },
            other,
        ]  # fmt: skip
        assert said[3]["key"] == "Eb major"
        assert len(said) + len(problems) == 6

    def test_a_record_is_not_a_library(self, tmp_path: Path) -> None:
        """More fields or text than any item has are refused."""
        many = json.dumps({f"f{n}": n for n in range(1_000)})
        large = json.dumps({"title": "x" * 300_000})
        said, problems = read(written(tmp_path, "web.ndjson", f'{many}\n{large}\n{{"id": 1}}\n'))
        assert said == [{"id": 1}]
        assert len(problems) == 2

    @pytest.mark.parametrize("content", ["a,a\n1,2\n", "a,\n1,2\n"])
    def test_a_header_has_to_name_columns(self, tmp_path: Path, content: str) -> None:
        """Without names nothing can be read."""
        with pytest.raises(InvalidInput, match="column"):
            read(written(tmp_path, "feed.csv", content))

    def test_what_cannot_be_opened(self, tmp_path: Path) -> None:
        """A missing file and an unknown kind say so."""
        with pytest.raises(SourceNotFound):
            read(tmp_path / "none.csv")
        with pytest.raises(InvalidInput, match="xlsx"):
            read(tmp_path / "feed.xlsx")

    @settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], deadline=None)
    @given(
        st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")), max_size=8),
        st.sampled_from([".csv", ".jsonl", ".rss"]),
    )
    def test_garbage_never_stops_what_follows(self, tmp_path: Path, garbage: list[bytes], suffix: str) -> None:
        """Whatever stands before it, the last good line is read; a feed is refused without a word too many."""
        header = b"id,title\n" if suffix == ".csv" else b""
        last = b'{"id": "last", "title": "t"}' if suffix == ".jsonl" else b"last,t"
        path = written(tmp_path, f"feed{suffix}", header + b"\n".join([*garbage, last]) + b"\n")
        said, problems = read(path)
        if suffix == ".rss":
            assert (said, len(problems)) == ([], 1)
        else:
            assert said[-1] == {"id": "last", "title": "t"}


def test_parquet(tmp_path: Path) -> None:
    """Columns are fields, dates are text, and null is nothing; what is no Parquet says so."""
    columns = {"Title": ["A", None], "duration_s": [1.5, float("nan")], "isrc": ["x", "y"]}
    parquet.write_table(pa.table(columns), tmp_path / "feed.parquet")
    said, problems = read(tmp_path / "feed.parquet")
    assert (said, problems) == (
        [{"title": "A", "duration_s": 1.5, "isrc": "x"}, {"duration_s": None, "isrc": "y"}],
        [],
    )
    with pytest.raises(InvalidInput, match="no Parquet"):
        read(written(tmp_path, "bad.parquet", "PAR1"))


@pytest.mark.parametrize(
    ("column", "why"),
    [
        (pa.array([0, 10**18 + 1, 1000], pa.timestamp("ns")), "Nanosecond"),
        (pa.array([0, 1, 1000], pa.duration("ns")), "Nanosecond"),
        (pa.array([0, 2**30, 1], pa.int32()).cast(pa.date32()), "magnitude"),
        (pa.array([b"a", b"\xff", b"c"]), "said is not UTF-8"),
        (pa.array([b"a", b"\xff", b"c"]).view(pa.string()), "said is not UTF-8"),
        (pa.array([[b"a"], [b"\xff"], []]), "utf-8"),
        (pa.array(["a", "x" * 2_000_000, "c"]), "more than 262,144 characters"),
        (pa.array([["a"], ["x" * 300_000], []]), "more than 262,144 characters"),
    ],
    ids=["time", "duration", "date", "bytes", "text", "list", "2 MB", "long list"],
)  # fmt: skip
def test_a_broken_row_of_parquet_costs_itself(tmp_path: Path, column: pa.Array, why: str) -> None:
    """Whatever is in it: the rows beside it are read."""
    parquet.write_table(pa.table({"title": ["A", "B", "C"], "said": column}), tmp_path / "feed.parquet")
    said, [problem] = read(tmp_path / "feed.parquet")
    assert [one["title"] for one in said] == ["A", "C"]
    assert problem.startswith("2: ")
    assert why in problem


def test_what_stands_in_parquet_is_text(tmp_path: Path) -> None:
    """Decimals, lists, structures, maps and bytes become what JSON has for them; SQL and formulas are text."""
    columns = {
        "price": pa.array([Decimal("1.50")]), "artist": pa.array([["Ana", "Bo"]]), "nothing": pa.nulls(1),
        "of": pa.array([{"a": {"b": 1}}]), "by": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int32())),
        "raw": pa.array([b"caf\xc3\xa9"]), "title": pa.array(["=cmd|' /C calc'!A0"]), "up": pa.array([float("inf")]),
    }  # fmt: skip
    parquet.write_table(pa.table(columns), tmp_path / "feed.parquet")
    assert read(tmp_path / "feed.parquet") == ([{
        "price": "1.50", "artist": ["Ana", "Bo"], "of": {"a": {"b": 1}}, "by": [["k", 1]], "raw": "café",
        "title": "=cmd|' /C calc'!A0", "up": None,
    }], [])  # fmt: skip
    parquet.write_table(pa.table({"title": ["a"], "Title": ["b"]}), tmp_path / "twice.parquet")
    with pytest.raises(InvalidInput, match="the name of another one"):
        read(tmp_path / "twice.parquet")


def test_a_damaged_row_group_costs_its_own(tmp_path: Path) -> None:
    """The groups before and after it are read, and rows keep their numbers."""
    titles = [f"a title with the number {number}" for number in range(3_000)]
    parquet.write_table(pa.table({"title": titles}), tmp_path / "feed.parquet", row_group_size=1_000)
    content = bytearray((tmp_path / "feed.parquet").read_bytes())
    middle = parquet.ParquetFile(tmp_path / "feed.parquet").metadata.row_group(1).column(0).dictionary_page_offset
    content[middle : middle + 200] = bytes(200)
    said, [problem] = read(written(tmp_path, "damaged.parquet", bytes(content)))
    assert [one["title"] for one in said] == titles[:1_000] + titles[2_000:]
    assert problem.startswith("1001: the rest of its row group")


def test_one_value_in_all_rows_is_not_held_for_each(tmp_path: Path) -> None:
    """A few kilobytes of Parquet may stand for gigabytes."""
    once = pa.DictionaryArray.from_arrays(pa.array([0] * 1_000, pa.int32()), pa.array(["x" * 1_000_000]))
    parquet.write_table(pa.table({"title": once}), tmp_path / "bomb.parquet", store_schema=False)
    source = open_delivery(tmp_path / "bomb.parquet", name=None, licence=None, fetched_at=1.0)
    tracemalloc.start()
    try:
        problems = sum(isinstance(one, Unreadable) for one in source.fetch(()))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert problems == 1_000
    assert peak_bytes < 200_000_000


class TestFeeds:
    def test_an_episode(self, tmp_path: Path) -> None:
        """Show, season, persons, transcripts and the episode's own word on explicit, by all three vocabularies."""
        said, problems = read(written(tmp_path, "feed.xml", FEED % ""))
        assert problems == []
        assert said == [
            {
                "show": "Two Chairs", "language": "en-GB", "publisher": "Harbour Audio", "genre": ["Arts"],
                "explicit": "true", "kind": "episode", "title": "The <b>first</b> one", "guid": "ep-1",
                "release_date": "2026-09-01", "duration_s": "3723", "season": "2", "episode": "7",
                "enclosure_url": "https://cdn.example/ep-1.mp3?from=feed",
                "persons": ["Ana Example (host)", "Bob Beispiel (host)"], "host": ["Ana Example", "Bob Beispiel"],
                "transcript_urls": ["https://cdn.example/ep-1.vtt", "https://cdn.example/ep-1.srt"],
            },
            {
                "show": "Two Chairs", "language": "en-GB", "publisher": "Harbour Audio", "genre": ["Arts"],
                "explicit": "false", "kind": "episode", "title": "The last one", "guid": "ep-9", "duration_s": "95",
            },
        ]  # fmt: skip

    def test_chapters_in_the_feed_and_beside_it(self, tmp_path: Path) -> None:
        """Podlove's chapters are taken as they stand, and of Podcasting 2.0 the address, which nothing asks."""
        episode = """<item><title>a</title><enclosure url="https://cdn.example/a.mp4" type="video/mp4"/>
        <podcast:chapters url="https://cdn.example/a.json" type="application/json+chapters"/>
        <psc:chapters version="1.2" xmlns:psc="http://podlove.org/simple-chapters">
        <psc:chapter start="0" title="Begin"/><psc:chapter start="3:07.5" title="Letters"/></psc:chapters></item>"""
        said, problems = read(written(tmp_path, "feed.rss", FEED % episode))
        assert problems == []
        assert said[1]["chapters"] == [["0", None, "Begin"], ["3:07.5", None, "Letters"]]
        assert said[1]["chapters_url"] == "https://cdn.example/a.json"

    @pytest.mark.parametrize(
        "episode",
        [
            "<item/>",
            "<item><link>only</link></item>",
            f"<item><title>{'x' * 100_000}</title></item>",
            f'<item><title>a</title><enclosure url="{"u" * 100_000}"/></item>',
            '<item><title>a</title><enclosure url="https://cdn.example/a.pdf" type="application/pdf"/></item>',
            '<item><title>a</title><enclosure url="https://cdn.example/a.pdf?from=feed"/></item>',
            "<item><title>Older</title><guid>ep-1</guid></item>",
        ],
        ids=["empty", "nameless", "long title", "long address", "no audio", "no audio by its name", "name of another"],
    )
    def test_a_broken_episode_costs_itself(self, tmp_path: Path, episode: str) -> None:
        """It is told of with its line, and the next one is read."""
        said, problems = read(written(tmp_path, "feed.rss", FEED % episode))
        assert [one["guid"] for one in said] == ["ep-1", "ep-9"]
        assert [problem.partition(":")[0] for problem in problems] == ["16"]

    def test_a_document_beside_the_audio(self, tmp_path: Path) -> None:
        """The audio is the enclosure."""
        enclosures = "".join(
            f'<enclosure url="https://cdn.example/a.{end}" type="{kind}"/>'
            for end, kind in (("pdf", "application/pdf"), ("mp3", "audio/mpeg"))
        )
        said, problems = read(written(tmp_path, "feed.rss", FEED % f"<item><title>a</title>{enclosures}</item>"))
        assert problems == []
        assert said[1]["enclosure_url"] == "https://cdn.example/a.mp3"

    @pytest.mark.parametrize("size", [1, 7, 100_000])
    def test_what_xml_has_no_characters_for_is_a_space(self, size: int) -> None:
        """Also where it is referred to by number, and wherever the bytes are cut; other references stay."""
        evil = "<item><title>a&#0;b&#x1F;c\x01d &#233;&amp;#0; &#99999999;&#xD800;e</title></item>"
        reader = FeedReader("feed", name="rss:x", licence=None, fetched_at=1.0)
        _, record, last = reader.read(pieces((FEED % evil).encode(), size))
        assert isinstance(record, SourceRecord)
        assert record.fields["title"] == "a b c d é&#0; e"
        assert isinstance(last, SourceRecord)

    @pytest.mark.parametrize("size", [1, 7, 100_000])
    def test_pieces_of_any_size(self, size: int) -> None:
        """However the bytes arrive, the records are the same."""
        reader = FeedReader("feed", name="rss:x", licence=None, fetched_at=1.0)
        whole = list(reader.read([(FEED % "").encode()]))
        assert list(reader.read(pieces((FEED % "").encode(), size))) == whole

    @pytest.mark.parametrize(
        "change",
        [
            lambda feed: feed.replace("<rss", f"{BOMB}<rss", 1),
            lambda feed: feed[: feed.index("The last one")],
            lambda feed: feed.replace("<item><title>The last", "<item><title>&undeclared; The last"),
            lambda _: "<html><body>Not found</body></html>",
            lambda _: "\x00\x01\x02",
        ],
        ids=["bomb", "cut", "entity", "other document", "garbage"],
    )
    def test_what_is_no_feed_says_where_it_ends(self, change: Callable[[str], str]) -> None:
        """What came before stands, and one problem tells of the rest."""
        reader = FeedReader("feed", name="rss:x", licence=None, fetched_at=1.0)
        received = list(reader.read(pieces(change(FEED % "").encode(), 64)))
        assert [one for one in received if isinstance(one, Unreadable)] == received[-1:]
        assert {one.record_id for one in received[:-1] if isinstance(one, SourceRecord)} <= {"ep-1"}

    def test_fifty_megabytes_in_one_element_are_not_held(self) -> None:
        """A text costs its episode and no memory; an attribute without end stops the feed."""
        reader = FeedReader("feed", name="rss:x", licence=None, fetched_at=1.0)

        def feed(start: bytes, end: bytes) -> Iterable[bytes]:
            head, tail = (FEED % "@@").encode().split(b"@@")
            yield head + start
            yield from (b"x" * 1_000_000 for _ in range(50))
            yield end + tail

        received = list(reader.read(feed(b"<item><title>", b"</title></item>")))
        assert [type(one) for one in received] == [SourceRecord, Unreadable, SourceRecord]
        received = list(reader.read(feed(b'<item><enclosure url="', b'"/></item>')))
        assert [type(one) for one in received] == [SourceRecord, Unreadable]

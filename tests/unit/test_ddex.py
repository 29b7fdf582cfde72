"""DDEX release messages: what they say of recordings, and what they take back."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from audiofeat.domain.source_records import SourceRecord, Told, Unreadable, Whole, Withdrawn
from audiofeat.metadata_sources.ddex import DdexFile
from audiofeat.metadata_sources.deliveries import open_delivery
from ern import ERN_38, ERN_42, ERN_43, ERN_431, PURGE

SOURCE = "ddex:PADPIDA2026010101X"
OFFER = """<CommercialModelType>SubscriptionModel</CommercialModelType>
        <Usage><UseType>OnDemandStream</UseType></Usage>"""


def read(message: str | Iterator[bytes], size: int = 64) -> list[Told]:
    content = message.encode() if isinstance(message, str) else b""
    pieces = (content[start : start + size] for start in range(0, len(content), size)) if content else message
    reader = DdexFile(Path("m.xml"), name=None, licence="bilateral", fetched_at=5.0)
    return list(reader.read(pieces))  # type: ignore[arg-type]  a message that is text has become pieces


def test_an_album_of_3_8() -> None:
    """The first territory's words, the release's where the recording says nothing, and the place on the disc."""
    first, second, whole = read(ERN_38)
    assert isinstance(first, SourceRecord)
    assert (first.source, first.record_id, first.licence) == (SOURCE, "0602445790098/QZAF12600001", "bilateral")
    assert first.fields == {
        "kind": "track", "title": "Evening Song (Live)", "artist": "Anna Example feat. Bob Beispiel",
        "contributors": [
            "Anna Example (MainArtist)", "Bob Beispiel (FeaturedArtist)", "Cleo Cutter (Producer)",
            "Dan Writer (Whistler)",
        ],
        "featured_artist": ["Bob Beispiel"], "producer": ["Cleo Cutter"],
        "isrc": "QZAF12600001", "duration_s": 200.5, "language": "en", "explicit": True, "album": "Evenings",
        "album_artist": "Anna Example", "album_type": "Album", "upc": "0602445790098", "grid": "A10302B0003989564F",
        "label": "Harbour", "release_date": "2026-03-01", "p_line": "(P) 2026 Harbour", "c_line": "(C) 2026 Harbour",
        "genre": ["Pop", "Dream Pop"], "disc_number": "2", "track_number": "1", "territories": ["GB", "DE"],
    }  # fmt: skip
    assert isinstance(second, SourceRecord)
    said = {name: second.fields[name] for name in ("title", "artist", "explicit", "duration_s", "track_number")}
    assert said == {
        "title": "Morning Song", "artist": "Anna Example", "explicit": False, "duration_s": 3600.0, "track_number": "2",
    }  # fmt: skip
    assert whole == Whole(SOURCE, 5.0, under="0602445790098")


def test_a_single_of_4_3() -> None:
    """Parties stand in a list of their own; of several languages the default counts."""
    record, whole = read(ERN_43)
    assert isinstance(record, SourceRecord)
    assert record.fields == {
        "kind": "track", "title": "Night Song", "artist": "Anna Example",
        "contributors": ["Anna Example (MainArtist)", "Cleo Cutter (Mixer)"], "isrc": "QZAF12600003",
        "artist_ids": ["Anna Example=isni:000000012150090X"],
        "duration_s": 148.0, "instrumental": "yes", "explicit": False, "album": "Nights",
        "album_artist": "Anna Example", "album_type": "Single", "upc": "0602445790104", "catalog_number": "H 2",
        "label": "Harbour", "release_date": "2026-03-02", "p_line": "(P) 2026 Harbour", "genre": ["J-Pop"],
        "disc_number": "1", "track_number": "1", "territories": ["JP"],
    }  # fmt: skip
    assert whole == Whole(SOURCE, 5.0, under="0602445790104")


@pytest.mark.parametrize(
    ("message", "own", "versions"),
    [
        (ERN_38, "/ern/382", ["38", "381", "382", "383"]),
        (ERN_42, "/ern/42", ["41", "411", "42"]),
        (ERN_43, "/ern/43", ["43"]),
        (ERN_431, "/ern/431", ["431", "432"]),
    ],
)
def test_versions_that_are_read(message: str, own: str, versions: list[str]) -> None:
    """Whatever its generation calls things, a message says the same."""
    told = [read(message.replace(own, f"/ern/{version}")) for version in versions]
    assert all(one == read(ERN_38 if message is ERN_38 else ERN_43) for one in told)


@pytest.mark.parametrize("version", ["37", "384", "40", "412", "422", "433", "5"])
def test_other_versions_are_refused(version: str) -> None:
    """By a word that names those that are read."""
    [problem] = read(ERN_43.replace("/ern/43", f"/ern/{version}"))
    assert isinstance(problem, Unreadable)
    assert "3.8, 3.8.1, 3.8.2, 3.8.3, 4.1, 4.1.1, 4.2, 4.3, 4.3.1 or 4.3.2" in problem.reason


def test_what_a_role_is_called_otherwise() -> None:
    """A role of the sender's own, and one that nobody in the list of parties has."""
    own = '<Role><Value UserDefinedValue="Whistler">UserDefined</Value></Role>'
    nobody = "<SpecialContributor>GenerativeAI</SpecialContributor><Role><Value>Mixer</Value></Role>"
    message = ERN_431.replace("</Role>", f"</Role>{own}", 1)
    message = message.replace("<Duration>", f"<Contributor>{nobody}</Contributor><Duration>", 1)
    record = read(message)[0]
    assert isinstance(record, SourceRecord)
    assert record.fields["contributors"] == [
        "Anna Example (MainArtist)", "Cleo Cutter (Mixer)", "Cleo Cutter (Whistler)",
    ]  # fmt: skip


def test_an_isni_of_3_8() -> None:
    """It stands with the artist."""
    isni = '<PartyId IsISNI="1">000000012150090X</PartyId><ArtistRole>MainArtist</ArtistRole>'
    record = read(ERN_38.replace("<ArtistRole>MainArtist</ArtistRole>", isni, 1))[0]
    assert isinstance(record, SourceRecord)
    assert record.fields["artist_ids"] == ["Anna Example=isni:000000012150090X"]


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16"])
def test_hostile_text_is_text(encoding: str) -> None:
    """Control characters become spaces, markup, SQL and formulas stay what they are, whatever the encoding."""
    evil = "=HYPERLINK(1)&lt;script&gt;'; DROP TABLE items; --"
    message = ERN_43.replace("Night Song", "Night\x01Song" if encoding == "UTF-8" else evil)
    [record, _] = read(iter([message.replace("UTF-8", encoding).encode(encoding)]))
    assert isinstance(record, SourceRecord)
    is_clean = encoding == "UTF-8"
    assert record.fields["title"] == ("Night Song" if is_clean else "=HYPERLINK(1)<script>'; DROP TABLE items; --")


def test_a_purge_takes_a_release_back() -> None:
    """By each of the ids that it names."""
    assert read(PURGE) == [Withdrawn(SOURCE, "0602445790098")]
    both = PURGE.replace("<ICPN>", "<GRid>A1</GRid><ICPN>")
    assert read(both) == [Withdrawn(SOURCE, "0602445790098"), Withdrawn(SOURCE, "A1")]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (OFFER, "<TakeDown>true</TakeDown>"),
        (OFFER, "<AllDealsCancelled>1</AllDealsCancelled>"),
        ("<StartDate>2026-03-05</StartDate>", "<StartDate>2025-03-05</StartDate><EndDate>2026-02-01</EndDate>"),
        ("<StartDate>2026-03-05</StartDate>", "<EndDateTime>2026-02-01T00:00:00Z</EndDateTime>"),
    ],
    ids=["taken down", "cancelled", "ended", "ended to the minute"],
)
def test_a_release_that_may_not_be_offered_any_more(old: str, new: str) -> None:
    """Its deals are all taken down or over: what was said of it is taken back."""
    assert read(ERN_38.replace(old, new)) == [
        Withdrawn(SOURCE, "0602445790098"), Withdrawn(SOURCE, "A10302B0003989564F"),
    ]  # fmt: skip


def test_one_open_deal_is_enough() -> None:
    """A territory that is taken down leaves the others; a message without deals tells of the music alone."""
    since = "<ValidityPeriod><StartDate>2026-03-05</StartDate></ValidityPeriod>"
    deal = f"<Deal><DealTerms><TakeDown>true</TakeDown><TerritoryCode>FR</TerritoryCode>{since}</DealTerms></Deal>"
    told = read(ERN_38.replace("<Deal><DealTerms>", f"{deal}<Deal><DealTerms>", 1))
    assert isinstance(told[0], SourceRecord)
    assert told[0].fields["territories"] == ["GB", "DE"]
    bare = ERN_38[: ERN_38.index("<DealList>")] + "</ern:NewReleaseMessage>"
    assert [type(one) for one in read(bare)] == [SourceRecord, SourceRecord, Whole]


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (ERN_38.replace("LiveMessage", "TestMessage"), "test message"),
        (ERN_38.replace("xml/ern/382", "xml/2010/ern-main/32"), "no release message of DDEX ERN 3.8"),
        ("<html/>", "'html'"),
        (ERN_38[:-60], "no XML"),
        ('<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + ERN_43.partition("?>")[2], "refused"),
        ("<a>" * 5_000, "within each other"),
        ("\x00", "no XML"),
    ],
    ids=["test", "old version", "other document", "cut", "bomb", "deep", "garbage"],
)
def test_what_is_no_message_says_nothing(message: str, why: str) -> None:
    """Half a message is none: it neither tells of a release nor takes one back."""
    [problem] = read(message)
    assert isinstance(problem, Unreadable)
    assert why in problem.reason


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<TitleText>Morning Song</TitleText>", "<TitleText/>"),
        ("<TitleText>Morning Song</TitleText>", f"<TitleText>{'x' * 10_000}</TitleText>"),
        ("<TitleText>Morning Song</TitleText>", "<TitleText/>" * 30_000),
    ],
    ids=["without a title", "long", "many"],
)
def test_a_broken_recording_costs_itself(old: str, new: str) -> None:
    """The others are told of, and nothing is taken back: what is missing may have been there."""
    told = read(ERN_38.replace(old, new), size=100_000)
    assert sorted(type(one).__name__ for one in told) == ["SourceRecord", "Unreadable"]


def test_a_file_says_itself_what_it_is(tmp_path: Path) -> None:
    """A message and a feed both end in .xml."""
    (tmp_path / "m.xml").write_text(ERN_43)
    (tmp_path / "f.xml").write_text("<rss><channel><item><guid>1</guid></item></channel></rss>")
    names = [
        open_delivery(tmp_path / name, name=None, licence=None, fetched_at=1.0).name for name in ("m.xml", "f.xml")
    ]
    assert names == ["ddex", "rss:f"]


def test_what_is_not_looked_at_is_not_held() -> None:
    """Fifty megabytes of something else within a message need no memory."""
    head, tail = ERN_43.split("<ReleaseList>")
    filler = b"<Image><Comment>" + b"x" * 100_000 + b"</Comment></Image>"

    def message() -> Iterator[bytes]:
        yield head.replace("</ResourceList>", "").encode()
        yield from (filler for _ in range(500))
        yield f"</ResourceList><ReleaseList>{tail}".encode()

    tracemalloc.start()
    try:
        told = read(message())
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [type(one) for one in told] == [SourceRecord, Whole]
    assert peak_bytes < 3_000_000

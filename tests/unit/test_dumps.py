"""Dumps: read while they are unpacked; a broken line costs itself, a whole dump takes back what it no longer holds."""

import gzip
import io
import json
import random
import tarfile
import tracemalloc
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from audiofeat.domain.source_records import SourceRecord, Told, Unreadable, Whole
from audiofeat.errors import InvalidInput
from audiofeat.metadata_sources.deliveries import open_delivery

# As the dumps have them: https://musicbrainz.org/doc/Development/JSON_Data_Dumps
RECORDING = {
    "id": "11111111-2222-4333-8444-555555555555", "title": "Evening Song", "length": 200_400, "disambiguation": "",
    "video": False, "first-release-date": "2019-05-03", "isrcs": ["QZAF12600001"], "genres": [], "tags": [],
    "rating": {"value": None, "votes-count": 0}, "aliases": [], "annotation": None, "relations": [],
    "artist-credit": [{"name": "Anna Example", "joinphrase": "", "artist": {"id": "a1", "name": "Anna Example"}}],
}  # fmt: skip
RELEASE = {
    "id": "r1", "title": "Evenings", "status": "Official", "date": "2019-05-03", "country": "GB",
    "barcode": "0602445790098", "release-group": {"id": "g1", "primary-type": "Album", "secondary-types": []},
    "label-info": [{"catalog-number": "H 1", "label": {"id": "l1", "name": "Harbour"}}],
    "artist-credit": RECORDING["artist-credit"],
    "media": [
        {"position": 1, "format": "CD", "track-count": 1, "tracks": [
            {"id": "t1", "number": "A1", "position": 1, "title": "Evening Song", "recording": RECORDING}]},
        {"position": 2, "format": "CD", "track-count": 0},
    ],
}  # fmt: skip


def archived(path: Path, member: str, lines: Iterable[bytes]) -> Path:
    content = b"".join(line + b"\n" for line in lines)
    with tarfile.open(path, "w:xz", preset=0) as archive:
        for name, body in (("COPYING", b"CC0"), (member, content)):
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return path


def told(path: Path) -> list[Told]:
    return list(open_delivery(path, name=None, licence=None, fetched_at=5.0).fetch(()))


def encoded(document: Any) -> bytes:
    return json.dumps(document).encode()


def test_recordings(tmp_path: Path) -> None:
    """Each line is a record under the licence of the core data, and at the end the dump was whole."""
    [record, whole] = told(archived(tmp_path / "recording.tar.xz", "mbdump/recording", [encoded(RECORDING), b""]))
    assert isinstance(record, SourceRecord)
    assert (record.source, record.record_id, record.licence) == ("musicbrainz:recording", RECORDING["id"], "CC0-1.0")
    assert record.fields == {
        "mbid": RECORDING["id"], "kind": "track", "title": "Evening Song", "artist": "Anna Example",
        "artist_mbids": ["a1"], "artist_ids": ["Anna Example=mbid:a1"],
        "duration_s": 200.4, "isrc": "QZAF12600001", "isrcs": ["QZAF12600001"],
        "release_date": "2019-05-03",
    }  # fmt: skip
    assert whole == Whole("musicbrainz:recording", 5.0)


def test_releases(tmp_path: Path) -> None:
    """Each track is a record, with album, label, barcode and position."""
    [record, _] = told(archived(tmp_path / "release.tar.xz", "mbdump/release", [encoded(RELEASE)]))
    assert isinstance(record, SourceRecord)
    assert record.record_id == "r1/t1"
    said = {
        name: record.fields[name]
        for name in ("mbid", "album", "label", "upc", "disc_number", "track_number", "country")
    }
    assert said == {
        "mbid": RECORDING["id"], "album": "Evenings", "label": "Harbour", "upc": "0602445790098", "disc_number": "1",
        "track_number": "1", "country": "GB",
    }  # fmt: skip


@pytest.mark.parametrize(
    "broken",
    [
        b"{", b"\xff", b"[]", b"5", b'{"title": "no id"}', encoded(RECORDING | {"title": ["x"]}), b"[" * 60_000,
        encoded(RECORDING | {"artist-credit": "x"}), encoded(RECORDING | {"title": "x" * 300_000}),
        encoded(RECORDING | {"length": float("nan")}),
    ],
)  # fmt: skip
def test_a_broken_line_costs_itself(tmp_path: Path, broken: bytes) -> None:
    """It is told of with its number, the others are read, and nothing is taken back."""
    path = archived(tmp_path / "recording.tar.xz", "mbdump/recording", [broken, encoded(RECORDING)])
    problem, record = told(path)
    assert isinstance(problem, Unreadable)
    assert problem.place == f"{path}:1"
    assert isinstance(record, SourceRecord)


def test_a_dump_that_breaks_off(tmp_path: Path) -> None:
    """What came stands, the rest is told of, and nothing is taken back."""
    noise = random.Random(1)
    lines = [encoded(RECORDING | {"id": str(number), "title": noise.randbytes(99).hex()}) for number in range(2_000)]
    path = archived(tmp_path / "recording.tar.xz", "mbdump/recording", lines)
    path.write_bytes(path.read_bytes()[:-2_000])
    received = told(path)
    assert sum(isinstance(one, SourceRecord) for one in received) > 10
    assert isinstance(received[-1], Unreadable)
    assert not any(isinstance(one, Whole) for one in received)


@pytest.mark.parametrize("name", ["mbdump/label", "../../etc/passwd"])
def test_another_archive_is_refused(tmp_path: Path, name: str) -> None:
    """Nothing is ever unpacked into a folder; what holds neither recordings nor releases says so."""
    with pytest.raises(InvalidInput, match="neither"):
        told(archived(tmp_path / "label.tar.xz", name, [b"{}"]))
    (tmp_path / "x.tar.xz").write_bytes(b"no archive")
    with pytest.raises(InvalidInput, match="no archive"):
        told(tmp_path / "x.tar.xz")


def test_a_dump_is_never_held(tmp_path: Path) -> None:
    """Memory does not grow with it."""
    line = encoded(RECORDING | {"annotation": "x" * 2_000})
    path = archived(tmp_path / "recording.tar.xz", "mbdump/recording", [line] * 2_000)
    tracemalloc.start()
    try:
        count = sum(1 for _ in open_delivery(path, name=None, licence=None, fetched_at=5.0).fetch(()))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 2_001
    assert peak_bytes < 3_000_000 < 2_000 * len(line)


# As the dumps have them: https://data.discogs.com and the release pages of Discogs' API documentation.
DISCOGS = """<releases>
<release id="7" status="Accepted"><images/>
  <artists><artist><id>1</id><name>Anna Example (2)</name><anv/><join>&amp;</join></artist>
  <artist><id>2</id><name>Bob</name><anv>Bobby</anv><join/></artist></artists><title>Evenings</title>
  <labels><label catno="H 1" id="3" name="Harbour"/></labels><extraartists/>
  <formats><format name="CD" qty="2" text=""/></formats>
  <genres><genre>Electronic</genre></genres><styles><style>Ambient</style><style>Drone</style></styles>
  <country>UK</country><released>1999-03-00</released><data_quality>Correct</data_quality>
  <tracklist>
    <track><position/><title>Side one</title><duration/></track>
    <track><position>2-3</position><title>Evening Song</title><duration>1:02:03</duration></track>
    <track><position>B1</position><title>Other</title><duration/>
      <artists><artist><id>4</id><name>Cleo</name><anv/><join/></artist></artists></track>
  </tracklist>
  <identifiers><identifier type="Barcode" value="6 02445 79009 8"/><identifier type="Matrix" value="x"/></identifiers>
</release>%s</releases>
"""


def test_discogs(tmp_path: Path) -> None:
    """Each track with its position: names without their numbers, dates without what is not known."""
    path = tmp_path / "discogs_20260901_releases.xml.gz"
    path.write_bytes(gzip.compress((DISCOGS % "").encode()))
    record, other, whole = told(path)
    assert isinstance(record, SourceRecord)
    assert isinstance(other, SourceRecord)
    assert (record.source, record.record_id, record.licence) == ("discogs:releases", "7/2", "CC0-1.0")
    assert record.fields == {
        "album": "Evenings", "artist": "Anna Example & Bobby", "label": "Harbour", "catalog_number": "H 1",
        "country_name": "UK", "release_date": "1999-03", "genre": ["Electronic", "Ambient", "Drone"],
        "upc": "602445790098",
        "artist_ids": ["Anna Example=discogs:1", "Bobby=discogs:2"],
        "discogs_release": "7", "title": "Evening Song", "disc_number": "2", "track_number": "3", "duration_s": 3723,
        "kind": "track",
    }  # fmt: skip
    assert (other.fields["artist"], "track_number" in other.fields) == ("Cleo", False)
    assert whole == Whole("discogs:releases", 5.0)


@pytest.mark.parametrize(
    "broken",
    [
        "<release><title>no id</title></release>",
        f'<release id="8"><title>{"x" * 9_000}</title><tracklist/></release>',
        f'<release id="8">{"<a/>" * 30_000}</release>',
        "<release",
        "&undeclared;",
    ],
)
def test_a_broken_release_costs_itself(tmp_path: Path, broken: str) -> None:
    """It is told of, what came before stands, and nothing is taken back."""
    path = tmp_path / "releases.xml.gz"
    path.write_bytes(gzip.compress((DISCOGS % broken).encode()))
    assert [type(one) for one in told(path)[-2:]] == [SourceRecord, Unreadable]
    path.write_bytes(b"no gzip")
    with pytest.raises(InvalidInput, match="no dump"):
        told(path)


def test_a_dump_of_releases_is_never_held(tmp_path: Path) -> None:
    """Memory does not grow with it, nor with what a bomb unpacks to."""
    releases = DISCOGS.partition("<releases>")[2].partition("%s")[0]
    path = tmp_path / "releases.xml.gz"
    path.write_bytes(gzip.compress(f"<releases>{releases * 1_000}{' ' * 8_000_000}</releases>".encode(), 1))
    tracemalloc.start()
    try:
        count = sum(1 for _ in open_delivery(path, name=None, licence=None, fetched_at=5.0).fetch(()))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 2_001
    assert peak_bytes < 3_000_000

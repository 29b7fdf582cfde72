"""What all sources of records have in common, whatever they read: files, dumps, messages and feeds."""

import gzip
import io
import json
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audiofeat.domain.merging import choose
from audiofeat.domain.source_records import SourceRecord, Told, Unreadable, Visit, Whole, Withdrawn, problem_with
from audiofeat.errors import AudiofeatError
from audiofeat.metadata_sources.deliveries import open_delivery
from ern import ERN_38, ERN_43

# A formula, markup, SQL, control characters, right-to-left marks: all of it is a title.
HOSTILE = "=1+1 <b>x</b>'; DROP TABLE items; -- \u202e \x1b[31m %s {0} ../../etc/passwd"


def _archived(content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo("mbdump/recording")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return lzma.compress(packed.getvalue(), preset=0)


def _feed(title: str) -> bytes:
    return f"<rss><channel><title>S</title><item><title>{title}</title><guid>g</guid></item></channel></rss>".encode()


def _discogs(title: str) -> bytes:
    track = f"<track><position>1</position><title>{title}</title><duration>3:20</duration></track>"
    return f'<releases><release id="1"><title>A</title><tracklist>{track}</tracklist></release></releases>'.encode()


def _message(message: str) -> Callable[[str], bytes]:
    return lambda title: message.replace("Evening Song", title).replace("Night Song", title).encode()


def _recording(title: str) -> bytes:
    return json.dumps({"id": "m", "title": title, "length": 1000}).encode() + b"\n"


def _plain(content: bytes) -> bytes:
    return content


# By name: the end of the file's name, a document about one title, and how it is packed.
SOURCES: dict[str, tuple[str, Callable[[str], bytes], Callable[[bytes], bytes]]] = {
    "csv": (".csv", lambda title: f'id,title\n1,"{title}"\n'.encode(), _plain),
    "json lines": (".jsonl", lambda title: json.dumps({"id": 1, "title": title}).encode(), _plain),
    "feed": (".rss", _feed, _plain),
    "ern 3.8": (".xml", _message(ERN_38), _plain),
    "ern 4.3": (".xml", _message(ERN_43), _plain),
    "musicbrainz": (".tar.xz", _recording, _archived),
    "discogs": (".xml.gz", _discogs, gzip.compress),
}
every = pytest.mark.parametrize("name", list(SOURCES))


def read(folder: Path, name: str, packed: bytes) -> list[Told]:
    path = folder / f"delivery{SOURCES[name][0]}"
    path.write_bytes(packed)
    return list(open_delivery(path, name="given", licence="CC0-1.0", fetched_at=5.0).fetch(()))


def told(folder: Path, name: str, content: bytes) -> list[Told]:
    return read(folder, name, SOURCES[name][2](content))


def require_contract(folder: Path, name: str, packed: bytes) -> None:
    """Fail where reading ends in anything but what a source may tell, or an error of ours that names the file."""
    try:
        received = read(folder, name, packed)
    except AudiofeatError as error:
        said = str(error)
    else:
        assert all(isinstance(one, SourceRecord | Unreadable | Withdrawn | Whole | Visit) for one in received)
        said = " ".join(one.place for one in received if isinstance(one, Unreadable)) or "delivery"
    assert "delivery" in said


@every
def test_records_say_whose_they_are(tmp_path: Path, name: str) -> None:
    """Source, licence and time as they were given, a name of each record, and the same again from the same bytes."""
    content = SOURCES[name][1]("A title")
    received = told(tmp_path, name, content)
    records = [one for one in received if isinstance(one, SourceRecord)]
    assert records
    assert {(one.source, one.licence, one.fetched_at) for one in records} == {("given", "CC0-1.0", 5.0)}
    assert all(one.record_id and problem_with(one.fields) is None for one in records)
    assert "A title" in " ".join(str(one.fields["title"]) for one in records)
    assert told(tmp_path, name, content) == received


@every
def test_a_hostile_title_is_a_title(tmp_path: Path, name: str) -> None:
    """It comes through as text, without what no text has, or is refused with its place; nothing else is touched."""
    title = HOSTILE.replace("<", "&lt;") if SOURCES[name][0] in {".rss", ".xml", ".xml.gz"} else HOSTILE
    received = told(tmp_path, name, SOURCES[name][1](title))
    for one in received:
        if isinstance(one, SourceRecord):
            assert "\x1b" not in str(choose([one])["title"])
        else:
            assert isinstance(one, Unreadable | Whole)
    assert received


@pytest.mark.parametrize("name", ["ern 3.8", "ern 4.3", "musicbrainz", "discogs"])
def test_half_a_delivery_takes_nothing_back(tmp_path: Path, name: str) -> None:
    """What is missing from it may stand in the other half; a whole one takes back what it no longer tells."""
    content = SOURCES[name][1]("A title")
    assert any(isinstance(one, Whole) for one in told(tmp_path, name, content))
    received = told(tmp_path, name, content[: len(content) * 2 // 3])
    assert any(isinstance(one, Unreadable) for one in received)
    assert not any(isinstance(one, Whole | Withdrawn) for one in received)


@every
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_damage_is_told_of_and_never_worse(tmp_path: Path, name: str, data: st.DataObject) -> None:
    """Whatever happens to the bytes, what comes is of the contract, or an error of ours that names the file."""
    content = bytearray(SOURCES[name][1]("A title"))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=20))
        content = content or bytearray(b"x")
    require_contract(tmp_path, name, SOURCES[name][2](bytes(content)))


@pytest.mark.parametrize("name", ["musicbrainz", "discogs"])
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_damage_to_an_archive_is_told_of(tmp_path: Path, name: str, data: st.DataObject) -> None:
    """Also where it is the packing that is broken."""
    _, document, pack = SOURCES[name]
    packed = bytearray(pack(document("A title") * (1 if name == "discogs" else 50)))
    place = data.draw(st.integers(0, len(packed) - 1))
    packed[place : place + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=20))
    require_contract(tmp_path, name, bytes(packed))

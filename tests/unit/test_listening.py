"""Audio from outside: one at a time, within limits, and nothing of it is left."""

import io
import threading
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from audiofeat.codes import ErrorCode
from audiofeat.domain.items import Kind
from audiofeat.errors import Busy, ExtractionCrashed, InvalidInput, SourceNotFound
from audiofeat.extraction.client import Extraction
from audiofeat.services.listening import Listener

RECORD: dict[str, Any] = {
    "status": "ok",
    "audio": {"sha256": "a" * 64, "decoded_duration_s": 90.0},
    "features": {
        "descriptor": {"values": [1.0, 2.0]},
        "speech": {"speech_ratio": 0.9},
        "rhythm": {"tempo_bpm": None},
        "tonal": {"key": None, "mode": None},
    },
}


class Ear:
    """Hears what it is told to, when it is let."""

    def __init__(self, record: dict[str, Any] | Exception = RECORD) -> None:
        self.record = record
        self.may_end = threading.Event()
        self.may_end.set()
        self.has_begun = threading.Event()

    def extract(self, path: Path, *, source: str, groups: Collection[str] = ()) -> Extraction:
        assert path.read_bytes() == b"sound"
        assert source == "lookup"
        assert "descriptor" in groups
        self.has_begun.set()
        assert self.may_end.wait(30)
        if isinstance(self.record, Exception):
            raise self.record
        return Extraction(self.record, {}, 0)


def listener(ear: Ear, scratch: Path, **settings: Any) -> Listener:
    def closed(_: str) -> Any:
        raise AssertionError("no store is needed")

    return Listener(ear, open_store=closed, scratch=scratch, **{"most_bytes": 10, "wait_s": 0.05, **settings})


def test_an_upload_becomes_a_seed_and_is_gone(tmp_path: Path) -> None:
    """Its kind is heard unless it is told, and no file is left."""
    heard = listener(Ear(), tmp_path).to_upload(io.BytesIO(b"sound"))
    assert (heard.descriptor.tolist(), heard.kind, heard.sha256) == ([1.0, 2.0], Kind.EPISODE, "a" * 64)
    assert listener(Ear(), tmp_path).to_upload(io.BytesIO(b"sound"), kind=Kind.TRACK).kind is Kind.TRACK
    assert not list(tmp_path.iterdir())


def test_who_comes_while_another_is_heard_is_told_to_come_back(tmp_path: Path) -> None:
    """Busy, and the next one is heard once the first has ended."""
    ear = Ear()
    ear.may_end.clear()
    one_at_a_time = listener(ear, tmp_path)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(one_at_a_time.to_upload, io.BytesIO(b"sound"))
        assert ear.has_begun.wait(30)
        with pytest.raises(Busy, match="later"):
            one_at_a_time.to_upload(io.BytesIO(b"sound"))
        ear.may_end.set()
        assert first.result(30).sha256
    assert one_at_a_time.to_upload(io.BytesIO(b"sound")).sha256


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (ExtractionCrashed(ErrorCode.EXTRACTION_DEADLINE, "it took too long"), "it took too long"),
        ({"status": "rejected", "error": {"code": "too_long", "message": "it is too long"}}, "it is too long"),
        ({**RECORD, "features": {**RECORD["features"], "descriptor": {"values": None}}}, "silent or too short"),
    ],
)
def test_what_cannot_be_heard_is_named(tmp_path: Path, record: Any, message: str) -> None:
    """A crash, a refusal and silence are the caller's to mend."""
    with pytest.raises(InvalidInput, match=message):
        listener(Ear(record), tmp_path).to_upload(io.BytesIO(b"sound"))
    assert not list(tmp_path.iterdir())


def test_limits_and_places(tmp_path: Path) -> None:
    """Too many bytes, no such file, and a folder of this host where a store is meant."""
    heard = listener(Ear(), tmp_path)
    with pytest.raises(InvalidInput, match="larger than 10 bytes"):
        heard.to_upload(io.BytesIO(b"sound" * 3))
    with pytest.raises(SourceNotFound, match="nowhere"):
        heard.to_file(tmp_path / "nowhere")
    with pytest.raises(InvalidInput, match="never a local folder"):
        heard.to_object("file:/etc", "passwd")

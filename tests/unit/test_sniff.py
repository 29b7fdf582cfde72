"""Containers are known by their bytes; everything that is not audio is refused with its code."""

import random
from pathlib import Path

import pytest

from audiofeat.audio.sniff import Container, mp3_frame, sniff
from audiofeat.codes import ErrorCode
from audiofeat.errors import AudioRejected
from tests.synthesis import FORMATS, noise, write

_CONTAINERS = {
    "wav": Container.WAV,
    "wav24": Container.WAV,
    "float": Container.WAV,
    "rf64": Container.WAV,
    "aiff": Container.AIFF,
    "flac": Container.FLAC,
    "ogg": Container.OGG,
    "opus": Container.OGG,
    "mp3": Container.MP3,
    "m4a": Container.MP4,
    "aac": Container.ADTS,
}
NOT_AUDIO = {
    "hls": b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n",
    "ffconcat": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "pls": b"[playlist]\nFile1=http://127.0.0.1/a.mp3\n",
    "html": b"<!doctype html><html><body>404 Not Found</body></html>",
    "xml": b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
    "text": b"This is not the audio that you are looking for.\n" * 50,
    "utf-16": "This is not audio either.".encode("utf-16"),
    "png": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20,
    "zeros": bytes(5_000),
    "ones": b"\xff" * 5_000,
    "random": random.Random(3).randbytes(50_000),
    "wave of another kind": b"RIFF\x24\x00\x00\x00AVI LIST",
    "one byte": b"R",
}
UNSUPPORTED = {
    "wma": b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
    "webm": b"\x1a\x45\xdf\xa3\x01",
    "midi": b"MThd\x00\x00\x00\x06",
    "wavpack": b"wvpk\x00\x00",
}


def rejection(path: Path) -> ErrorCode:
    with pytest.raises(AudioRejected) as caught:
        sniff(path)
    return caught.value.code


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_known_by_its_bytes(form: str, tmp_path: Path) -> None:
    """A misleading extension changes nothing."""
    path = write(tmp_path / "liar.png", noise(1.0, rate_hz=48_000), rate_hz=48_000, form=form)
    assert sniff(path) == (_CONTAINERS[form], 0)


@pytest.mark.parametrize("tag_bytes", [0, 17, 3_000, 200_000])
def test_an_id3_tag_in_front_is_stepped_over(tag_bytes: int, tmp_path: Path) -> None:
    """The container starts where the tag ends, however long the tag."""
    audio = write(tmp_path / "a", noise(1.0), form="mp3").read_bytes()
    size = bytes(tag_bytes >> shift & 127 for shift in (21, 14, 7, 0))
    path = tmp_path / "tagged"
    path.write_bytes(b"ID3\x04\x00\x00" + size + bytes(tag_bytes) + audio)
    assert sniff(path) == (Container.MP3, 10 + tag_bytes)


def test_an_id3_tag_longer_than_its_file_is_unreadable(tmp_path: Path) -> None:
    """A tag that claims more than there is hides no audio."""
    path = tmp_path / "tag"
    path.write_bytes(b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + bytes(100))
    assert rejection(path) is ErrorCode.UNREADABLE


@pytest.mark.parametrize("name", NOT_AUDIO)
def test_what_is_not_audio_is_refused(name: str, tmp_path: Path) -> None:
    """Playlists, pages, pictures, text and noise in bytes are ``not_audio``, also when they are called .mp3."""
    path = tmp_path / "track.mp3"
    path.write_bytes(NOT_AUDIO[name])
    assert rejection(path) is ErrorCode.NOT_AUDIO


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\n<!DOCTYPE HTML><html>gone</html>", "a web page, not audio"),
        (b"%PDF-1.4 x", "a PDF document, not audio"),
        (b"\x89PNG\r\n\x1a\n", "a picture, not audio"),
        (b"liner notes", "not of an audio format"),
    ],
    ids=["page", "document", "picture", "text"],
)
def test_what_lies_in_place_of_audio_is_named(content: bytes, what: str, tmp_path: Path) -> None:
    """As far as its first bytes tell."""
    path = tmp_path / "a.mp3"
    path.write_bytes(content)
    with pytest.raises(AudioRejected, match=f"the bytes are {what}"):
        sniff(path)


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_audio_that_is_not_decoded_is_named(name: str, tmp_path: Path) -> None:
    """A format outside the allow-list is ``unsupported_format``."""
    path = tmp_path / "track.mp3"
    path.write_bytes(UNSUPPORTED[name] + bytes(100))
    assert rejection(path) is ErrorCode.UNSUPPORTED_FORMAT


def test_no_bytes_are_an_empty_object(tmp_path: Path) -> None:
    """A file without bytes has its own code."""
    path = tmp_path / "nothing"
    path.touch()
    assert rejection(path) is ErrorCode.EMPTY_OBJECT


def test_a_lone_sync_word_is_no_mp3(tmp_path: Path) -> None:
    """One valid frame header that no second one follows is a coincidence."""
    path = tmp_path / "text"
    path.write_bytes(b"prose " * 40 + b"\xff\xfb\x90\x00" + b" more prose" * 200)
    assert rejection(path) is ErrorCode.NOT_AUDIO


@pytest.mark.parametrize(
    ("header", "frame"),
    [
        (b"\xff\xfb\x90\x00", (417, 44_100, 2, 1_152)),
        (b"\xff\xfb\x92\xc0", (418, 44_100, 1, 1_152)),
        (b"\xff\xf3\x84\xc0", (192, 24_000, 1, 576)),
        (b"\xff\xe3\x18\xc0", (72, 8_000, 1, 576)),
        (b"\xff\xfb\xf0\x00", None),
        (b"\xff\xfb\x9c\x00", None),
        (b"\xff\xfd\x90\x00", None),
        (b"\xff\xfb", None),
    ],
)
def test_frame_headers_of_layer_three(header: bytes, frame: tuple[int, int, int, int] | None) -> None:
    """Bytes, rate, channels and samples follow from the four bytes of a header; invalid ones give nothing."""
    assert mp3_frame(header, 0) == frame

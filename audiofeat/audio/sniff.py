"""Which container do these bytes hold? Decided by content against an allow-list, never by the file's name.

Playlists, pictures, pages and everything else that is not on the list is refused here, before any decoder opens
it: a decoder that follows a playlist would read other files or ports.
"""

import mmap
import struct
from enum import StrEnum
from pathlib import Path

from audiofeat.codes import ErrorCode
from audiofeat.errors import AudioRejected

_ID3_HEADER_BYTES = 10
_MP3_SEARCH_BYTES = 65_536
_REFUSED = {
    b"\x30\x26\xb2\x75": "ASF/WMA",
    b"\x1a\x45\xdf\xa3": "Matroska/WebM",
    b"MThd": "MIDI",
    b"MAC ": "Monkey's Audio",
    b"wvpk": "WavPack",
    b"DSD ": "DSD",
    b"#!AMR": "AMR",
}

# What a download leaves in place of audio when something went wrong; only to tell what it is.
_NO_AUDIO = {
    b"<!doctype html": "a web page",
    b"<html": "a web page",
    b"<?xml": "an XML document",
    b"#extm3u": "a playlist",
    b"%pdf": "a PDF document",
    b"\x89png": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"gif8": "a picture",
    b"pk\x03\x04": "a ZIP archive",
}


class Container(StrEnum):
    """Containers that are decoded."""

    WAV = "wav"
    AIFF = "aiff"
    FLAC = "flac"
    OGG = "ogg"
    MP3 = "mp3"
    MP4 = "mp4"
    ADTS = "adts"


def sniff(path: Path) -> tuple[Container, int]:
    """Return the container and the offset at which it starts (behind an ID3v2 tag).

    Raises
    ------
    AudioRejected
        ``empty_object``, ``not_audio`` or ``unsupported_format``.
    """
    size_bytes = path.stat().st_size
    if size_bytes == 0:
        raise AudioRejected(ErrorCode.EMPTY_OBJECT, "the object has no bytes")
    with path.open("rb") as stream:
        head = stream.read(_ID3_HEADER_BYTES + 6)
        offset = id3_bytes(head)
        if offset >= size_bytes:
            raise AudioRejected(ErrorCode.UNREADABLE, "an ID3 tag claims more bytes than the file has")
        stream.seek(offset)
        head = stream.read(_MP3_SEARCH_BYTES)
    container = _by_magic(head)
    if container is None:
        begin = head.lstrip()[:16].lower()
        what = next((f"{name}, not audio" for magic, name in _NO_AUDIO.items() if begin.startswith(magic)), None)
        raise AudioRejected(ErrorCode.NOT_AUDIO, f"the bytes are {what or 'not of an audio format'}")
    return container, offset


def id3_bytes(head: bytes) -> int:
    """Return the length of the ID3v2 tag at the start of these bytes, its header included; 0 where there is none."""
    if head[:3] != b"ID3" or len(head) < _ID3_HEADER_BYTES:
        return 0
    a, b, c, d = head[6:10]
    footer = _ID3_HEADER_BYTES if head[5] & 0x10 else 0
    return _ID3_HEADER_BYTES + footer + ((a & 127) << 21 | (b & 127) << 14 | (c & 127) << 7 | d & 127)


def _by_magic(head: bytes) -> Container | None:
    for magic, name in _REFUSED.items():
        if head.startswith(magic):
            raise AudioRejected(ErrorCode.UNSUPPORTED_FORMAT, f"{name} is not decoded; convert it to FLAC or MP3")
    forms = {
        Container.WAV: head[:4] in {b"RIFF", b"RF64"} and head[8:12] == b"WAVE",
        Container.AIFF: head[:4] == b"FORM" and head[8:12] in {b"AIFF", b"AIFC"},
        Container.FLAC: head[:4] == b"fLaC",
        Container.OGG: head[:4] == b"OggS",
        Container.MP4: head[4:8] == b"ftyp",
        Container.ADTS: head[:1] == b"\xff" and len(head) > 1 and head[1] & 0xF6 == 0xF0,
    }
    found = next((container for container, fits in forms.items() if fits), None)
    return found or (Container.MP3 if _holds_mp3(head) else None)


def _holds_mp3(head: bytes) -> bool:
    """Tell whether two MPEG frames of one kind follow each other: a false sync word has no successor."""
    at = head.find(b"\xff")
    while at >= 0:
        first = mp3_frame(head, at)
        following = mp3_frame(head, at + first[0]) if first else None
        if first and following and following[1:3] == first[1:3]:
            return True
        at = head.find(b"\xff", at + 1)
    return False


_KBPS = {
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATE_HZ = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


def mp3_frame(stream: bytes | mmap.mmap, at: int) -> tuple[int, int, int, int] | None:
    """Return bytes, rate (Hz), channels and samples of the MPEG layer III frame at ``at``, or None.

    References
    ----------
    ISO/IEC 11172-3 and 13818-3, the frame header.
    """
    if at + 4 > len(stream):
        return None
    (word,) = struct.unpack_from(">I", stream, at)
    version, layer = word >> 19 & 3, word >> 17 & 3
    bitrate_index, rate_index, padding = word >> 12 & 15, word >> 10 & 3, word >> 9 & 1
    if word >> 21 != 0x7FF or version == 1 or layer != 1 or bitrate_index in {0, 15} or rate_index == 3:
        return None
    rate_hz = _RATE_HZ[version][rate_index]
    samples = 1152 if version == 3 else 576
    kbps = _KBPS[1 if version == 3 else 2][bitrate_index]
    channels = 1 if word >> 6 & 3 == 3 else 2
    return samples // 8 * kbps * 1000 // rate_hz + padding, rate_hz, channels, samples

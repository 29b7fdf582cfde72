"""What decoders keep to themselves: how much sound a file declares, and where its stream breaks or changes.

Decoders resynchronise in silence, stop at the first change of rate or channels, and shorten a cut file without a
word. Walking the frame or page headers takes a few milliseconds and tells.
"""

import mmap
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from audiofeat.audio.flac import last_sample
from audiofeat.audio.sniff import Container, id3_bytes, mp3_frame
from audiofeat.domain.quality import Flag

_CHUNK_UNKNOWN = 0xFFFFFFFF
_JUNK_TOLERATED_BYTES = 16_384
_BITS_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
# Codecs of a WAV file in which the bits of a sample tell its bytes: PCM, float, A-law, mu-law, extensible.
_WAV_PLAIN_CODECS = frozenset({1, 3, 6, 7, 0xFFFE})


@dataclass(frozen=True, slots=True)
class Structure:
    """Facts read from headers alone.

    Parameters
    ----------
    declared_frames : int or None
        Sample frames that the container claims; None where it makes no claim.
    flags : frozenset of Flag
        Damage that is visible without decoding.
    present_frames : int or None
        Sample frames that were counted, where the headers allow it.
    links : tuple of (int, int)
        First byte and end of each of the streams that are chained in an Ogg file.
    """

    declared_frames: int | None = None
    flags: frozenset[Flag] = frozenset()
    present_frames: int | None = None
    links: tuple[tuple[int, int], ...] = ()


def walk(path: Path, container: Container, offset: int) -> Structure:
    """Read a file's headers from ``offset`` on; containers without a walker make no claim."""
    walkers = {
        Container.WAV: _wav,
        Container.AIFF: _aiff,
        Container.FLAC: _flac,
        Container.OGG: _ogg,
        Container.MP3: _mp3,
    }
    walker = walkers.get(container)
    return walker(path, offset) if walker else Structure()


def _wav(path: Path, offset: int) -> Structure:
    size_bytes = path.stat().st_size
    block_align, long_length = 0, 0
    with path.open("rb") as stream:
        at = offset + 12
        while at + 8 <= size_bytes:
            stream.seek(at)
            name, length = struct.unpack("<4sI", stream.read(8))
            fields = stream.read(16)
            if name == b"fmt " and len(fields) == 16:
                codec, channels, _, _, _, bits = struct.unpack("<HHIIHH", fields)
                block_align = channels * ((bits + 7) // 8) if codec in _WAV_PLAIN_CODECS else 0
            elif name == b"ds64" and len(fields) == 16:
                (long_length,) = struct.unpack_from("<Q", fields, 8)
            elif name == b"data":
                if length == _CHUNK_UNKNOWN and long_length:
                    length = long_length
                return _wav_data(length, size_bytes - at - 8, block_align)
            at += 8 + length + (length & 1)
    return Structure()


def _wav_data(length: int, present: int, block_align: int) -> Structure:
    if length in {0, _CHUNK_UNKNOWN} or not block_align:
        inconsistent = length == 0 and present > _JUNK_TOLERATED_BYTES
        return Structure(None, frozenset({Flag.HEADER_INCONSISTENT} if inconsistent else ()))
    trailing = present - length > _JUNK_TOLERATED_BYTES
    return Structure(
        length // block_align,
        frozenset({Flag.TRAILING_DATA} if trailing else ()),
        present_frames=min(length, present) // block_align,
    )


def _aiff(path: Path, offset: int) -> Structure:
    size_bytes = path.stat().st_size
    with path.open("rb") as stream:
        stream.seek(offset + 4)
        (form_bytes,) = struct.unpack(">I", stream.read(4))
        trailing = size_bytes - offset - 8 - form_bytes > _JUNK_TOLERATED_BYTES
        flags = frozenset({Flag.TRAILING_DATA} if trailing else ())
        at = offset + 12
        while at + 14 <= size_bytes:
            stream.seek(at)
            name, length, _, frames = struct.unpack(">4sIHI", stream.read(14))
            if name == b"COMM":
                return Structure(frames or None, flags)
            at += 8 + length + (length & 1)
    return Structure()


def _flac(path: Path, offset: int) -> Structure:
    """Compare the count of samples in the header with the number of the last frame."""
    declared, present = last_sample(path, offset)
    if declared and present and present > declared * 1.01:
        return Structure(present, frozenset({Flag.HEADER_INCONSISTENT}), present_frames=present)
    return Structure()


def _ogg(path: Path, offset: int) -> Structure:
    """Walk Ogg pages (RFC 3533): end of stream seen, sequence unbroken, where another stream is chained on."""
    size_bytes = path.stat().st_size
    flags: set[Flag] = set()
    sequence: dict[int, int] = {}
    ended = under_way = False
    starts: list[int] = []
    at = offset
    with path.open("rb") as stream:
        for page in _ogg_pages(stream, offset, size_bytes):
            if page is None and ended:
                break
            if page is None or not page.is_whole:
                flags.add(Flag.DAMAGED)
            if page is None:
                continue
            if page.kind & 2:
                # Streams that are multiplexed begin together; one that begins later is chained on.
                if under_way:
                    flags |= {Flag.STREAM_CHANGE} if ended else {Flag.STREAM_CHANGE, Flag.TRUNCATED}
                if under_way or not starts:
                    starts.append(page.start)
                ended = under_way = False
            elif page.number != sequence.get(page.serial, page.number - 1) + 1:
                flags.add(Flag.DAMAGED)
            sequence[page.serial] = page.number
            under_way = under_way or not page.kind & 2
            ended = ended or bool(page.kind & 4)
            at = page.end
    flags |= _ogg_end(ended=ended, left=size_bytes - at) if starts else set()
    links = tuple(pairwise([*starts, size_bytes])) if Flag.STREAM_CHANGE in flags else ()
    return Structure(None, frozenset(flags), links=links)


def _ogg_end(*, ended: bool, left: int) -> set[Flag]:
    if not ended or left < 0:
        return {Flag.TRUNCATED}
    return {Flag.TRAILING_DATA} if left > _JUNK_TOLERATED_BYTES else set()


@dataclass(frozen=True, slots=True)
class _Page:
    """Where an Ogg page is, what it says, and whether its checksum agrees."""

    start: int
    end: int
    kind: int
    serial: int
    number: int
    is_whole: bool


def _ogg_pages(stream: BinaryIO, at: int, size_bytes: int) -> Iterator[_Page | None]:
    """Yield every page, and None for bytes in between that are none."""
    while at + 27 <= size_bytes:
        stream.seek(at)
        head = stream.read(27)
        magic, _, kind, _, serial, number, checksum, segments = struct.unpack("<4sBBqIIIB", head)
        if magic != b"OggS":
            yield None
            stream.seek(at)
            step = stream.read(1 << 17).find(b"OggS", 1)
            if step < 0:
                return
            at += step
            continue
        lacing = stream.read(segments)
        body = stream.read(sum(lacing))
        end = at + 27 + segments + sum(lacing)
        # Decoders drop a page whose checksum is wrong without a word; one that is cut is known by its end.
        whole = end > size_bytes or _ogg_crc(head[:22] + bytes(4) + head[26:] + lacing + body) == checksum
        yield _Page(at, end, kind, serial, number, whole)
        at = end


def _ogg_crc(page: bytes) -> int:
    """Return the checksum of RFC 3533: zlib's polynomial, with the bits of bytes and result in the other order."""
    mirrored = zlib.crc32(page.translate(_BITS_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_BITS_MIRRORED), "big")


def _mp3(path: Path, offset: int) -> Structure:
    """Walk MPEG frame headers: count samples, note gaps, changes of rate or channels, and a cut last frame."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as stream:
        return _mp3_frames(stream, offset)


def _mp3_frames(stream: mmap.mmap, offset: int) -> Structure:
    flags: set[Flag] = set()
    total_samples, claimed, kind = 0, None, None
    for at, (length, *sort, samples) in _mpeg_frames(stream, offset, flags):
        if kind is None:
            kind = sort
            claimed_frames = _xing_frames(stream[at : at + length])
            if claimed_frames is not None:
                claimed = claimed_frames * samples
                continue
        if kind != sort:
            flags.add(Flag.STREAM_CHANGE)
        if at + length > len(stream):
            flags.add(Flag.TRUNCATED)
        total_samples += round(samples * kind[0] / sort[0])
    if claimed is not None and total_samples > claimed * 1.01 + 2304:
        if Flag.STREAM_CHANGE not in flags:
            flags.add(Flag.HEADER_INCONSISTENT)
        claimed = total_samples
    return Structure(claimed, frozenset(flags), present_frames=total_samples)


def _mpeg_frames(stream: mmap.mmap, at: int, flags: set[Flag]) -> Iterator[tuple[int, tuple[int, int, int, int]]]:
    """Yield where each frame starts and what its header says; gaps and what follows the last frame raise flags."""
    found = False
    while at + 4 <= len(stream):
        frame = mp3_frame(stream, at)
        if frame is not None:
            yield at, frame
            found = True
            at += frame[0]
            continue
        tag_bytes = _tag_bytes(stream[at : at + 32])
        if tag_bytes:
            at += tag_bytes
            continue
        step = _next_mp3_frame(stream, at + 1)
        if step is None:
            if found and len(stream) - at > _JUNK_TOLERATED_BYTES:
                flags.add(Flag.TRAILING_DATA)
            return
        if found:
            flags.add(Flag.DAMAGED)
        at = step


def _tag_bytes(head: bytes) -> int:
    """Return the length of the tag of an MP3 file that starts here; streams that are joined have theirs in between."""
    if head[:3] == b"TAG":
        return 128
    if head[:8] == b"APETAGEX" and len(head) == 32:
        return 32 + int(struct.unpack_from("<I", head, 12)[0])
    return id3_bytes(head)


def _next_mp3_frame(stream: mmap.mmap, at: int) -> int | None:
    """Return where the next frame starts that is followed by another one."""
    at = stream.find(b"\xff", at)
    while at >= 0:
        frame = mp3_frame(stream, at)
        if frame is not None and mp3_frame(stream, at + frame[0]) is not None:
            return at
        at = stream.find(b"\xff", at + 1)
    return None


def _xing_frames(frame: bytes) -> int | None:
    """Return the frame count of a Xing/Info header in the first frame, where it holds one."""
    for tag in (b"Xing", b"Info"):
        at = frame.find(tag, 4, 64)
        if at >= 0 and frame[at + 7] & 1 and at + 12 <= len(frame):
            return int.from_bytes(frame[at + 8 : at + 12], "big")
    return None

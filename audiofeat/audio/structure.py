"""What decoders keep to themselves: how much sound a file declares, and where its stream breaks or changes.

Decoders resynchronise in silence, stop at the first change of rate or channels, and shorten a cut file without a
word. Walking the frame or page headers takes a few milliseconds and tells.
"""

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from audiofeat.audio.sniff import Container, mp3_frame
from audiofeat.domain.quality import Flag

_CHUNK_UNKNOWN = 0xFFFFFFFF
_JUNK_TOLERATED_BYTES = 16_384
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
    """

    declared_frames: int | None = None
    flags: frozenset[Flag] = frozenset()


def walk(path: Path, container: Container, offset: int) -> Structure:
    """Read a file's headers from ``offset`` on; containers without a walker make no claim."""
    walkers = {Container.WAV: _wav, Container.AIFF: _aiff, Container.OGG: _ogg, Container.MP3: _mp3}
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
    return Structure(length // block_align, frozenset({Flag.TRAILING_DATA} if trailing else ()))


def _aiff(path: Path, offset: int) -> Structure:
    size_bytes = path.stat().st_size
    with path.open("rb") as stream:
        at = offset + 12
        while at + 14 <= size_bytes:
            stream.seek(at)
            name, length, _, frames = struct.unpack(">4sIHI", stream.read(14))
            if name == b"COMM":
                return Structure(frames or None)
            at += 8 + length + (length & 1)
    return Structure()


def _ogg(path: Path, offset: int) -> Structure:
    """Walk Ogg pages (RFC 3533): end of stream seen, sequence unbroken, no second logical stream."""
    size_bytes = path.stat().st_size
    flags: set[Flag] = set()
    sequence: dict[int, int] = {}
    ended = began = False
    with path.open("rb") as stream:
        at = offset
        while at + 27 <= size_bytes:
            stream.seek(at)
            head = stream.read(27)
            magic, _, kind, _, serial, number, _, segments = struct.unpack("<4sBBqIIIB", head)
            if magic != b"OggS":
                if began and ended:
                    flags.add(Flag.TRAILING_DATA)
                    break
                flags.add(Flag.DAMAGED)
                stream.seek(at)
                step = stream.read(1 << 17).find(b"OggS", 1)
                if step < 0:
                    break
                at += step
                continue
            if kind & 2:
                if ended:
                    flags.add(Flag.STREAM_CHANGE)
                began, ended = True, False
            elif number != sequence.get(serial, number - 1) + 1:
                flags.add(Flag.DAMAGED)
            sequence[serial] = number
            ended = ended or bool(kind & 4)
            at += 27 + segments + sum(stream.read(segments))
    if began and (not ended or at > size_bytes):
        flags.add(Flag.TRUNCATED)
    return Structure(None, frozenset(flags))


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
        total_samples += samples
    if claimed is not None and Flag.STREAM_CHANGE not in flags and total_samples > claimed * 1.01 + 2304:
        flags.add(Flag.HEADER_INCONSISTENT)
        claimed = total_samples
    return Structure(claimed, frozenset(flags))


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
        if stream[at : at + 3] in {b"TAG", b"ID3"} or stream[at : at + 8] == b"APETAGEX":
            return
        step = _next_mp3_frame(stream, at + 1)
        if step is None:
            if found and len(stream) - at > _JUNK_TOLERATED_BYTES:
                flags.add(Flag.TRAILING_DATA)
            return
        if found:
            flags.add(Flag.DAMAGED)
        at = step


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

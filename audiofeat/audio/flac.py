"""How many samples a FLAC file says that it has, and how many it has by the number of its last frame (RFC 9639)."""

import struct
from pathlib import Path

_TAIL_BYTES = 1 << 18
_STREAMINFO_BYTES = 8 + 34
_BLOCK_SIZES = {1: 192, **{i: 576 << i - 2 for i in range(2, 6)}, **{i: 256 << i - 8 for i in range(8, 16)}}


def last_sample(path: Path, offset: int) -> tuple[int | None, int | None]:
    """Return the samples a channel by the header and by the last frame; None where either does not tell.

    Parameters
    ----------
    path : Path
        A FLAC file.
    offset : int
        Where its marker stands, in bytes.
    """
    with path.open("rb") as stream:
        stream.seek(offset)
        head = stream.read(_STREAMINFO_BYTES)
        if len(head) < _STREAMINFO_BYTES or head[4] & 127:
            return None, None
        stream.seek(max(offset + _STREAMINFO_BYTES, path.stat().st_size - _TAIL_BYTES))
        tail = stream.read()
    (block_size,) = struct.unpack_from(">H", head, 8)
    declared = struct.unpack_from(">Q", head, 18)[0] & (1 << 36) - 1
    at = tail.rfind(b"\xff")
    while at >= 0:
        present = _frame_end(tail[at : at + 16], head[18:22], block_size)
        if present is not None:
            return declared or None, present
        at = tail.rfind(b"\xff", 0, at)
    return declared or None, None


def _frame_end(frame: bytes, streaminfo: bytes, block_size: int) -> int | None:
    """Return the number of the first sample behind a frame, where these bytes are a frame's header."""
    if len(frame) < 16 or frame[1] & 0xFE != 0xF8 or frame[3] & 1:
        return None
    channels = (streaminfo[2] >> 1 & 7) + 1
    assigned = frame[3] >> 4
    if (assigned + 1 if assigned < 8 else 2) != channels or assigned > 10:
        return None
    number, at = _coded_number(frame, 4)
    size_code, rate_code = frame[2] >> 4, frame[2] & 15
    if number is None or size_code == 0 or rate_code == 15:
        return None
    size = _BLOCK_SIZES.get(size_code, 0)
    if size_code in {6, 7}:
        size = int.from_bytes(frame[at : at + size_code - 5], "big") + 1
        at += size_code - 5
    at += {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if at >= len(frame) or _crc8(frame[:at]) != frame[at]:
        return None
    return number + size if frame[1] & 1 else number * block_size + size


def _coded_number(frame: bytes, at: int) -> tuple[int | None, int]:
    """Read a number that is coded as UTF-8 codes characters, in up to seven bytes."""
    first = frame[at]
    if first < 0x80:
        return first, at + 1
    length = 8 - (first ^ 0xFF).bit_length()
    following = frame[at + 1 : at + length]
    if not 2 <= length <= 7 or any(byte & 0xC0 != 0x80 for byte in following):
        return None, at
    number = first & (0x7F >> length)
    for byte in following:
        number = number << 6 | byte & 0x3F
    return number, at + length


def _crc8(content: bytes) -> int:
    crc = 0
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ (0x07 if crc & 0x80 else 0)) & 0xFF
    return crc

"""Chapters of MP4 files that stand in a text track beside the sound, as QuickTime and Apple's tools write them.

Only the few boxes that lead there are read, wherever ``moov`` lies.

References
----------
Apple, "QuickTime File Format": chapter lists, text media; ISO/IEC 14496-12: sample tables.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO

from audiofeat.domain.chapters import MOST_CHAPTERS

_TEXT = frozenset({b"text", b"sbtl", b"subt"})
_MOST_TITLE_BYTES = 2_000
_UTF_16 = (b"\xfe\xff", b"\xff\xfe")


@dataclass(frozen=True, slots=True)
class _Box:
    name: bytes
    start: int
    end: int


def text_track(path: Path) -> list[tuple[float, float, str]]:
    """Return start and end in seconds and title of each chapter of the track that others name as their chapters.

    Raises
    ------
    struct.error, OSError
        The boxes are damaged.
    """
    with path.open("rb") as file:
        file_box = _Box(b"", 0, path.stat().st_size)
        tracks = [box for moov in _inside(file, file_box, b"moov") for box in _inside(file, moov, b"trak")]
        named = {number for track in tracks for number in _names(file, track)}
        for track in tracks:
            media = next(_inside(file, track, b"mdia"), None)
            if media is not None and _number(file, track) in named and _handler(file, media) in _TEXT:
                return _chapters(file, media)
    return []


def _inside(file: BinaryIO, box: _Box, *path: bytes) -> Iterator[_Box]:
    """Yield the boxes that a path leads to from inside another one."""
    at = box.start
    while at + 8 <= box.end:
        file.seek(at)
        size, name = struct.unpack(">I4s", file.read(8))
        start = at + 8
        if size == 1:
            (size,) = struct.unpack(">Q", file.read(8))
            start += 8
        end = box.end if size == 0 else at + size
        if not start <= end <= box.end:
            return
        if name == path[0]:
            found = _Box(name, start, end)
            yield from _inside(file, found, *path[1:]) if path[1:] else (found,)
        at = end


def _read(file: BinaryIO, box: _Box, form: str, *, skip: int = 0) -> tuple[int, ...]:
    file.seek(box.start + skip)
    return struct.unpack(form, file.read(struct.calcsize(form)))


def _number(file: BinaryIO, track: _Box) -> int:
    """Return the number that other tracks name a track by."""
    header = next(_inside(file, track, b"tkhd"))
    (version,) = _read(file, header, ">B")
    return _read(file, header, ">I", skip=20 if version else 12)[0]


def _names(file: BinaryIO, track: _Box) -> tuple[int, ...]:
    """Return which tracks hold the chapters of this one."""
    box = next(_inside(file, track, b"tref", b"chap"), None)
    return () if box is None else _read(file, box, f">{min((box.end - box.start) // 4, MOST_CHAPTERS)}I")


def _handler(file: BinaryIO, media: _Box) -> bytes:
    box = next(_inside(file, media, b"hdlr"), None)
    if box is None:
        return b""
    file.seek(box.start + 8)
    return file.read(4)


def _chapters(file: BinaryIO, media: _Box) -> list[tuple[float, float, str]]:
    header = next(_inside(file, media, b"mdhd"))
    (version,) = _read(file, header, ">B")
    (scale,) = _read(file, header, ">I", skip=20 if version else 12)
    table = next(_inside(file, media, b"minf", b"stbl"))
    lasting = [span for count, span in _rows(file, table, b"stts", 2) for _ in range(min(count, MOST_CHAPTERS))]
    times = [ticks / max(scale, 1) for ticks in accumulate(lasting[:MOST_CHAPTERS], initial=0)]
    titles = (_title(file, at) for at in _places(file, table))
    return list(zip(times, times[1:], titles, strict=False))


def _rows(file: BinaryIO, table: _Box, name: bytes, columns: int, code: str = "I") -> list[tuple[int, ...]]:
    """Return the rows of a sample table, at most as many as there may be chapters."""
    box = next(_inside(file, table, name))
    width = struct.calcsize(f">{columns}{code}")
    (count,) = _read(file, box, ">I", skip=4)
    count = min(count, MOST_CHAPTERS, (box.end - box.start - 8) // width)
    return [_read(file, box, f">{columns}{code}", skip=8 + width * row) for row in range(count)]


def _places(file: BinaryIO, table: _Box) -> Iterator[int]:
    """Yield where in the file each sample begins: samples of a chunk lie one behind the other."""
    is_long = next(_inside(file, table, b"co64"), None) is not None
    chunks = _rows(file, table, b"co64", 1, "Q") if is_long else _rows(file, table, b"stco", 1)
    box = next(_inside(file, table, b"stsz"))
    same, count = _read(file, box, ">2I", skip=4)
    count = min(count, MOST_CHAPTERS)
    sizes = iter([same] * count if same else _read(file, box, f">{count}I", skip=12))
    runs = _rows(file, table, b"stsc", 3)
    for number, (at,) in enumerate(chunks, start=1):
        samples = next((run[1] for run in reversed(runs) if run[0] <= number), 0)
        place = at
        # The shorter one first: what a zip has taken from the other is gone.
        for _, size in zip(range(samples), sizes, strict=False):
            yield place
            place += size


def _title(file: BinaryIO, at: int) -> str:
    """Return the text of a sample: its length in two bytes, then UTF-8, or UTF-16 behind a byte order mark."""
    file.seek(at)
    (length,) = struct.unpack(">H", file.read(2))
    text = file.read(min(length, _MOST_TITLE_BYTES))
    return text.decode("utf-16" if text.startswith(_UTF_16) else "utf-8", errors="replace")

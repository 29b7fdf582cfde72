"""One stream of a chained file, as if it were a file of its own."""

import os
from typing import BinaryIO


class Link:
    """The bytes ``start`` to ``end`` of an open file, as soundfile wants to read them.

    Parameters
    ----------
    stream : file object
        Open for as long as this is used.
    start, end : int
        In bytes.
    """

    def __init__(self, stream: BinaryIO, start: int, end: int) -> None:
        self._stream, self._start, self._length = stream, start, end - start
        self._at = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to an offset from the start, from here or from the end."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._length}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """Return where the next read starts."""
        return self._at

    def read(self, size: int) -> bytes:
        """Return at most ``size`` bytes."""
        self._stream.seek(self._start + self._at)
        content = self._stream.read(max(0, min(size, self._length - self._at)))
        self._at += len(content)
        return content

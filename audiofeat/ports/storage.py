"""Where bytes lie: any S3 bucket, or a folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What a store says of one object without reading it."""

    key: str
    size_bytes: int
    version: str
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class Fetched:
    """A copy of an object on local disk, hashed on the way."""

    path: Path
    size_bytes: int
    sha256: str


class ObjectStore(Protocol):
    """Immutable-by-version bytes under keys."""

    name: str

    def list(self, prefix: str = "", *, after: str | None = None) -> Iterator[StoredObject]:
        """Yield the object called ``prefix`` and those below it at a ``/``, in key order; raises SourceNotFound.

        With ``after``, only those behind that key.
        """

    def head(self, key: str) -> StoredObject:
        """Return one object's facts; raises ObjectMissing or AccessDenied."""

    def fetch(self, key: str, into: Path, *, version: str | None = None, max_bytes: int | None = None) -> Fetched:
        """Stream an object to the new file ``into``; raises ObjectChanged where it is no longer ``version``."""

    def get(self, key: str) -> tuple[bytes, str]:
        """Return a small object's bytes and its version."""

    def put(self, key: str, body: bytes | Path) -> str:
        """Write an object whole or not at all, and return its version."""

    def put_if_absent(self, key: str, body: bytes | Path) -> str:
        """Write an object only where the key is free; raises PointerMoved otherwise."""

    def swap(self, key: str, body: bytes, *, version: str) -> str:
        """Replace an object only while it still is ``version``; raises PointerMoved otherwise."""

    def delete(self, key: str) -> None:
        """Remove an object; a key that is not there is no error."""

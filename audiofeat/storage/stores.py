"""The one place where a location, or a store's name in the ledger, becomes a store."""

from pathlib import Path
from typing import TYPE_CHECKING

from audiofeat.errors import AccessDenied, SourceNotFound
from audiofeat.ports import ObjectStore
from audiofeat.storage.arrival import os_errors
from audiofeat.storage.directory import DirectoryStore
from audiofeat.storage.location import Location
from audiofeat.storage.s3_connection import S3Connection

if TYPE_CHECKING:
    from audiofeat.storage.s3_client import OwnClient

_FILE = "file:"
_MOST_OPENED = 1_000


class Stores:
    """Opens stores and keeps them open, so that a worker makes one S3 client and not one a job.

    Parameters
    ----------
    connection : S3Connection
        How the S3 server is reached.
    s3_store_name : str
        First part of the name of every bucket's store.
    allowed_buckets : tuple of str
        The buckets that audio may be read from; empty for all.
    """

    def __init__(
        self, *, connection: S3Connection, s3_store_name: str = "s3", allowed_buckets: tuple[str, ...] = ()
    ) -> None:
        self._connection = connection
        self._s3_store_name = s3_store_name
        self._allowed_buckets = frozenset(allowed_buckets)
        self._opened: dict[str, ObjectStore] = {}
        self._client: OwnClient | None = None

    def at(self, location: Location) -> ObjectStore:
        """Return the store that holds a location; the location's prefix is for the store's ``list``.

        Raises
        ------
        AccessDenied
            If the bucket is not an allowed one.
        """
        if location.bucket is not None:
            return self.named(f"{self._s3_store_name}/{location.bucket}")
        return self.named(f"{_FILE}{location.folder}")

    def named(self, name: str) -> ObjectStore:
        """Return the store of that name, as a job carries it.

        A name from outside may be that of any local folder: who takes messages refuses ``file:`` before this.

        Raises
        ------
        SourceNotFound
            If no store is called so here.
        AccessDenied
            If the bucket is not an allowed one.
        """
        if name not in self._opened:
            if len(self._opened) >= _MOST_OPENED:
                # Where every bucket is allowed, requests may name any number of them.
                self._opened.clear()
            self._opened[name] = self._open(name)
        return self._opened[name]

    def name_of(self, bucket: str) -> str:
        """Return the name of a bucket's store without opening it; raises AccessDenied as ``at`` does."""
        self._require_allowed(bucket)
        return f"{self._s3_store_name}/{bucket}"

    def own(self, location: Location) -> ObjectStore:
        """Return audiofeat's own store at a location: a folder is made, a prefix stands before every key.

        The allow-list is for what others ask to be read and does not apply.
        """
        if location.bucket is not None:
            return self._bucket(location.bucket, prefix=location.prefix)
        folder = Path(location.folder or ".")
        with os_errors(f"the folder {folder}"):
            folder.mkdir(parents=True, exist_ok=True)
        return DirectoryStore(folder)

    def _open(self, name: str) -> ObjectStore:
        if name.startswith(f"{_FILE}/"):
            return DirectoryStore(Path(name.removeprefix(_FILE)))
        store_name, _, bucket = name.partition("/")
        if store_name != self._s3_store_name or not bucket or "/" in bucket:
            raise SourceNotFound(
                f"no store is called {name!r} here", f"S3 stores are called {self._s3_store_name}/<bucket>"
            )
        self._require_allowed(bucket)
        return self._bucket(bucket)

    def _require_allowed(self, bucket: str) -> None:
        if self._allowed_buckets and bucket not in self._allowed_buckets:
            raise AccessDenied(f"the bucket {bucket} is not allowed here", "add it to AUDIOFEAT_ALLOWED_BUCKETS")

    def _bucket(self, bucket: str, *, prefix: str = "") -> ObjectStore:
        # boto3 takes a third of a second to load, which a run over a local folder need not pay.
        from audiofeat.storage.s3 import S3Store  # noqa: PLC0415  as said above
        from audiofeat.storage.s3_client import OwnClient  # noqa: PLC0415  as said above

        self._client = self._client or OwnClient(self._connection)
        return S3Store(
            bucket, connection=self._connection, store_name=self._s3_store_name, prefix=prefix, client=self._client
        )

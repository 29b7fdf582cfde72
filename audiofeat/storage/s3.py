"""A bucket of any S3 server as an object store.

A version is the ETag without its quotes, as radosgw wants it back. Version ids would exist in versioned buckets
only, and a listing does not carry them.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audiofeat.errors import ObjectChanged, PointerMoved, StoreUnavailable
from audiofeat.ports import Fetched, StoredObject
from audiofeat.storage.arrival import BLOCK_BYTES, new_file, os_errors, refuse_beyond, write_blocks
from audiofeat.storage.s3_client import OwnClient
from audiofeat.storage.s3_connection import S3Connection
from audiofeat.storage.s3_errors import s3_errors

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

_Page = tuple[list[StoredObject], str | None]  # and how to ask for the next one


class S3Store:
    """The objects of one bucket, or those below a prefix of it.

    Objects are written by one PUT (at most 5 GiB), because conditions hold for single PUTs only.

    Parameters
    ----------
    bucket : str
        An existing bucket.
    connection : S3Connection
        How its server is reached; a client is made on first use and again in each forked process.
    store_name : str
        First part of the store's name, which has no endpoint or port in it.
    client : OwnClient, optional
        Shared with other stores of the same connection.
    prefix : str
        Put before every key, with a ``/`` between; for a bucket that is shared with others.
    """

    def __init__(
        self,
        bucket: str,
        *,
        connection: S3Connection,
        store_name: str = "s3",
        prefix: str = "",
        client: OwnClient | None = None,
    ) -> None:
        self._bucket = bucket
        self._base = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self.name = f"{store_name}/{bucket}/{self._base}".rstrip("/")
        self._client = client or OwnClient(connection)

    def list(self, prefix: str = "", *, after: str | None = None) -> Iterator[StoredObject]:
        """Yield the object that ``prefix`` names and those below it, in key order."""
        if prefix and not prefix.endswith("/"):
            if after is None or after < prefix:
                # A key is the first of all that begin with it; siblings such as "a.wav.bak" are not asked for.
                yield from (found for found in self._page(prefix, most=1)[0] if found.key == prefix)
            prefix += "/"
        page, following = self._page(prefix, after=after)
        while True:
            # Consoles make empty objects that stand for folders.
            yield from (found for found in page if not (found.key.endswith("/") and found.size_bytes == 0))
            if following is None:
                return
            page, following = self._page(prefix, continuation=following)

    def head(self, key: str) -> StoredObject:
        """Return one object's facts."""
        with s3_errors(self._said(key)):
            found = self._s3().head_object(Bucket=self._bucket, Key=self._base + key)
        return StoredObject(
            key=key,
            size_bytes=found["ContentLength"],
            version=_unquoted(found["ETag"]),
            modified_at=found["LastModified"],
        )

    def fetch(self, key: str, into: Path, *, version: str | None = None, max_bytes: int | None = None) -> Fetched:
        """Stream an object to the new file ``into``."""
        with self._body(key, version) as (answer, blocks):
            refuse_beyond(max_bytes, answer["ContentLength"], self._said(key))
            with new_file(into) as file:
                size, sha256 = write_blocks(blocks, file, what=self._said(key), max_bytes=max_bytes)
                self._require_length(key, size, answer["ContentLength"])
        return Fetched(path=into, size_bytes=size, sha256=sha256)

    def get(self, key: str) -> tuple[bytes, str]:
        """Return a small object's bytes and its version."""
        with self._body(key, None) as (answer, blocks):
            body = b"".join(blocks)
            self._require_length(key, len(body), answer["ContentLength"])
        return body, _unquoted(answer["ETag"])

    def put(self, key: str, body: bytes | Path) -> str:
        """Write an object whole or not at all."""
        return self._put(key, body)

    def put_if_absent(self, key: str, body: bytes | Path) -> str:
        """Write an object only where the key is free.

        Where the answer to a write that succeeded was lost, the repeated call finds the key taken and raises
        PointerMoved too: whoever gets that error reads the object again.
        """
        return self._put(key, body, IfNoneMatch="*")

    def swap(self, key: str, body: bytes, *, version: str) -> str:
        """Replace an object only while it still is ``version``; a lost answer ends as in ``put_if_absent``."""
        return self._put(key, body, IfMatch=version)

    def delete(self, key: str) -> None:
        """Remove an object; a key that is not there is no error."""
        with s3_errors(self._said(key)):
            self._s3().delete_object(Bucket=self._bucket, Key=self._base + key)

    def _put(self, key: str, body: bytes | Path, **condition: str) -> str:
        where: dict[str, Any] = {"Bucket": self._bucket, "Key": self._base + key, **condition}
        with s3_errors(self._said(key), conditional=PointerMoved):
            if isinstance(body, bytes):
                return _unquoted(self._s3().put_object(**where, Body=body)["ETag"])
            with os_errors(f"{body}, to be written as {self._said(key)}"), body.open("rb") as file:
                return _unquoted(self._s3().put_object(**where, Body=file)["ETag"])

    @contextmanager
    def _body(self, key: str, version: str | None) -> Iterator[tuple["GetObjectOutputTypeDef", Iterator[bytes]]]:
        """Open an object, as long as it still is ``version``; yield the answer's head and its blocks."""
        condition: dict[str, Any] = {"IfMatch": version} if version is not None else {}
        with s3_errors(self._said(key)):
            answer = self._s3().get_object(Bucket=self._bucket, Key=self._base + key, **condition)
        with closing(answer["Body"]):
            if version is not None and _unquoted(answer["ETag"]) != version:
                # Some servers ignore the condition.
                raise ObjectChanged(f"{self._said(key)} was written meanwhile", "its new version is a job of its own")
            yield answer, self._blocks(key, answer["Body"])

    def _blocks(self, key: str, body: "StreamingBody") -> Iterator[bytes]:
        with s3_errors(self._said(key)):
            yield from body.iter_chunks(BLOCK_BYTES)

    def _require_length(self, key: str, size_bytes: int, promised: int) -> None:
        if size_bytes != promised:
            raise StoreUnavailable(f"{self._said(key)}: {size_bytes:,} of {promised:,} bytes came", "it is tried again")

    def _page(
        self, prefix: str, *, after: str | None = None, continuation: str | None = None, most: int = 1000
    ) -> _Page:
        request: dict[str, Any] = {"ContinuationToken": continuation} if continuation else {}
        if after is not None:
            request["StartAfter"] = self._base + after
        with s3_errors(f"s3://{self._bucket}"):
            page = self._s3().list_objects_v2(Bucket=self._bucket, Prefix=self._base + prefix, MaxKeys=most, **request)
        found = [
            StoredObject(
                key=entry["Key"].removeprefix(self._base),
                size_bytes=entry["Size"],
                version=_unquoted(entry["ETag"]),
                # Some servers list milliseconds, which the answer to a HEAD has no room for.
                modified_at=entry["LastModified"].replace(microsecond=0),
            )
            for entry in page.get("Contents", [])
        ]
        return found, page.get("NextContinuationToken")

    def _s3(self) -> "S3Client":
        return self._client.of_this_process()

    def _said(self, key: str) -> str:
        return f"s3://{self._bucket}/{self._base}{key}"


def _unquoted(etag: str) -> str:
    return etag.removeprefix("W/").strip('"')

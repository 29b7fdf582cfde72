"""The boto3 client of a process, which the stores of all buckets of one server share."""

import os
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from audiofeat.storage.s3_connection import S3Connection
from audiofeat.storage.s3_watch import watch_calls

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class OwnClient:
    """Makes a client on first use, and again in each forked process.

    Requests name any number of buckets, and a client is some megabytes.
    """

    def __init__(self, connection: S3Connection) -> None:
        self._connection = connection
        self._made: tuple[int, S3Client] | None = None

    def of_this_process(self) -> "S3Client":
        """Return this process's client: sockets made before a fork would be shared with the parent."""
        if self._made is None or self._made[0] != os.getpid():
            self._made = (os.getpid(), _connect(self._connection))
        return self._made[1]


def _connect(connection: S3Connection) -> "S3Client":
    elsewhere = connection.endpoint_url is not None
    config = Config(
        retries={"mode": "standard", "total_max_attempts": connection.attempts},
        connect_timeout=connection.connect_timeout_s,
        read_timeout=connection.read_timeout_s,
        s3={"addressing_style": "path" if elsewhere else "auto"},
        # Newer checksums are Amazon's; many other servers refuse or mangle them.
        request_checksum_calculation="when_required" if elsewhere else "when_supported",
        response_checksum_validation="when_required" if elsewhere else "when_supported",
    )
    # A session of its own: boto3's default one must not be shared between threads.
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=connection.endpoint_url,
        region_name=connection.region,
        aws_access_key_id=connection.access_key_id,
        aws_secret_access_key=connection.secret_access_key,
        config=config,
    )
    if connection.watch:
        watch_calls(client.meta.events, connection.watch)
    return client

"""A queue of the SQS kind, into which a store or a topic behind it puts its notifications."""

import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from audiofeat.ports import QueuedMessage
from audiofeat.storage.s3_connection import S3Connection
from audiofeat.storage.s3_errors import s3_errors

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_AT_ONCE = 10
_AMAZON = (".amazonaws.com", ".amazonaws.com.cn")


class SqsQueue:
    """Messages by long polling; each is hidden from other readers for the queue's visibility timeout.

    Parameters
    ----------
    url : str
        The queue's own URL, from the configuration. Its host is where an SQS server is that is not Amazon's.
    connection : S3Connection
        Credentials, region and patience, those of the stores.
    """

    def __init__(self, url: str, *, connection: S3Connection) -> None:
        self.name = url
        self._connection = connection
        self._client: tuple[int, SQSClient] | None = None

    def receive(self, *, wait_s: float) -> list[QueuedMessage]:
        """Return up to ten messages, waiting up to 20 s for the first one."""
        with s3_errors(f"the queue {self.name}"):
            answer = self._sqs().receive_message(
                QueueUrl=self.name,
                MaxNumberOfMessages=_AT_ONCE,
                WaitTimeSeconds=round(wait_s),
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        return [
            QueuedMessage(
                body=message.get("Body", ""),
                receipt=message["ReceiptHandle"],
                deliveries=int(message.get("Attributes", {}).get("ApproximateReceiveCount", "1")),
            )
            for message in answer.get("Messages", [])
        ]

    def delete(self, message: QueuedMessage) -> None:
        """Tell the queue that a message is taken over."""
        with s3_errors(f"the queue {self.name}"):
            self._sqs().delete_message(QueueUrl=self.name, ReceiptHandle=message.receipt)

    def _sqs(self) -> "SQSClient":
        """Return this process's client, as stores have theirs."""
        if self._client is None or self._client[0] != os.getpid():
            self._client = (os.getpid(), self._connect())
        return self._client[1]

    def _connect(self) -> "SQSClient":
        parts, connection = urlsplit(self.name), self._connection
        is_amazons = (parts.hostname or "").endswith(_AMAZON)
        return boto3.session.Session().client(
            "sqs",
            endpoint_url=None if is_amazons else f"{parts.scheme}://{parts.netloc}",
            region_name=connection.region,
            aws_access_key_id=connection.access_key_id,
            aws_secret_access_key=connection.secret_access_key,
            config=Config(
                retries={"mode": "standard", "total_max_attempts": connection.attempts},
                connect_timeout=connection.connect_timeout_s,
                read_timeout=connection.read_timeout_s,
            ),
        )

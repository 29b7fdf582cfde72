"""What tells of items, and what wakes the workers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from audiofeat.domain.jobs import Lane, MetadataRecord


class MetadataSource(Protocol):
    """Records about items from one third party."""

    name: str

    def records(self) -> Iterator[tuple[Mapping[str, str], MetadataRecord]]:
        """Yield the keys that identify an item (``reference``, ``path``) and what this source says of it."""


class TaskQueue(Protocol):
    """The doorbell: tells workers that a job is due; losing it loses nothing."""

    def ring(self, job_ids: Sequence[str], lane: Lane) -> None:
        """Enqueue job ids; raises BrokerUnavailable."""

    def depth(self, lane: Lane) -> int:
        """Return how many messages wait in a lane."""

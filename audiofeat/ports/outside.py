"""What tells of items, what wakes the workers, and what is told of their work."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from audiofeat.domain.items import Kind
from audiofeat.domain.jobs import JobState, Lane, MetadataRecord
from audiofeat.domain.source_records import Told
from audiofeat.ports.metadata import Described


class MetadataSource(Protocol):
    """Records about items from one third party."""

    name: str

    def records(self) -> Iterator[tuple[Mapping[str, str], MetadataRecord]]:
        """Yield the keys that identify an item (``reference``, ``path``) and what this source says of it."""


class RecordSource(Protocol):
    """Records of one third party, as they come; nothing of them is held whole.

    ``licence`` is that under which the source gives them, where one is known. A source that ``is_of_the_world`` tells
    of far more than this catalogue: what finds no item in it, or is only like one, is not kept.
    """

    name: str
    licence: str | None
    is_of_the_world: bool

    def fetch(self, items: Iterable[Described]) -> Iterator[Told]:
        """Yield what the source says; a source that cannot be asked about items yields all that it has.

        What cannot be read is yielded as such, and what follows it still comes. Raises AudiofeatError where nothing
        more can come.
        """


class TaskQueue(Protocol):
    """The doorbell: tells workers that a job is due; losing it loses nothing."""

    def ring(self, job_ids: Sequence[str], lane: Lane) -> None:
        """Enqueue job ids; raises BrokerUnavailable."""

    def build_shards(self, kind: Kind, release: str, numbers: Sequence[int]) -> None:
        """Ask for the shards of an index that is being built, which nobody has to do; raises BrokerUnavailable."""

    def hear_repeats(self, shows: Sequence[str]) -> None:
        """Ask for shows to be listened to for what is heard again; raises BrokerUnavailable."""

    def refresh(self, source: str) -> None:
        """Ask for what a source of metadata says now; raises BrokerUnavailable."""

    def depth(self, lane: Lane) -> int:
        """Return how many messages wait in a lane."""


class Telemetry(Protocol):
    """Told of what happens as it happens, by whoever does the work; metrics and traces are made from it."""

    def stage(self, name: str, *, trace: str | None = None) -> AbstractContextManager[None]:
        """Time a stage of a job, as part of a trace where one is named."""

    def stage_took(self, name: str, seconds: float) -> None:
        """Count a stage that was timed elsewhere, as in the extraction child."""

    def job_ended(self, lane: Lane, state: JobState, *, audio_s: float = 0.0) -> None:
        """Count the end of an attempt, and the audio that it decoded."""

    def child_ended(self, how: str) -> None:
        """Count the end of an extraction child: ``answered``, a signal's name, ``deadline``, ``memory``, ``failed``."""

    def refused(self, what: str) -> None:
        """Count a refusal of the ledger: ``claim``, ``lease`` or ``fence``."""

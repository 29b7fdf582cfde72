"""The part of the ledger that follows the objects in their stores: events, observations, refused messages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from audiofeat.domain.jobs import Lane
from audiofeat.domain.object_events import ObjectEvent
from audiofeat.domain.whereabouts import KnownObject, Observation, RefusedMessage, SyncProgress, Taken


class ObjectLedger(Protocol):
    """Which object lies where, learnt from events in any order and from looks into the stores."""

    def take_events(self, events: Sequence[ObjectEvent], *, lane: Lane) -> list[Taken]:
        """Bring items and jobs in line with events: the newest of each key counts, however late the others come."""

    def take_observations(self, store: str, observations: Sequence[Observation], *, lane: Lane) -> list[Taken]:
        """Bring items and jobs in line with a look into a store, but for keys of which something newer was heard."""

    def known_objects(self, store: str, prefix: str, *, after: str | None, limit: int) -> list[KnownObject]:
        """Return what is known of the object ``prefix`` and those below it, by key, from the one behind ``after``."""

    def refuse(self, refused: Sequence[RefusedMessage]) -> None:
        """Keep messages that were not accepted, for people to see; of very many the newest."""

    def refused_messages(self, *, limit: int = 100) -> list[RefusedMessage]:
        """Return messages that were not accepted, newest first."""

    def sync_progress(self, store: str, prefix: str) -> SyncProgress | None:
        """Return how far an unfinished pass over a place has come."""

    def keep_sync_progress(self, store: str, prefix: str, progress: SyncProgress | None) -> None:
        """Write down how far a pass has come; None where it is finished."""


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """A message that a queue has lent: it comes again unless it is deleted.

    Parameters
    ----------
    receipt : str
        What the queue wants to see for deleting it.
    deliveries : int
        How often it has been lent.
    """

    body: str
    receipt: str
    deliveries: int


class EventQueue(Protocol):
    """A queue that a store, or something behind it, fills with messages."""

    name: str

    def receive(self, *, wait_s: float) -> list[QueuedMessage]:
        """Return some messages, waiting for the first one; none where none came."""

    def delete(self, message: QueuedMessage) -> None:
        """Tell the queue that a message is taken over."""

"""One message with events of a store: read, checked, and taken over into the ledger."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from audiofeat.domain.envelopes import Parsed, Refusal, parse_message
from audiofeat.domain.jobs import FINAL_STATES, Lane
from audiofeat.domain.object_events import Happened, ObjectEvent
from audiofeat.domain.whereabouts import Fate, RefusedMessage
from audiofeat.errors import AudiofeatError, MessageRefused, ObjectMissing
from audiofeat.logs import get_logger
from audiofeat.ports import ObjectLedger, ObjectStore

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Received:
    """What a message came to.

    Parameters
    ----------
    accepted : int
        Events that the ledger has taken over.
    ignored : int
        Events that were known or overtaken, that are not about audio, or that change no object.
    refusals : tuple of Refusal
        Parts that can never be accepted; they are kept for people to see.
    job_ids : tuple of str
        Work that is due because of the message.
    """

    accepted: int
    ignored: int
    refusals: tuple[Refusal, ...]
    job_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Intake:
    """The use case, wired once for each process.

    Parameters
    ----------
    store_of : callable
        Returns the name of a bucket's store; raises AccessDenied for buckets that are not allowed.
    open_store : callable
        Opens a store by its name.
    """

    ledger: ObjectLedger
    store_of: Callable[[str], str]
    open_store: Callable[[str], ObjectStore]

    def receive(self, body: bytes | str, *, source: str, lane: Lane = Lane.COLD) -> Received:
        """Take a message over; whoever sends it may forget it when this returns.

        Parameters
        ----------
        body : bytes or str
            As it came.
        source : str
            Where it came from, for the list of refused messages.
        lane : Lane
            Queue for what has to be analysed.

        Raises
        ------
        MessageRefused
            Nothing in it can be used; it is on the list of refused messages.
        CatalogueUnavailable, StoreUnavailable, DiskFull
            It could not be taken over now, and may come again.
        """
        try:
            parsed = parse_message(body, store_of=self.store_of)
        except MessageRefused as error:
            self._refuse([Refusal(error.code, str(error))], source)
            raise
        events = [found for event in parsed.events if (found := self._with_version(event, parsed)) is not None]
        taken = self.ledger.take_events(events, lane=lane)
        self._refuse(parsed.refusals, source)
        accepted = sum(one.fate is Fate.ACCEPTED for one in taken)
        due = {one.job.job_id: None for one in taken if one.job and one.job.state not in FINAL_STATES}
        received = Received(accepted, len(taken) - accepted + parsed.ignored, tuple(parsed.refusals), tuple(due))
        _log.info(
            "events_received",
            source=source,
            accepted=accepted,
            ignored=received.ignored,
            refused=len(received.refusals),
        )
        return received

    def _with_version(self, event: ObjectEvent, parsed: Parsed) -> ObjectEvent | None:
        """Ask the store for the version where the event of a creation names none."""
        if event.happened is not Happened.CREATED or event.version is not None:
            return event
        try:
            found = self.open_store(event.store).head(event.key)
        except ObjectMissing:
            # It is gone again, and an event of its own says so.
            parsed.ignored += 1
            return None
        except AudiofeatError as error:
            if error.retryable:
                raise
            parsed.refusals.append(Refusal(error.code, str(error)))
            return None
        return replace(event, version=found.version, size_bytes=found.size_bytes)

    def _refuse(self, refusals: list[Refusal], source: str) -> None:
        for refusal in refusals:
            _log.warning("message_refused", source=source, code=refusal.code, reason=refusal.message)
        self.ledger.refuse([RefusedMessage(source, refusal.code, refusal.message) for refusal in refusals])

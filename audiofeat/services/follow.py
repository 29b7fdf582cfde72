"""Follow a queue of events: no message stops it, and none is deleted before the ledger has taken it over."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from audiofeat.codes import ErrorCode
from audiofeat.domain.jobs import Lane
from audiofeat.domain.whereabouts import RefusedMessage
from audiofeat.errors import AudiofeatError, BrokerUnavailable, MessageRefused
from audiofeat.logs import get_logger
from audiofeat.ports import EventQueue, QueuedMessage, TaskQueue
from audiofeat.services.events import Intake

_WAIT_S, _SHORT_WAIT_S = 5.0, 1.0
_PAUSES_S = (1.0, 2.0, 5.0, 10.0, 30.0)
_MOST_DELIVERIES = 5
_log = get_logger(__name__)


@dataclass(slots=True)
class Followed:
    """What came out of a queue so far: messages, and the events in them."""

    messages: int = 0
    accepted: int = 0
    ignored: int = 0
    refused: int = 0


class Follower:
    """Takes messages off a queue and hands them to the intake.

    Parameters
    ----------
    queue : EventQueue
        Where they come from.
    intake : Intake
        Where they go.
    tasks : callable
        Returns the doorbell of the workers; they are told at once, if that can be done now.
    pause : callable
        Waits some seconds after a fault that may pass.
    """

    def __init__(
        self,
        queue: EventQueue,
        intake: Intake,
        *,
        tasks: Callable[[], TaskQueue],
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._queue = queue
        self._intake = intake
        self._tasks = tasks
        self._pause = pause
        self.followed = Followed()

    def run(self, *, stopping: Callable[[], bool], until_empty: bool = False) -> Followed:
        """Go on until ``stopping`` says so, or until the queue is empty where that is wanted.

        A ledger, store or queue that cannot be reached is waited for.

        Raises
        ------
        AudiofeatError
            The queue cannot be read at all, such as one that does not exist.
        """
        faults = 0
        while not stopping():
            try:
                messages = self._queue.receive(wait_s=_SHORT_WAIT_S if until_empty else _WAIT_S)
                for message in messages:
                    self._handle(message)
            except AudiofeatError as error:
                if not error.retryable:
                    raise
                _log.warning("events_wait", code=error.code, problem=error)
                self._pause(_PAUSES_S[min(faults, len(_PAUSES_S) - 1)])
                faults += 1
                continue
            faults = 0
            if until_empty and not messages:
                break
        return self.followed

    def _handle(self, message: QueuedMessage) -> None:
        """Take one message over and delete it; raises where it has to come again after a pause."""
        try:
            received = self._intake.receive(message.body, source=self._queue.name)
        except MessageRefused:
            self.followed.refused += 1
        except AudiofeatError as error:
            if error.retryable:
                raise
            self._give_up(message, error.code, str(error))
        except Exception as error:  # noqa: BLE001  a fault of ours must not hold up what comes behind it
            _log.exception("event_failed", queue=self._queue.name)
            if message.deliveries < _MOST_DELIVERIES:
                return
            self._give_up(message, ErrorCode.MESSAGE_MALFORMED, f"{type(error).__name__}: {error}")
        else:
            self.followed.accepted += received.accepted
            self.followed.ignored += received.ignored
            self.followed.refused += len(received.refusals)
            self._ring(received.job_ids)
        self._queue.delete(message)
        self.followed.messages += 1

    def _give_up(self, message: QueuedMessage, code: ErrorCode, reason: str) -> None:
        said = f"{reason} (after {message.deliveries} deliveries)"
        _log.warning("message_refused", source=self._queue.name, code=code, reason=said)
        self._intake.ledger.refuse([RefusedMessage(self._queue.name, code, said)])
        self.followed.refused += 1

    def _ring(self, job_ids: tuple[str, ...]) -> None:
        if not job_ids:
            return
        try:
            self._tasks().ring(job_ids, Lane.COLD)
        except BrokerUnavailable as error:
            # The reconciler brings what the workers were not told.
            _log.info("not_rung", jobs=len(job_ids), problem=error)

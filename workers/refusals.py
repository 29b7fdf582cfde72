"""What is no message of ours never reaches a task: it goes to the dead letters, and its reason into the ledger."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any

from celery.worker.consumer import Consumer
from pydantic import StringConstraints, TypeAdapter, ValidationError

from audiofeat import bootstrap, logs
from audiofeat.broker import ANALYSE_TASK, INGEST_TASK, REFRESH_TASK, REPEATS_TASK, SHARD_TASK
from audiofeat.codes import ErrorCode
from audiofeat.domain.whereabouts import RefusedMessage
from audiofeat.errors import AudiofeatError, MessageRefused
from schemas.messages import IngestRequest, RefreshRequest, ShardRequest

MOST_BYTES = 1 << 20
_RETRY_S = {"interval_start": 0.2, "interval_step": 0.3, "interval_max": 5.0}
_JOB_ID = TypeAdapter(Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_-]{1,200}$")])
_SHOW = TypeAdapter(Annotated[str, StringConstraints(min_length=1, max_length=1_000)])
_ARGUMENTS: Mapping[str, Callable[[object], object]] = {
    ANALYSE_TASK: _JOB_ID.validate_python,
    INGEST_TASK: IngestRequest.model_validate,
    SHARD_TASK: ShardRequest.model_validate,
    REPEATS_TASK: _SHOW.validate_python,
    REFRESH_TASK: RefreshRequest.model_validate,
}
_log = logs.get_logger(__name__)


class RefusingConsumer(Consumer):
    """Celery's consumer, which would acknowledge, and so drop, some of what it cannot decode."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401  Celery's own
        super().__init__(*arguments, **options)
        self._services = bootstrap.Services(bootstrap.load_settings())

    def create_task_handler(self, *arguments: Any, **options: Any) -> Callable[[Any], None]:  # noqa: ANN401  Celery's own
        """Return what is done with each message: hand it to its task, or refuse it."""
        connection_errors = self.app.connection_for_read().connection_errors
        handle: Callable[[Any], None] = super().create_task_handler(*arguments, **options)

        def on_message(message: Any) -> None:  # noqa: ANN401  of kombu's transport
            try:
                check(message)
            except MessageRefused as refusal:
                refuse(self._services, queue_of(message), refusal)
                message.reject_log_error(_log, connection_errors)
            else:
                handle(message)

        return on_message

    def ensure_connected(self, conn: Any) -> Any:  # noqa: ANN401  kombu's connection
        """Connect, and try again soon, as an embedded broker is back at once; Celery has no setting for it."""
        conn.ensure_connection = partial(conn.ensure_connection, **_RETRY_S)
        return super().ensure_connected(conn)


def check(message: Any) -> None:  # noqa: ANN401  of kombu's transport
    """Raise MessageRefused for what no task of ours could make anything of."""
    if len(message.body) > MOST_BYTES:
        raise MessageRefused(ErrorCode.MESSAGE_TOO_LARGE, f"{len(message.body)} bytes, {MOST_BYTES} are the most")
    name = str((message.headers or {}).get("task"))
    if name not in _ARGUMENTS:
        known = ", ".join(_ARGUMENTS)
        raise MessageRefused(ErrorCode.MESSAGE_UNKNOWN, f"the header `task` is {name!r:.100}, not one of {known}")
    try:
        payload = message.decode()
    except Exception as error:
        # Whatever a decoder raises: pickle and its like are refused by kombu itself.
        raise MessageRefused(ErrorCode.MESSAGE_MALFORMED, f"{message.content_type} cannot be read: {error}") from error
    match payload:
        case [[argument], dict() as named, *_] if not named:
            pass
        case _:
            raise MessageRefused(
                ErrorCode.MESSAGE_MALFORMED, "the body is not a list of one argument and no named ones"
            )
    try:
        _ARGUMENTS[name](argument)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the argument"
        raise MessageRefused(ErrorCode.MESSAGE_MALFORMED, f"{where}: {first['msg']}") from error


def queue_of(delivered: Any) -> str:  # noqa: ANN401  a message of kombu's, or a task's request
    """Return the name of the queue that a message came through."""
    return str((delivered.delivery_info or {}).get("routing_key"))


def refuse(services: bootstrap.Services, queue: str, refusal: AudiofeatError) -> None:
    """Keep the reason for people to see, where the ledger can be reached."""
    _log.warning("message_refused", source=queue, code=refusal.code, reason=str(refusal))
    try:
        services.catalogue.refuse([RefusedMessage(f"queue {queue}", refusal.code, str(refusal))])
    except AudiofeatError as error:
        _log.warning("refusal_not_kept", source=queue, code=error.code, problem=error)

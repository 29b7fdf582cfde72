"""Log lines: an event with a constant name, and facts as fields; JSON for programs, text on a terminal.

Ids that hold for a stretch of work (job, item, attempt, task) are bound once and stand on every line within it, also on
the lines of libraries.
"""

import json
import logging
import sys
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

OURS = ("audiofeat", "workers")
FOREIGN_EVENT = "library_message"
_MASK = "***"
_KEPT_ARGUMENTS = frozenset({"exc_info", "stack_info", "stacklevel"})
_bound: ContextVar[Mapping[str, object]] = ContextVar("bound", default={})  # noqa: B039  never changed in place


class EventLogger(logging.LoggerAdapter[logging.Logger]):
    """Takes an event's constant name, and its facts as keywords."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:  # noqa: ANN401  logging's own signature
        """Put the facts where the formatters find them."""
        facts = {name: value for name, value in kwargs.items() if name not in _KEPT_ARGUMENTS}
        kept = {name: value for name, value in kwargs.items() if name in _KEPT_ARGUMENTS}
        return msg, {**kept, "extra": {"facts": facts}}


def get_logger(name: str) -> EventLogger:
    """Return the logger of a module."""
    return EventLogger(logging.getLogger(name))


@contextmanager
def bound(**ids: object) -> Iterator[None]:
    """Put ids on every line that is logged inside the block, and take them off again."""
    token = _bound.set({**_bound.get(), **ids})
    try:
        yield
    finally:
        _bound.reset(token)


class JsonLines(logging.Formatter):
    """One JSON object a line.

    Parameters
    ----------
    secrets : sequence of str
        Passwords and keys; wherever a library repeats one, three stars stand in its place.
    """

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        super().__init__()
        # A secret that contains another one is masked whole.
        self._secrets = sorted(secrets, key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "at": datetime.fromtimestamp(record.created, tz=UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            **self.facts(record),
        }
        return json.dumps(line, ensure_ascii=False)

    def facts(self, record: logging.LogRecord) -> dict[str, object]:
        """Return the event, the bound ids and the event's own facts, without secrets."""
        facts: dict[str, object] = {"event": record.getMessage(), **_bound.get(), **getattr(record, "facts", {})}
        if not hasattr(record, "facts"):
            facts = {"event": FOREIGN_EVENT, **_bound.get(), "message": record.getMessage()}
        if record.exc_info:
            facts["exception"] = self.formatException(record.exc_info)
        return {name: self._masked(value) for name, value in facts.items()}

    def _masked(self, value: object) -> object:
        if value is None or isinstance(value, bool | int | float):
            return value
        text = str(value)
        for secret in self._secrets:
            text = text.replace(secret, _MASK)
        return text


class Text(JsonLines):
    """One line for a person: time, level, event, and the facts behind it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and an exception's traceback below it."""
        facts = self.facts(record)
        event, exception = facts.pop("event"), facts.pop("exception", None)
        time = datetime.fromtimestamp(record.created, tz=UTC).astimezone().strftime("%H:%M:%S")
        shown = " ".join(f"{name}={value}" for name, value in facts.items())
        line = f"{time} {record.levelname.lower():7} {event}  {shown}".rstrip()
        return f"{line}\n{exception}" if exception else line


def configure(
    *, level: str, as_json: bool | None = None, secrets: Sequence[str] = (), stream: TextIO | None = None
) -> None:
    """Send every line of this process to one stream; libraries speak from warnings on.

    Parameters
    ----------
    level : str
        From which level on our own events are logged.
    as_json : bool, optional
        By default as text where the stream is a terminal.
    secrets : sequence of str
        Never written, whoever says them.
    stream : file, optional
        By default stderr.
    """
    stream = stream or sys.stderr
    form = Text if as_json is False or (as_json is None and stream.isatty()) else JsonLines
    sink = logging.StreamHandler(stream)
    sink.setFormatter(form(secrets))
    logging.basicConfig(handlers=[sink], level=logging.WARNING, force=True)
    logging.captureWarnings(capture=True)
    for name in OURS:
        logging.getLogger(name).setLevel(level.upper())

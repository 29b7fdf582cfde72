"""How large a request may be, how slowly it may come, and how long it may take."""

import asyncio
import time
from collections.abc import Mapping

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from audiofeat.api import problems
from audiofeat.logs import get_logger

MOST_BODY_BYTES = 1_000_000
_log = get_logger(__name__)


class BodyLimit:
    """Refuse a body of more than ``most_bytes`` as soon as that many have arrived, and one that does not arrive.

    ``uploads`` has more for a path.

    The framework's own limit would answer in plain text.
    """

    def __init__(
        self, app: ASGIApp, *, most_bytes: int, patience_s: float, uploads: Mapping[str, int] | None = None
    ) -> None:
        self._app = app
        self._uploads = uploads or {}
        self._most_bytes = most_bytes
        self._patience_s = patience_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with a counter and a clock on its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        arrived = 0
        most_bytes = self._uploads.get(scope["path"], self._most_bytes)
        until = time.monotonic() + self._patience_s
        complete = False

        async def counted() -> Message:
            nonlocal arrived, complete
            if complete:
                return await receive()
            try:
                async with asyncio.timeout(max(until - time.monotonic(), 0)):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, f"the body has not come within {self._patience_s:g} s") from None
            arrived += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if arrived > most_bytes:
                raise HTTPException(413, f"the body is larger than {most_bytes:,} bytes")
            return message

        await self._app(scope, counted, send)


class Deadline:
    """Answer that a request took too long, rather than never; what it had begun ends on its own and is not sent."""

    def __init__(self, app: ASGIApp, *, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on under a deadline; an answer that has begun is let through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = late = False

        async def in_time(message: Message) -> None:
            nonlocal begun
            if not late:
                begun = True
                await send(message)

        running = asyncio.ensure_future(self._app(scope, receive, in_time))
        try:
            await asyncio.wait({running}, timeout=self._seconds + _time_for_the_body(scope, self._seconds))
            if not running.done() and not begun:
                late = True
                running.add_done_callback(_forget)
                request = Request(scope)
                _log.warning("request_timed_out", path=request.url.path, limit_s=self._seconds)
                await problems.timed_out(request, self._seconds)(scope, receive, send)
                return
            await running
        except asyncio.CancelledError:
            running.cancel()
            raise


def _time_for_the_body(scope: Scope, seconds: float) -> float:
    """Return how long the body may take, which is refused as too slow before the work is called too long."""
    names = {name for name, _ in scope["headers"]}
    return seconds if names & {b"content-length", b"transfer-encoding"} else 0.0


def _forget(running: "asyncio.Future[None]") -> None:
    """Take note of how a late request ended, which nobody waits for."""
    if not running.cancelled() and running.exception():
        _log.warning("late_request_failed", problem=running.exception())

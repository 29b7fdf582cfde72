"""Validators: what is read gets an ETag, and whoever has it already gets a 304.

The tag is a hash of the answer itself. An answer names the release of the index and the versions of its feature groups,
so the tag changes with these, and also where metadata, a fresh item or a takedown changes it and a version would not.
"""

import hashlib

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_REVALIDATE = "private, no-cache"
_NEVER = "no-store"
# What is another answer at each moment; all else may be kept and asked about.
_FLEETING = frozenset({"/livez", "/readyz", "/healthz", "/metrics", "/v1/status"})
_OK, _NOT_MODIFIED = 200, 304


class Tagged:
    """Gives each answer to a GET its ``ETag`` and every answer its ``Cache-Control``."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and hold its answer until it is whole."""
        if scope["type"] != "http" or scope["path"].startswith("/rest/"):
            await self._app(scope, receive, send)
            return
        policy = policy_of(scope["path"]) if scope["method"] == "GET" else _NEVER
        start: Message = {}
        body = bytearray()

        async def held(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            body.extend(message.get("body", b""))
            if message.get("more_body", False):
                return
            await self._finish(scope, start, bytes(body), policy, send)

        await self._app(scope, receive, held)

    @staticmethod
    async def _finish(scope: Scope, start: Message, body: bytes, policy: str, send: Send) -> None:
        headers = MutableHeaders(scope=start)
        kept = policy == _REVALIDATE and start["status"] == _OK
        headers.setdefault("Cache-Control", policy if kept else _NEVER)
        if kept:
            headers["Vary"] = "Authorization"
            tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
            headers["ETag"] = tag
            if matches(Headers(scope=scope).get("if-none-match"), tag):
                start["status"] = _NOT_MODIFIED
                for name in ("content-length", "content-type"):
                    del headers[name]
                body = b""
        await send(start)
        await send({"type": "http.response.body", "body": body})


def policy_of(path: str) -> str:
    """Return the ``Cache-Control`` of what is read there."""
    return _NEVER if path in _FLEETING else _REVALIDATE


def matches(given: str | None, tag: str) -> bool:
    """Tell whether an ``If-None-Match`` names a tag (RFC 9110, 13.1.2: compared weakly).

    Examples
    --------
    >>> matches('"a", W/"b"', '"b"'), matches("*", '"b"'), matches('"a"', '"b"')
    (True, True, False)
    """
    if given is None:
        return False
    return given.strip() == "*" or tag in {part.strip().removeprefix("W/") for part in given.split(",")}

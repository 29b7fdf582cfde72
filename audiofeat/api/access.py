"""Who may do what: every operation's scope in one table, the key of every request, and its share of the traffic.

Without any key the API answers whoever is on this machine, and nobody else: it listens on loopback, and the request
names a loopback address and comes from no foreign page. As soon as there is a key, or it listens elsewhere, every
request needs one. A request is admitted before its body is read.
"""

import ipaddress
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from audiofeat.api import problems
from audiofeat.api.rates import Allowance, RateLimiter
from audiofeat.bootstrap import Services
from audiofeat.domain import keys
from audiofeat.domain.keys import ApiKey
from audiofeat.errors import AudiofeatError
from audiofeat.refusals import KeyMissing, RateLimited, ScopeMissing
from audiofeat.services.keys import Doorkeeper

_T = TypeVar("_T")
READ, INGEST, ADMIN = keys.Scope.READ, keys.Scope.INGEST, keys.Scope.ADMIN
# None: needs no key. An operation that is not listed cannot be served.
SCOPES: Mapping[str, keys.Scope | None] = {
    "read_liveness": None,
    "read_readiness": None,
    "read_metrics": None,
    "read_status": READ,
    "list_fields": READ,
    "list_items": READ,
    "read_item": READ,
    "read_features": READ,
    "read_metadata": READ,
    "lock_metadata": ADMIN,
    "read_timeline": READ,
    "read_chapters": READ,
    "read_repeats": READ,
    "read_neighbours": READ,
    "read_model_neighbours": READ,
    "search_neighbours": READ,
    "read_journey": READ,
    "list_things": READ,
    "read_thing": READ,
    "read_thing_neighbours": READ,
    "read_nearest_things": READ,
    "create_collection": INGEST,
    "put_collection": INGEST,
    "delete_collection": INGEST,
    "search_by_upload": READ,
    "read_audio_features": READ,
    "list_audio_features": READ,
    "list_indexes": READ,
    "promote_index": ADMIN,
    "subsonic_ping": READ,
    "subsonic_extensions": None,
    "subsonic_token": READ,
    "subsonic_similar_tracks": READ,
    "subsonic_path": READ,
    "list_jobs": READ,
    "read_job": READ,
    "create_ingestion": INGEST,
    "receive_events": INGEST,
    "plan_reprocessing": READ,
    "create_reprocessing": ADMIN,
    "list_reprocessings": READ,
    "read_reprocessing": READ,
    "pause_reprocessing": ADMIN,
    "resume_reprocessing": ADMIN,
    "cancel_reprocessing": ADMIN,
    "list_takedowns": ADMIN,
    "take_down_item": ADMIN,
    "put_item_back": ADMIN,
}
_GUARDED = "/v1/"
_REMEDY = "send Authorization: Bearer KEY; `audiofeat keys create NAME` makes a key"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the holder of a key, or somebody on this machine where no key exists."""

    key: ApiKey | None
    allowance: Allowance | None = None

    def require(self, scope: keys.Scope) -> None:
        """Raise ScopeMissing where the key is not for this."""
        if self.key is not None and not self.key.allows(scope):
            raise ScopeMissing(
                f"the key {self.key.prefix} has not the scope {scope.value!r}",
                f"audiofeat keys create NAME --scope {scope.value}",
            )


class Admission:
    """Decides whether a request is let in.

    Parameters
    ----------
    services : Services
        Whose ledger keeps the keys; it is asked when the first request comes.
    """

    def __init__(self, services: Services) -> None:
        settings = services.settings
        self._doorkeeper = Doorkeeper(lambda: services.catalogue, fresh_s=min(settings.poll_s, 1.0))
        self._limiter = RateLimiter(*settings.rate) if settings.rate else None
        self._listens_here = is_loopback(settings.api_host)
        self._friends = frozenset(settings.api_cors_origins)

    async def admit(self, scope: Scope, text: str | None) -> Caller:
        """Return who asks.

        Parameters
        ----------
        scope : dict
            Of the request, as ASGI has it.
        text : str or None
            The key that came with it.

        Raises
        ------
        KeyMissing, KeyInvalid, RateLimited, CatalogueUnavailable
        """
        address = str((scope.get("client") or ("nobody",))[0])
        try:
            # What is known is told at once; the ledger is asked in a thread.
            apart = run_in_threadpool if self._doorkeeper.asks(text) else _at_once
            if text is not None:
                key = await apart(self._doorkeeper.recognise, text)
                return Caller(key, self._counted(key.prefix))
            if self._is_here(Headers(scope=scope)) and not await apart(self._doorkeeper.has_keys):
                return Caller(None)
            raise KeyMissing("this needs an API key", _REMEDY)
        except problems.UNAUTHENTICATED:
            # Whoever tries keys is slowed down by address.
            self._counted(f"address {address}")
            raise

    def _is_here(self, headers: Headers) -> bool:
        """Tell whether a request is one of this machine's own: a page from elsewhere may reach loopback, too."""
        origin = headers.get("origin")
        return (
            self._listens_here
            and is_loopback(urlsplit(f"//{headers.get('host', '')}").hostname or "")
            and (origin is None or origin in self._friends or is_loopback(urlsplit(origin).hostname or ""))
        )

    def _counted(self, who: str) -> Allowance | None:
        if self._limiter is None:
            return None
        allowance = self._limiter.take(who, time.monotonic())
        if allowance.wait_s:
            raise RateLimited(
                f"more than {allowance.quota:,} requests in {allowance.window_s:g} s",
                "wait as long as Retry-After says",
                wait_s=allowance.wait_s,
                told=allowance.headers,
            )
        return allowance


async def _at_once(what: Callable[..., _T], *arguments: Any) -> _T:  # noqa: ANN401  as the other one takes them
    return what(*arguments)


class Gate:
    """Lets no request to a guarded path through that is not admitted, and tells each its allowance."""

    def __init__(self, app: ASGIApp, *, admission: Admission) -> None:
        self._app = app
        self._admission = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Admit a request before a byte of its body is read."""
        if scope["type"] != "http" or not scope["path"].startswith(_GUARDED):
            await self._app(scope, receive, send)
            return
        try:
            caller = await self._admission.admit(scope, bearer(Headers(scope=scope)))
        except AudiofeatError as error:
            await problems.response(Request(scope), error)(scope, receive, send)
            return
        scope.setdefault("state", {})["caller"] = caller

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start" and caller.allowance:
                MutableHeaders(scope=message).update(caller.allowance.headers)
            await send(message)

        await self._app(scope, receive, told)


def bearer(headers: Headers) -> str | None:
    """Return the key of an ``Authorization`` header; None without one."""
    given = headers.get("authorization")
    if given is None:
        return None
    scheme, _, text = given.partition(" ")
    # Another scheme carries no key of ours: it is refused as one that is wrong.
    return text.strip() if scheme.lower() == "bearer" else ""


async def require_scope(request: Request) -> None:
    """Raise ScopeMissing where the caller's key is not for this operation."""
    needed = SCOPES[request.scope["route"].name]
    # Those under /rest admit their callers themselves, in the form of their protocol.
    if needed is not None and not request.scope["path"].startswith("/rest/"):
        caller: Caller | None = getattr(request.state, "caller", None)
        if caller is None:
            raise KeyMissing("this needs an API key", _REMEDY)
        caller.require(needed)


def is_loopback(host: str) -> bool:
    """Tell whether a name or address means this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

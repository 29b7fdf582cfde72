"""What every request goes through: the services it reaches, its query parameters, its trace."""

import time
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from audiofeat.bootstrap import Services
from audiofeat.errors import InvalidInput

# Anybody can ask for any path by any method: a label for each would have no end.
_NO_ROUTE = "other"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Wired = Annotated[Services, Depends(_services)]


def query_parameters(document: dict[str, Any]) -> dict[str, dict[str, bool]]:
    """Return the query parameters of each operation of an OpenAPI document, and whether one may be repeated."""
    return {
        operation["operationId"]: {
            parameter["name"]: parameter["schema"].get("type") == "array"
            for parameter in operation.get("parameters", ())
            if parameter["in"] == "query"
        }
        for operations in document["paths"].values()
        for operation in operations.values()
    }


async def refuse_other_parameters(request: Request) -> None:
    """Raise InvalidInput for a query parameter that the OpenAPI document does not know, or that is given twice."""
    if request.scope["path"].startswith("/rest/"):
        return
    allowed = request.app.state.query_parameters[request.scope["route"].name]
    given = [name for name, _ in request.query_params.multi_items()]
    for name in given:
        if name not in allowed:
            takes = f"it takes {', '.join(allowed)}" if allowed else "it takes none"
            raise InvalidInput(f"there is no query parameter {name!r} here", takes)
        if given.count(name) > 1 and not allowed[name]:
            raise InvalidInput(f"the query parameter {name!r} is given more than once", "give it once")


class Counted:
    """Counts requests by route, method and status; nothing of what they are about.

    Parameters
    ----------
    count : callable
        Takes route, method, status and seconds.
    """

    def __init__(self, app: ASGIApp, *, count: Callable[[str, str, int, float], None]) -> None:
        self._app = app
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and take its time."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            route = scope.get("route")
            template = scope["app"].state.templates.get(getattr(route, "name", None), _NO_ROUTE)
            method = scope["method"] if scope["method"] in _METHODS else _NO_ROUTE
            self._count(template, method, status, time.perf_counter() - began)


class Traced:
    """Opens a span for each request, which goes on with the caller's trace where it sent one."""

    def __init__(self, app: ASGIApp, *, services: Services) -> None:
        self._app = app
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on under a span; its name has no ids in it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        place = "/".join(scope["path"].split("/")[:3])
        with self._services.traced(f"{scope['method']} {place}", carrier):
            await self._app(scope, receive, send)

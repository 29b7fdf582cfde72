"""The app: every router over one set of services."""

from typing import Any

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute

from audiofeat.api import events, fields, health, indexes, items, jobs, neighbours, problems, reprocessings
from audiofeat.api.requests import MOST_BODY_BYTES, BodyLimit, Traced, query_parameters, refuse_other_parameters
from audiofeat.bootstrap import Services

API_VERSION = "1"
_DESCRIPTION = (
    "What in the catalogue sounds like this, and why? An item goes by its id, its reference, its object key or the "
    "key's last part (a key that itself ends in `/features` or `/neighbours`: by its id). A value out of range and a "
    "parameter that is not known are errors. Every error is a problem of RFC 9457 with a stable `code`; 503 means "
    "that the same request may succeed later, also where no index is published yet."
)


class _Api(FastAPI):
    """FastAPI whose OpenAPI document tells the media type of errors as it is."""

    def openapi(self) -> dict[str, Any]:
        """Return the document, made once."""
        if self.openapi_schema:
            return self.openapi_schema
        document = super().openapi()
        problems.relabel(document)
        return document


def create_app(services: Services) -> FastAPI:
    """Return the app over some services; none of them is used before a request needs it."""
    app = _Api(
        title="audiofeat",
        version=API_VERSION,
        description=_DESCRIPTION,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_name_of,
        dependencies=[Depends(refuse_other_parameters)],
    )
    app.add_middleware(BodyLimit, most_bytes=MOST_BODY_BYTES)
    if services.settings.traces:
        app.add_middleware(Traced, services=services)
    problems.install(app)
    # A name may contain slashes, so the routes below an item come before the item's own.
    for module in (neighbours, items, jobs, events, indexes, reprocessings, fields):
        app.include_router(module.router, prefix="/v1")
    app.include_router(health.router)
    app.state.services = services
    app.state.query_parameters = query_parameters(app.openapi())
    return app


def _name_of(route: APIRoute) -> str:
    return route.name

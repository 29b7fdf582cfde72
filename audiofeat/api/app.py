"""The app: every router over one set of services."""

from typing import Any

from fastapi import Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.routing import APIRoute

from audiofeat.api import (
    audio_features,
    episodes,
    events,
    fields,
    health,
    indexes,
    items,
    jobs,
    journeys,
    metadata,
    models,
    neighbours,
    problems,
    reprocessings,
    subsonic,
    takedowns,
    things,
)
from audiofeat.api.access import Admission, Gate, require_scope
from audiofeat.api.caching import Tagged
from audiofeat.api.document import complete, operations
from audiofeat.api.limits import MOST_BODY_BYTES, BodyLimit, Deadline
from audiofeat.api.requests import Counted, Traced, query_parameters, refuse_other_parameters
from audiofeat.bootstrap import Services

API_VERSION = "1"
_DESCRIPTION = (
    "What in the catalogue sounds like this, and why? An item goes by its id, its reference, its object key or the "
    "key's last part (a key that itself ends in `/features`, `/metadata`, `/chapters` and the like: by its id). A "
    "value out of range and a parameter that is not known are errors. Every error is a problem of RFC 9457 with a "
    "stable `code`; 503 means that the same request may succeed later, also where no index is published yet."
)


class _Api(FastAPI):
    """FastAPI whose OpenAPI document tells what the framework does not know."""

    def openapi(self) -> dict[str, Any]:
        """Return the document, made once."""
        if self.openapi_schema:
            return self.openapi_schema
        document = super().openapi()
        complete(document)
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
        dependencies=[Depends(require_scope), Depends(refuse_other_parameters)],
    )
    settings, admission = services.settings, Admission(services)
    # The last one that is added sees a request first.
    uploads = {"/v1/neighbours:upload": settings.upload_max_bytes + MOST_BODY_BYTES}
    app.add_middleware(BodyLimit, most_bytes=MOST_BODY_BYTES, uploads=uploads, patience_s=settings.api_time_limit_s)
    app.add_middleware(Tagged)
    app.add_middleware(Gate, admission=admission)
    app.add_middleware(Deadline, seconds=settings.api_time_limit_s)
    if settings.traces:
        app.add_middleware(Traced, services=services)
    if services.is_counted:
        app.add_middleware(Counted, count=services.metrics.request_answered)
    if settings.api_cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.api_cors_origins,
            allow_methods=["DELETE", "GET", "PATCH", "POST", "PUT"],
            allow_headers=["Authorization", "Content-Type", "If-None-Match"],
            expose_headers=["ETag", "Location", "RateLimit", "RateLimit-Policy", "Retry-After"],
        )
    problems.install(app)
    # A name may contain slashes, so the routes below an item come before the item's own.
    below_items = (neighbours, journeys, metadata, episodes, things, items)
    for module in (*below_items, models, audio_features, jobs, events, indexes, reprocessings, takedowns, fields):
        app.include_router(module.router, prefix="/v1")
    for module in (health, subsonic):
        app.include_router(module.router)
    app.state.services, app.state.admission = services, admission
    document = app.openapi()
    app.state.query_parameters = query_parameters(document)
    app.state.templates = {operation["operationId"]: path for path, _, operation in operations(document)}
    return app


def _name_of(route: APIRoute) -> str:
    return route.name

"""Reprocessings: planned, begun, followed, paused, resumed and cancelled."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response, status

from audiofeat import rendering
from audiofeat.api import cursors
from audiofeat.api.problems import declared
from audiofeat.api.requests import Wired
from audiofeat.domain.jobs import Change, Lane
from audiofeat.domain.kept_models import versions_in_use
from audiofeat.errors import BatchUnknown, CatalogueUnavailable, InvalidInput
from audiofeat.services import reprocess
from schemas.reprocessings import Plan, Reprocessing, ReprocessingList, ReprocessingRequest, ReprocessingScope

router = APIRouter(prefix="/reprocessings", tags=["reprocessings"])
_Id = Annotated[str, Path(description="Of the reprocessing.")]
_Limit = Annotated[int, Query(ge=1, le=100, description="How many.")]
_ACCEPTED = {"headers": {"Location": {"description": "Where to follow it.", "schema": {"type": "string"}}}}


@router.post("/plan", responses=declared(CatalogueUnavailable, reads_body=True))
def plan_reprocessing(services: Wired, scope: ReprocessingScope) -> Plan:
    """Compare what is stored with today's versions; nothing is begun."""
    wanted = reprocess.scope_of(scope.terms(), versions_in_use(services.catalogue.models()))
    return rendering.plan(reprocess.plan(wanted, catalogue=services.catalogue))


@router.post(
    "",
    status_code=status.HTTP_202_ACCEPTED,
    responses={status.HTTP_202_ACCEPTED: _ACCEPTED, **declared(CatalogueUnavailable, reads_body=True)},
)
def create_reprocessing(services: Wired, request: ReprocessingRequest, response: Response) -> Reprocessing:
    """Begin to measure anew what is stale; 422 where nothing is."""
    scope = reprocess.scope_of(request.terms(), versions_in_use(services.catalogue.models()))
    batch, planned = reprocess.begin(
        scope, catalogue=services.catalogue, lane=Lane(request.lane), window=request.window
    )
    if batch is None:
        raise InvalidInput(
            f"nothing is stale among {planned.extent.items:,} items", "POST /v1/reprocessings/plan tells what is"
        )
    response.headers["Location"] = f"/v1/reprocessings/{batch.batch_id}"
    return _rendered(services, batch.batch_id)


@router.get("", responses=declared(CatalogueUnavailable))
def list_reprocessings(services: Wired, after: cursors.After = None, limit: _Limit = 100) -> ReprocessingList:
    """List them, newest first, page by page."""
    page = cursors.Pages(services.catalogue, "reprocessings")
    batches = services.catalogue.batches(kind=reprocess.KIND, after=page.opened(after), limit=limit + 1)
    return ReprocessingList(
        reprocessings=[
            rendering.reprocessing(reprocess.progress(batch, catalogue=services.catalogue)) for batch in batches[:limit]
        ],
        next=page.sealed(batches[limit - 1].batch_id) if len(batches) > limit else None,
    )


@router.get("/{reprocessing_id}", responses=declared(BatchUnknown, CatalogueUnavailable))
def read_reprocessing(services: Wired, reprocessing_id: _Id) -> Reprocessing:
    """Tell how far it is."""
    return _rendered(services, reprocessing_id)


@router.post("/{reprocessing_id}/pause", responses=declared(BatchUnknown, CatalogueUnavailable))
def pause_reprocessing(services: Wired, reprocessing_id: _Id) -> Reprocessing:
    """Stop making and handing out jobs; those under way end."""
    services.catalogue.change_batch(Change.PAUSE, reprocessing_id)
    return _rendered(services, reprocessing_id)


@router.post("/{reprocessing_id}/resume", responses=declared(BatchUnknown, CatalogueUnavailable))
def resume_reprocessing(services: Wired, reprocessing_id: _Id) -> Reprocessing:
    """Go on where it was paused."""
    services.catalogue.change_batch(Change.RESUME, reprocessing_id)
    return _rendered(services, reprocessing_id)


@router.post("/{reprocessing_id}/cancel", responses=declared(BatchUnknown, CatalogueUnavailable))
def cancel_reprocessing(services: Wired, reprocessing_id: _Id) -> Reprocessing:
    """End it for good; what has been measured stays."""
    services.catalogue.change_batch(Change.CANCEL, reprocessing_id)
    return _rendered(services, reprocessing_id)


def _rendered(services: Wired, batch_id: str) -> Reprocessing:
    batch = services.catalogue.batch(batch_id)
    return rendering.reprocessing(reprocess.progress(batch, catalogue=services.catalogue))

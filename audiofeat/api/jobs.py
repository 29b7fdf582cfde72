"""Asking for an analysis, and following it."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Response, status

from audiofeat import logs, rendering
from audiofeat.api import cursors
from audiofeat.api.problems import declared
from audiofeat.api.requests import Wired
from audiofeat.domain.jobs import JobState, Lane
from audiofeat.errors import (
    AccessDenied,
    BrokerUnavailable,
    CatalogueUnavailable,
    JobUnknown,
    ObjectMissing,
    SourceNotFound,
    StoreUnavailable,
)
from audiofeat.services.requests import accept
from schemas.jobs import Job, JobList
from schemas.messages import IngestRequest

MOST_JOBS = 1000
SOURCE = "api"
router = APIRouter(tags=["jobs"])
_log = logs.get_logger(__name__)
_States = Annotated[list[JobState], Query(default_factory=list, description="Only these; may be repeated.")]
_Limit = Annotated[int, Query(ge=1, le=MOST_JOBS, description="How many.")]
_ACCEPTED = {"headers": {"Location": {"description": "Where to follow the job.", "schema": {"type": "string"}}}}


@router.post(
    "/ingestions",
    status_code=status.HTTP_202_ACCEPTED,
    responses={
        status.HTTP_202_ACCEPTED: _ACCEPTED,
        **declared(
            SourceNotFound, ObjectMissing, AccessDenied, CatalogueUnavailable, StoreUnavailable, reads_body=True
        ),
    },
)
def create_ingestion(services: Wired, request: IngestRequest, response: Response) -> Job:
    """Have one object analysed: the job is in the ledger when this returns, whether the broker runs or not.

    The same version of the same object is one job, however often it is asked for.
    """
    registered = accept(
        request.model_dump(),
        source=SOURCE,
        catalogue=services.catalogue,
        open_store=services.stores.named,
        trace=services.trace,
    )
    if registered.state is JobState.QUEUED:
        ring(services, [registered.job_id], Lane(request.lane))
    response.headers["Location"] = f"/v1/jobs/{registered.job_id}"
    return rendering.job(services.catalogue.job(registered.job_id))


@router.get("/jobs/{job_id}", responses=declared(JobUnknown, CatalogueUnavailable))
def read_job(services: Wired, job_id: str) -> Job:
    """Return a job."""
    return rendering.job(services.catalogue.job(job_id))


@router.get("/jobs", responses=declared(CatalogueUnavailable))
def list_jobs(services: Wired, state: _States, after: cursors.After = None, limit: _Limit = 100) -> JobList:
    """List jobs, the newest change first, page by page; one that changes meanwhile is on the first page again."""
    page = cursors.Pages(services.catalogue, "jobs", state=sorted(state))
    place = page.opened(after)
    views = services.catalogue.jobs(states=state, after=place and tuple(place), limit=limit + 1)
    return JobList(
        jobs=[rendering.job(view) for view in views[:limit]],
        next=page.sealed(views[limit - 1].place) if len(views) > limit else None,
    )


def ring(services: Wired, job_ids: Sequence[str], lane: Lane) -> None:
    """Tell the workers, if that can be done now: the reconciler brings what they were not told."""
    try:
        services.queue.ring(job_ids, lane)
    except BrokerUnavailable as error:
        _log.warning("not_rung", jobs=len(job_ids), problem=error)

"""Taking in what stores, topics and buses say of their objects."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, status

from audiofeat.api.problems import declared
from audiofeat.api.requests import Wired
from audiofeat.domain.jobs import Lane
from audiofeat.errors import BrokerUnavailable, CatalogueUnavailable, StoreUnavailable
from audiofeat.logs import get_logger
from schemas.events import EventsReceived, RefusedPart

router = APIRouter(tags=["events"])
_log = get_logger(__name__)
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A notification of S3 or of a Ceph gateway, of SNS around one, or of EventBridge. The media "
        "type is not looked at: SNS sends JSON as text.",
        "content": {"application/json": {"schema": {"type": "object"}}, "text/plain": {"schema": {"type": "string"}}},
    }
}


async def _body(request: Request) -> bytes:
    return await request.body()


@router.post(
    "/events",
    status_code=status.HTTP_202_ACCEPTED,
    openapi_extra=_BODY,
    responses=declared(CatalogueUnavailable, StoreUnavailable, reads_body=True),
)
def receive_events(services: Wired, body: Annotated[bytes, Depends(_body)]) -> EventsReceived:
    """Take in what happened to objects of a bucket: created, overwritten or deleted ones, in any order and number.

    Whatever is accepted is in the ledger when this returns. A message of which nothing can be used is a problem with
    status 422; a request of SNS to confirm a subscription is one too, because its URL is never opened.
    """
    received = services.intake.receive(body, source="POST /v1/events")
    if received.job_ids:
        try:
            services.queue.ring(received.job_ids, Lane.COLD)
        except BrokerUnavailable as error:
            _log.warning("not_rung", jobs=len(received.job_ids), problem=error)
    return EventsReceived(
        accepted=received.accepted,
        ignored=received.ignored,
        refused=[RefusedPart(code=one.code, message=one.message) for one in received.refusals],
    )

"""Items that somebody wants gone: hidden from every list and every answer, until they are put back."""

from typing import Annotated

from fastapi import APIRouter, Query

from audiofeat.api import cursors
from audiofeat.api.items import MOST_ITEMS
from audiofeat.api.jobs import ring
from audiofeat.api.problems import declared
from audiofeat.api.requests import Wired
from audiofeat.domain.jobs import Lane
from audiofeat.errors import CatalogueUnavailable, ItemUnknown
from schemas.takedowns import PutBack, Takedown, TakedownPage

router = APIRouter(tags=["takedowns"])
_Limit = Annotated[int, Query(ge=1, le=MOST_ITEMS, description="How many.")]


@router.get("/takedowns", responses=declared(CatalogueUnavailable))
def list_takedowns(services: Wired, after: cursors.After = None, limit: _Limit = 100) -> TakedownPage:
    """List the items that are taken down in the order of their ids, page by page."""
    page = cursors.Pages(services.catalogue, "takedowns")
    ids = services.catalogue.taken_down(after=page.opened(after), limit=limit + 1)
    return TakedownPage(
        takedowns=[Takedown(id=item_id) for item_id in ids[:limit]],
        next=page.sealed(ids[limit - 1]) if len(ids) > limit else None,
    )


@router.put("/takedowns/{item_id}", responses=declared(ItemUnknown, CatalogueUnavailable))
def take_down_item(services: Wired, item_id: str) -> Takedown:
    """Hide an item, whatever happens to its object; every reader stops to name it within seconds."""
    services.catalogue.take_down(item_id)
    return Takedown(id=item_id)


@router.delete("/takedowns/{item_id}", responses=declared(ItemUnknown, CatalogueUnavailable))
def put_item_back(services: Wired, item_id: str) -> PutBack:
    """Show an item again, where it still has an object; the jobs place it anew."""
    job_ids = services.catalogue.put_back(item_id)
    ring(services, job_ids, Lane.NORMAL)
    return PutBack(id=item_id, jobs=job_ids)

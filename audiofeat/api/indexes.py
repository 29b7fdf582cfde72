"""The published indexes, and which of them is served."""

from fastapi import APIRouter

from audiofeat import rendering
from audiofeat.api.problems import declared
from audiofeat.api.requests import Wired
from audiofeat.domain.items import Kind
from audiofeat.errors import CatalogueUnavailable, IndexDamaged, InvalidInput, PointerMoved, StoreUnavailable
from audiofeat.services.serve_index import promote
from schemas.indexes import IndexList, IndexRelease, Promotion

router = APIRouter(tags=["indexes"])


@router.get("/indexes", responses=declared(StoreUnavailable))
def list_indexes(services: Wired) -> IndexList:
    """List the releases that are kept, by kind, newest first."""
    return IndexList(indexes=[rendering.release(view) for kind in Kind for view in services.publisher.list(kind)])


@router.post(
    "/indexes/{kind}/promote",
    responses=declared(PointerMoved, IndexDamaged, CatalogueUnavailable, StoreUnavailable, reads_body=True),
)
def promote_index(services: Wired, kind: Kind, promotion: Promotion) -> IndexRelease:
    """Verify a release and serve it; to roll back, name the one that was served before."""
    if promotion.release not in {view.release for view in services.publisher.list(kind)}:
        raise InvalidInput(f"there is no {kind.value} index {promotion.release}", "GET /v1/indexes lists them")
    view = promote(kind, promotion.release, catalogue=services.catalogue, publisher=services.publisher)
    return rendering.release(view)

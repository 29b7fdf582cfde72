"""Items, their metadata and their features."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query

from audiofeat import rendering
from audiofeat.api import cursors
from audiofeat.api.problems import declared
from audiofeat.api.requests import Wired
from audiofeat.domain.items import Kind
from audiofeat.errors import CatalogueUnavailable, ItemNotAnalysed, ItemUnknown, ObjectMissing, StoreUnavailable
from audiofeat.services.curves import load_curves
from schemas.items import FeatureSet, ItemDetail, ItemPage

MOST_ITEMS = 1000
router = APIRouter(tags=["items"])
_Limit = Annotated[int, Query(ge=1, le=MOST_ITEMS, description="How many.")]
_Curves = Annotated[bool, Query(description="Also what grows with the duration, such as beat times.")]


@router.get("/items", responses=declared(CatalogueUnavailable))
def list_items(
    services: Wired,
    kind: Annotated[Kind | None, Query(description="Only this kind.")] = None,
    after: cursors.After = None,
    limit: _Limit = 100,
) -> ItemPage:
    """List the catalogue in the order of item ids, page by page."""
    page = cursors.Pages(services.catalogue, "items", kind=kind)
    views = services.catalogue.items(kind=kind, after=page.opened(after), limit=limit + 1)
    return ItemPage(
        items=[rendering.item(view) for view in views[:limit]],
        next=page.sealed(views[limit - 1].item_id) if len(views) > limit else None,
    )


@router.get(
    "/items/{name:path}/features",
    responses=declared(ItemUnknown, ItemNotAnalysed, ObjectMissing, CatalogueUnavailable, StoreUnavailable),
)
def read_features(services: Wired, name: str, curves: _Curves = False) -> FeatureSet:  # noqa: FBT002  a query parameter
    """Return every public feature of an item: values, reasons for what is null, and group versions."""
    view = services.catalogue.find_item(name)
    if view.sha256 is None:
        raise ItemNotAnalysed(f"{name!r} has no features: it is {view.state.value}", "see GET /v1/jobs")
    analyses = services.catalogue.analyses_of_audio(view.sha256)
    return rendering.feature_set(
        view, analyses, load_curves=partial(load_curves, services.artefacts) if curves else None
    )


@router.get("/items/{name:path}", responses=declared(ItemUnknown, CatalogueUnavailable))
def read_item(services: Wired, name: str) -> ItemDetail:
    """Return an item, and what each source says of it."""
    view = services.catalogue.find_item(name)
    return rendering.item_detail(view, services.catalogue.metadata_values(view.item_id))

"""What is said of an item, where it comes from, and people's word on it."""

from typing import Annotated

from fastapi import APIRouter, Query

from audiofeat import rendering_metadata as rendering
from audiofeat.api.problems import declared
from audiofeat.api.requests import Wired
from audiofeat.errors import CatalogueUnavailable, ItemUnknown
from audiofeat.services.metadata_locks import lock_fields
from schemas.metadata import ItemMetadata, MetadataLocks

router = APIRouter(tags=["items"])
_Provenance = Annotated[bool, Query(description="Also every value with its source, record, licence and rule.")]


@router.get("/items/{name:path}/metadata", responses=declared(ItemUnknown, CatalogueUnavailable))
def read_metadata(services: Wired, name: str, provenance: _Provenance = False) -> ItemMetadata:  # noqa: FBT002  a query parameter
    """Return the merged metadata of an item."""
    view = services.catalogue.find_item(name)
    said = services.catalogue.metadata_values(view.item_id)
    return rendering.item_metadata(view, said, provenance=provenance)


@router.patch("/items/{name:path}/metadata", responses=declared(ItemUnknown, CatalogueUnavailable, reads_body=True))
def lock_metadata(services: Wired, name: str, wanted: MetadataLocks) -> ItemMetadata:
    """Fix fields of an item by hand, or leave them to the sources again; no refresh overrides what is fixed."""
    view = services.catalogue.find_item(name)
    lock_fields(services.catalogue, view.item_id, wanted.locks, by=wanted.by)
    said = services.catalogue.metadata_values(view.item_id)
    return rendering.item_metadata(view, said, provenance=True)

"""What sounds like an item."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from audiofeat import rendering
from audiofeat.api.problems import declared
from audiofeat.api.requests import Wired
from audiofeat.domain.neighbours import Engine
from audiofeat.errors import (
    CatalogueUnavailable,
    IndexDamaged,
    IndexMissing,
    ItemNotAnalysed,
    ItemUnknown,
    SpaceMismatch,
    StoreUnavailable,
)
from audiofeat.services import lookup
from schemas.neighbours import Neighbours

router = APIRouter(tags=["neighbours"])
_K = Annotated[int, Query(ge=1, le=lookup.MOST_NEIGHBOURS, description="How many.")]
_Engine = Annotated[Engine, Query(description="How candidates are found; distances are exact either way.")]
_Duplicates = Annotated[
    Literal["show", "hide"], Query(description="`show`: items with the same audio are lines of their own.")
]


@router.get(
    "/items/{name:path}/neighbours",
    responses=declared(
        ItemUnknown, ItemNotAnalysed, SpaceMismatch, IndexMissing, IndexDamaged, CatalogueUnavailable, StoreUnavailable
    ),
)
def read_neighbours(
    services: Wired, name: str, k: _K = 10, engine: _Engine = Engine.ANNOY, duplicates: _Duplicates = "hide"
) -> Neighbours:
    """Return the items that sound most like one item, nearest first, each with the reason."""
    return rendering.answer(
        lookup.neighbours(
            name,
            catalogue=services.catalogue,
            indexes=services.indexes,
            k=k,
            engine=engine,
            show_duplicates=duplicates == "show",
        )
    )

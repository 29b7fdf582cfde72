"""What models of others, once added, place near an item."""

from typing import Annotated

from fastapi import APIRouter, Query

from audiofeat.api.neighbours import Depth
from audiofeat.api.problems import declared
from audiofeat.api.requests import Wired
from audiofeat.domain.items import Kind
from audiofeat.errors import CatalogueUnavailable, HostFault, ItemNotAnalysed, ItemUnknown
from audiofeat.ports import ItemView
from audiofeat.services.model_neighbours import near
from schemas.items import ItemName
from schemas.neighbours import ModelNeighbour, ModelNeighbours

router = APIRouter(tags=["neighbours"])
_Output = Annotated[
    str | None, Query(max_length=200, description="Which output; by default embeddings, else the longest.")
]
_Kind = Annotated[Kind | None, Query(description="Of the answers; by default both.")]


@router.get(
    "/models/{model}/neighbours/{name:path}",
    responses=declared(ItemUnknown, ItemNotAnalysed, CatalogueUnavailable, HostFault),
)
def read_model_neighbours(
    services: Wired, model: str, name: str, *, k: Depth = 10, output: _Output = None, kind: _Kind = None
) -> ModelNeighbours:
    """Return the items nearest to one in the space of a model that was added: no index, no rules, exact.

    Tracks and episodes share that space; `kind` asks for one of them.
    """
    found = near(name, model=model, catalogue=services.catalogue, folder=services.home, k=k, output=output, kind=kind)
    return ModelNeighbours(
        item=_called(found.item),
        model=found.model.name,
        version=found.model.version,
        output=found.output,
        considered=found.considered,
        neighbours=[
            ModelNeighbour(**_called(one.item).model_dump(), distance=one.distance) for one in found.neighbours
        ],
    )


def _called(item: ItemView) -> ItemName:
    return ItemName(id=item.item_id, reference=item.reference, key=item.key)

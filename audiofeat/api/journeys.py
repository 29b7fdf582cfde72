"""A journey from one item to another."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from audiofeat import rendering
from audiofeat.api.problems import Declared, declared
from audiofeat.api.requests import Wired
from audiofeat.domain import filters
from audiofeat.domain.journeys import FARTHEST_KEY, LEAST_LENGTH, MOST_LENGTH
from audiofeat.domain.lookups import DEFAULT_CAP, MOST_NEIGHBOURS
from audiofeat.domain.neighbours import Engine
from audiofeat.errors import (
    CatalogueUnavailable,
    IndexDamaged,
    IndexMissing,
    ItemNotAnalysed,
    ItemUnknown,
    StoreUnavailable,
)
from audiofeat.services.journeys import Route, journey, table
from schemas.journeys import Journey

router = APIRouter(tags=["neighbours"])
_CSV = {
    "schema": {"type": "string"},
    "example": "step,id,reference,key,title,artist,distance\r\n1,b0a45b6b-d333-5e2f,trk-1,1.ogg,One,A,\r\n",
}
_TABLE: Declared = {200: {"content": {"text/csv": _CSV}}}
_Name = Annotated[str, Query(min_length=1, max_length=1024, alias="from", description="Any name of the first item.")]
_To = Annotated[str, Query(min_length=1, max_length=1024, description="Any name of the last one.")]
_Length = Annotated[int, Query(ge=LEAST_LENGTH, le=MOST_LENGTH, description="How many items, both ends included.")]
_Cap = Annotated[int, Query(ge=0, le=MOST_NEIGHBOURS, description="At most so many of one artist; 0: no such rule.")]
_Tempo = Annotated[
    float | None,
    Query(ge=1, le=1.5, description="Greatest ratio of two tempos beside each other; else the tightest usual one."),
]
_Keys = Annotated[
    int | None, Query(ge=0, le=FARTHEST_KEY, description="Most steps on the circle of fifths; else the tightest.")
]
_Seed = Annotated[int, Query(ge=0, le=2**31 - 1, description="0: the best way; others: alternatives.")]
_Where = Annotated[
    tuple[str, ...],
    Query(max_length=50, description="What has to hold between the ends, as in lookups."),
]
_Engine = Annotated[Engine, Query(description="How candidates are found; distances are exact either way.")]
_Format = Annotated[Literal["json", "csv"], Query(description="`csv`: a table, a row a step.")]


@router.get(
    "/journeys",
    response_model=Journey,
    responses={
        **_TABLE,
        **declared(ItemUnknown, ItemNotAnalysed, IndexMissing, IndexDamaged, CatalogueUnavailable, StoreUnavailable),
    },
)
def read_journey(
    services: Wired,
    start: _Name,
    to: _To,
    *,
    where: _Where = (),
    length: _Length = 8,
    artist_cap: _Cap = DEFAULT_CAP,
    tempo_ratio: _Tempo = None,
    key_steps: _Keys = None,
    seed: _Seed = 0,
    engine: _Engine = Engine.ANNOY,
    format: _Format = "json",  # noqa: A002  the parameter's name on the wire
) -> Response:
    """Return a way of small steps from one item to another, over real items."""
    route = Route(length, artist_cap, tempo_ratio, key_steps, seed, filters.parse(where), engine)
    found = journey(start, to, route, catalogue=services.catalogue, indexes=services.indexes)
    if format == "csv":
        return Response(table(found), media_type="text/csv")
    return Response(rendering.journey(found).model_dump_json(), media_type="application/json")

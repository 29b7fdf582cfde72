"""Artists, albums, shows and collections: what they are like, and which of them, or which items, are near."""

from enum import StrEnum
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Response
from starlette.convertors import Convertor, register_url_convertor

from audiofeat import rendering
from audiofeat import rendering_things as things_rendering
from audiofeat.api import cursors
from audiofeat.api.neighbours import LOOKUPS, Depth, EngineChoice, Where, sent
from audiofeat.api.problems import declared
from audiofeat.api.requests import Wired
from audiofeat.domain import filters
from audiofeat.domain.items import Kind
from audiofeat.domain.lookups import ItemSeed, Rules, ThingSeed
from audiofeat.domain.neighbours import Engine
from audiofeat.domain.things import Among, ThingKind, checked_collection
from audiofeat.errors import CatalogueUnavailable, DiskFull, InvalidInput, ItemUnknown
from audiofeat.services import lookup
from audiofeat.services.describe_things import collected, describe
from audiofeat.space_errors import ThingUnknown
from schemas.neighbours import Neighbours
from schemas.things import CollectionItems, NewCollection, ThingDetail, ThingName, ThingNeighbours, ThingPage

router = APIRouter(tags=["things"])
MOST_THINGS = 1000
_MOST_LEAST = 10_000


class Things(StrEnum):
    """Kinds of things, as paths name them."""

    ARTISTS = "artists"
    ALBUMS = "albums"
    SHOWS = "shows"
    COLLECTIONS = "collections"

    @property
    def kind(self) -> ThingKind:
        """One of them."""
        return ThingKind(self.value.removesuffix("s"))


class _ThingsConvertor(Convertor[str]):
    """Lets a path through that begins with a kind of things, and no other."""

    regex = "|".join(Things)

    def convert(self, value: str) -> str:
        """Return the part of a path as it is."""
        return value

    def to_string(self, value: str) -> str:
        """Return it for a path."""
        return value


register_url_convertor("things", _ThingsConvertor())
_Limit = Annotated[int, Query(ge=1, le=MOST_THINGS, description="How many.")]
_Of = Annotated[Things, Query(description="Which things.")]
_OfAny = Annotated[
    Among | None,
    Query(description="What may answer. By default things of the same kind, and items near a collection."),
]
_ByKind = Annotated[
    Kind | None, Query(description="By which items things are compared. By default by what most of its items are.")
]
_Least = Annotated[int, Query(ge=1, le=_MOST_LEAST, description="Only things of at least so many items.")]


@router.get("/{things:things}", responses=declared(ThingUnknown, CatalogueUnavailable))
def list_things(services: Wired, things: Things, after: cursors.After = None, limit: _Limit = 100) -> ThingPage:
    """List things that have items in the order of their names, page by page."""
    page = cursors.Pages(services.catalogue, "things", things=things)
    found = services.catalogue.things(things.kind, after=page.opened(after), limit=limit + 1)
    return ThingPage(
        things=[things_rendering.listed(thing, items) for thing, items in found[:limit]],
        next=page.sealed(found[limit - 1][0].key) if len(found) > limit else None,
    )


@router.get(
    "/{things:things}/{name:path}/neighbours",
    response_model=Neighbours | ThingNeighbours,
    responses=declared(ThingUnknown, *LOOKUPS),
)
def read_thing_neighbours(
    services: Wired,
    things: Things,
    name: str,
    *,
    of: _OfAny = None,
    where: Where = (),
    k: Depth = 10,
    kind: _ByKind = None,
    engine: EngineChoice = Engine.ANNOY,
    least_items: _Least = 1,
) -> Response:
    """Return what sounds most like a thing, nearest first, each with the reason; never the thing or its own items.

    A thing meets conditions where at least half of its items do.
    """
    rules = Rules(k=k, engine=engine, conditions=filters.parse(where))
    seeds = [ThingSeed(things.kind, name)]
    among = of or (Among.ITEMS if things is Things.COLLECTIONS else Among(things.value))
    if among is Among.ITEMS:
        if least_items > 1:
            raise InvalidInput("least_items is for things, and items are asked for", "leave it out, or give of=artists")
        found = lookup.answer(seeds, catalogue=services.catalogue, indexes=services.indexes, rules=rules, kind=kind)
        return sent(rendering.answer(found))
    near = services.things.nearest(seeds, Things(among.value).kind, rules, kind=kind, least_items=least_items)
    return sent(things_rendering.answer(near))


@router.get("/items/{name:path}/nearest", response_model=ThingNeighbours, responses=declared(*LOOKUPS))
def read_nearest_things(
    services: Wired,
    name: str,
    *,
    of: _Of = Things.ARTISTS,
    where: Where = (),
    k: Depth = 10,
    engine: EngineChoice = Engine.ANNOY,
    least_items: _Least = 1,
) -> Response:
    """Return the artists (albums, shows, collections) that sound most like an item: whose listeners to play it to.

    Those that have the item are left out. Each line names the item of its own that is closest.
    """
    rules = Rules(k=k, engine=engine, conditions=filters.parse(where))
    return sent(
        things_rendering.answer(
            services.things.nearest([ItemSeed(name)], of.kind, rules, least_items=least_items)
        )
    )  # fmt: skip


@router.get("/{things:things}/{name:path}", responses=declared(ThingUnknown, *LOOKUPS))
def read_thing(services: Wired, things: Things, name: str) -> ThingDetail:
    """Return what a thing is like: how many items, how alike they are, and how the median one sounds."""
    found = describe(things.kind, name, catalogue=services.catalogue, indexes=services.indexes)
    return things_rendering.detail(found)


@router.post(
    "/collections",
    status_code=HTTPStatus.CREATED,
    responses=declared(ItemUnknown, CatalogueUnavailable, DiskFull, reads_body=True),
)
def create_collection(services: Wired, wanted: NewCollection, response: Response) -> ThingDetail:
    """Keep a collection under a name that none has yet: a playlist, a listener's history, any weighted items."""
    try:
        services.catalogue.find_thing(ThingKind.COLLECTION, wanted.name)
    except ThingUnknown:
        detail, _ = _put(services, wanted.name, wanted)
        response.headers["Location"] = f"/v1/collections/{detail.id}"
        return detail
    raise InvalidInput(f"there is a collection {wanted.name!r} already", "PUT /v1/collections/{name} replaces it")


@router.put(
    "/collections/{name:path}",
    responses=declared(ItemUnknown, CatalogueUnavailable, DiskFull, reads_body=True),
)
def put_collection(services: Wired, name: str, wanted: CollectionItems, response: Response) -> ThingDetail:
    """Keep a collection under a name, in place of what it was; 201 where it is new."""
    detail, is_new = _put(services, name, wanted)
    response.status_code = HTTPStatus.CREATED if is_new else HTTPStatus.OK
    return detail


@router.delete(
    "/collections/{name:path}",
    responses=declared(ThingUnknown, CatalogueUnavailable, DiskFull),
)
def delete_collection(services: Wired, name: str) -> ThingName:
    """Forget a collection; its items stay."""
    collection = services.catalogue.find_thing(ThingKind.COLLECTION, name)
    services.catalogue.drop_collection(collection)
    return things_rendering.name(collection)


def _put(services: Wired, name: str, wanted: CollectionItems) -> tuple[ThingDetail, bool]:
    weights = collected([(one.item, one.weight) for one in wanted.items], services.catalogue)
    is_new = services.catalogue.put_collection(checked_collection(name, weights), weights)
    found = describe(ThingKind.COLLECTION, name, catalogue=services.catalogue, indexes=services.indexes)
    return things_rendering.detail(found), is_new

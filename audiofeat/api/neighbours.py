"""What sounds like an item, like several, like audio from outside, or as somebody wants it to sound."""

from typing import Annotated, Literal

from fastapi import APIRouter, File, Form, Query, Request, Response, UploadFile
from pydantic import BaseModel, Json

from audiofeat import rendering
from audiofeat.api.problems import declared, problem_of
from audiofeat.api.requests import Wired
from audiofeat.api.searches import kind_of, rules_of, seed_of
from audiofeat.bootstrap import Services
from audiofeat.domain import filters
from audiofeat.domain.items import Kind
from audiofeat.domain.lookups import DEFAULT_CAP, LEAST_KEEP_RATIO, MOST_NEIGHBOURS, Rules, Seed
from audiofeat.domain.neighbours import Engine
from audiofeat.errors import (
    AccessDenied,
    AudiofeatError,
    Busy,
    CatalogueUnavailable,
    DiskFull,
    IndexDamaged,
    IndexMissing,
    ItemNotAnalysed,
    ItemUnknown,
    ObjectMissing,
    SourceNotFound,
    SpaceMismatch,
    StoreUnavailable,
)
from audiofeat.services import lookup
from audiofeat.space_errors import ThingUnknown
from schemas.lookups import Search, SearchRules
from schemas.neighbours import Neighbours, SearchAnswer, SearchAnswers

router = APIRouter(tags=["neighbours"])
Depth = Annotated[int, Query(ge=1, le=MOST_NEIGHBOURS, description="How many.")]
EngineChoice = Annotated[Engine, Query(description="How candidates are found; distances are exact either way.")]
_Duplicates = Annotated[Literal["show", "hide"], Query(description="`show`: duplicates are lines of their own.")]
_Cap = Annotated[int, Query(ge=0, le=MOST_NEIGHBOURS, description="At most so many of one; 0: no such rule.")]
_KeepRatio = Annotated[
    float,
    Query(
        ge=LEAST_KEEP_RATIO,
        le=1,
        description="Below 1: the most varied list that keeps this share of the plain list's mean relevance.",
    ),
]
Where = Annotated[
    tuple[str, ...],
    Query(
        max_length=50,
        description="`genre=ambient`, `tempo_bpm=118..126`, `artist!=Somebody`; may be repeated, and all have to hold.",
    ),
]
LOOKUPS = (
    ItemUnknown, ItemNotAnalysed, SpaceMismatch, IndexMissing, IndexDamaged, CatalogueUnavailable, StoreUnavailable,
)  # fmt: skip
_LISTENS = (SourceNotFound, ObjectMissing, AccessDenied, DiskFull, Busy)


class _Json(Response):
    """A body that is JSON already: it is not looked through once more."""

    media_type = "application/json"


def sent(model: BaseModel) -> Response:
    """Return a model as the answer, without the framework looking through it once more."""
    return _Json(model.model_dump_json())


@router.get("/items/{name:path}/neighbours", response_model=Neighbours, responses=declared(*LOOKUPS))
def read_neighbours(
    services: Wired,
    name: str,
    *,
    where: Where = (),
    k: Depth = 10,
    engine: EngineChoice = Engine.ANNOY,
    duplicates: _Duplicates = "hide",
    artist_cap: _Cap = DEFAULT_CAP,
    album_cap: _Cap = DEFAULT_CAP,
    keep_ratio: _KeepRatio = 1.0,
) -> Response:
    """Return the items that sound most like one item, nearest first, each with the reason."""
    rules = Rules(
        k=k,
        engine=engine,
        show_duplicates=duplicates == "show",
        artist_cap=artist_cap,
        album_cap=album_cap,
        keep_ratio=keep_ratio,
        conditions=filters.parse(where),
    )
    found = lookup.neighbours(name, catalogue=services.catalogue, indexes=services.indexes, rules=rules)
    return sent(rendering.answer(found))


@router.post(
    "/neighbours:search",
    response_model=SearchAnswers,
    responses=declared(ThingUnknown, *LOOKUPS, *_LISTENS, reads_body=True),
)
def search_neighbours(services: Wired, search: Search, request: Request) -> Response:
    """Return the items that answer seeds best: items, external ids, vectors, a target, objects from outside.

    Without `each` all seeds make one question, and what is wrong with it is a problem. With `each` every seed is a
    question, and what is wrong with one stands in its place among the answers.
    """
    rules, kind = rules_of(search), kind_of(search)
    if not search.each:
        seeds = [seed_of(seed, listener=services.listener, kind=kind) for seed in search.seeds]
        return sent(SearchAnswers(answers=[_answered(services, seeds, rules, kind)]))
    answers: list[SearchAnswer] = []
    for seed in search.seeds:
        try:
            one = seed_of(seed, listener=services.listener, kind=kind)
            answers.append(_answered(services, [one], rules, kind))
        except AudiofeatError as error:
            answers.append(SearchAnswer(neighbours=None, problem=problem_of(error, instance=request.url.path)))
    return sent(SearchAnswers(answers=answers))


@router.post(
    "/neighbours:upload",
    response_model=SearchAnswers,
    responses=declared(*LOOKUPS, DiskFull, Busy, reads_body=True),
)
def search_by_upload(
    services: Wired,
    audio: Annotated[UploadFile, File(description="A file in any format that can be ingested; nothing of it is kept.")],
    rules: Annotated[Json[SearchRules] | None, Form(description="As in a search, without seeds, as JSON.")] = None,
) -> Response:
    """Return the items that sound most like audio that is not in the catalogue."""
    asked = rules or SearchRules.model_validate({})
    kind = kind_of(asked)
    seed = services.listener.to_upload(audio.file, kind=kind)
    return sent(SearchAnswers(answers=[_answered(services, [seed], rules_of(asked), kind)]))


def _answered(services: Services, seeds: list[Seed], rules: Rules, kind: Kind | None) -> SearchAnswer:
    found = lookup.answer(seeds, catalogue=services.catalogue, indexes=services.indexes, rules=rules, kind=kind)
    return SearchAnswer(neighbours=rendering.answer(found), problem=None)

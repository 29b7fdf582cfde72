"""Episodes: what is heard from beginning to end, chapters for players, and what a show repeats."""

from typing import Annotated

from fastapi import APIRouter, Query

from audiofeat import rendering_episodes as rendering
from audiofeat import rendering_things as things_rendering
from audiofeat.api.problems import declared
from audiofeat.api.requests import Wired
from audiofeat.domain.attributes import folded
from audiofeat.domain.repeats import MOST_REPEATS, RepeatKind
from audiofeat.domain.things import ThingKind
from audiofeat.errors import CatalogueUnavailable, InvalidInput, ItemNotAnalysed, ItemUnknown, StoreUnavailable
from audiofeat.services.timelines import of_episode
from audiofeat.space_errors import ThingUnknown
from schemas.episodes import PlayerChapters, ShowRepeats, Timeline

router = APIRouter(tags=["episodes"])
_OF_EPISODES = declared(ItemUnknown, ItemNotAnalysed, InvalidInput, CatalogueUnavailable, StoreUnavailable)
_Kind = Annotated[RepeatKind | None, Query(description="Only this kind.")]
_Limit = Annotated[int, Query(ge=1, le=MOST_REPEATS, description="How many, those of most episodes first.")]


@router.get("/items/{name:path}/timeline", responses=_OF_EPISODES)
def read_timeline(services: Wired, name: str) -> Timeline:
    """Return an episode from beginning to end: speech and music, jingles and ads, chapters, and a preview."""
    view = services.catalogue.find_item(name)
    return rendering.timeline(view, of_episode(view, catalogue=services.catalogue, artefacts=services.artefacts))


@router.get("/items/{name:path}/chapters", responses=_OF_EPISODES, response_model_exclude_none=True)
def read_chapters(services: Wired, name: str) -> PlayerChapters:
    """Return the chapters of an episode as JSON chapters of the podcast namespace, which players and hosts read."""
    view = services.catalogue.find_item(name)
    heard = of_episode(view, catalogue=services.catalogue, artefacts=services.artefacts)
    return rendering.player_chapters(heard.chapters)


@router.get("/shows/{name:path}/repeats", responses=declared(ThingUnknown, CatalogueUnavailable))
def read_repeats(services: Wired, name: str, kind: _Kind = None, limit: _Limit = 100) -> ShowRepeats:
    """Return jingles, advertisements and passages that at least two episodes of a show have, with their places."""
    show = services.catalogue.find_thing(ThingKind.SHOW, name)
    views = [view for view in services.catalogue.repeats(folded(show.name)) if kind in {None, view.kind}]
    return rendering.show_repeats(things_rendering.name(show), views, limit=limit)

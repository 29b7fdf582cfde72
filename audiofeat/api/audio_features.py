"""Audio features in Spotify's shape, for programs that were written for its Web API."""

from typing import Annotated

from fastapi import APIRouter, Query

from audiofeat.api.problems import declared
from audiofeat.api.requests import Wired
from audiofeat.errors import CatalogueUnavailable, ItemNotAnalysed, ItemUnknown
from audiofeat.services import audio_features
from schemas.audio_features import AudioFeatures, AudioFeaturesList

router = APIRouter(prefix="/audio-features", tags=["audio features"])
_Ids = Annotated[
    str,
    Query(
        min_length=1,
        description=f"Up to {audio_features.MOST_ITEMS} ids, references or keys without a comma, with commas between.",
    ),
]


@router.get("", responses=declared(CatalogueUnavailable))
def list_audio_features(services: Wired, ids: _Ids) -> AudioFeaturesList:
    """Return the features of several items, in the order of `ids`; null in the place of what is unknown."""
    found = audio_features.of_items(ids.split(","), catalogue=services.catalogue)
    return AudioFeaturesList.model_validate({"audio_features": found})


@router.get("/{name:path}", responses=declared(ItemUnknown, ItemNotAnalysed, CatalogueUnavailable))
def read_audio_features(services: Wired, name: str) -> AudioFeatures:
    """Return the features of one item."""
    return AudioFeatures.model_validate(audio_features.of_item(name, catalogue=services.catalogue))

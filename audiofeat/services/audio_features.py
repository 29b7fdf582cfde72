"""What Spotify's Audio Features say, of items of the catalogue."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from audiofeat.domain.views import spotify
from audiofeat.errors import InvalidInput, ItemNotAnalysed
from audiofeat.ports import Catalogue, ItemView

MOST_ITEMS = 100


def of_item(name: str, *, catalogue: Catalogue) -> dict[str, Any]:
    """Return the audio features of one item.

    Raises
    ------
    ItemUnknown, ItemNotAnalysed
    """
    view = catalogue.find_item(name)
    found = _features(name, view, catalogue=catalogue)
    if found is None:
        raise ItemNotAnalysed(f"{name!r} has no features: it is {view.state.value}", "see GET /v1/jobs")
    return found


def of_items(names: Sequence[str], *, catalogue: Catalogue) -> list[dict[str, Any] | None]:
    """Return the audio features of up to a hundred items, None in the place of what is unknown or has none.

    Raises
    ------
    InvalidInput
        No name is given, an empty one, or more than a hundred.
    """
    if not 0 < len(names) <= MOST_ITEMS or not all(names):
        raise InvalidInput(
            f"ids: {len(names):,} given", f"give 1 to {MOST_ITEMS} ids with commas between, as in ids=a,b"
        )
    known = catalogue.items_called(names)
    return [_features(name, known[name], catalogue=catalogue) if name in known else None for name in names]


def _features(name: str, view: ItemView, *, catalogue: Catalogue) -> dict[str, Any] | None:
    if view.sha256 is None:
        return None
    analyses = catalogue.analyses_of_audio(view.sha256)
    record = {"features": {group: analysis.values for group, analysis in analyses.items()}, "audio": view.audio}
    return {
        **spotify.audio_features(record),
        "id": name,
        "track_href": f"/v1/items/{quote(view.item_id)}",
        "uri": f"audiofeat:{view.kind.value if view.kind else 'track'}:{view.item_id}",
    }

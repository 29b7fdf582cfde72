"""What lies near an item in the space of a plug-in model's own vectors: exact, over all items that it has heard."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.kept_models import ModelKind
from audiofeat.domain.plugin_inputs import main_output
from audiofeat.errors import InvalidInput, ItemNotAnalysed
from audiofeat.ports import Catalogue

_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Near:
    """An item and its distance: that of unit vectors, 0 to 2."""

    item_id: str
    distance: float


def near(item: str, *, model: str, catalogue: Catalogue, k: int = 10, output: str | None = None) -> list[Near]:
    """Return the nearest items by one output of a model, nearest first, the item itself left out.

    Parameters
    ----------
    output : str, optional
        By default the one that is called after embeddings, else the one with the most values.

    Raises
    ------
    InvalidInput
        No such model is in use, or it has no such output.
    ItemNotAnalysed
        The model has not heard the item yet.
    """
    kept = next((m for m in catalogue.models() if m.name == model and m.kind is ModelKind.PLUGIN), None)
    if kept is None:
        raise InvalidInput(f"no plug-in model is called {model!r}", "see audiofeat models list")
    sizes: dict[str, int] = kept.document["spec"]["outputs"]
    if output is not None and output not in sizes:
        raise InvalidInput(f"{model} has no output {output!r}", f"it has {', '.join(sizes)}")
    chosen = output or main_output(sizes)
    view = catalogue.find_item(item)
    analysis = catalogue.analyses_of_audio(view.sha256).get(kept.group) if view.sha256 else None
    own = _unit(analysis.values, chosen, sizes) if analysis and analysis.version == kept.version else None
    if own is None:
        raise ItemNotAnalysed(
            f"{model} has not heard {item!r} yet", f"audiofeat reprocess run --where group={kept.group}"
        )
    names, cosines = [], []
    after: str | None = None
    while page := catalogue.said_by_model(kept.group, kept.version, after=after, limit=_PAGE):
        after = page[-1][0]
        for item_id, values in page:
            vector = _unit(values, chosen, sizes)
            if vector is not None and item_id != view.item_id:
                names.append(item_id)
                cosines.append(float(vector @ own))
    nearest = np.argsort(-np.array(cosines), kind="stable")[:k]
    return [Near(names[at], float(np.sqrt(max(0.0, 2 - 2 * cosines[at])))) for at in nearest]


def _unit(values: Mapping[str, Any], output: str, sizes: Mapping[str, int]) -> NDArray[np.float32] | None:
    """Return what an output says as a unit vector; None where it says nothing."""
    vector = np.array(values.get(output) or (), dtype=np.float32)
    if len(vector) != sizes[output] or not vector.any():
        return None
    unit: NDArray[np.float32] = vector / np.linalg.norm(vector)
    return unit

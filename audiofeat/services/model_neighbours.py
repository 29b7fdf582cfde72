"""What lies near an item in the space of a plug-in model's own vectors: exact, over all items that it has heard.

The one space that tracks and episodes share: what sounds like an episode's music is found here.
"""

import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from audiofeat.domain.items import Kind
from audiofeat.domain.kept_models import KeptModel, ModelKind
from audiofeat.domain.plugin_inputs import main_output
from audiofeat.errors import InvalidInput, ItemNotAnalysed
from audiofeat.ports import Catalogue, ItemView
from audiofeat.services.model_vectors import ModelVectors

_PAGE = 200


@dataclass(frozen=True, slots=True)
class Near:
    """An item and its distance: that of unit vectors, 0 to 2."""

    item: ItemView
    distance: float


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What lies near an item, nearest first, by which output of which version, and how many items were looked at."""

    item: ItemView
    model: KeptModel
    output: str
    considered: int
    neighbours: tuple[Near, ...]


def near(
    item: str, *, model: str, catalogue: Catalogue, folder: Path, k: int = 10, output: str | None = None,
    kind: Kind | None = None,
) -> ModelAnswer:  # fmt: skip
    """Return the nearest items by one output of a model, the item itself left out.

    Parameters
    ----------
    folder : Path
        Where this host keeps vectors.
    output : str, optional
        By default the one that is called after embeddings, else the one with the most values.
    kind : Kind, optional
        Of the answers; by default both, the item's own and the other.

    Raises
    ------
    InvalidInput
        No such model is in use, or it has no such output.
    ItemUnknown
        There is no such item.
    ItemNotAnalysed
        The model has not heard the item yet, or says nothing of it.
    """
    kept = next((m for m in catalogue.models() if m.name == model and m.kind is ModelKind.PLUGIN), None)
    if kept is None:
        raise InvalidInput(f"no plug-in model is called {model!r}", "see audiofeat models list")
    sizes: dict[str, int] = kept.document["spec"]["outputs"]
    if output is not None and output not in sizes:
        raise InvalidInput(f"{model} has no output {output!r}", f"it has {', '.join(sizes)}")
    chosen = output or main_output(sizes)
    view = catalogue.find_item(item)
    heard = catalogue.heard_by_model(kept.group, kept.version)
    vectors, places = ModelVectors(_stem(folder, kept, chosen), chosen, sizes[chosen]).of(
        [sha256 for _, sha256 in heard], partial(catalogue.said_by_model, kept.group, kept.version)
    )
    own = next((row for (name, _), row in zip(heard, places, strict=True) if name == view.item_id), None)
    if own is None or np.isnan(vectors[own, 0]):
        raise ItemNotAnalysed(
            f"{model} has not heard {item!r} yet", f"audiofeat reprocess run --where group={kept.group}"
        )
    cosines = (vectors @ vectors[own])[places]
    told = [place for place, (name, _) in enumerate(heard) if name != view.item_id and not np.isnan(cosines[place])]
    nearest = sorted(told, key=lambda place: -cosines[place])
    found: list[Near] = []
    step = k if kind is None else _PAGE
    for start in range(0, len(nearest), step):
        page = nearest[start : start + step]
        views = catalogue.items_by_id([heard[place][0] for place in page])
        for place in page:
            other = views.get(heard[place][0])
            if other is not None and kind in {None, other.kind}:
                found.append(Near(other, float(np.sqrt(max(0.0, 2 - 2 * float(cosines[place]))))))
        if len(found) >= k:
            break
    return ModelAnswer(view, kept, chosen, len(told), tuple(found[:k]))


def _stem(folder: Path, kept: KeptModel, output: str) -> Path:
    """Return where the vectors lie; outputs may be called as no file can, and homes serve other catalogues."""
    digest = hashlib.sha256(f"{kept.sha256} {kept.version} {output}".encode()).hexdigest()
    return folder / "models" / f"{kept.group}-{digest[:16]}"

"""What lies near an item in the space of a plug-in model's own vectors: exact, over all items that it has heard."""

from dataclasses import dataclass

import numpy as np

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
    own = catalogue.find_item(item).item_id
    names, vectors = [], []
    after: str | None = None
    while page := catalogue.said_by_model(kept.group, kept.version, after=after, limit=_PAGE):
        after = page[-1][0]
        for item_id, values in page:
            vector = np.array(values.get(chosen) or (), dtype=np.float32)
            if len(vector) == sizes[chosen] and vector.any():
                names.append(item_id)
                vectors.append(vector / np.linalg.norm(vector))
    if own not in names:
        raise ItemNotAnalysed(
            f"{model} has not heard {item!r} yet", f"audiofeat reprocess run --where group={kept.group}"
        )
    cosines = np.stack(vectors) @ vectors[names.index(own)]
    order = [at for at in np.argsort(-cosines, kind="stable") if names[at] != own][:k]
    return [Near(names[at], float(np.sqrt(max(0.0, 2 - 2 * float(cosines[at]))))) for at in order]

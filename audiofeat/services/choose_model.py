"""Chooses which head of a name is in use: a kept revision, the shipped one, or the formula."""

from audiofeat.domain.kept_models import HEADS, KeptModel, ModelKind
from audiofeat.errors import InvalidInput
from audiofeat.ports import Catalogue

# Only mood has a formula in the literature.
_FORMULAE = {"mood"}


def use(name: str, choice: str, *, catalogue: Catalogue) -> KeptModel:
    """Have a head in use from now on; what was measured with another one is stale.

    Parameters
    ----------
    name : str
        Of the head.
    choice : str
        ``shipped``, of mood ``formula``, or the number of a revision that ``audiofeat models list`` shows.

    Raises
    ------
    InvalidInput
        There is no such head or choice, it is in use already, or it was fitted on features that have changed since.
    """
    if name not in HEADS:
        raise InvalidInput(f"there is no head {name!r} to choose", f"known are {', '.join(HEADS)}")
    revisions = catalogue.revisions(name)
    words = [ModelKind.SHIPPED.value, *([ModelKind.FORMULA.value] if name in _FORMULAE else [])]
    kind, document = ModelKind.HEAD, {}
    if choice in words:
        kind = ModelKind(choice)
    else:
        found = next((kept for kept in revisions if str(kept.revision) == choice), None)
        if found is None:
            known = ", ".join((*words, *(str(kept.revision) for kept in reversed(revisions))))
            raise InvalidInput(f"{name} has no {choice!r}", f"choose one of {known}")
        if found.is_outdated:
            raise InvalidInput(
                f"revision {choice} of {name} was fitted on features that have changed since", "train it again"
            )
        kind, document = found.kind, dict(found.document)
    in_use = revisions[0] if revisions else None
    same = (in_use.kind, in_use.document) == (kind, document) if in_use else kind is ModelKind.SHIPPED
    if same:
        raise InvalidInput(f"{choice} is in use for {name} already", "nothing is to be done")
    return catalogue.keep_model(name, kind, document)

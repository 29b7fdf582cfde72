"""Whether lookups can be answered now."""

from dataclasses import dataclass

from audiofeat.codes import ErrorCode
from audiofeat.domain.items import Kind
from audiofeat.errors import HostProblem, IndexProblem, StoreError
from audiofeat.ports import Catalogue, IndexReader


@dataclass(frozen=True, slots=True)
class ServedIndex:
    """What is served of one kind, or the code of what prevents it."""

    release: str | None = None
    space: str | None = None
    problem: ErrorCode | None = None


def served_indexes(*, catalogue: Catalogue, indexes: IndexReader) -> dict[Kind, ServedIndex]:
    """Read the ledger, and open the index of each kind, as a lookup would.

    Raises
    ------
    CatalogueUnavailable
        Without the ledger nothing can be answered.
    """
    catalogue.items(limit=1)
    return {kind: _served(kind, indexes) for kind in Kind}


def _served(kind: Kind, indexes: IndexReader) -> ServedIndex:
    try:
        index = indexes.current(kind)
    except (IndexProblem, StoreError, HostProblem) as problem:
        return ServedIndex(problem=problem.code)
    return ServedIndex(index.release, index.space.id)

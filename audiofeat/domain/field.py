"""What is said of one field of an analysis: its unit and range, how far to trust it, and from where it comes."""

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """How far a number can be trusted."""

    MEASURED = "measured"  # a standard or a closed form
    ESTIMATED = "estimated"  # a method with a published accuracy
    HEURISTIC = "heuristic"  # a formula that follows the literature in sign


class Shape(StrEnum):
    """What a value looks like."""

    NUMBER = "number"
    TEXT = "text"
    VECTOR = "vector"  # a fixed number of values
    CURVE = "curve"  # grows with the duration; kept in the artefact store
    MATRIX = "matrix"  # a curve of vectors; kept in the artefact store
    LABELS = "labels"  # a curve of words; kept in the artefact store


_DEPTH = {Shape.VECTOR: 1, Shape.CURVE: 1, Shape.LABELS: 1, Shape.MATRIX: 2}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of one group; ``low`` and ``high`` bound every number in it."""

    group: str
    name: str
    unit: str
    low: float | None
    high: float | None
    scope: Scope
    shape: Shape
    definition: str
    source: str

    @property
    def path(self) -> str:
        """The public name."""
        return f"{self.group}.{self.name}"

    @property
    def depth(self) -> int:
        """How many lists lie around each number or word."""
        return _DEPTH.get(self.shape, 0)

    @property
    def grows(self) -> bool:
        """Whether its size grows with the duration."""
        return self.shape in {Shape.CURVE, Shape.MATRIX, Shape.LABELS}

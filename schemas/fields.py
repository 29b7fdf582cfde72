"""The registry over HTTP: what an analysis contains."""

from typing import Annotated, Literal

from pydantic import Field as Constraint

from schemas.wire import Wire


class Field(Wire):
    """One field of an analysis; ``low`` and ``high`` bound every number in it."""

    path: str = Constraint(description="The public name, `group.name`.")
    group: str
    name: str
    version: Annotated[int, Constraint(ge=1)] = Constraint(description="Of the group.")
    unit: str
    low: float | None
    high: float | None
    scope: Literal["measured", "estimated", "heuristic"] = Constraint(description="How far to trust it.")
    shape: Literal["number", "text", "vector", "curve", "matrix", "labels"]
    definition: str
    source: str


class FieldList(Wire):
    """All public fields."""

    fields: list[Field]

"""A journey from one item to another."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.items import ItemName
from schemas.wire import Value, Wire

Distance = Annotated[float, Field(ge=0, le=2)]


class JourneyStep(ItemName):
    """One item of a journey."""

    step: Annotated[int, Field(ge=1)]
    metadata: dict[str, Value]
    distance: Distance | None = Field(description="Exact and angular, from the item before; null at the start.")
    tempo_ratio: Annotated[float, Field(ge=1)] | None = Field(
        description="Of this tempo and that of the item before, half and double time being the same; null: not known."
    )
    key_steps: Annotated[int, Field(ge=0, le=6)] | None = Field(
        description="On the circle of fifths from the item before; null where a key is not known."
    )
    to_start: Distance
    to_end: Distance
    features: dict[str, float | str | None]


class Journey(Wire):
    """A way of small steps between two items."""

    engine: Literal["annoy", "exact", "voyager"]
    space: str
    index: str
    tempo_ratio: float = Field(description="No step's tempos are farther apart.")
    key_steps: int = Field(description="No step's keys are farther apart.")
    widened: bool = Field(description="Whether the tightest of the usual bounds allowed no way.")
    steps: list[JourneyStep]

"""The answer to "what sounds like this, and why?"."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.items import ItemName
from schemas.wire import Share, Value, Wire


class GroupSimilarity(Wire):
    """How alike two items are within one feature group."""

    similarity: Annotated[float, Field(ge=-1, le=1)] | None = Field(
        description="Cosine; null where nothing was measured in one of them."
    )
    share: Share = Field(description="The group's part of the whole similarity.")


class Neighbour(ItemName):
    """One line of the answer."""

    rank: Annotated[int, Field(ge=1)]
    metadata: dict[str, Value]
    distance: Annotated[float, Field(ge=0)] = Field(description="Exact and angular, 0 to 2; lower is nearer.")
    groups: dict[str, GroupSimilarity]
    duplicate: Literal["same audio", "nearly the same sound"] | None
    why: str
    copies: list[str] = Field(description="Ids of items with the same audio, collapsed into this line.")


class Neighbours(Wire):
    """The neighbours of an item, nearest first."""

    item: ItemName
    engine: Literal["annoy", "exact"]
    space: str
    index: str
    dropped: dict[str, int] = Field(description="How many items each rule left out.")
    neighbours: list[Neighbour]

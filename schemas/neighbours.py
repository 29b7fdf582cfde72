"""The answer to "what sounds like this, and why?"."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.items import ItemName
from schemas.problem import Problem
from schemas.wire import Kind, Share, Value, Wire


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
    distance: Annotated[float, Field(ge=0)] | None = Field(
        description="Exact and angular, 0 to 2; lower is nearer. Null where only a target was asked for."
    )
    relevance: Annotated[float, Field(ge=-1, le=1)] = Field(
        description="What lines are ranked by: a cosine by the weights asked for, mixed with the closeness to a target."
    )
    groups: dict[str, GroupSimilarity] = Field(description="Empty where nothing can be told of single groups.")
    duplicate: Literal["same audio", "nearly the same sound"] | None
    why: str
    copies: list[str] = Field(description="Ids of its duplicates, collapsed into this line.")


class Neighbours(Wire):
    """The answer to one question, best first."""

    item: ItemName | None = Field(description="What was asked about, where that is one item.")
    kind: Kind
    engine: Literal["annoy", "exact", "voyager"]
    space: str
    index: str
    considered: int = Field(description="How many items were looked at.")
    dropped: dict[str, int] = Field(description="How many items each rule left out.")
    degraded: list[str] = Field(
        description="What could not be told: `no_group_similarities` of a plain vector or an early index."
    )
    neighbours: list[Neighbour]


class ModelNeighbour(ItemName):
    """An item that a model of somebody else's places near another one."""

    distance: Annotated[float, Field(ge=0)] = Field(description="Of unit vectors, exact, 0 to 2; lower is nearer.")


class ModelNeighbours(Wire):
    """What lies near an item in the space of a model that was added, nearest first."""

    item: ItemName
    model: str
    version: int = Field(description="Of the model's feature group: another file is another version.")
    output: str = Field(description="Which of the model's outputs the vectors are.")
    considered: int = Field(description="How many items were looked at: all that it has heard.")
    neighbours: list[ModelNeighbour]


class SearchAnswer(Wire):
    """The answer to a search, or to one of its seeds: neighbours, or why there are none."""

    neighbours: Neighbours | None
    problem: Problem | None


class SearchAnswers(Wire):
    """One answer, or with `each` one for each seed, in their order."""

    answers: list[SearchAnswer]

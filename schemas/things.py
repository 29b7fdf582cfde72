"""Artists, albums, shows and collections over HTTP: what they are, how they sound, and which are alike."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.items import ItemName
from schemas.neighbours import GroupSimilarity
from schemas.wire import Kind, Share, Wire

ThingKind = Literal["artist", "album", "show", "collection"]
Consistency = Annotated[float, Field(ge=-1, le=1)] | None
_CONSISTENCY = "How alike its items are: the mean cosine of two of them; null where fewer than two can be compared."
_NAME = Annotated[str, Field(min_length=1, max_length=1024)]
_MOST_ITEMS = 10_000


class ThingName(Wire):
    """What a thing is called."""

    id: str = Field(description="The same in every installation.")
    kind: ThingKind
    name: str
    by: str | None = Field(description="The artist of an album.")


class ThingListed(ThingName):
    """A thing in a list."""

    items: Annotated[int, Field(ge=0, description="How many of its items are analysed.")]


class ThingPage(Wire):
    """Things of a kind in the order of their names."""

    things: list[ThingListed]
    next: str | None = Field(description="Give it as `after` for the next page; null on the last one.")


class ThingSound(Wire):
    """How its items of one kind sound: medians of what was measured."""

    items: int
    duration_s: Annotated[float, Field(ge=0)] | None = Field(description="Of the median item.")
    total_duration_s: Annotated[float, Field(ge=0)]
    consistency: Consistency = Field(description=_CONSISTENCY)
    explicit_ratio: Share | None = Field(description="Of the items of which it is known.")
    languages: list[str] = Field(description="The most frequent first.")
    first_release: str | None
    last_release: str | None
    features: dict[str, float] = Field(description="Medians, by feature.")
    in_words: str


class GenreShare(Wire):
    """How many of its items belong to a genre or below it."""

    path: str
    share: Share


class CollectedItem(Wire):
    """An item of a collection."""

    item: _NAME = Field(description="Id, or another name of it.")
    weight: Annotated[float, Field(ge=0, le=1e6)] = Field(1.0, description="How much it counts.")


class ThingDetail(ThingListed):
    """What a thing is like."""

    sounds: dict[Kind, ThingSound]
    genres: list[GenreShare] = Field(description="Of the tree, the most frequent first; at most 20.")
    collected: list[CollectedItem] | None = Field(description="The items of a collection; null of other things.")


class CollectionItems(Wire):
    """What a collection is to consist of."""

    items: Annotated[list[CollectedItem], Field(min_length=1, max_length=_MOST_ITEMS)]


class NewCollection(CollectionItems):
    """A collection to be kept under a name."""

    name: Annotated[str, Field(min_length=1, max_length=200)]


class ThingNeighbour(ThingName):
    """One line of the answer."""

    rank: Annotated[int, Field(ge=1)]
    items: Annotated[int, Field(ge=1, description="How many of its items were compared.")]
    consistency: Consistency = Field(description=_CONSISTENCY)
    distance: Annotated[float, Field(ge=0, description="Exact and angular, 0 to 2; lower is nearer.")]
    groups: dict[str, GroupSimilarity] = Field(description="By the mean of its items.")
    closest: str = Field(description="Id of its item that lies nearest to what was asked about.")
    why: str


class ThingNeighbours(Wire):
    """The things that sound most like what was asked about, nearest first."""

    thing: ThingName | None = Field(description="What was asked about, where that is one thing.")
    item: ItemName | None = Field(description="What was asked about, where that is one item.")
    of: ThingKind
    kind: Kind = Field(description="By which items things were compared.")
    engine: Literal["annoy", "exact", "voyager"]
    space: str
    index: str
    considered: int = Field(description="How many things were looked at.")
    dropped: dict[str, int] = Field(description="How many things each rule left out.")
    neighbours: list[ThingNeighbour]

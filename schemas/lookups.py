"""What is asked of a lookup: seeds that say what an answer should sound like, and rules."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from schemas.messages import STORE_PATTERN
from schemas.wire import Kind, Wire

_THINGS = ("artist", "album", "show", "collection")
_NAMINGS = ("item", "reference", "isrc", "mbid", "vector", "target", "object", *_THINGS)
Name = Annotated[str, Field(min_length=1, max_length=1024)]
Scalar = bool | float | str


class ObjectName(Wire):
    """An object of an allowed bucket."""

    store: str = Field(pattern=STORE_PATTERN, description="Configured store name and bucket, as in `s3/demo`.")
    key: Name


class Seed(Wire):
    """One thing that answers should be like, or, with a weight below 0, unlike: exactly one of its kinds."""

    item: Name | None = Field(None, description="Id, reference, object key or its last part.")
    reference: Name | None = Field(None, description="The catalogue's own id.")
    isrc: Name | None = None
    mbid: Name | None = Field(None, description="MusicBrainz id of a recording.")
    vector: Annotated[list[float], Field(min_length=1, max_length=4096)] | None = Field(
        None, description="Of any length but 0; with `space`."
    )
    space: str | None = Field(None, description="Id of the vector's space.")
    target: Name | dict[str, float | str] | None = Field(
        None, description="Features that answers should have: `122 BPM, minor, calm`, or values by feature."
    )
    artist: Name | None = Field(None, description="Name or id of an artist.")
    album: Name | None = Field(None, description="Name or id of an album; `name/artist` where several have the name.")
    show: Name | None = Field(None, description="Name or id of a show.")
    collection: Name | None = Field(None, description="Name or id of a collection.")
    object: ObjectName | None = Field(None, description="Audio that is not in the catalogue; nothing of it is kept.")
    weight: float = Field(1.0, ge=-100, le=100)

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        given = [name for name in _NAMINGS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"a seed is exactly one of {', '.join(_NAMINGS)}; this is {' and '.join(given) or 'none'}")
        if (self.vector is None) != (self.space is None):
            raise ValueError("a vector goes with the id of its space")
        return self


class Range(Wire):
    """A condition: within two ends that belong to it, and none of some values."""

    min: float | str | None = None
    max: float | str | None = None
    not_: Scalar | list[Scalar] | None = Field(None, alias="not")


class SearchRules(Wire):
    """Which items may be answers, and in which order."""

    kind: Kind | None = Field(None, description="What answers are; needed where no seed tells.")
    k: int = Field(10, ge=1, le=1000, description="How many.")
    engine: Literal["annoy", "exact", "voyager"] = Field(
        "annoy", description="How candidates are found; distances are exact either way."
    )
    duplicates: Literal["hide", "show"] = "hide"
    artist_cap: int = Field(2, ge=0, le=1000, description="At most so many of one artist, else show; 0: no such rule.")
    album_cap: int = Field(2, ge=0, le=1000, description="At most so many of one album; 0: no such rule.")
    keep_ratio: float = Field(
        1.0,
        ge=0.5,
        le=1,
        description="Below 1: the most varied list that keeps this share of the plain list's mean relevance.",
    )
    weights: dict[str, Annotated[float, Field(ge=0, le=100)]] = Field(
        default_factory=dict, description="By feature group, instead of the space's own weights."
    )
    about: float = Field(
        0.0, ge=0, le=1, description="Share of what is told of items: 0 sounds alike, 1 is told alike."
    )
    filters: dict[str, Scalar | list[Scalar] | Range] = Field(
        default_factory=dict, description="By attribute or feature: a value, one of several, or a range."
    )
    where: Annotated[list[str], Field(max_length=50)] = Field(
        default_factory=list, description="The same as text: `genre=ambient`, `tempo_bpm=118..126`, `artist!=Somebody`."
    )
    include: Annotated[list[Name], Field(max_length=10_000)] | None = Field(
        None, description="Ids or references: no other items are answers."
    )
    exclude: Annotated[list[Name], Field(max_length=10_000)] = Field(
        default_factory=list, description="Ids or references of items that are no answers."
    )


class Search(SearchRules):
    """A lookup."""

    seeds: Annotated[list[Seed], Field(min_length=1, max_length=100)]
    each: bool = Field(default=False, description="Answer each seed by itself instead of all together.")

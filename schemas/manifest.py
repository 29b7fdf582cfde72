"""What travels with every index: how it was built, how good it is, and how to tell that it arrived whole."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Release = Annotated[str, Field(pattern="^[0-9]{8}T[0-9]{9}Z-[0-9a-f]{6}$")]
Kind = Literal["track", "episode"]
FileName = Annotated[
    str,
    Field(
        pattern=r"^(index(-[0-9]{3})?\.ann|index-[0-9]{3}\.voy|(vectors|blocks|ids|starts|order)\.npy|(ids|space)\.json)$"
    ),
]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class FileFact(_Wire):
    """One file of a release."""

    name: FileName
    size_bytes: Annotated[int, Field(gt=0)]
    sha256: Sha256


class SpaceFact(_Wire):
    """The space in which the vectors lie."""

    id: Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
    name: str
    descriptor_version: int


class Canary(_Wire):
    """A query whose answer was written down at build time: a row of the index, its neighbours and their distances."""

    row: Annotated[int, Field(ge=0)]
    neighbours: tuple[int, ...]
    distances: tuple[float, ...]


class GraphFact(_Wire):
    """How the graphs beside the trees are searched, one a shard, and what they find then."""

    ef: Annotated[int, Field(gt=0)]
    recall_at_10: Annotated[float, Field(ge=0, le=1)]
    recall_queries: Annotated[int, Field(ge=0)]
    canaries: tuple[Canary, ...]
    voyager_version: str


class Manifest(_Wire):
    """Version 2 of an index manifest.

    Version 1, which is still read, has one shard called ``index.ann``, its ids in JSON, and no ``shard_rows``. From
    version 2 on ``shard_rows`` counts the rows of each shard; those of the first shard come first.
    ``rows`` counts distinct vectors, ``items`` the items behind them: items with one and the same vector share a row.
    ``highest_sequence`` is the newest ledger entry inside; whatever is newer belongs to the overlay.
    ``fingerprint_version`` is that of the feature group behind the vectors; early releases do not tell it.
    ``quality`` holds the figures by which the next release is judged; early releases have none.
    ``block_dims`` is the length of an item's blocks, which early releases do not have.
    ``graph`` is written only where there are graphs, so that a reader which knows none reads all other releases.
    """

    version: Literal[1, 2] = 2
    release: Release
    kind: Kind
    space: SpaceFact
    metric: Literal["angular"]
    dims: Annotated[int, Field(gt=0)]
    block_dims: Annotated[int, Field(gt=0)] | None = None
    items: Annotated[int, Field(gt=0)]
    rows: Annotated[int, Field(gt=0)]
    shard_rows: tuple[Annotated[int, Field(gt=0)], ...] = ()
    trees: Annotated[int, Field(gt=0)]
    search_k: Annotated[int, Field(gt=0)]
    seed: int
    highest_sequence: Annotated[int, Field(ge=0)]
    fingerprint_version: Annotated[int, Field(ge=1)] | None = None
    recall_at_10: Annotated[float, Field(ge=0, le=1)]
    recall_queries: Annotated[int, Field(ge=0)]
    quality: dict[str, float | None] = {}
    canaries: tuple[Canary, ...]
    graph: GraphFact | None = None
    files: tuple[FileFact, ...]
    created_at: datetime
    audiofeat_version: str
    annoy_version: str


class Pointer(_Wire):
    """What is served of one kind: the release, the sha256 of its manifest, and what was served before it."""

    release: Release
    manifest_sha256: Sha256
    previous: Release | None = None

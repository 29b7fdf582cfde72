"""What a producer sends to have an object analysed: version 1 of the ingest request."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.manifest import Kind, Release

STORE_PATTERN = r"^[a-z0-9][a-z0-9_-]*/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
ETAG_PATTERN = r"^[A-Za-z0-9+/=_.-]+$"


class IngestRequest(BaseModel):
    """One object in a store that the receiving side is configured for; never a URL and never a path."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="IngestRequest")

    schema_version: Literal[1] = 1
    store: str = Field(pattern=STORE_PATTERN, description="Configured store name and bucket, as in `s3/demo`.")
    key: str = Field(min_length=1, max_length=1024, description="Object key, not URL-encoded.")
    etag: str | None = Field(
        None,
        pattern=ETAG_PATTERN,
        max_length=200,
        description="Version of the object, unquoted; absent: whatever is there.",
    )
    reference: str | None = Field(None, min_length=1, max_length=200, description="The catalogue's own id of the item.")
    kind: Literal["track", "episode"] | None = None
    lane: Literal["cold", "normal", "bulk"] = "cold"
    metadata: dict[str, Any] = Field(
        default_factory=dict, max_length=100, description="Plain fields: title, artist, ..."
    )


class ShardRequest(BaseModel):
    """A shard of an index that is being built: ours alone, made by whoever publishes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    release: Release
    number: Annotated[int, Field(ge=0, lt=1_000)]


class RefreshRequest(BaseModel):
    """A source of metadata that is due to be asked again: ours alone, made by whoever reconciles."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = Field(
        min_length=1, max_length=2_000, description="As the ledger calls it: `musicbrainz`, `rss:feeds.example.org/x`."
    )

"""The record of one analysed file, one JSON object a line of ``audiofeat analyse --json``."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.wire import Sha256, Wire

FeatureValue = float | str | list[float] | list[list[float]] | list[str] | None
Features = dict[str, dict[str, FeatureValue]]
Reasons = dict[str, str]


class Nothing(Wire):
    """An empty object: the file could not be read, or its analysis ended before anything was known."""


class AudioFacts(Wire):
    """The file as it lies there; what its header says is absent where the header could not be read."""

    sha256: Sha256
    bytes: Annotated[int, Field(ge=0)]
    container: str | None = None
    codec: str | None = None
    sample_rate_hz: Annotated[int, Field(gt=0)] | None = None
    channels: Annotated[int, Field(gt=0)] | None = None
    declared_duration_s: Annotated[float, Field(ge=0)] | None = None
    decoded_duration_s: Annotated[float, Field(ge=0)] | None = None
    track: Annotated[int, Field(ge=1)] | None = Field(None, description="Which was read, where there are several.")
    tracks: Annotated[int, Field(ge=2)] | None = Field(None, description="How many audio tracks, where several.")


class Extractor(Wire):
    """What computed the features; equal fingerprints mean equal numbers."""

    packages: dict[str, str]
    groups: dict[str, int] = Field(description="Version of each feature group.")
    architecture: str
    configuration: Annotated[str, Field(pattern="^[0-9a-f]{16}$", description="Hash of the filters and models.")]
    fingerprint: Annotated[str, Field(pattern="^[0-9a-f]{16}$")]


class RecordError(Wire):
    """Why a file was rejected."""

    code: str
    message: str


class AnalysisRecord(Wire):
    """What was measured of one file.

    Every field of every group is there: a value, or null with its reason. A rejected record has no groups at all.
    """

    source: str = Field(description="The path as it was given.")
    status: Literal["ok", "degraded", "rejected"]
    flags: list[str] = Field(description="Why the record is degraded.")
    error: RecordError | None = Field(None, description="Only where the record is rejected.")
    audio: AudioFacts | Nothing
    features: Features = Field(description="Values by group and field.")
    reasons: Reasons = Field(description="Why a value is null, by `group.field`.")
    extractor: Extractor | Nothing

"""Audio features in the shape of Spotify's Web API, field by field; what nothing here supports is null."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.wire import Share, Wire


class AudioFeatures(Wire):
    """The features of one item; how each is made stands under Compatibility in the documentation."""

    acousticness: Share | None = Field(description="By formula.")
    analysis_url: str | None = Field(description="Null.")
    danceability: Share | None = Field(description="An estimate.")
    duration_ms: Annotated[int, Field(ge=0)] | None
    energy: Share | None = Field(description="An estimate.")
    id: str = Field(description="As it was asked for.")
    instrumentalness: Share | None = Field(description="Null: nothing that is measured supports it.")
    key: Annotated[int, Field(ge=-1, le=11)] = Field(description="0 for C to 11 for B; -1 where no key was found.")
    liveness: Share | None = Field(description="Null: nothing that is measured supports it.")
    loudness: float | None = Field(description="Integrated loudness, LUFS.")
    mode: Literal[0, 1] | None = Field(description="1 for major.")
    speechiness: Share | None = Field(description="An estimate.")
    tempo: float | None = Field(description="Beats a minute.")
    time_signature: Annotated[int, Field(ge=3, le=7)] | None
    track_href: str = Field(description="Path of the item in this API.")
    type: Literal["audio_features"]
    uri: str = Field(description="`audiofeat:KIND:ID`.")
    valence: Share | None = Field(description="An estimate.")


class AudioFeaturesList(Wire):
    """The features of several items, in the order in which they were asked for."""

    audio_features: list[AudioFeatures | None] = Field(
        description="Null for what nothing is known by that id, or what has no features."
    )

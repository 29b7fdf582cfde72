"""What OpenSubsonic's clients read: the envelope of each answer, and the extension ``sonicSimilarity``."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

API_VERSION: Literal["1.16.1"] = "1.16.1"


class _Subsonic(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, validate_by_name=True, allow_inf_nan=False
    )


class Name(_Subsonic):
    """A genre."""

    name: str


class Child(_Subsonic):
    """A song; what is not known is absent."""

    id: str
    is_dir: Literal[False] = False
    title: str
    album: str | None = None
    artist: str | None = None
    display_artist: str = ""
    genre: str | None = None
    genres: list[Name] = []
    year: int | None = None
    duration: int | None = Field(None, description="Seconds.")
    size: int | None = Field(None, description="Bytes.")
    suffix: str | None = None
    content_type: str | None = None
    sampling_rate: int | None = None
    channel_count: int | None = None
    path: str
    is_video: Literal[False] = False
    type: Literal["music", "podcast"]
    media_type: Literal["song"] = "song"
    isrc: list[str] = []


class SonicMatch(_Subsonic):
    """A song, and how alike it is."""

    entry: Child
    similarity: Annotated[float, Field(ge=0, le=1)] = Field(
        description="Half of one plus the cosine in the space: 1 for the same sound."
    )


class Extension(_Subsonic):
    """An extension of OpenSubsonic, and which versions of it are served."""

    name: str
    versions: list[int]


class Error(_Subsonic):
    """Why it failed, by Subsonic's codes."""

    code: Literal[0, 10, 20, 30, 41, 42, 43, 44, 50, 70]
    message: str
    help_url: str | None = None


class TokenInfo(_Subsonic):
    """Whose key it is."""

    username: str


class Body(_Subsonic):
    """What every answer says, and what it is about."""

    status: Literal["ok", "failed"]
    version: Literal["1.16.1"] = API_VERSION
    type: Literal["audiofeat"] = "audiofeat"
    server_version: str
    open_subsonic: Literal[True] = True
    error: Error | None = None
    open_subsonic_extensions: list[Extension] | None = None
    token_info: TokenInfo | None = None
    sonic_match: list[SonicMatch] | None = None


class SubsonicResponse(BaseModel):
    """The envelope."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    body: Body = Field(alias="subsonic-response")

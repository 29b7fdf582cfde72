"""Index releases over HTTP."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from schemas.manifest import Release
from schemas.wire import Kind, Share, Wire

Count = Annotated[int, Field(ge=0)]


class IndexRelease(Wire):
    """One published release."""

    release: Release
    kind: Kind
    space: str
    items: Count
    rows: Count = Field(description="Distinct vectors.")
    recall_at_10: Share
    created_at: AwareDatetime
    current: bool = Field(description="Whether it is the one that is served.")


class IndexList(Wire):
    """The releases that are kept, by kind, newest first."""

    indexes: list[IndexRelease]


class Promotion(Wire):
    """Which release shall be served."""

    release: Release

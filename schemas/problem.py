"""What every error looks like over HTTP: a problem of RFC 9457, with a stable code and a remedy."""

from typing import Annotated

from pydantic import Field, JsonValue

from schemas.wire import Wire


class InvalidPart(Wire):
    """One part of a request that is not as it has to be."""

    where: str = Field(description="As in `query.k` or `body.key`.")
    message: str
    example: JsonValue = Field(None, description="A correct value; null where none is known.")


class Problem(Wire):
    """Sent as ``application/problem+json``."""

    type: str = Field(description="`urn:audiofeat:problem:` and the code.")
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str = Field(description="What is wrong, naming the thing.")
    instance: str = Field(description="The path that was asked for.")
    code: str = Field(description="Stable; what a program decides by.")
    remedy: str | None = Field(description="What can be done about it.")
    errors: list[InvalidPart] = Field([], description="Every invalid part, where the request is not valid.")

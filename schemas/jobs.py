"""Jobs as a client polls them."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from schemas.wire import State, Wire

Count = Annotated[int, Field(ge=0)]


class JobError(Wire):
    """What last went wrong."""

    code: str
    message: str


class Job(Wire):
    """The analysis of one version of one object."""

    id: str
    item: str = Field(description="Id of the item.")
    store: str
    key: str
    lane: Literal["cold", "normal", "bulk"]
    state: State
    attempt: Count
    crashes: Count
    losses: Count
    error: JobError | None
    updated_at: AwareDatetime


class JobList(Wire):
    """Jobs, the newest change first."""

    jobs: list[Job]
    next: str | None = Field(description="Give it as `after` for the next page; null on the last one.")

"""Takedowns over HTTP."""

from pydantic import Field

from schemas.wire import Wire


class Takedown(Wire):
    """An item that is taken down; nothing else is told of it."""

    id: str


class TakedownPage(Wire):
    """Items that are taken down, in the order of their ids."""

    takedowns: list[Takedown]
    next: str | None = Field(description="Give it as `after` for the next page; null on the last one.")


class PutBack(Wire):
    """An item that is shown again."""

    id: str
    jobs: list[str] = Field(description="Of the jobs that place it anew; none where it has no object any more.")

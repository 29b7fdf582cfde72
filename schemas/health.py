"""Whether a process lives, and whether it can answer."""

from typing import Literal

from pydantic import Field

from schemas.wire import Wire


class Alive(Wire):
    """The process answers."""

    status: Literal["alive"] = "alive"


class ServedIndex(Wire):
    """What is served of one kind: a release and its space, or the code of what prevents it."""

    release: str | None
    space: str | None
    problem: str | None


class Ready(Wire):
    """The ledger can be read; a kind without an index is told and does not make the process unready."""

    status: Literal["ready"] = "ready"
    indexes: dict[str, ServedIndex] = Field(description="By kind.")
    warnings: list[str] = Field(description="What somebody should look at; lookups are answered all the same.")

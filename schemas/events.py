"""The answer to a message with events of a store."""

from typing import Annotated

from pydantic import Field

from schemas.wire import Wire

Count = Annotated[int, Field(ge=0)]


class RefusedPart(Wire):
    """A part of a message that can never be accepted."""

    code: str
    message: str


class EventsReceived(Wire):
    """What a message came to; it need not be sent again."""

    accepted: Count = Field(description="Events that the ledger has taken over.")
    ignored: Count = Field(description="Known or overtaken, not about audio, or without a change of an object.")
    refused: list[RefusedPart]

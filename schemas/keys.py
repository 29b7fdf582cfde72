"""API keys as the command line shows them."""

from typing import Literal

from pydantic import AwareDatetime, Field

from schemas.wire import Wire


class Key(Wire):
    """What is known of a key."""

    prefix: str = Field(description="Its first characters; never the key.")
    name: str
    scopes: list[Literal["read", "ingest", "admin"]]
    created_at: AwareDatetime
    expires_at: AwareDatetime | None
    last_used_at: AwareDatetime | None = Field(description="To the minute.")
    revoked_at: AwareDatetime | None


class NewKey(Key):
    """A key that was just made."""

    key: str = Field(description="The key itself; nobody can be told again.")

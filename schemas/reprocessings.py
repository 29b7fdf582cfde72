"""Reprocessings: what would be measured anew, what is asked for, and how far it is."""

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from schemas.jobs import Count
from schemas.wire import Wire


class ReprocessingScope(BaseModel):
    """Which items and groups are meant; what is left out excludes nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["track", "episode"] | None = None
    store: str | None = Field(None, min_length=1, max_length=200)
    key: str | None = Field(None, min_length=1, max_length=1024, description="Beginning of the object's key.")
    groups: list[str] = Field(default_factory=list, max_length=100, description="Feature groups; empty: all.")

    def terms(self) -> list[str]:
        """Return what is asked for, as ``FIELD=VALUE``."""
        single = [f"{name}={value}" for name in ("kind", "store", "key") if (value := getattr(self, name)) is not None]
        return single + [f"group={group}" for group in self.groups]


class ReprocessingRequest(ReprocessingScope):
    """A reprocessing to begin."""

    window: str | None = Field(None, description="Hours to work in, as in 22:00-06:00; local time of the reconciler.")
    lane: Literal["cold", "normal", "bulk"] = "bulk"


class GroupPlan(Wire):
    """What is stale of one group."""

    version: Count = Field(description="Today's.")
    items: Count
    audio_s: float


class Plan(Wire):
    """What a reprocessing would come to."""

    items: Count = Field(description="In the scope.")
    stale_items: Count
    groups: dict[str, GroupPlan]
    audio_s: float = Field(description="Of the stale items; it is decoded once, whatever the number of groups.")
    size_bytes: Count = Field(description="To be read from the stores.")
    cpu_hours: float | None = Field(description="Estimate from recent jobs; null where there are none.")


class Reprocessing(Wire):
    """How far a reprocessing is."""

    id: str
    state: Literal["running", "paused", "cancelled", "done"]
    held: bool = Field(description="Paused because its window is closed.")
    window: str | None
    lane: Literal["cold", "normal", "bulk"]
    versions: dict[str, Count] = Field(description="Wanted version by group.")
    total: Count = Field(description="Items that it is about, as far as is known.")
    ended: Count
    failed: Count
    per_minute: float = Field(description="Jobs that ended lately.")
    left_s: float | None = Field(description="How long the rest takes at this rate; null where nothing moves.")
    created_at: AwareDatetime
    finished_at: AwareDatetime | None


class ReprocessingList(Wire):
    """Reprocessings, newest first."""

    reprocessings: list[Reprocessing]
    next: str | None = Field(description="Give it as `after` for the next page; null on the last one.")

"""How an installation stands."""

from pydantic import AwareDatetime, Field

from schemas.jobs import Count
from schemas.wire import Wire


class LaneStatus(Wire):
    """How one lane stands."""

    jobs: dict[str, Count] = Field(description="By state; states without any are left out.")
    oldest_due_s: float | None = Field(description="For how long the first of the queue has been due.")
    ended_per_minute: float = Field(description="Over the last minutes.")
    audio_s_per_s: float = Field(description="Seconds of audio behind what ended, for each second.")


class WorkerStatus(Wire):
    """A worker that is there."""

    name: str
    host: str
    lanes: list[str] = Field(description="And the queue of requests.")
    slots: Count
    held: Count = Field(description="Jobs that it works on.")
    stalled_lanes: list[str] = Field(description="Of which it takes nothing although it could.")
    seen_at: AwareDatetime


class IndexStatus(Wire):
    """What is served of a kind."""

    release: str
    space: str
    age_s: float
    items: Count
    coverage_ratio: float = Field(description="Share of the kind's items that the index itself holds.")


class Status(Wire):
    """How everything stands."""

    lanes: dict[str, LaneStatus]
    workers: list[WorkerStatus]
    quarantined: Count
    dead: Count
    indexes: dict[str, IndexStatus | None]
    free_bytes: Count
    warnings: list[str] = Field(description="What somebody should look at.")

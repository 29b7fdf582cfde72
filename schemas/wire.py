"""What all models of the wire format have in common."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.manifest import Kind, Sha256

__all__ = ["Kind", "Sha256", "Share", "State", "Value", "Wire"]

State = Literal[
    "queued", "leased", "retry_wait", "done", "degraded", "rejected", "quarantined", "dead", "paused", "cancelled",
    "superseded"
]  # fmt: skip
Value = str | bool | float
Share = Annotated[float, Field(ge=0, le=1)]


class Wire(BaseModel):
    """A message: unknown fields are errors, and a number is never NaN or infinite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

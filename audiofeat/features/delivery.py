"""Delivery: how speech is spoken. Nothing of it is measured yet."""

from audiofeat.domain import registry
from audiofeat.domain.quality import Reason
from audiofeat.features.frames import Frames, Measured, Result


class Delivery:
    """Holds the places of its fields."""

    def push(self, frames: Frames) -> None:
        """Take in one block (nothing is kept)."""

    def result(self, measured: Measured, silence: Reason | None) -> Result:  # noqa: ARG002  the groups' one signature
        """Return nulls."""
        result = Result()
        for field in registry.FIELDS:
            if field.group == "delivery":
                result.put(field.name, None, Reason.NOT_MEASURED)
        return result

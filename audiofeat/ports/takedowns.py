"""Items that somebody wants gone."""

from typing import Protocol


class Takedowns(Protocol):
    """Items that are hidden on purpose, whatever happens to their objects."""

    def take_down(self, item_id: str) -> None:
        """Hide an item from everything that lists, shows or finds items; raises ItemUnknown."""

    def put_back(self, item_id: str) -> list[str]:
        """Show an item again where it has an object; return ids of the jobs that place it anew."""

    def taken_down(self, *, after: str | None = None, limit: int = 100) -> list[str]:
        """Return ids of items that are taken down, in order, from the one behind ``after``."""

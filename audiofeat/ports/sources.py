"""Sources that are asked: when that was, how far it got, and what they take back."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from audiofeat.domain.source_records import SourceRecord, Visit, Whole, Withdrawn


@dataclass(frozen=True, slots=True)
class Round:
    """How far a source has been asked about all items.

    Parameters
    ----------
    after : str
        Id of the item that was asked about last; empty between rounds.
    due_at : float
        When the next round is, in epoch seconds.
    """

    after: str
    due_at: float


class Sources(Protocol):
    """What was asked of sources, and what they take back."""

    def visit(self, source: str, address: str) -> Visit | None:
        """Return when an address was last asked, and its validators."""

    def keep_visit(self, visit: Visit) -> None:
        """Note that an address was asked, and that all that it brought is kept."""

    def round_of(self, source: str) -> Round:
        """Return how far a source has been asked about all items, and when the next round is due."""

    def keep_round(self, source: str, found: Round) -> None:
        """Note how far a source has been asked."""

    def withdraw(self, told: Withdrawn | Whole) -> set[str]:
        """Forget what a source has taken back, and merge its items anew; return their ids.

        What came with an item, or stands in its file, stays.
        """

    def records_for(self, item_ids: Collection[str], *, limit: int = 100) -> list[SourceRecord]:
        """Return records without an item, or of another one, that have a key or a file name in common with these.

        At most ``limit`` for each item.
        """

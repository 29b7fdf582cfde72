"""What of the catalogue is out of date."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from audiofeat.domain.batches import BatchScope


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of a scope is out of date.

    Parameters
    ----------
    items, stale_items : int
        In the scope, and those of them that lack a result of a wanted version.
    audio_s, size_bytes : float, int
        Of the stale items.
    groups : mapping
        Stale items and their seconds of audio by feature group; groups without any are left out.
    """

    items: int
    stale_items: int
    audio_s: float
    size_bytes: int
    groups: Mapping[str, tuple[int, float]]


@dataclass(frozen=True, slots=True)
class StaleItem:
    """An item that is out of date, with the version that it has of each stale group; None for none at all."""

    item_id: str
    key: str
    groups: Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class OldResult:
    """A result of an older version, beside which there is one of today's; its curves lie at a key, if it has any."""

    sha256: str
    group: str
    version: int
    curves_key: str | None


class Staleness(Protocol):
    """Compares what is stored with what is wanted."""

    def old_results(self, versions: Mapping[str, int], *, limit: int) -> list[OldResult]:
        """Return results below these versions of their groups where one of that version is stored, too."""

    def drop_results(self, results: Sequence[OldResult]) -> None:
        """Forget results."""

    def extent(self, scope: BatchScope) -> Extent:
        """Return how much of a scope is out of date."""

    def stale_items(self, scope: BatchScope, *, after: str | None = None, limit: int = 100) -> list[StaleItem]:
        """Return the items that are out of date, in the order of their ids, from the one behind ``after``."""

    def costs(self) -> Mapping[str, float]:
        """Return seconds of work for each second of audio, by stage, of jobs that ended lately."""

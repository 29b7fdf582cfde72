"""The same thing over again: what counts as evidence, and in which state a group is."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self


class GroupState(StrEnum):
    """Who says that items are duplicates."""

    FOUND = "found"
    CONFIRMED = "confirmed"


class Method(StrEnum):
    """How two items were recognised as the same, the surest first."""

    AUDIO_HASH = "audio_hash"
    PCM_HASH = "pcm_hash"
    FINGERPRINT = "fingerprint"
    DISTANCE = "distance"
    HAND = "hand"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why an item is a duplicate of another.

    Parameters
    ----------
    method : Method
        How it was recognised.
    of : str
        Id of the item that it was compared with.
    bit_error_ratio : float or None
        Share of the fingerprints' bits that differ, 0 to 1; 0.5 is chance.
    offset_s : float or None
        How much later the same sound begins in the other item.
    overlap_s : float or None
        How much of the two was compared.
    duration_difference_s : float or None
        How much longer this one is.
    distance : float or None
        Angular distance in the space that is served, 0 to 2.
    """

    method: Method
    of: str
    bit_error_ratio: float | None = None
    offset_s: float | None = None
    overlap_s: float | None = None
    duration_difference_s: float | None = None
    distance: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what was measured, without what was not."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the evidence behind :meth:`to_dict`."""
        return cls(**{**values, "method": Method(values["method"])})


@dataclass(frozen=True, slots=True)
class Link:
    """Two items that are, or seem to be, the same."""

    item_id: str
    evidence: Evidence

    @property
    def pair(self) -> tuple[str, str]:
        """Both ids, the lower one first."""
        return ordered(self.item_id, self.evidence.of)


def ordered(one: str, other: str) -> tuple[str, str]:
    """Return two ids, the lower one first."""
    return (one, other) if one < other else (other, one)


def pairs_between(ones: Iterable[str], others: Iterable[str]) -> list[tuple[str, str]]:
    """Return every pair of an item of each side, the lower id first."""
    opposite = list(others)
    return [ordered(one, other) for one in ones for other in opposite if one != other]

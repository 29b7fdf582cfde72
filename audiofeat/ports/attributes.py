"""Items as lookups need them: found by conditions, with what caps, copies and explanations go by."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from audiofeat.domain.attributes import Attribute
from audiofeat.domain.filters import Condition
from audiofeat.domain.items import Kind
from audiofeat.domain.neighbours import Facts
from audiofeat.domain.targets import Target


class Candidate(NamedTuple):
    """An item that may be a line of an answer: a plain row, for lookups read hundreds of them.

    Parameters
    ----------
    artist, album : str or None
        By which lines are capped: without regard to case, the show where there is no artist.
    tempo_bpm, tonic, mode
        What was measured of a track and means something to people.
    said : str
        The chosen metadata as JSON.
    group_id : str or None
        Of the duplicates that it belongs to.
    """

    item_id: str
    kind: str
    reference: str | None
    key: str
    sha256: str
    artist: str | None
    album: str | None
    tempo_bpm: float | None
    tonic: str | None
    mode: str | None
    said: str
    group_id: str | None = None

    @property
    def facts(self) -> Facts:
        """What is told of it in a sentence; speech has neither tempo nor key that mean anything."""
        is_track = self.kind == Kind.TRACK
        return Facts(self.tempo_bpm, self.tonic, self.mode) if is_track else Facts()

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The chosen value of each metadata field."""
        chosen: Mapping[str, Any] = json.loads(self.said)
        return chosen


class Attributes(Protocol):
    """Items by what is known of them; only analysed items that are not hidden are ever returned."""

    def candidates(self, item_ids: Collection[str], conditions: Sequence[Condition] = ()) -> dict[str, Candidate]:
        """Return those of the items that meet every condition, by id, in one statement."""

    def matching(self, kind: Kind, conditions: Sequence[Condition]) -> list[str]:
        """Return the ids of all items of a kind that meet every condition."""

    def seed(self, field: str, name: str) -> str | None:
        """Return the id of the item that an ``isrc``, ``mbid`` or ``reference`` names, if there is one."""

    def named(self, names: Collection[str]) -> dict[str, str]:
        """Return item ids by name, for those names that are an item's id, reference or alias."""

    def nearest_to_target(
        self, kind: Kind, target: Target, conditions: Sequence[Condition], *, limit: int
    ) -> dict[str, float]:
        """Return items by how well their features meet a target, 0 to 1, best first."""

    def usual_features(self, item_ids: Collection[str]) -> dict[str, dict[str, float | str | None]]:
        """Return the features that have a column, by item and by name."""

    def settled_change(self) -> int:
        """Return the number up to which every change of attributes can be seen by now."""

    def values_of(self, wanted: Sequence[Attribute], *, after: int | None = None) -> Iterator[list[tuple[Any, ...]]]:
        """Yield pages of rows: an item's id, and what is known of each attribute, which must have a column.

        Of every item, or only of those that were written after the change of a number.
        """

    def values_of_items(self, wanted: Sequence[Attribute], item_ids: Collection[str]) -> list[tuple[Any, ...]]:
        """Return the same rows of some items."""

    def closeness(self, item_ids: Collection[str], target: Target) -> dict[str, float]:
        """Return how well the features of some items meet a target, 0 to 1."""

"""Duplicates: items that are the same thing over again, in groups that can be undone."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from audiofeat.domain.duplicates import Evidence, GroupState, Link
from audiofeat.domain.items import Kind


@dataclass(frozen=True, slots=True)
class MemberView:
    """An item of a group and why it is one; the first of a group was compared with nothing."""

    item_id: str
    state: GroupState
    evidence: Evidence | None


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group of duplicates."""

    group_id: str
    members: tuple[MemberView, ...]


@dataclass(frozen=True, slots=True)
class PrintRow:
    """What tells of an item whether it is another one over again."""

    item_id: str
    kind: Kind
    sha256: str
    duration_s: float
    pcm_sha256: str | None
    chromaprint: str | None


class Duplicates(Protocol):
    """The groups of duplicates of a catalogue."""

    def duplicate_groups_of(self, item_ids: Sequence[str]) -> dict[str, str]:
        """Return the group of each item that is in one, by item id; groups that are only suggested are none."""

    def prints_of(self, item_ids: Sequence[str]) -> list[PrintRow]:
        """Return what tells duplicates of those of the items that are there."""

    def looked_through(self, kind: Kind) -> int:
        """Return up to which sequence number fingerprints of a kind were looked at for duplicates."""

    def known_by(self, marks: Collection[int]) -> dict[int, list[str]]:
        """Return the items that are known by each mark, the longest known first."""

    def copies_of(self, item_ids: Collection[str]) -> list[str]:
        """Return who is grouped with those of the items that are known by marks."""

    def keep_marks(self, looked_at: Sequence[str], known: Mapping[str, Collection[int]]) -> None:
        """Have items known by these marks alone, and those that were looked at and have none by nothing."""

    def move_look(self, kind: Kind, sequence: int) -> None:
        """Note up to which sequence number fingerprints of a kind were looked at."""

    def forget_marks(self) -> None:
        """Drop all marks, so that the next look begins anew; groups stay."""

    def join_duplicates(self, links: Sequence[Link]) -> int:
        """Put linked items into one group each; return how many links joined what was apart.

        A link between items that somebody split is left out.
        """

    def suggest_duplicates(self, links: Sequence[Link]) -> int:
        """Note pairs for somebody to judge; return how many are new. Pairs of one group or split ones are left out."""

    def duplicate_groups(self, *, after: str | None = None, limit: int = 100) -> list[GroupView]:
        """Return groups in the order of their ids, from the one behind ``after``."""

    def duplicate_suggestions(self, *, limit: int = 100) -> list[Link]:
        """Return pairs that wait for somebody to judge, most alike first."""

    def duplicate_group(self, item_id: str) -> GroupView | None:
        """Return the group of an item, or of this id."""

    def confirm_duplicates(self, item_ids: Sequence[str]) -> GroupView:
        """Put items into one confirmed group with all that is grouped with them, whatever was said before."""

    def split_duplicates(self, item_ids: Sequence[str]) -> int:
        """Take items out of their groups, and keep them apart from what they were grouped or suggested with.

        Returns how many pairs are kept apart by it.
        """

"""What is heard again across the episodes of a show."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from audiofeat.domain.repeats import Heard, Repeat, RepeatKind


@dataclass(frozen=True, slots=True)
class EpisodeRow:
    """An analysed episode of a show, and which of its audio was listened to for repeats, if any was."""

    item_id: str
    sha256: str
    duration_s: float
    heard_sha256: str | None


@dataclass(frozen=True, slots=True)
class RepeatView:
    """Something that is heard again: what it probably is, how long, and where."""

    repeat_id: str
    show: str
    kind: RepeatKind
    length_s: float
    heard: tuple[Heard, ...]

    @property
    def episodes(self) -> int:
        """In how many episodes it is heard."""
        return len({one.item_id for one in self.heard})


class Repeats(Protocol):
    """The repeats of all shows."""

    def shows_to_hear(self, *, limit: int = 10) -> list[str]:
        """Return shows with episodes that were not yet listened to for repeats, or have other audio by now."""

    def episodes_to_hear(self, show: str) -> list[EpisodeRow]:
        """Return the analysed episodes of a show, by date of release and then by id."""

    def repeats_known(self, show: str) -> list[Repeat]:
        """Return the repeats of a show with their sub-fingerprints and places."""

    def repeats(self, show: str) -> list[RepeatView]:
        """Return what is heard again in a show, in most episodes first; only what at least two episodes have."""

    def repeats_in(self, item_id: str) -> list[tuple[RepeatView, Heard]]:
        """Return what of other episodes is heard in this one, by its place."""

    def keep_heard(
        self, show: str, episode: EpisodeRow, found: Sequence[tuple[Repeat, Heard]], *, kinds: dict[str, RepeatKind]
    ) -> None:
        """Note in one transaction that an episode was listened to and what was heard, instead of what was before."""

    def forget_heard(self, show: str, item_ids: Collection[str]) -> None:
        """Have episodes listened to again: what was heard in them is dropped."""

"""What is heard again across the episodes of a show: jingles, advertisements, passages.

Episodes are taken one after the other. Each is compared with what is known to be heard again, and with the few before
it, so that a show of any length needs the memory of a few episodes: what comes again only after more than
``COMPARED_WITH`` others is not found.
"""

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median

from audiofeat.domain.subprints import LEAST_COMMON_S, WORD_S, Common, Words, common

COMPARED_WITH = 6
# A show that has more would spend its time on them; the first ones stay.
MOST_REPEATS = 500
# What has less of a repeat in common is another one.
_LEAST_PART = 0.6
# A sub-fingerprint is about two thirds of a second; its middle tells where things begin and end.
_BEGINS_AT_S, _ENDS_AT_S = 0.32, 0.37
_JINGLE_MOST_S = 12.0
_THEME_MOST_S = 60.0
_AD_MOST_S = 120.0
_EDGE_S, _EDGE_RATIO = 90.0, 0.1


class RepeatKind(StrEnum):
    """What something that is heard again probably is, by its length and its places."""

    JINGLE = "jingle"
    AD = "ad"
    PASSAGE = "passage"


@dataclass(frozen=True, slots=True)
class Heard:
    """One place at which a repeat is heard.

    Parameters
    ----------
    item_id : str
        The episode.
    start_s, end_s : float
        Where in it, to about a third of a second.
    bit_error_ratio : float
        By what share of its bits it differs from the repeat's own sub-fingerprints; 0.5 is chance.
    """

    item_id: str
    start_s: float
    end_s: float
    bit_error_ratio: float


@dataclass(slots=True)
class Repeat:
    """Something that is heard again, by its sub-fingerprints."""

    repeat_id: str
    words: Words
    heard: list[Heard] = field(default_factory=list)

    @property
    def length_s(self) -> float:
        """How long it is."""
        return len(self.words) * WORD_S + _ENDS_AT_S - _BEGINS_AT_S

    @property
    def episodes(self) -> int:
        """In how many episodes it is heard."""
        return len({one.item_id for one in self.heard})


class Listening:
    """What one show is known to have, and its last episodes; fed one episode at a time.

    Parameters
    ----------
    known : iterable of Repeat
        Found before. Their ``heard`` need not be complete: it grows by what is heard now.
    recent : iterable of (str, Words)
        The last episodes that were taken in, oldest first.
    """

    def __init__(self, known: Iterable[Repeat] = (), recent: Iterable[tuple[str, Words]] = ()) -> None:
        self.repeats = list(known)
        self._recent = deque(recent, maxlen=COMPARED_WITH)

    def hear(self, item_id: str, words: Words) -> list[tuple[Repeat, Heard]]:
        """Take in an episode; return what was heard anew, in it and, of repeats found just now, in those before it."""
        taken: list[tuple[int, int]] = []
        found: list[tuple[Repeat, Heard]] = []
        for repeat, stretch in self._of_known(words):
            if _is_free(stretch.other_start, stretch.length, taken):
                taken.append((stretch.other_start, stretch.other_start + stretch.length))
                found.append((repeat, _heard(item_id, stretch.other_start, stretch)))
        for other_id, other in reversed(self._recent):
            for stretch in sorted(common(words, other), key=_worth, reverse=True):
                is_room = len(self.repeats) < MOST_REPEATS
                if other_id == item_id or not is_room or not _is_free(stretch.start, stretch.length, taken):
                    continue
                found += self._new(item_id, words, stretch, taken)
        self._recent.append((item_id, words))
        for repeat, heard in found:
            repeat.heard.append(heard)
        return found

    def _of_known(self, words: Words) -> list[tuple[Repeat, Common]]:
        pairs = [(repeat, stretch) for repeat in self.repeats for stretch in _whole(repeat.words, words)]
        return sorted(pairs, key=lambda pair: _worth(pair[1]), reverse=True)

    def _new(
        self, item_id: str, words: Words, stretch: Common, taken: list[tuple[int, int]]
    ) -> list[tuple[Repeat, Heard]]:
        """Return a repeat that was not known, wherever it is heard in this episode and in the last ones."""
        repeat = Repeat(f"{item_id}:{stretch.start}", words[stretch.start : stretch.end])
        self.repeats.append(repeat)
        found = []
        for place, (other_id, other) in enumerate([*self._recent, (item_id, words)]):
            own = taken if place == len(self._recent) else []
            for again in sorted(_whole(repeat.words, other), key=_worth, reverse=True):
                if _is_free(again.other_start, again.length, own):
                    own.append((again.other_start, again.other_start + again.length))
                    found.append((repeat, _heard(other_id, again.other_start, again)))
        return found


def kind_of(repeat: Repeat, durations_s: dict[str, float]) -> RepeatKind:
    """Guess what a repeat is: short, or at the same end of most episodes, it is a jingle; else by its length."""
    at_edge = []
    for heard in repeat.heard:
        duration_s = durations_s.get(heard.item_id, math.inf)
        edge_s = min(_EDGE_S, _EDGE_RATIO * duration_s)
        at_edge.append(heard.start_s <= edge_s or duration_s - heard.end_s <= edge_s)
    length_s = repeat.length_s
    if length_s <= _JINGLE_MOST_S or (length_s <= _THEME_MOST_S and at_edge and median(at_edge) > 0.5):  # noqa: PLR2004  more than half
        return RepeatKind.JINGLE
    return RepeatKind.AD if length_s <= _AD_MOST_S else RepeatKind.PASSAGE


def _whole(part: Words, words: Words) -> list[Common]:
    """Return where nearly all of a repeat is heard in an episode; ``other_start`` is the place."""
    return [stretch for stretch in common(part, words) if stretch.length >= _LEAST_PART * len(part)]


def _worth(stretch: Common) -> float:
    """Return how many bits agree beyond chance: longer and surer stretches come first."""
    return stretch.length * (0.5 - stretch.bit_error_ratio)


def _is_free(start: int, length: int, taken: Sequence[tuple[int, int]]) -> bool:
    """Tell whether enough of a stretch was not heard as something else already."""
    covered = sum(max(0, min(start + length, end) - max(start, begin)) for begin, end in taken)
    return covered <= length / 2 and (length - covered) * WORD_S >= LEAST_COMMON_S


def _heard(item_id: str, start: int, stretch: Common) -> Heard:
    start_s, end_s = start * WORD_S + _BEGINS_AT_S, (start + stretch.length) * WORD_S + _ENDS_AT_S
    return Heard(item_id, round(start_s, 2), round(end_s, 2), round(stretch.bit_error_ratio, 4))

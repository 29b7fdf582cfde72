"""What can be said about two items that lie near each other: whether they are copies, and in a sentence why."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from audiofeat.domain.descriptor import DIMENSIONS
from audiofeat.domain.similarity import GroupSimilarity

# Encodings of one recording lie closer than this; different recordings seldom do.
NEAR_DUPLICATE_DISTANCE = 0.12
_SAME_TEMPO_RATIO = 1.03
_GROUPS_NAMED = 2


class Engine(StrEnum):
    """How candidates are found; distances are exact either way."""

    ANNOY = "annoy"
    EXACT = "exact"
    VOYAGER = "voyager"


class Duplicate(StrEnum):
    """How a neighbour is the same thing over again."""

    SAME_AUDIO = "same audio"
    NEARLY_THE_SAME_SOUND = "nearly the same sound"


# The cosine of a single number is its sign: it tells nothing that a reader would want to know.
_GROUPS_OF_ONE = frozenset(name for name, slots in Counter(d.group for d in DIMENSIONS).items() if slots == 1)


@dataclass(frozen=True, slots=True)
class Facts:
    """What was measured of an item and means something to people; None where it was not."""

    tempo_bpm: float | None = None
    key: str | None = None
    mode: str | None = None


def duplicate_of(*, same_audio: bool, distance: float) -> Duplicate | None:
    """Tell a copy from a neighbour."""
    if same_audio:
        return Duplicate.SAME_AUDIO
    return Duplicate.NEARLY_THE_SAME_SOUND if distance < NEAR_DUPLICATE_DISTANCE else None


def explain(*, duplicate: Duplicate | None, groups: Mapping[str, GroupSimilarity], ours: Facts, theirs: Facts) -> str:
    """Say in one line why two items are near: the groups that count most, then plain facts that they share.

    Examples
    --------
    >>> groups = {"timbre": GroupSimilarity(0.97, 0.8), "tonal": GroupSimilarity(0.81, 0.2)}
    >>> explain(duplicate=None, groups=groups, ours=Facts(172.1, "A", "minor"), theirs=Facts(171.8, "C", "minor"))
    'timbre .97, tonal .81; both about 172 BPM; both minor'
    """
    if duplicate is Duplicate.SAME_AUDIO:
        return "same audio file"
    parts = [duplicate.value] if duplicate else []
    telling = [(name, group) for name, group in groups.items() if name not in _GROUPS_OF_ONE]
    strongest = sorted(telling, key=lambda named: (-named[1].share, named[0]))[:_GROUPS_NAMED]
    alike = [
        f"{name} {_short(group.similarity)}"
        for name, group in strongest
        if group.similarity is not None and group.share > 0
    ]
    parts.append(", ".join(alike) if alike else "the nearest there is, though nothing in particular is alike")
    parts.extend(_shared_facts(ours, theirs))
    return "; ".join(parts)


def explain_target(facts: Facts, closeness: float) -> str:
    """Say in one line how near an item comes to a target, and what it is like.

    Examples
    --------
    >>> explain_target(Facts(121.6, "A", "minor"), 0.934)
    'meets .93 of the target; 122 BPM, A minor'
    """
    parts = [f"{facts.tempo_bpm:.0f} BPM"] if facts.tempo_bpm else []
    if facts.key and facts.mode:
        parts.append(f"{facts.key} {facts.mode}")
    return "; ".join([f"meets {_short(closeness)} of the target", *([", ".join(parts)] if parts else [])])


def _shared_facts(ours: Facts, theirs: Facts) -> list[str]:
    shared = []
    if ours.tempo_bpm and theirs.tempo_bpm:
        slow, fast = sorted((ours.tempo_bpm, theirs.tempo_bpm))
        if fast / slow <= _SAME_TEMPO_RATIO:
            shared.append(f"both about {ours.tempo_bpm:.0f} BPM")
        elif fast / slow / 2 <= _SAME_TEMPO_RATIO and 2 * slow / fast <= _SAME_TEMPO_RATIO:
            shared.append(f"{slow:.0f} and {fast:.0f} BPM, half and double time")
    if ours.mode and ours.mode == theirs.mode:
        same_key = ours.key is not None and ours.key == theirs.key
        shared.append(f"both {ours.key} {ours.mode}" if same_key else f"both {ours.mode}")
    return shared


def _short(similarity: float) -> str:
    """Return a cosine without its leading zero: ``.97``, ``-.10``, ``1.00``."""
    return f"{similarity:.2f}".replace("0.", ".", 1)

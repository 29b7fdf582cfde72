"""Whether a record is about an item: by an identifier, else by artist (or file name), title and duration, else not.

Names are compared folded (:func:`audiofeat.domain.match_keys.fold`) by the share of letters that agree
(rapidfuzz, 0 to 1), words in any order, with artist and title also the wrong way round. What marks a version stands
apart: "(feat. X)" is left out of a title, and two titles of which one is a remix, a live take, an instrumental or a
cover are never brought together without a person. Durations more than 7 s or 5 % apart are another
recording. Below :data:`AUTOMATIC` a match waits for a person, below :data:`WORTH_A_LOOK` it is none; so it is where
two items are equally near.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from rapidfuzz import fuzz

from audiofeat.domain.match_keys import fold, identifiers
from audiofeat.domain.source_records import MatchState

# The rule of a match that no identifier makes.
BY_NAMES = "names"
_BY_FILE = "file_name"
AUTOMATIC = 0.9
_SAME_FILE = 0.9
WORTH_A_LOOK = 0.75
# How far the second best has to be behind.
LEAST_LEAD = 0.04
_NEAR_S, _NEAR_RATIO = 7.0, 0.05
# Of a file without a title: what a feed says is rounded.
_SAME_LENGTH_S = 2.0
# Of what is so short that 7 s are much of it.
_NEAR_SHORT_RATIO = 0.1
_LEAST_LETTERS = 4
# Without a duration names alone have to be nearly the same, and say enough.
_AUTOMATIC_BY_NAME = 0.96
_TITLE_WEIGHT = 0.55
_SURE: Mapping[str, float] = {
    "reference": 1.0,
    "isrc": 0.98,
    "mbid": 1.0,
    "guid": 1.0,
    "enclosure_url": 0.99,
    "upc": 0.99,
}
_MARKERS: Mapping[str, str] = {
    "remix": r"remix|rmx|mix|rework|dub|edit|bootleg|vip",
    "live": r"live|unplugged|concert|session",
    "instrumental": r"instrumental|karaoke|backing track",
    "acoustic": r"acoustic|piano version|stripped",
    "demo": r"demo|rehearsal|outtake|alternate|take \d+",
    "cover": r"cover|tribute|originally performed|in the style of",
    "speed": r"sped up|slowed|nightcore|8d",
    "clean": r"clean|radio edit|censored",
}
_SAME_RECORDING = re.compile(r"\b((\d{4} )?remaster(ed)?( \d{4})?|explicit|album version|original mix|mono|stereo)\b")
_FEATURED = re.compile(r"[\s(\[]+(?:feat|ft|featuring|with)\b\.?\s[^)\]]*[)\]]?", re.IGNORECASE)
_ASIDE = re.compile(r"[(\[]([^)\]]*)[)\]]|\s[-–—]\s(.*)$")
_ARTISTS = re.compile(
    r"\s*(?:,|;|&|\+|\bfeat\.?|\bft\.?|\bfeaturing\b|\bx\b|\bvs\.?|\band\b|\bwith\b)\s*", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Names:
    """A title as it is compared: its core, and what marks it as a version."""

    core: str
    markers: frozenset[str]
    rest: str


@dataclass(frozen=True, slots=True)
class Finding:
    """An item that a record may be about, and why.

    Parameters
    ----------
    confidence : float
        0 to 1.
    rule : str
        Name of the identifier, or ``names``.
    evidence : mapping
        What agrees and what does not, for people.
    blocked : bool
        Whether something forbids to decide without a person, however near the names are.
    """

    item_id: str
    confidence: float
    rule: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    blocked: bool = False


def decide(findings: Sequence[Finding]) -> list[tuple[Finding, MatchState]]:
    """Return what becomes of the items that a record may be about: one is matched, some wait, or none is worth it."""
    ranked = sorted((f for f in findings if f.confidence >= WORTH_A_LOOK), key=lambda f: (-f.confidence, f.item_id))
    if not ranked:
        return []
    best = next((finding for finding in ranked if not finding.blocked), None)
    if best is not None and best.confidence >= (AUTOMATIC if best.rule == "names" else WORTH_A_LOOK):
        rivals = [finding for finding in ranked if finding is not best and _rivals(best, finding)]
        if not rivals:
            return [(best, MatchState.MATCHED)]
    return [(finding, MatchState.WAITING) for finding in ranked[:5]]


def _rivals(best: Finding, other: Finding) -> bool:
    """Tell whether another finding is too near to the best one; one that is blocked has to be better by as much."""
    return best.confidence - other.confidence < (-LEAST_LEAD if other.blocked else LEAST_LEAD)


def by_identifier(record: Mapping[str, Any], item: Mapping[str, Any], item_id: str) -> Finding | None:
    """Return the finding that an identifier in common makes; another one that contradicts leaves it to a person."""
    theirs, ours = identifiers(record), identifiers(item)
    common = [name for name, key in theirs.items() if ours.get(name) == key]
    if not common:
        return None
    against = [name for name, key in theirs.items() if name in ours and ours[name] != key and name != "enclosure_url"]
    apart = _apart(record.get("duration_s"), item.get("duration_s"))
    evidence = {"agree": common, "differ": against, **_durations(record, item)}
    is_blocked = bool(against) or (apart is not None and apart > 4 * _NEAR_RATIO)
    return Finding(item_id, max(_SURE[name] for name in common), common[0], evidence, is_blocked)


def by_names(record: Mapping[str, Any], item: Mapping[str, Any], item_id: str) -> Finding:
    """Return how near artist, title and duration of a record are to an item's."""
    straight = _nearness(record, item, swapped=False)
    swapped = _nearness(record, item, swapped=True)
    is_swapped = swapped[0] > straight[0] + LEAST_LEAD
    score, artist, title, markers = swapped if is_swapped else straight
    apart = _apart(record.get("duration_s"), item.get("duration_s"))
    evidence: dict[str, Any] = {
        "artist": round(artist, 3), "title": round(title, 3), **_durations(record, item),
        **({"swapped": True} if is_swapped else {}), **({"versions": sorted(markers)} if markers else {}),
    }  # fmt: skip
    theirs, ours = identifiers(record), identifiers(item)
    against = [name for name in ("isrc", "mbid", "guid", "reference") if name in theirs and name in ours]
    if against:
        evidence["differ"] = against
    if "guid" in against and (title < 1 or markers):
        # Else the whole feed of a show would be asked about beside each of its episodes.
        score = 0.0
    if apart is None:
        blocked = score < _AUTOMATIC_BY_NAME or len(fold(str(item.get("title", "")))) < _LEAST_LETTERS
    else:
        score *= 1.0 - min(0.05, apart * 0.5)
        blocked = apart > _NEAR_RATIO
    return Finding(item_id, round(score, 4), BY_NAMES, evidence, blocked or bool(markers) or bool(against))


def by_file(record: Mapping[str, Any], item: Mapping[str, Any], item_id: str) -> Finding:
    """Return the finding that an episode's file has the name that its feed gives: titles and durations have to agree.

    Where the file has no title, its duration has to be the same; else a person is asked.
    """
    theirs, ours = title_of(str(record.get("title") or "")), title_of(str(item.get("title") or ""))
    title = _words(theirs.core, ours.core)
    lengths = _durations(record, item).get("duration_s")
    is_as_long = lengths is not None and abs(lengths[0] - lengths[1]) <= _SAME_LENGTH_S
    if item.get("title"):
        agrees = title >= AUTOMATIC and _numbers(theirs) == _numbers(ours)
        agrees &= lengths is None or _apart(*lengths) == 0.0
    else:
        agrees = is_as_long
    told = {"file_name": 1.0, **({"title": round(title, 3)} if item.get("title") else {}), **_durations(record, item)}
    return Finding(item_id, _SAME_FILE if agrees else WORTH_A_LOOK, _BY_FILE, told, blocked=not agrees)


@lru_cache(maxsize=65_536)
def title_of(text: str) -> Names:
    """Return a title's core, apart from guests and from what marks a version.

    Examples
    --------
    >>> title_of("Hurt (feat. Nobody) - Live at Home")
    Names(core='hurt', markers=frozenset({'live'}), rest='live at home')
    >>> title_of("Hurt (2011 Remaster)").markers
    frozenset()
    """
    plain = _FEATURED.sub(" ", text)
    asides = [fold(one or other) for one, other in _ASIDE.findall(plain)]
    core = fold(_ASIDE.sub(" ", plain)) or fold(plain)
    kept = [_SAME_RECORDING.sub("", aside).strip() for aside in asides]
    rest = " ".join(aside for aside in kept if aside)
    found = frozenset(name for name, words in _MARKERS.items() if re.search(rf"\b({words})\b", rest))
    trailing = frozenset(
        name for name, words in _MARKERS.items() if name in {"instrumental", "remix", "speed"}
        and re.search(rf"\w \b({words})$", core) and not asides
    )  # fmt: skip
    return Names(core, found | trailing, rest)


@lru_cache(maxsize=65_536)
def artists_of(text: str) -> frozenset[str]:
    """Return the artists of a credit, folded.

    Examples
    --------
    >>> sorted(artists_of("Anna Example feat. Bob & The Others"))
    ['anna example', 'bob', 'the others']
    """
    return frozenset(folded for name in _ARTISTS.split(text) if (folded := fold(name)))


def _nearness(
    record: Mapping[str, Any], item: Mapping[str, Any], *, swapped: bool
) -> tuple[float, float, float, frozenset[str]]:
    first, second = ("title", "artist") if swapped else ("artist", "title")
    theirs_artist = str(record.get(first) or (record.get("show") if not swapped else "") or "")
    theirs_title = str(record.get(second) or "")
    ours_artist, ours_title = str(item.get("artist") or item.get("show") or ""), str(item.get("title") or "")
    artist = _artists(theirs_artist, ours_artist)
    their_names, our_names = title_of(theirs_title), title_of(ours_title)
    title = _words(their_names.core, our_names.core)
    versions = their_names.markers ^ our_names.markers
    if their_names.markers and their_names.markers == our_names.markers:
        # Two remixes are of one track, and not the same.
        if _words(their_names.rest, our_names.rest) < AUTOMATIC:
            versions = their_names.markers
    elif _numbers(their_names) != _numbers(our_names):
        versions |= {"number"}
    return (1 - _TITLE_WEIGHT) * artist + _TITLE_WEIGHT * title if artist and title else 0.0, artist, title, versions


def _numbers(names: Names) -> list[str]:
    """Return the numbers in a title: part 1 is not part 2."""
    return re.findall(r"\d+", f"{names.core} {names.rest}")


def _artists(one: str, other: str) -> float:
    """Return how near two credits are: as a whole, or by the artists that both name."""
    whole = _words(fold(one), fold(other))
    ours, theirs = artists_of(one), artists_of(other)
    common = len(ours & theirs)
    return max(whole, 0.9 + 0.1 * common / max(len(ours | theirs), 1) if common else 0.0)


def _words(one: str, other: str) -> float:
    if not one or not other:
        return 0.0
    return max(fuzz.ratio(one, other), fuzz.token_sort_ratio(one, other)) / 100


def _apart(one: object, other: object) -> float | None:
    """Return how far apart two durations are as a share of the longer one, 0 within the tolerance; None if unknown."""
    if not isinstance(one, int | float) or not isinstance(other, int | float) or one <= 0 or other <= 0:
        return None
    difference = abs(float(one) - float(other))
    return (
        0.0
        if difference <= _NEAR_S and difference / max(one, other) <= _NEAR_SHORT_RATIO
        else difference / max(one, other)
    )


def _durations(record: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    pair = (record.get("duration_s"), item.get("duration_s"))
    return {"duration_s": list(pair)} if all(isinstance(one, int | float) for one in pair) else {}

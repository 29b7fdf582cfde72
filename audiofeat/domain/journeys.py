"""A way from one item to another by small steps: real items near the arc between the two.

Waypoints divide the arc of the great circle from start to end evenly. Each is snapped to an item near it, so that the
sum of squared steps and of squared distances from the waypoints is small, no item and no more than so many of one
artist come, and tempo and key never jump farther than allowed. A beam search keeps the best partial ways.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.attributes import KEYS
from audiofeat.domain.neighbours import Facts

LEAST_LENGTH, MOST_LENGTH = 3, 50
FARTHEST_KEY = 6
_BEAM = 100
# What a squared distance from its waypoint weighs beside a squared step.
_ASTRAY = 0.5
# How far chance may turn a way aside, as a share of how far off a waypoint its tenth nearest item is.
_CHANCE, _TYPICAL = 2.0, 10
_SAME_DIRECTION = 1e-6
_ROUNDING = 1e-9
_FIFTH, _MINOR_THIRD, _TONES = 7, 3, 12

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far two items beside each other may be apart; half and double tempo count as the same.

    Parameters
    ----------
    tempo_ratio : float
        Greatest ratio of their tempos, 1 to 1.5; all of an octave lies within sqrt(2).
    key_steps : int
        Greatest number of steps on the circle of fifths, a minor key being where its relative major is; 0 to 6.
    """

    tempo_ratio: float
    key_steps: int


# Tried in turn where nobody asks for bounds: what a listener hardly notices first, anything last.
USUAL_BOUNDS = (Bounds(1.12, 2), Bounds(1.2, 3), Bounds(1.3, 4), Bounds(1.5, FARTHEST_KEY))


@dataclass(frozen=True, slots=True, eq=False)
class Stop:
    """An item that a way may lead over; ``marks`` are what no two items of a way share, such as the hash of a file."""

    vector: NDArray[np.float32]
    facts: Facts
    artist: str | None
    marks: frozenset[Hashable]


@dataclass(slots=True, eq=False)
class _Way:
    places: tuple[int, ...]
    cost: float
    artists: Counter[str] = field(default_factory=Counter)
    marks: frozenset[Hashable] = frozenset()


def waypoints(start: NDArray[np.float32], end: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """Return the unit vectors between two that divide their arc evenly, shape (length - 2, dims)."""
    a, b = start.astype(np.float64), end.astype(np.float64)
    angle = float(np.arccos(np.clip(a @ b, -1.0, 1.0)))
    share = np.linspace(0.0, 1.0, length)[1:-1, None]
    if np.sin(angle) < _SAME_DIRECTION:
        between = (1 - share) * a + share * b
    else:
        between = (np.sin((1 - share) * angle) * a + np.sin(share * angle) * b) / np.sin(angle)
    norms = np.maximum(np.linalg.norm(between, axis=1, keepdims=True), _SAME_DIRECTION)
    unit: NDArray[np.float32] = (between / norms).astype(np.float32)
    return unit


def find_way(
    stops: Sequence[Stop],
    layers: Sequence[Sequence[int]],
    points: NDArray[np.float32],
    *,
    bounds: Bounds,
    artist_cap: int,
    seed: int = 0,
) -> list[int] | None:
    """Return the places of the items between two ends, or None where no way keeps to the rules.

    Parameters
    ----------
    stops : sequence of Stop
        The start, the end, and then every item that may lie between.
    layers : sequence of sequence of int
        For each waypoint the places, in ``stops``, of the items near it.
    points : NDArray[np.float32], shape (waypoints, dims)
        The waypoints.
    bounds : Bounds
        Hold for every step.
    artist_cap : int
        At most how many items of one artist, ends included; 0 for any number.
    seed : int
        0 for the best way; any other number turns aside by chance, always in the same manner.
    """
    vectors = np.stack([stop.vector for stop in stops]).astype(np.float64)
    steps = np.maximum(2.0 - 2.0 * vectors @ vectors.T, 0.0)
    near = _near(stops, bounds)
    chance = np.random.default_rng(seed).uniform(0, _CHANCE if seed else 0.0, len(stops))
    ends = Counter(stop.artist for stop in stops[:2] if stop.artist is not None)
    ways = [_Way((0,), 0.0, ends, stops[0].marks | stops[1].marks)]
    for layer, point in zip(layers, points.astype(np.float64), strict=True):
        places = np.array(layer, dtype=np.intp)
        astray = np.maximum(2.0 - 2.0 * vectors[places] @ point, 0.0)
        usual = np.sort(astray)[:_TYPICAL].max(initial=0.0)
        ways = _extended(ways, places, _ASTRAY * astray + usual * chance[places], steps, near, stops, artist_cap)
    closed = [way for way in ways if near[way.places[-1], 1]]
    if not closed:
        return None
    return list(min(closed, key=lambda way: (way.cost + steps[way.places[-1], 1], way.places)).places[1:])


def _extended(  # noqa: PLR0917  all of one search
    ways: Sequence[_Way],
    places: NDArray[np.intp],
    costs: Floats,
    steps: Floats,
    near: NDArray[np.bool_],
    stops: Sequence[Stop],
    artist_cap: int,
) -> list[_Way]:
    """Return the best ways that are one item longer."""
    if not ways or not len(places):
        return []
    last = np.array([way.places[-1] for way in ways], dtype=np.intp)
    total = np.array([way.cost for way in ways])[:, None] + steps[np.ix_(last, places)] + costs[None, :]
    total[~near[np.ix_(last, places)]] = np.inf
    longer: list[_Way] = []
    for flat in np.argsort(total, axis=None, kind="stable").tolist():
        row, column = divmod(flat, len(places))
        cost, way, place = float(total[row, column]), ways[row], int(places[column])
        if len(longer) == _BEAM or not np.isfinite(cost):
            break
        stop = stops[place]
        if stop.marks & way.marks or (artist_cap and stop.artist and way.artists[stop.artist] >= artist_cap):
            continue
        artists = way.artists + Counter([stop.artist] if stop.artist else [])
        longer.append(_Way((*way.places, place), cost, artists, way.marks | stop.marks))
    return longer


def _near(stops: Sequence[Stop], bounds: Bounds) -> NDArray[np.bool_]:
    """Tell of each pair whether tempo and key are near enough; what is not known is no obstacle."""
    tempo = np.array([stop.facts.tempo_bpm or np.nan for stop in stops])
    octaves = np.log2(tempo[:, None]) - np.log2(tempo[None, :])
    off = np.abs(octaves - np.round(octaves))
    key = np.array([_fifths(stop.facts) for stop in stops], dtype=np.float64)
    around = np.abs(key[:, None] - key[None, :])
    around = np.minimum(around, _TONES - around)
    # Comparisons with what is not known are false.
    return np.asarray(~((off > np.log2(bounds.tempo_ratio) + _ROUNDING) | (around > bounds.key_steps)))


def tempo_ratio(ours: Facts, theirs: Facts) -> float | None:
    """Return the ratio of two tempos, 1 or more, half and double time being the same; None where one is not known."""
    if not ours.tempo_bpm or not theirs.tempo_bpm:
        return None
    octaves = float(np.log2(ours.tempo_bpm) - np.log2(theirs.tempo_bpm))
    return float(2 ** abs(octaves - round(octaves)))


def key_steps(ours: Facts, theirs: Facts) -> int | None:
    """Return the steps between two keys on the circle of fifths, 0 to 6; None where one is not known.

    Examples
    --------
    >>> key_steps(Facts(key="C", mode="major"), Facts(key="A", mode="minor"))
    0
    """
    around = abs(_fifths(ours) - _fifths(theirs))
    return None if np.isnan(around) else int(min(around, _TONES - around))


def _fifths(facts: Facts) -> float:
    if facts.key not in KEYS or facts.mode is None:
        return np.nan
    tonic = KEYS.index(facts.key) + (_MINOR_THIRD if facts.mode == "minor" else 0)
    return float(tonic * _FIFTH % _TONES)

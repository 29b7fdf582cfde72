"""Finds a journey between two items of the catalogue: real items, small steps, bounded jumps."""

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.attributes import USUAL_FEATURES
from audiofeat.domain.filters import Condition
from audiofeat.domain.items import Kind
from audiofeat.domain.journeys import (
    FARTHEST_KEY,
    LEAST_LENGTH,
    MOST_LENGTH,
    USUAL_BOUNDS,
    Bounds,
    Stop,
    find_way,
    key_steps,
    tempo_ratio,
    waypoints,
)
from audiofeat.domain.lookups import DEFAULT_CAP, ItemSeed
from audiofeat.domain.neighbours import Engine
from audiofeat.errors import InvalidInput
from audiofeat.ports import Candidate, Catalogue, IndexReader, VectorIndex
from audiofeat.services.seeds import find, place_of

_NEAR_A_WAYPOINT = 60
_MOST_TEMPO_RATIO = 1.5


@dataclass(frozen=True, slots=True)
class Route:
    """How a journey may go.

    Parameters
    ----------
    length : int
        Number of items, both ends included, 3 to 50.
    artist_cap : int
        At most so many items of one artist, ends included; 0 for any number.
    tempo_ratio, key_steps : float and int, or None
        Bounds of each step; None for the tightest of the usual ones that a way exists for.
    seed : int
        0 for the best way, any other number for an alternative.
    conditions : tuple of Condition
        What has to hold of every item between the ends.
    """

    length: int = 8
    artist_cap: int = DEFAULT_CAP
    tempo_ratio: float | None = None
    key_steps: int | None = None
    seed: int = 0
    conditions: tuple[Condition, ...] = ()
    engine: Engine = Engine.ANNOY

    def __post_init__(self) -> None:
        """Raise InvalidInput for what is out of range, with a correct value."""
        if not LEAST_LENGTH <= self.length <= MOST_LENGTH:
            raise InvalidInput(f"length must be {LEAST_LENGTH} to {MOST_LENGTH}, this is {self.length}")
        if self.artist_cap < 0:
            raise InvalidInput(f"artist_cap must be 0 (none) or more, this is {self.artist_cap}")
        if self.tempo_ratio is not None and not 1 <= self.tempo_ratio <= _MOST_TEMPO_RATIO:
            raise InvalidInput(f"tempo_ratio must be 1 to {_MOST_TEMPO_RATIO}, this is {self.tempo_ratio}")
        if self.key_steps is not None and not 0 <= self.key_steps <= FARTHEST_KEY:
            raise InvalidInput(f"key_steps must be 0 to {FARTHEST_KEY}, this is {self.key_steps}")
        if self.seed < 0:
            raise InvalidInput(f"seed must be 0 or more, this is {self.seed}")

    @property
    def bounds(self) -> tuple[Bounds, ...]:
        """What is tried in turn: what was asked for, and the usual bounds of what was not."""
        found = [
            Bounds(
                usual.tempo_ratio if self.tempo_ratio is None else self.tempo_ratio,
                usual.key_steps if self.key_steps is None else self.key_steps,
            )
            for usual in USUAL_BOUNDS
        ]
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Step:
    """One item of a journey.

    Parameters
    ----------
    distance, tempo_ratio, key_steps
        From the item before; None at the start, and where tempo or key is not known.
    to_start, to_end : float
        Exact distances from both ends, 0 to 2.
    features : Mapping[str, float or str or None]
        The usual features of the item by name.
    """

    item: Candidate
    distance: float | None
    tempo_ratio: float | None
    key_steps: int | None
    to_start: float
    to_end: float
    features: Mapping[str, float | str | None]


@dataclass(frozen=True, slots=True)
class Journey:
    """A way from one item to another; ``bounds`` is what every step keeps to."""

    steps: tuple[Step, ...]
    bounds: Bounds
    is_widened: bool
    space: str
    release: str
    engine: Engine


def journey(start: str, end: str, route: Route, *, catalogue: Catalogue, indexes: IndexReader) -> Journey:
    """Return a way between two items, each by any of its names.

    Raises
    ------
    InvalidInput
        The two are of different kinds or the same, or no way keeps to the rules.
    ItemUnknown, ItemNotAnalysed, IndexMissing
        As they say.
    """
    ends = [find(ItemSeed(name), catalogue) for name in (start, end)]
    kind = Kind(ends[0].kind)
    if ends[1].kind != kind:
        raise InvalidInput("one end is a track and the other an episode", "choose two of one kind")
    if ends[0].item_id == ends[1].item_id:
        raise InvalidInput("start and end are one item", "choose another end")
    index = indexes.current(kind, engine=route.engine)
    vectors = [place_of(item, index, catalogue).vector for item in ends]
    points = waypoints(vectors[0], vectors[1], route.length)
    items, layers = _between(ends, points, index, route, catalogue)
    rows = index.vectors_of([item.item_id for item in items])
    stops = [_stop(item, vector) for item, vector in zip([*ends, *items], [*vectors, *rows], strict=True)]
    for attempt, bounds in enumerate(route.bounds):
        way = find_way(stops, layers, points, bounds=bounds, artist_cap=route.artist_cap, seed=route.seed)
        if way is not None:
            places = [0, *way, 1]
            known = [*ends, *items]
            features = catalogue.usual_features([known[place].item_id for place in places])
            steps = _steps([known[place] for place in places], [stops[place] for place in places], features)
            return Journey(steps, bounds, attempt > 0, index.space.id, index.release, route.engine)
    last = route.bounds[-1]
    raise InvalidInput(
        f"no way of {route.length} items keeps tempos within a ratio of {last.tempo_ratio:g}, keys within "
        f"{last.key_steps} fifths and artists within {route.artist_cap}, with {len(items)} items near the arc",
        "allow larger jumps, another length, or more items of one artist",
    )


def _between(
    ends: Sequence[Candidate],
    points: NDArray[np.float32],
    index: VectorIndex,
    route: Route,
    catalogue: Catalogue,
) -> tuple[list[Candidate], list[list[int]]]:
    """Return the items near the waypoints, and for each waypoint their places among ends and items."""
    subset: Collection[str] | None = None
    if route.conditions:
        subset = catalogue.matching(Kind(ends[0].kind), route.conditions)
    hits = [index.search(point, _NEAR_A_WAYPOINT, space=index.space.id, only=subset) for point in points]
    ids = {item_id for found in hits for hit in found for item_id in hit.item_ids} - {end.item_id for end in ends}
    known = catalogue.candidates(sorted(ids), route.conditions)
    items = [item for item in known.values() if item.kind == ends[0].kind]
    place_by_id = {item.item_id: place for place, item in enumerate(items, start=len(ends))}
    layers = [
        [place_by_id[item_id] for hit in found for item_id in hit.item_ids if item_id in place_by_id] for found in hits
    ]
    return items, layers


def _stop(item: Candidate, vector: NDArray[np.float32]) -> Stop:
    marks = frozenset({item.item_id, item.sha256} | ({item.group_id} if item.group_id else set()))
    return Stop(vector, item.facts, item.artist, marks)


def _steps(
    items: Sequence[Candidate], stops: Sequence[Stop], features: Mapping[str, Mapping[str, float | str | None]]
) -> tuple[Step, ...]:
    def apart(a: Stop, b: Stop) -> float:
        return float(np.linalg.norm(a.vector.astype(np.float64) - b.vector))

    first = Step(items[0], None, None, None, 0.0, apart(stops[0], stops[-1]), features.get(items[0].item_id, {}))
    others = [
        Step(
            item,
            apart(before, stop),
            tempo_ratio(before.facts, stop.facts),
            key_steps(before.facts, stop.facts),
            apart(stops[0], stop),
            apart(stop, stops[-1]),
            features.get(item.item_id, {}),
        )
        for item, (before, stop) in zip(items[1:], pairwise(stops), strict=True)
    ]
    return (first, *others)


def table(found: Journey) -> str:
    """Return the steps as CSV: names, distances, jumps, features."""
    text = io.StringIO()
    columns = ("step", "id", "reference", "key", "title", "artist", "distance", "tempo_ratio", "key_steps")
    writer = csv.DictWriter(text, [*columns, "to_start", "to_end", *USUAL_FEATURES])
    writer.writeheader()
    for number, step in enumerate(found.steps, start=1):
        said = step.item.metadata
        names = {"id": step.item.item_id, "reference": step.item.reference, "key": step.item.key}
        jumps = {"distance": step.distance, "tempo_ratio": step.tempo_ratio, "key_steps": step.key_steps}
        ends = {"to_start": step.to_start, "to_end": step.to_end}
        titles = {name: said.get(name) for name in ("title", "artist")}
        writer.writerow({"step": number, **names, **titles, **jumps, **ends, **step.features})
    return text.getvalue()

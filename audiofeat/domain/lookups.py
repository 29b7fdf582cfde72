"""What a lookup asks for: seeds that say what it should sound like, and rules that say which items may answer."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.filters import Condition
from audiofeat.domain.items import Kind
from audiofeat.domain.neighbours import Engine, Facts
from audiofeat.domain.targets import Target
from audiofeat.domain.things import ThingKind
from audiofeat.errors import InvalidInput

MOST_NEIGHBOURS = 1_000
MOST_SEEDS = 100
MOST_LISTED = 10_000
LEAST_KEEP_RATIO = 0.5
MOST_WEIGHT = 100.0
DEFAULT_CAP = 2
NAMINGS = ("item", "reference", "isrc", "mbid")


@dataclass(frozen=True, slots=True)
class ItemSeed:
    """An item of the catalogue; ``naming`` is what kind of name it is asked by, ``item`` being any of its names."""

    name: str
    naming: str = "item"
    weight: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class VectorSeed:
    """A vector of one space, of any length but 0."""

    values: NDArray[np.float32]
    space: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class TargetSeed:
    """Features that an answer should have."""

    target: Target
    weight: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class AudioSeed:
    """Audio that is not in the catalogue, already measured."""

    descriptor: NDArray[np.float32]
    kind: Kind
    sha256: str
    facts: Facts
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class ThingSeed:
    """An artist, album, show or collection, by its id or name."""

    kind: ThingKind
    name: str
    weight: float = 1.0


Seed = ItemSeed | VectorSeed | TargetSeed | AudioSeed | ThingSeed


@dataclass(frozen=True, slots=True)
class Rules:
    """Which items may be lines of an answer, and in which order they are.

    Parameters
    ----------
    k : int
        How many lines, 1 to 1000.
    engine : Engine
        How candidates are found; distances are exact either way.
    show_duplicates : bool
        List items with the same audio, or of one group of duplicates, as lines of their own.
    artist_cap, album_cap : int
        At most how many lines of one artist (else show), and of one album of it; 0 for no such rule.
    keep_ratio : float
        Below 1 the list is the most varied one found that keeps this share of the plain list's mean relevance.
    weights : Mapping[str, float]
        By feature group: rank by these instead of the space's own weights.
    about : float
        The share of what third parties say of items, 0 (sound alone) to 1 (what is told alone).
    conditions : tuple of Condition
        What has to hold of every line.
    include : tuple of str or None
        Names of items: no others are lines.
    exclude : tuple of str
        Names of items that are no lines.
    """

    k: int = 10
    engine: Engine = Engine.ANNOY
    show_duplicates: bool = False
    artist_cap: int = DEFAULT_CAP
    album_cap: int = DEFAULT_CAP
    keep_ratio: float = 1.0
    weights: Mapping[str, float] = field(default_factory=dict)
    about: float = 0.0
    conditions: tuple[Condition, ...] = ()
    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise InvalidInput for what is out of range, with a correct value."""
        if not 1 <= self.k <= MOST_NEIGHBOURS:
            raise InvalidInput(f"k must be 1 to {MOST_NEIGHBOURS}, this is {self.k}")
        for name, cap in (("artist_cap", self.artist_cap), ("album_cap", self.album_cap)):
            if not 0 <= cap <= MOST_NEIGHBOURS:
                raise InvalidInput(f"{name} must be 0 (none) to {MOST_NEIGHBOURS}, this is {cap}")
        if not 0 <= self.about <= 1:
            raise InvalidInput(f"about must be 0 to 1, this is {self.about}", "0: sound alone; 1: what is told alone")
        if not LEAST_KEEP_RATIO <= self.keep_ratio <= 1:
            raise InvalidInput(f"keep_ratio must be {LEAST_KEEP_RATIO} to 1, this is {self.keep_ratio}", "such as 0.95")
        for name, listed in (("include", self.include or ()), ("exclude", self.exclude)):
            if len(listed) > MOST_LISTED:
                raise InvalidInput(f"{name} takes at most {MOST_LISTED:,} items, these are {len(listed):,}")


def require_seeds(seeds: Sequence[Seed]) -> None:
    """Raise InvalidInput unless some seeds can be one question."""
    if not 1 <= len(seeds) <= MOST_SEEDS:
        raise InvalidInput(
            f"a lookup takes 1 to {MOST_SEEDS} seeds, these are {len(seeds)}", "name an item, a target or audio"
        )
    for seed in seeds:
        if not (math.isfinite(seed.weight) and 0 < abs(seed.weight) <= MOST_WEIGHT):
            raise InvalidInput(
                f"a seed's weight is between -{MOST_WEIGHT:g} and {MOST_WEIGHT:g} and not 0, this is {seed.weight:g}",
                "1 is usual; below 0 means away from it",
            )
    if all(seed.weight < 0 for seed in seeds):
        raise InvalidInput("every seed has a weight below 0", "name at least one that an answer should be like")
    targets = [seed for seed in seeds if isinstance(seed, TargetSeed)]
    if len(targets) > 1 or any(target.weight < 0 for target in targets):
        raise InvalidInput("a lookup takes one target, with a weight above 0", "put its terms into one")

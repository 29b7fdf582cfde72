"""From seeds to one question: a direction in the space of one kind, a target, or both."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.attributes import ATTRIBUTES
from audiofeat.domain.filters import operand
from audiofeat.domain.items import Kind
from audiofeat.domain.jobs import USABLE_STATES
from audiofeat.domain.lookups import AudioSeed, ItemSeed, Seed, TargetSeed, ThingSeed, VectorSeed, require_seeds
from audiofeat.domain.neighbours import Engine, Facts
from audiofeat.domain.similarity import require_same
from audiofeat.domain.space import blocks_all, embed
from audiofeat.domain.targets import Target
from audiofeat.domain.texts import Words
from audiofeat.domain.told import words_of
from audiofeat.errors import AudiofeatError, InvalidInput, ItemNotAnalysed, ItemUnknown, SpaceMismatch
from audiofeat.ports import Candidate, Catalogue, IndexReader, ItemView, ServedIndex, VectorIndex
from audiofeat.services.places import Held, Place, held, place_of_thing

_CANCELLED = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What is asked of an index.

    Parameters
    ----------
    index : ServedIndex
        In which candidates are looked for.
    kind : Kind
        Of every answer.
    place : Place or None
        Where answers should lie; None where there is a target alone.
    target : Target or None
        Which features they should have.
    target_share : float
        The target's part of the relevance, 0 to 1.
    items : tuple of Candidate
        The items among the seeds, which are never answers.
    hashes : frozenset of str
        Of the audio of all seeds.
    facts : Facts
        Of the seed, where there is one.
    things : tuple of Held
        The things among the seeds.
    members : tuple of Candidate
        Their items, which are never answers either.
    """

    index: ServedIndex
    kind: Kind
    place: Place | None
    target: Target | None
    target_share: float
    items: tuple[Candidate, ...]
    hashes: frozenset[str]
    facts: Facts
    things: tuple[Held, ...] = ()
    members: tuple[Candidate, ...] = ()


def question(
    seeds: Sequence[Seed], *, catalogue: Catalogue, indexes: IndexReader, engine: Engine, kind: Kind | None = None
) -> Question:
    """Find the seeds and make one question of them.

    Parameters
    ----------
    kind : Kind, optional
        What answers are; needed where no seed tells.

    Raises
    ------
    InvalidInput
        The seeds do not go together, or cancel each other out.
    ItemUnknown, ThingUnknown, ItemNotAnalysed, SpaceMismatch, IndexMissing
        As they say.
    """
    require_seeds(seeds)
    items = {seed: find(seed, catalogue) for seed in seeds if isinstance(seed, ItemSeed)}
    things: dict[Seed, Held] = {seed: held(seed, catalogue) for seed in seeds if isinstance(seed, ThingSeed)}
    kind = _kind(seeds, items, kind, indexes, engine, things=list(things.values()))
    index = indexes.current(kind, engine=engine)
    target = next((seed for seed in seeds if isinstance(seed, TargetSeed)), None)
    placed = [
        (seed, place_of_thing(things[seed], index) if seed in things else _place(seed, items, index, catalogue))
        for seed in seeds
        if not isinstance(seed, TargetSeed)
    ]
    members = catalogue.candidates([one.item_id for thing in things.values() for one in thing.members])
    whole = sum(abs(seed.weight) for seed in seeds)
    listened = [seed for seed in seeds if isinstance(seed, AudioSeed)]
    facts = [item.facts for item in items.values()] + [seed.facts for seed in listened]
    return Question(
        index=index,
        kind=kind,
        place=_combined(placed) if placed else None,
        target=target.target if target else None,
        target_share=target.weight / whole if target else 0.0,
        items=tuple(items.values()),
        hashes=frozenset([item.sha256 for item in items.values()] + [seed.sha256 for seed in listened]),
        facts=facts[0] if len(facts) == len(seeds) == 1 else Facts(),
        things=tuple(things.values()),
        members=tuple(members.values()),
    )


def find(seed: ItemSeed, catalogue: Catalogue) -> Candidate:
    """Return an analysed item by its name; raises ItemUnknown or ItemNotAnalysed."""
    if seed.naming == "item":
        if _is_id(seed.name):
            # Most programs ask by id: one statement is enough.
            known = catalogue.candidates([seed.name])
            if known:
                return known[seed.name]
        view = catalogue.find_item(seed.name)
        known = catalogue.candidates([view.item_id])
        if not known:
            raise _not_analysed(view)
        return known[view.item_id]
    name = seed.name if seed.naming == "reference" else str(operand(ATTRIBUTES[seed.naming], seed.name))
    item_id = catalogue.seed(seed.naming, name)
    if item_id is None:
        raise ItemUnknown(f"no analysed item has the {seed.naming} {seed.name!r}", "GET /v1/items lists the catalogue")
    return catalogue.candidates([item_id])[item_id]


def _kind(
    seeds: Sequence[Seed],
    items: dict[ItemSeed, Candidate],
    wanted: Kind | None,
    indexes: IndexReader,
    engine: Engine,
    *,
    things: Sequence[Held] = (),
) -> Kind:
    """Return the one kind of all seeds, raising InvalidInput where there is none or more than one.

    Things may have items of both kinds: theirs decides, or that of most of their items where no other seed does.
    """
    kinds = {Kind(item.kind) for item in items.values()} | {seed.kind for seed in seeds if isinstance(seed, AudioSeed)}
    if wanted is not None:
        kinds.add(wanted)
    for seed in seeds:
        if isinstance(seed, VectorSeed) and not kinds:
            kinds.add(_kind_of_space(seed.space, indexes, engine))
    if not kinds:
        kinds |= {thing.kind for thing in things}
    if len(kinds) > 1:
        raise InvalidInput(
            "tracks and episodes are never compared, since no space is declared for both: served is "
            f"{_told(_served(indexes, engine))}",
            "ask for each kind alone, or a model that was added, which knows both: audiofeat models neighbours --kind",
        )
    if not kinds:
        raise InvalidInput("a target alone does not say what to look for", "give kind: track or episode")
    return kinds.pop()


def _kind_of_space(space: str, indexes: IndexReader, engine: Engine) -> Kind:
    served = _served(indexes, engine)
    if space not in served:
        raise SpaceMismatch(
            f"the vector is of space {space}, served is {_told(served)}", "embed it in a space that is served"
        )
    return served[space]


def _served(indexes: IndexReader, engine: Engine) -> dict[str, Kind]:
    served: dict[str, Kind] = {}
    for kind in Kind:
        try:
            served[indexes.current(kind, engine=engine).space.id] = kind
        except AudiofeatError:
            continue
    return served


def _told(served: Mapping[str, Kind]) -> str:
    return " and ".join(f"{name} ({kind.value}s)" for name, kind in served.items()) or "none"


def _place(seed: Seed, items: dict[ItemSeed, Candidate], index: VectorIndex, catalogue: Catalogue) -> Place:
    if isinstance(seed, ItemSeed):
        return place_of(items[seed], index, catalogue)
    if isinstance(seed, AudioSeed):
        return _embedded(seed.descriptor, index, "the audio")
    if not isinstance(seed, VectorSeed):
        raise TypeError("a target has no place")
    require_same(seed.space, index.space.id)
    if seed.values.shape != (index.space.dims,):
        raise InvalidInput(f"a vector of space {seed.space} has {index.space.dims} values, not {seed.values.size}")
    return Place(_unit(seed.values.astype(np.float64), "the vector is not finite or has length 0", least=0.0), None)


def place_of(item: Candidate, index: VectorIndex, catalogue: Catalogue) -> Place:
    """Return where an item lies; raises ItemNotAnalysed where nothing of it can be compared."""
    vector = index.vector_of(item.item_id)
    if vector is not None:
        return Place(vector, index.blocks_of(item.item_id))
    row = catalogue.embedding_of(item.item_id)
    if row is None:
        raise ItemNotAnalysed(f"{_title(item)} has nothing to compare by: it is silent or too short")
    return _embedded(row.descriptor, index, _title(item), words_of(index.space.kind, item.metadata))


def _embedded(descriptor: NDArray[np.float32], index: VectorIndex, title: str, words: Words | None = None) -> Place:
    texts = () if words is None else (words,)
    try:
        return Place(embed(index.space, descriptor), blocks_all(index.space, descriptor[None], texts)[0])
    except InvalidInput as error:
        raise ItemNotAnalysed(f"{title} has nothing to compare by: {error.message}") from error


def _combined(placed: Sequence[tuple[Seed, Place]]) -> Place:
    """Return the weighted mean direction; blocks only where every part has them."""
    if len(placed) == 1 and placed[0][0].weight > 0:
        return placed[0][1]
    weights = np.array([seed.weight for seed, _ in placed])
    vectors = np.stack([place.vector for _, place in placed]).astype(np.float64)
    vector = _unit(weights @ vectors / np.abs(weights).sum(), "the seeds cancel each other out")
    parts = [place.blocks for _, place in placed]
    blocks = [part.astype(np.float64) for part in parts if part is not None]
    if len(blocks) < len(parts):
        return Place(vector, None)
    return Place(vector, (weights @ np.stack(blocks)).astype(np.float32))


def _unit(vector: NDArray[np.float64], problem: str, *, least: float = _CANCELLED) -> NDArray[np.float32]:
    length = float(np.linalg.norm(vector))
    if not (np.isfinite(length) and length > least):
        raise InvalidInput(problem, "give other seeds or weights")
    unit: NDArray[np.float32] = (vector / length).astype(np.float32)
    return unit


def _is_id(name: str) -> bool:
    try:
        return str(uuid.UUID(name)) == name
    except ValueError:
        return False


def _not_analysed(item: ItemView) -> ItemNotAnalysed:
    if item.state in USABLE_STATES:
        return ItemNotAnalysed(f"{_title(item)} has nothing to compare by: it is silent or too short")
    return ItemNotAnalysed(f"{_title(item)} has no fingerprint: it is {item.state.value}", "audiofeat failures")


def _title(item: Candidate | ItemView) -> str:
    return item.reference or item.key

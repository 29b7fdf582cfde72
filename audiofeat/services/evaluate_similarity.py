"""Measure how well what sounds alike is found: on a labelled corpus of files, or on what the catalogue holds."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from audiofeat.domain import reference as shipped
from audiofeat.domain.fitting import FIT_FROM_ITEMS
from audiofeat.domain.items import Kind
from audiofeat.domain.quality import Status
from audiofeat.domain.scaling import Array, Matrix
from audiofeat.domain.space import Space, embed_all
from audiofeat.domain.told import words_of
from audiofeat.errors import AudiofeatError, InvalidInput
from audiofeat.evaluation.copies import HALVES, ROBUSTNESS, Copier
from audiofeat.evaluation.labels import Labelled
from audiofeat.evaluation.peers import DESCRIPTORS, Peers, versions
from audiofeat.evaluation.robustness import Robustness, robustness_of
from audiofeat.evaluation.similarity import Outcome, measure
from audiofeat.evaluation.systems import Sounding, space_of, systems_of
from audiofeat.extraction.client import ExtractionServer
from audiofeat.ports import Catalogue, ItemView, ObjectStore
from audiofeat.services.analyse import analyse_files
from audiofeat.services.fit_space import pieces_of
from audiofeat.services.inventory import inventory_of

MOST_ITEMS = 3_000
GROUPINGS = ("show", "artist", "album", "track", "genre")
_PAGE = 500

# Lends the local files of some items by their place.
Lend = Callable[[int], Any]


@dataclass(frozen=True)
class Material:
    """Items, and where their audio is; ``lend`` is a context manager that gives a local path, or None."""

    items: list[Sounding]
    lend: Lend
    left_out: dict[str, str] = field(default_factory=dict)
    total: int = 0


@dataclass(frozen=True)
class SimilarityEvaluation:
    """What a corpus says of a space.

    Parameters
    ----------
    space : Space
        The one that was measured on the whole, frozen.
    items : int
        How many items it was measured on.
    outcome : Outcome
        Every figure.
    robustness : Sequence[Robustness]
        By kind of copy; empty where none was asked for.
    left_out : Mapping[str, str]
        Why, by item.
    peers : Mapping[str, str]
        Versions of other programs.
    """

    space: Space
    items: int
    outcome: Outcome
    robustness: Sequence[Robustness]
    left_out: Mapping[str, str]
    peers: Mapping[str, str]


def evaluate_similarity(
    material: Material,
    *,
    kind: Kind,
    space: Space | None = None,
    servers: Sequence[ExtractionServer] = (),
    halves: int = 0,
    robustness: int = 0,
    against: Sequence[str] = (),
    weights: Mapping[str, float] | None = None,
    on_item: Callable[[], None] = lambda: None,
) -> SimilarityEvaluation:
    """Measure a space on some items, beside simpler systems.

    Parameters
    ----------
    material : Material
        From ``of_files`` or ``of_catalogue``.
    kind : Kind
        What the items are.
    space : Space, optional
        The space to measure; by default one is fitted, or the shipped one taken, as an index would.
    servers : sequence of ExtractionServer
        Started ones; needed for halves and copies.
    halves, robustness : int
        On how many items the two halves, and copies that must not matter, are measured.
    against : sequence of str
        Peers whose full descriptors are measured as well.
    weights : Mapping[str, float], optional
        Of feature groups, as a query names them, measured beside the space's own.
    on_item : callable
        Called after each item whose audio was looked at.
    """
    items = material.items
    if len(items) < 3:  # noqa: PLR2004  with two there is nothing to order
        raise InvalidInput(f"similarity cannot be measured on {len(items)} items", "give more audio")
    placed = space or _as_an_index(items, kind=kind)
    peers = versions(against)
    theirs = _described(material, against, on_item) if against else {}
    found = measure(items, systems_of(items, kind=kind, space=space, theirs=theirs, weights=weights))
    copied = []
    for count, names in ((halves, HALVES), (robustness, ROBUSTNESS)):
        chosen = _evenly(len(items), count)
        if chosen:
            vectors = _copies(material, chosen, names, placed, servers=servers, on_item=on_item)
            whole = embed_all(placed, np.stack([item.descriptor for item in items]))
            clusters = [
                items[row].labels.get("show") or items[row].labels.get("artist", items[row].name) for row in chosen
            ]
            copied += robustness_of(names, chosen, vectors, whole, clusters=clusters)
    return SimilarityEvaluation(placed, len(items), found, copied, material.left_out, peers)


def of_files(
    corpus: Sequence[Labelled],
    *,
    kind: Kind,
    servers: Sequence[ExtractionServer],
    on_item: Callable[[], None] = lambda: None,
) -> Material:
    """Analyse a labelled corpus; files that are rejected, or silent, are left out and said."""
    items: list[Sounding] = []
    paths: list[Path] = []
    left_out: dict[str, str] = {}
    outcomes = analyse_files([labelled.path for labelled in corpus], servers=servers, groups=("descriptor",))
    for labelled, outcome in zip(corpus, outcomes, strict=True):
        on_item()
        described = _descriptor_of(outcome)
        if isinstance(described, str):
            left_out[labelled.name] = described
            continue
        labels = {name: str(labelled.labels[name]) for name in GROUPINGS if name in labelled.labels}
        items.append(Sounding(labelled.name, *described, labels, words_of(kind, _without_artist(labels))))
        paths.append(labelled.path)

    @contextmanager
    def lend(row: int) -> Iterator[Path]:
        yield paths[row]

    return Material(items, lend, left_out, len(corpus))


def of_catalogue(
    kind: Kind, *, catalogue: Catalogue, artefacts: ObjectStore, open_store: Callable[[str], ObjectStore]
) -> Material:
    """Take what the catalogue holds of a kind, one item for each audio, evenly chosen where it is much.

    Raises
    ------
    IndexEmpty
        Nothing of this kind has been analysed.
    """
    inventory = inventory_of(kind, catalogue)
    chosen = [row for row in inventory.sample(catalogue, MOST_ITEMS) if np.isfinite(row.descriptor).any()]
    views: dict[str, ItemView] = {}
    for start in range(0, len(chosen), _PAGE):
        views |= catalogue.items_by_id([row.item_id for row in chosen[start : start + _PAGE]])
    pieces = pieces_of([row.sha256 for row in chosen], catalogue=catalogue, artefacts=artefacts)
    items, places = [], []
    for row in chosen:
        view = views.get(row.item_id)
        if view is not None:
            labels = {name: str(view.metadata[name]) for name in GROUPINGS if view.metadata.get(name)}
            told = words_of(kind, _without_artist(view.metadata))
            items.append(Sounding(view.reference or view.key, row.descriptor, pieces.get(row.sha256), labels, told))
            places.append((view.store, view.key))

    @contextmanager
    def lend(row: int) -> Iterator[Path | None]:
        store, key = places[row]
        with tempfile.TemporaryDirectory(prefix="audiofeat-evaluate-") as folder:
            try:
                yield open_store(store).fetch(key, Path(folder) / "audio").path
            except AudiofeatError:
                yield None

    return Material(items, lend, {}, len(inventory.distinct()))


def _without_artist(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata without what is to be found: with it finding the tracks of an artist would show nothing."""
    return {name: value for name, value in metadata.items() if name != "artist"}


def _as_an_index(items: Sequence[Sounding], *, kind: Kind) -> Space:
    return shipped.load(kind) if len(items) < FIT_FROM_ITEMS else space_of(items, kind=kind)


def _descriptor_of(outcome: Any) -> tuple[Matrix, Matrix | None] | str:  # noqa: ANN401  an extraction or an error
    """Return descriptor and pieces of an extraction, or why there are none."""
    if isinstance(outcome, AudiofeatError):
        return str(outcome)
    record = outcome.record
    if record["status"] == Status.REJECTED:
        return f"{record['error']['code']}: {record['error']['message']}"
    values, parts = (record["features"]["descriptor"][name] for name in ("values", "parts"))
    if values is None:
        return str(record["reasons"].get("descriptor.values", "nothing was measured"))
    return np.array(values, dtype=np.float32), None if parts is None else np.array(parts, dtype=np.float32)


def _described(material: Material, against: Sequence[str], on_item: Callable[[], None]) -> dict[str, Array]:
    """Return the full descriptors of peers, a row an item, NaN where a peer gave none."""
    algorithms = [f"{peer} {DESCRIPTORS[peer]}" for peer in against]
    said: dict[str, list[list[float]]] = {name: [] for name in algorithms}
    with Peers(against, algorithms) as peers:
        for row in range(len(material.items)):
            with material.lend(row) as path:
                answers = peers.answers(path) if path else {}
            for name in algorithms:
                said[name].append(answers.get(name, {}).get("descriptors") or [])
            on_item()
    described = {}
    for name, rows in said.items():
        width = max(map(len, rows))
        numbers = np.full((len(rows), width), np.nan)
        for place, answer in enumerate(rows):
            if len(answer) == width:
                numbers[place] = answer
        described[name] = numbers
    return described


def _copies(
    material: Material,
    chosen: Sequence[int],
    names: tuple[str, ...],
    space: Space,
    *,
    servers: Sequence[ExtractionServer],
    on_item: Callable[[], None],
) -> dict[str, Matrix]:
    """Return the vectors of the copies of some items, by the name of the copy; NaN where there is none."""
    vectors = {name: np.full((len(chosen), space.dims), np.nan, dtype=np.float32) for name in names}
    with tempfile.TemporaryDirectory(prefix="audiofeat-copies-") as folder, Copier(Path(folder)) as copier:
        for place, row in enumerate(chosen):
            with material.lend(row) as path:
                made = copier.copies(path, names) if path else {}
            outcomes = analyse_files(list(made.values()), servers=servers, groups=("descriptor",))
            for name, described in zip(made, map(_descriptor_of, outcomes), strict=True):
                if not isinstance(described, str):
                    vectors[name][place] = embed_all(space, described[0][None])[0]
            on_item()
    return vectors


def _evenly(total: int, count: int) -> list[int]:
    return np.linspace(0, total - 1, min(total, count)).round().astype(int).tolist() if count else []

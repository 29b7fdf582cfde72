"""Fits a mood head on labels of the catalogue's own items: features are stored already, so no audio is read."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from audiofeat.domain.head_fitting import Array, Material, error_of, output_of, unseen
from audiofeat.domain.heads import Head, Output, Values, feature, prepared
from audiofeat.domain.kept_models import KeptModel, ModelKind
from audiofeat.domain.mood_targets import CANDIDATES, DIMENSIONS, EMOTIONS, EXPECTED, GROUPS, dimension
from audiofeat.domain.registry import GROUP_VERSIONS
from audiofeat.errors import InvalidInput, SourceNotFound
from audiofeat.evaluation.statistics import Estimate, bootstrap, pearson
from audiofeat.ports import Catalogue

GROUP = "mood"
_TARGETS = (*DIMENSIONS, *EMOTIONS)
_COLUMNS = ("item", *_TARGETS, "raters", "artist")
_PAGE = 200


@dataclass(frozen=True, slots=True)
class Labelled:
    """One line of a label file: what was said of an item, by how many, and who made it where the file says so."""

    item: str
    targets: Mapping[str, float]
    raters: float
    artist: str | None


@dataclass(frozen=True, slots=True)
class Figure:
    """How right an output is on artists that its fit had not seen.

    Parameters
    ----------
    correlation : Estimate
        Pearson's, with its 95 % interval over artists.
    before : float
        That of what the catalogue says of these items so far; NaN where it says nothing.
    loudness : float
        That of the integrated loudness alone.
    """

    output: str
    items: int
    artists: int
    correlation: Estimate
    before: float
    loudness: float


@dataclass(frozen=True, slots=True)
class Trained:
    """A fitted head, how right it is, and the items that it could not be fitted on, with the reason."""

    head: Head
    figures: tuple[Figure, ...]
    left_out: Mapping[str, str]


def read_labels(path: Path) -> list[Labelled]:
    """Return the labels of a CSV file: a column ``item``, one of a mood at least, ``raters`` and ``artist`` if wished.

    Raises
    ------
    SourceNotFound
        There is no such file.
    InvalidInput
        A column or a value is not as it should be; line and remedy are named.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, strict=True)
            columns = list(rows.fieldnames or ())
            _require(columns, path)
            labels = [_labelled(row, f"{path}, line {rows.line_num}") for row in rows]
    except FileNotFoundError as error:
        raise SourceNotFound(f"there is no label file {path}", "give one with --labels") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(f"{path} cannot be read as CSV: {error}", "save it as CSV in UTF-8") from error
    seen: set[str] = set()
    for label in labels:
        if label.item in seen:
            raise InvalidInput(f"{path} labels {label.item!r} twice", "keep one line an item, or average them")
        seen.add(label.item)
    return labels


def _require(columns: list[str], path: Path) -> None:
    unknown = [name for name in columns if name not in _COLUMNS]
    if "item" not in columns or unknown or not set(columns) & set(_TARGETS):
        wrong = f"unknown columns {', '.join(map(repr, unknown))}" if unknown else "no column item, or none of a mood"
        raise InvalidInput(f"{path} has {wrong}", f"use item, and any of {', '.join(_COLUMNS[1:])}")


def _labelled(row: Mapping[str, str | None], where: str) -> Labelled:
    def number(name: str, text: str, high: float) -> float:
        try:
            value = float(text)
        except ValueError:
            value = np.nan
        if not 0 <= value <= high:
            raise InvalidInput(f"{where}: {name} is {text!r}", f"it is a number from 0 to {high:g}, or empty")
        return value

    if None in row or None in row.values() or not row["item"]:
        raise InvalidInput(f"{where}: the line has more or fewer values than there are columns, or names no item")
    targets = {name: number(name, row[name] or "", 1.0) for name in _TARGETS if row.get(name)}
    if set(EMOTIONS) <= set(targets):
        # Votes for all emotions say arousal and valence, too.
        targets = {**{name: dimension(name, targets) for name in DIMENSIONS}, **targets}
    raters = number("raters", row["raters"] or "", 1e9) if row.get("raters") else 1.0
    return Labelled(row["item"] or "", targets, max(raters, 1e-9), row.get("artist") or None)


@dataclass(frozen=True, slots=True)
class _Known:
    label: Labelled
    artist: str
    values: Values
    mood: Mapping[str, Any]


def train(labels: Sequence[Labelled], *, catalogue: Catalogue, shipped: Head, origin: str) -> Trained:
    """Return a head fitted on labels; what they say nothing of is taken from the head in use, or the shipped one.

    Raises
    ------
    InvalidInput
        Too few of the items are known, analysed and by different artists.
    """
    known, left_out = _known(labels, catalogue)
    in_use = next((model for model in catalogue.models() if model.name == GROUP), None)
    own = in_use is not None and in_use.kind is ModelKind.HEAD and not in_use.is_outdated
    outputs: dict[str, Output] = dict((Head.read(in_use.document) if own and in_use else shipped).outputs)
    figures = []
    for name in _TARGETS:
        some = [one for one in known if name in one.label.targets]
        if some:
            is_rank = name in DIMENSIONS and set(EMOTIONS) <= set(some[0].label.targets)
            outputs[name], figure = _fitted(name, some, is_rank=is_rank, origin=origin)
            figures.append(figure)
    if not figures:
        told = "; ".join(f"{item}: {why}" for item, why in list(left_out.items())[:3])
        raise InvalidInput(f"none of the {len(labels)} labelled items can be used ({told})", "ingest them first")
    versions = {group: GROUP_VERSIONS[group] for group in GROUPS}
    return Trained(Head(GROUP, outputs, versions), tuple(figures), left_out)


def keep(trained: Trained, *, catalogue: Catalogue, origin: str) -> KeptModel:
    """Have a head in use from now on: what was measured with the one before is stale."""
    figures = [{**asdict(figure), "correlation": asdict(figure.correlation)} for figure in trained.figures]
    plain = [{name: _plain(value) for name, value in figure.items()} for figure in figures]
    document = {**trained.head.document(), "origin": origin, "figures": plain}
    return catalogue.keep_model(GROUP, ModelKind.HEAD, document)


def _plain(value: Any) -> Any:  # noqa: ANN401  numbers, and mappings of numbers
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _fitted(name: str, known: Sequence[_Known], *, is_rank: bool, origin: str) -> tuple[Output, Figure]:
    rows = [[feature(one.values, path) for path in CANDIDATES] for one in known]
    table = [[np.nan if v is None else prepared(p, v) for p, v in zip(CANDIDATES, row, strict=True)] for row in rows]
    weights = np.array([one.label.raters for one in known])
    artists = [one.artist for one in known]
    material = Material(CANDIDATES, np.array(table), weights, artists, EXPECTED.get(name, {}))
    truth = np.array([one.label.targets[name] for one in known])
    said, true = unseen(material, truth)
    output = output_of(material, truth, is_rank=is_rank, origin=origin, error=error_of(said, true, weights))
    field = name if name in DIMENSIONS else f"{name}_ratio"
    found = bootstrap(np.column_stack((said, true)), artists, lambda pairs: pearson(pairs[:, 0], pairs[:, 1]))
    before = _column(one.mood.get(field) for one in known)
    loudness = _column(one.values["loudness"]["integrated_loudness_lufs"] for one in known)
    figure = Figure(name, len(known), len(set(artists)), found, pearson(before, truth), pearson(loudness, truth))
    return output, figure


def _column(values: Iterable[float | None]) -> Array:
    return np.array([np.nan if value is None else value for value in values])


def _known(labels: Sequence[Labelled], catalogue: Catalogue) -> tuple[list[_Known], dict[str, str]]:
    known, left_out = [], {}
    for start in range(0, len(labels), _PAGE):
        page = labels[start : start + _PAGE]
        views = catalogue.items_called([label.item for label in page])
        for label in page:
            view = views.get(label.item)
            if view is None:
                left_out[label.item] = "no item is called so"
                continue
            analyses = catalogue.analyses_of_audio(view.sha256) if view.sha256 else {}
            stale = [g for g in GROUPS if g not in analyses or analyses[g].version != GROUP_VERSIONS[g]]
            if stale:
                left_out[label.item] = f"{', '.join(stale)} not measured by this version"
                continue
            # Who has no artist is one of his own.
            artist = label.artist or str(view.metadata.get("artist") or "") or f"item {view.item_id}"
            values = {group: analyses[group].values for group in GROUPS}
            known.append(_Known(label, artist, values, analyses[GROUP].values if GROUP in analyses else {}))
    return known, left_out

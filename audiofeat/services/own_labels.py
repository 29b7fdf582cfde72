"""Labels that people gave a catalogue's own items, read from CSV and joined with what is stored of each item."""

import csv
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from audiofeat.domain.heads import Values
from audiofeat.domain.kept_models import shipped_version
from audiofeat.domain.registry import is_as_head_reads_it
from audiofeat.errors import InvalidInput, SourceNotFound
from audiofeat.ports import Catalogue

_PAGE = 200
# The reading of one cell: by column, text and where it stands to a number.
Reading = Callable[[str, str, str], float]


@dataclass(frozen=True, slots=True)
class Labelled:
    """One line of a label file: what was said of an item, by how many, and who made it where the file says so."""

    item: str
    targets: Mapping[str, float]
    raters: float
    artist: str | None


@dataclass(frozen=True, slots=True)
class Known:
    """A labelled item that can be fitted on: its artist, and the values of each group that is stored."""

    label: Labelled
    artist: str
    values: Values


def number(name: str, text: str, where: str, *, high: float = 1.0) -> float:
    """Return a number from 0 on; raises InvalidInput."""
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not 0 <= value <= high:
        raise InvalidInput(f"{where}: {name} is {text!r}", f"it is a number from 0 to {high:g}, or empty")
    return value


def read(path: Path, targets: Sequence[str], *, what: str, reading: Reading = number) -> list[Labelled]:
    """Return the labels of a CSV file: a column ``item``, one target at least, ``raters`` and ``artist`` if wished.

    Parameters
    ----------
    targets : sequence of str
        Columns that may say something; an empty cell says nothing.
    what : str
        What they are, as in ``no column of a mood``.
    reading : callable
        Turns a cell into a number.

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
            _require(list(rows.fieldnames or ()), targets, path, what)
            labels = [_labelled(row, targets, f"{path}, line {rows.line_num}", reading) for row in rows]
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


def _require(columns: list[str], targets: Sequence[str], path: Path, what: str) -> None:
    known = ("item", *targets, "raters", "artist")
    unknown = [name for name in columns if name not in known]
    if "item" not in columns or unknown or not set(columns) & set(targets):
        wrong = f"unknown columns {', '.join(map(repr, unknown))}" if unknown else f"no column item, or none of {what}"
        raise InvalidInput(f"{path} has {wrong}", f"use item, and any of {', '.join(known[1:])}")


def _labelled(row: Mapping[str, str | None], targets: Sequence[str], where: str, reading: Reading) -> Labelled:
    if None in row or None in row.values() or not row["item"]:
        raise InvalidInput(f"{where}: the line has more or fewer values than there are columns, or names no item")
    said = {name: reading(name, row[name] or "", where) for name in targets if row.get(name)}
    raters = number("raters", row["raters"] or "", where, high=1e9) if row.get("raters") else 1.0
    return Labelled(row["item"] or "", said, max(raters, 1e-9), row.get("artist") or None)


def known(
    head: str, labels: Sequence[Labelled], groups: Collection[str], catalogue: Catalogue
) -> tuple[list[Known], dict[str, str]]:
    """Return the labelled items of which these groups are stored as a worker of today would measure what a head reads.

    Returns
    -------
    known : list of Known
        Who has no artist is one of his own.
    left_out : dict
        Why, by item.
    """
    found, left_out = [], {}
    for start in range(0, len(labels), _PAGE):
        page = labels[start : start + _PAGE]
        views = catalogue.items_called([label.item for label in page])
        for label in page:
            view = views.get(label.item)
            if view is None:
                left_out[label.item] = "no item is called so"
                continue
            analyses = catalogue.analyses_of_audio(view.sha256) if view.sha256 else {}
            usable = {g for g, a in analyses.items() if is_as_head_reads_it(head, g, shipped_version(a.version))}
            stale = [group for group in groups if group not in usable]
            if stale:
                left_out[label.item] = f"{', '.join(stale)} not measured by this version"
                continue
            artist = label.artist or str(view.metadata.get("artist") or "") or f"item {view.item_id}"
            found.append(Known(label, artist, {group: analysis.values for group, analysis in analyses.items()}))
    return found, left_out


def none_usable(labels: Sequence[Labelled], left_out: Mapping[str, str]) -> InvalidInput:
    """Return the error that says why none of the labels can be used."""
    told = "; ".join(f"{item}: {why}" for item, why in list(left_out.items())[:3])
    return InvalidInput(f"none of the {len(labels)} labelled items can be used ({told})", "ingest them first")


def plain(value: Any) -> Any:  # noqa: ANN401  numbers, and mappings and lists of such
    """Return a value as JSON has it: what could not be determined is null."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    return None if isinstance(value, float) and not np.isfinite(value) else value

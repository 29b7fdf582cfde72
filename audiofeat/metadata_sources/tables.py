"""Tables of metadata: CSV with a header line, and JSON Lines.

A row names its item by ``path``, ``reference`` or both; every other column is a field, known to audiofeat or not.
A table is read as a whole or not at all: a line that cannot be read stops it, because half a delivery looks
like a complete one.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NoReturn

from audiofeat.domain.jobs import MetadataRecord
from audiofeat.domain.metadata_fields import field_name
from audiofeat.errors import AccessDenied, InvalidInput, SourceNotFound
from audiofeat.ports import MetadataSource

_KEYS = ("path", "reference")
_MOST_LINE_BYTES = 1 << 20


class CsvTable:
    """A comma-separated file in UTF-8 whose first line names the columns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = f"csv:{path.stem}"

    def records(self) -> Iterator[tuple[Mapping[str, str], MetadataRecord]]:
        """Yield each row's keys and fields; raises InvalidInput with the number of the line that is wrong."""
        rows = csv.reader(_lines(self._path), strict=True)
        try:
            columns = [field_name(name) for name in next(rows, [])]
            self._require_columns(columns)
            for row in rows:
                if not row:
                    continue
                if len(row) != len(columns):
                    _refuse(self._path, rows.line_num, f"{len(row)} values under {len(columns)} columns")
                yield _row(self.name, dict(zip(columns, row, strict=True)), self._path, rows.line_num)
        except csv.Error as error:
            _refuse(self._path, rows.line_num, str(error))

    def _require_columns(self, columns: list[str]) -> None:
        if not set(_KEYS) & set(columns):
            _refuse(self._path, 1, "no column is called path or reference")
        if len(set(columns)) != len(columns) or "" in columns:
            _refuse(self._path, 1, "a column has no name or the name of another one")


class JsonLinesTable:
    """A file in UTF-8 with one JSON object a line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = f"jsonl:{path.stem}"

    def records(self) -> Iterator[tuple[Mapping[str, str], MetadataRecord]]:
        """Yield each line's keys and fields; raises InvalidInput with the number of the line that is wrong."""
        for number, line in enumerate(_lines(self._path), start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line, parse_constant=_no_constant)
            except (ValueError, RecursionError) as error:
                _refuse(self._path, number, f"not JSON: {error}")
            if not isinstance(row, dict):
                _refuse(self._path, number, "not a JSON object")
            yield _row(self.name, {field_name(name): value for name, value in row.items()}, self._path, number)


def open_table(path: Path) -> MetadataSource:
    """Return the table in a file, by its suffix: ``.csv``, ``.jsonl`` or ``.ndjson``; nothing is read yet.

    Raises
    ------
    InvalidInput
        If the suffix is another one.
    """
    match path.suffix.lower():
        case ".csv":
            return CsvTable(path)
        case ".jsonl" | ".ndjson":
            return JsonLinesTable(path)
    raise InvalidInput(f"{path} is no table that can be read", "give a .csv, .jsonl or .ndjson file")


def _row(source: str, row: Mapping[str, object], path: Path, number: int) -> tuple[Mapping[str, str], MetadataRecord]:
    keys = {name: text for name in _KEYS if (text := str(row.get(name) or "").strip())}
    if not keys:
        _refuse(path, number, "neither path nor reference says which item is meant")
    return keys, MetadataRecord(source, {name: value for name, value in row.items() if name != "path"})


def _no_constant(name: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(f"{name} is no value")


def _lines(path: Path) -> Iterator[str]:
    """Yield a file's lines; decoded one by one, so that a wrong byte has a line number."""
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(_MOST_LINE_BYTES + 1):
                number += 1
                if len(line) > _MOST_LINE_BYTES:
                    _refuse(path, number, f"longer than {_MOST_LINE_BYTES:,} bytes")
                try:
                    yield line.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError:
                    _refuse(path, number, "not UTF-8")
    except FileNotFoundError as error:
        raise SourceNotFound(f"the table {path} does not exist") from error
    except PermissionError as error:
        raise AccessDenied(f"the table {path} may not be read", "check its permissions") from error
    except OSError as error:
        raise InvalidInput(f"the table {path} cannot be read: {error.strerror}") from error


def _refuse(path: Path, number: int, reason: str) -> NoReturn:
    raise InvalidInput(f"{path}, line {number}: {reason}", "correct the line; nothing of the table was used")

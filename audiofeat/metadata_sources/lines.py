"""Deliveries in lines, read as they come: CSV with a header line, and JSON Lines.

Unlike :mod:`audiofeat.metadata_sources.tables`, which tells what objects are before they are ingested, a delivery may
hold records of all kinds: one that cannot be read is skipped and told of, and the next line is tried. No line is held
that is longer than a record may be.
"""

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, NoReturn

from audiofeat.domain.metadata_fields import field_name
from audiofeat.domain.source_records import (
    MOST_RECORD_CHARACTERS,
    SourceRecord,
    Told,
    Unreadable,
    problem_with,
    record_id_of,
)
from audiofeat.errors import AccessDenied, InvalidInput, SourceNotFound
from audiofeat.metadata_sources.json_forms import flat
from audiofeat.ports import Described

_MOST_LINE_BYTES = 4 * MOST_RECORD_CHARACTERS
_MOST_LINES_A_ROW = 1_000


class Broken(Exception):
    """A line that is none."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(reason)
        self.number = number
        self.reason = reason


class CsvDelivery:
    """A comma-separated file in UTF-8 (RFC 4180) whose first line names the columns."""

    is_of_the_world = False

    def __init__(self, path: Path, *, name: str | None, licence: str | None, fetched_at: float) -> None:
        self._path, self._at = path, fetched_at
        self.name, self.licence = name or f"csv:{path.stem}", licence

    def fetch(self, items: Iterable[Described]) -> Iterator[Told]:  # noqa: ARG002  a file tells of whom it tells
        """Yield each row's record, or what is wrong with the row."""
        with opened(self._path) as file:
            lines = Lines(file)
            rows = csv.reader(lines, strict=True)
            columns: list[str] = []
            while True:
                start = lines.begin_row()
                try:
                    row = next(rows)
                except StopIteration:
                    return
                except (csv.Error, Broken) as error:
                    lines.try_again()
                    yield Unreadable(f"{self._path}:{start}", str(error))
                    continue
                if not columns:
                    columns = _columns(self._path, row)
                elif len(row) != len(columns) and row:
                    yield Unreadable(f"{self._path}:{start}", f"{len(row)} values under {len(columns)} columns")
                elif row:
                    said: dict[str, object] = {c: value for c, value in zip(columns, row, strict=True) if value}
                    yield _record(self, said, f"{self._path}:{start}", self._at)


class JsonLinesDelivery:
    """A file in UTF-8 with one JSON object a line (RFC 8259)."""

    is_of_the_world = False

    def __init__(self, path: Path, *, name: str | None, licence: str | None, fetched_at: float) -> None:
        self._path, self._at = path, fetched_at
        self.name, self.licence = name or f"jsonl:{path.stem}", licence

    def fetch(self, items: Iterable[Described]) -> Iterator[Told]:  # noqa: ARG002  a file tells of whom it tells
        """Yield each line's record, or what is wrong with the line."""
        with opened(self._path) as file:
            lines = Lines(file)
            while True:
                start = lines.begin_row()
                try:
                    line = next(lines)
                    given = json.loads(line, parse_constant=no_constant) if line.strip() else None
                except StopIteration:
                    return
                except (ValueError, RecursionError, Broken) as error:
                    yield Unreadable(f"{self._path}:{start}", f"not JSON: {error}")
                    continue
                if isinstance(given, dict):
                    fields = {field_name(name): value for name, value in flat(given).items() if value is not None}
                    yield _record(self, fields, f"{self._path}:{start}", self._at)
                elif given is not None:
                    yield Unreadable(f"{self._path}:{start}", "not a JSON object")


class Lines(Iterator[str]):
    """A file's lines, of which those that a row has taken can be tried again."""

    def __init__(self, file: IO[bytes], *, most_bytes: int = _MOST_LINE_BYTES) -> None:
        self._file, self._most_bytes = file, most_bytes
        self._number = 0
        self._taken: list[tuple[int, str | Broken]] = []
        self._again: list[tuple[int, str | Broken]] = []

    def begin_row(self) -> int:
        """Forget the lines of the row before; return the number of the next one."""
        self._taken = []
        return self._again[0][0] if self._again else self._number + 1

    def try_again(self) -> None:
        """Have all lines but the first of a row that turned out to be none come again."""
        self._again = self._taken[1:] + self._again
        self._taken = []

    def __next__(self) -> str:
        self._taken.append(self._again.pop(0) if self._again else self._read())
        number, line = self._taken[-1]
        if len(self._taken) > _MOST_LINES_A_ROW:
            raise Broken(number, "a quotation mark is not closed")
        if isinstance(line, Broken):
            raise line
        return line

    def _read(self) -> tuple[int, str | Broken]:
        line = self._file.readline(self._most_bytes + 1)
        if not line:
            raise StopIteration
        self._number += 1
        if len(line) > self._most_bytes:
            while line and not line.endswith(b"\n"):
                line = self._file.readline(self._most_bytes)
            return self._number, Broken(self._number, f"longer than {self._most_bytes:,} bytes")
        try:
            return self._number, line.decode("utf-8-sig" if self._number == 1 else "utf-8")
        except UnicodeDecodeError:
            return self._number, Broken(self._number, "not UTF-8")


def _record(
    source: CsvDelivery | JsonLinesDelivery, fields: dict[str, object], place: str, at: float
) -> SourceRecord | Unreadable:
    problem = problem_with(fields)
    if problem:
        return Unreadable(place, problem)
    return SourceRecord(source.name, record_id_of(fields), fields, fetched_at=at, licence=source.licence)


def _columns(path: Path, row: list[str]) -> list[str]:
    columns = [field_name(name) for name in row]
    if len(set(columns)) != len(columns) or "" in columns:
        raise InvalidInput(f"{path}, line 1: a column has no name or the name of another one", "correct the header")
    return columns


def opened(path: Path) -> IO[bytes]:
    """Open a delivery; raises SourceNotFound, AccessDenied or InvalidInput."""
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise SourceNotFound(f"the file {path} does not exist") from error
    except PermissionError as error:
        raise AccessDenied(f"the file {path} may not be read", "check its permissions") from error
    except OSError as error:
        raise InvalidInput(f"the file {path} cannot be read: {error.strerror}") from error


def no_constant(name: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(f"{name} is no value")

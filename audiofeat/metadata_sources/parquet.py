"""Deliveries in Parquet, a batch of rows at a time; needs the extra ``parquet``.

A cell may stand for any number of bytes, and one value may stand in all rows: texts are therefore kept as the file has
them, each once, and cut past what a record may hold before a row is made of them.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audiofeat.domain.metadata_fields import field_name
from audiofeat.domain.source_records import (
    MOST_RECORD_CHARACTERS,
    SourceRecord,
    Told,
    Unreadable,
    problem_with,
    record_id_of,
)
from audiofeat.errors import InvalidInput, SettingsInvalid, SourceNotFound
from audiofeat.ports import Described

if TYPE_CHECKING:
    from pyarrow import RecordBatch, parquet

_ROWS = 1_000
_HELD_BYTES = 64 << 20


class ParquetDelivery:
    """A Parquet file; each column is a field, dates and numbers become text as JSON has it."""

    is_of_the_world = False

    def __init__(self, path: Path, *, name: str | None, licence: str | None, fetched_at: float) -> None:
        self._path, self._at = path, fetched_at
        self.name, self.licence = name or f"parquet:{path.stem}", licence

    def fetch(self, items: Iterable[Described]) -> Iterator[Told]:  # noqa: ARG002  a file tells of whom it tells
        """Yield each row's record, or what is wrong with it; a file whose frame is broken yields nothing."""
        try:
            from pyarrow import ArrowException, parquet, types  # noqa: PLC0415  an extra
        except ImportError:
            raise SettingsInvalid("Parquet needs pyarrow", "pip install 'audiofeat[parquet]'") from None
        if not self._path.exists():
            raise SourceNotFound(f"the file {self._path} does not exist")
        try:
            schema = parquet.read_schema(self._path)
            names = [field_name(name) for name in schema.names]
            if len(set(names)) != len(names) or "" in names:
                raise InvalidInput(f"{self._path}: a column has no name or the name of another one", "rename it")
            is_text = (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary)
            texts = [one.name for one in schema if any(check(one.type) for check in is_text)]
            with parquet.ParquetFile(self._path, read_dictionary=texts) as file:
                yield from self._groups(file, ArrowException)
        except (ArrowException, OSError) as error:
            raise InvalidInput(f"{self._path} is no Parquet file: {error}") from None

    def _groups(self, file: "parquet.ParquetFile", broken: type[Exception]) -> Iterator[Told]:
        """Yield the rows of each group; one that is damaged costs its own."""
        first = 1
        for group in range(file.num_row_groups):
            number = first
            try:
                for batch in file.iter_batches(batch_size=_ROWS, row_groups=[group]):
                    for row in _rows(batch):
                        yield self._told(row, number)
                        number += 1
            except (broken, OSError) as error:
                yield Unreadable(f"{self._path}:{number}", f"the rest of its row group cannot be read: {error}")
            first += file.metadata.row_group(group).num_rows

    def _told(self, row: dict[str, Any] | Exception, number: int) -> SourceRecord | Unreadable:
        try:
            if isinstance(row, Exception):
                raise row
            said = {field_name(name): value for name, value in row.items() if value is not None}
            problem = problem_with(said)
            # NaN is how tables say that there is nothing.
            fields = {} if problem else json.loads(json.dumps(said, default=_plain), parse_constant=lambda _: None)
        except (ValueError, OverflowError, RecursionError) as error:
            # What Arrow's refusals add is which package else could read it.
            problem = str(error).partition(". Install")[0]
        problem = problem or problem_with(fields)
        if problem:
            return Unreadable(f"{self._path}:{number}", problem)
        return SourceRecord(self.name, record_id_of(fields), fields, fetched_at=self._at, licence=self.licence)


def _rows(batch: "RecordBatch") -> Iterator[dict[str, Any] | Exception]:
    """Yield the rows of a batch, or for each why there is none: times, say, that are finer than Python's."""
    columns = {name: _cut(column) for name, column in zip(batch.schema.names, batch.columns, strict=True)}
    held_bytes = sum(column.nbytes for column in columns.values())
    step = min(_ROWS, max(1, _HELD_BYTES // max(1, held_bytes)))
    for start in range(0, batch.num_rows, step):
        count = min(step, batch.num_rows - start)
        try:
            yield from _made(columns, start, count)
        except (ValueError, OverflowError):
            for number in range(start, start + count):
                try:
                    yield from _made(columns, number, 1)
                except (ValueError, OverflowError) as error:
                    yield error


def _cut(column: Any) -> Any:  # noqa: ANN401  any of Arrow's arrays
    """Return a column whose texts are bytes, none much longer than a record may be."""
    import pyarrow as pa  # noqa: PLC0415  an extra
    import pyarrow.compute as pc  # noqa: PLC0415  as above

    if not pa.types.is_dictionary(column.type):
        return column
    texts = column.dictionary.cast(pa.large_binary())
    return pa.DictionaryArray.from_arrays(column.indices, pc.binary_slice(texts, 0, 4 * MOST_RECORD_CHARACTERS + 1))


def _made(columns: dict[str, Any], start: int, count: int) -> list[dict[str, Any]]:
    by_column = [
        [_text(name, value) if isinstance(value, bytes) else value for value in column.slice(start, count).to_pylist()]
        for name, column in columns.items()
    ]
    return [dict(zip(columns, values, strict=True)) for values in zip(*by_column, strict=True)]


def _text(name: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise ValueError(f"{name} is not UTF-8") from None


def _plain(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)

"""Deliveries in Parquet, a batch of rows at a time; needs the extra ``parquet``."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from audiofeat.domain.metadata_fields import field_name
from audiofeat.domain.source_records import SourceRecord, Told, Unreadable, problem_with, record_id_of
from audiofeat.errors import InvalidInput, SettingsInvalid, SourceNotFound
from audiofeat.ports import Described

_ROWS = 1_000


class ParquetDelivery:
    """A Parquet file; each column is a field, dates and numbers become text as JSON has it."""

    is_of_the_world = False

    def __init__(self, path: Path, *, name: str | None, licence: str | None, fetched_at: float) -> None:
        self._path, self._at = path, fetched_at
        self.name, self.licence = name or f"parquet:{path.stem}", licence

    def fetch(self, items: Iterable[Described]) -> Iterator[Told]:  # noqa: ARG002  a file tells of whom it tells
        """Yield each row's record; a file whose frame is broken yields nothing."""
        try:
            from pyarrow import ArrowException, parquet  # noqa: PLC0415  an extra
        except ImportError:
            raise SettingsInvalid("Parquet needs pyarrow", "pip install 'audiofeat[parquet]'") from None
        if not self._path.exists():
            raise SourceNotFound(f"the file {self._path} does not exist")
        number = 0
        try:
            with parquet.ParquetFile(self._path) as file:
                for batch in file.iter_batches(batch_size=_ROWS):
                    for row in batch.to_pylist():
                        number += 1
                        yield self._record(row, number)
        except (ArrowException, OSError) as error:
            if not number:
                raise InvalidInput(f"{self._path} is no Parquet file: {error}") from None
            yield Unreadable(f"{self._path}:{number + 1}", f"the rest cannot be read: {error}")

    def _record(self, row: dict[str, object], number: int) -> SourceRecord | Unreadable:
        said = {field_name(name): value for name, value in row.items() if value is not None}
        # NaN is how tables say that there is nothing.
        fields = json.loads(json.dumps(said, default=str), parse_constant=lambda _: None)
        problem = problem_with(fields)
        if problem:
            return Unreadable(f"{self._path}:{number}", problem)
        return SourceRecord(self.name, record_id_of(fields), fields, fetched_at=self._at, licence=self.licence)

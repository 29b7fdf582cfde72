"""Which reader a delivered file needs."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from audiofeat.domain.source_records import Told
from audiofeat.errors import InvalidInput, SourceNotFound
from audiofeat.metadata_sources.lines import CsvDelivery, JsonLinesDelivery
from audiofeat.metadata_sources.musicbrainz_dump import MusicBrainzDump
from audiofeat.metadata_sources.parquet import ParquetDelivery
from audiofeat.metadata_sources.rss import FeedReader
from audiofeat.ports import Described, RecordSource

_CHUNK_BYTES = 64 * 1024


class FeedFile:
    """A podcast feed that lies in a file."""

    is_of_the_world = False

    def __init__(self, path: Path, *, name: str | None, licence: str | None, fetched_at: float) -> None:
        self._path, self._at = path, fetched_at
        self.name, self.licence = name or f"rss:{path.stem}", licence

    def fetch(self, items: Iterable[Described]) -> Iterator[Told]:  # noqa: ARG002  a file tells of whom it tells
        """Yield the feed's episodes."""
        reader = FeedReader(str(self._path), name=self.name, licence=self.licence, fetched_at=self._at)
        try:
            with self._path.open("rb") as file:
                yield from reader.read(iter(lambda: file.read(_CHUNK_BYTES), b""))
        except FileNotFoundError as error:
            raise SourceNotFound(f"the file {self._path} does not exist") from error
        except OSError as error:
            raise InvalidInput(f"the file {self._path} cannot be read: {error.strerror}") from error


_READERS: dict[str, type[CsvDelivery | JsonLinesDelivery | ParquetDelivery | FeedFile | MusicBrainzDump]] = {
    ".csv": CsvDelivery,
    ".jsonl": JsonLinesDelivery,
    ".ndjson": JsonLinesDelivery,
    ".parquet": ParquetDelivery,
    ".xml": FeedFile,
    ".rss": FeedFile,
    ".tar.xz": MusicBrainzDump,
}


def open_delivery(path: Path, *, name: str | None, licence: str | None, fetched_at: float) -> RecordSource:
    """Return the reader of a delivered file, by the end of its name; nothing is read yet.

    Raises
    ------
    InvalidInput
        If there is none for such a name.
    """
    reader = next((reader for end, reader in _READERS.items() if path.name.lower().endswith(end)), None)
    if reader is None:
        raise InvalidInput(f"{path} is no delivery that can be read", f"its name has to end in {' '.join(_READERS)}")
    return reader(path, name=name, licence=licence, fetched_at=fetched_at)

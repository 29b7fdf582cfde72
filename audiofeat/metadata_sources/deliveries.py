"""Which reader a delivered file needs."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from audiofeat.domain.source_records import Told
from audiofeat.errors import InvalidInput, SourceNotFound
from audiofeat.metadata_sources.ddex import MESSAGES, DdexFile
from audiofeat.metadata_sources.discogs import DiscogsDump
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


def _feed_or_message(path: Path, *, name: str | None, licence: str | None, fetched_at: float) -> RecordSource:
    """Return the reader of an XML file: of release messages where its start looks like one, else of feeds."""
    reader: type[FeedFile | DdexFile] = FeedFile
    # A file that cannot be opened says so when it is read.
    with suppress(OSError), path.open("rb") as file:
        start = file.read(_CHUNK_BYTES)
        if any(message.encode() in start for message in MESSAGES):
            reader = DdexFile
    return reader(path, name=name, licence=licence, fetched_at=fetched_at)


_READERS: dict[str, Callable[..., RecordSource]] = {
    ".csv": CsvDelivery,
    ".jsonl": JsonLinesDelivery,
    ".ndjson": JsonLinesDelivery,
    ".parquet": ParquetDelivery,
    ".xml": _feed_or_message,
    ".rss": FeedFile,
    ".xml.gz": DiscogsDump,
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

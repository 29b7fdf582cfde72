"""MusicBrainz's JSON dumps, ``recording.tar.xz`` or ``release.tar.xz``: a document a line, read while unpacked."""

import json
import lzma
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from audiofeat.domain.source_records import SourceRecord, Told, Unreadable, Whole
from audiofeat.errors import InvalidInput
from audiofeat.metadata_sources.lines import Broken, Lines, no_constant, opened
from audiofeat.metadata_sources.musicbrainz_json import LICENCE, recording_record, release_records
from audiofeat.ports import Described

_RECORDINGS, _RELEASES = "mbdump/recording", "mbdump/release"
# A release of a thousand tracks with all its relations.
_MOST_LINE_BYTES = 32 << 20


class MusicBrainzDump:
    """One archive; of what it holds, only what is about the catalogue's items is kept."""

    is_of_the_world = True

    def __init__(self, path: Path, *, name: str | None, licence: str | None, fetched_at: float) -> None:
        self._path, self._at = path, fetched_at
        self.name = name or f"musicbrainz:{path.name.partition('.')[0]}"
        self.licence: str | None = licence or LICENCE

    def fetch(self, items: Iterable[Described]) -> Iterator[Told]:  # noqa: ARG002  a dump tells of all that it has
        """Yield what every line says; after a whole dump, what it no longer holds is taken back."""
        is_readable = is_a_dump = False
        try:
            # Not by tarfile's own "r|xz", which unpacks as much as a block happens to hold.
            with opened(self._path) as file, lzma.open(file) as unpacked, _archive(unpacked) as archive:
                for member in archive:
                    content = archive.extractfile(member) if member.name in {_RECORDINGS, _RELEASES} else None
                    if content is not None:
                        is_a_dump = is_readable = True
                        for told in self._lines(content, is_release=member.name == _RELEASES):
                            is_readable &= not isinstance(told, Unreadable)
                            yield told
        except (tarfile.TarError, lzma.LZMAError, EOFError) as error:
            if not is_a_dump:
                raise InvalidInput(f"{self._path} is no archive of MusicBrainz: {error}") from None
            yield Unreadable(f"{self._path}", f"the rest cannot be read: {error}")
            return
        if not is_a_dump:
            raise InvalidInput(f"{self._path} holds neither {_RECORDINGS} nor {_RELEASES}")
        if is_readable:
            yield Whole(self.name, self._at)

    def _lines(self, content: IO[bytes], *, is_release: bool) -> Iterator[SourceRecord | Unreadable]:
        lines = Lines(content, most_bytes=_MOST_LINE_BYTES)
        while True:
            place = f"{self._path}:{lines.begin_row()}"
            try:
                line = next(lines)
                document = json.loads(line, parse_constant=no_constant) if line.strip() else None
            except StopIteration:
                return
            except (ValueError, RecursionError, Broken) as error:
                yield Unreadable(place, f"not JSON: {error}")
                continue
            if document is None:
                continue
            known = {"source": self.name, "place": place}
            if is_release:
                yield from release_records(document, fetched_at=self._at, **known)
            else:
                yield recording_record(document, fetched_at=self._at, **known)


def _archive(unpacked: IO[bytes]) -> tarfile.TarFile:
    return tarfile.open(fileobj=unpacked, mode="r|")

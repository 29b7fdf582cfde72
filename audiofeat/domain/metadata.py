"""Which records of tables are about which object."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from audiofeat.domain.items import Kind
from audiofeat.domain.jobs import MetadataRecord
from audiofeat.domain.merging import merge
from audiofeat.domain.metadata_fields import clean
from audiofeat.domain.source_records import delivered


class About(NamedTuple):
    """What tables know of one object."""

    reference: str | None
    kind: Kind | None
    records: tuple[MetadataRecord, ...]


@dataclass(frozen=True, slots=True)
class _Row:
    path: str | None
    reference: str | None
    record: MetadataRecord


class Records:
    """The rows of all tables, found by object.

    A row's ``path`` means the object with that key or, where there is none, the only object whose key ends with it
    at a ``/``: ``x.ogg`` means ``demo/x.ogg``, and nothing at all while ``other/x.ogg`` exists too. Two rows of one
    source that give one path to different references mean nothing either. Once a path has told an object's
    reference, the rows of other sources with that reference are about it too.

    Parameters
    ----------
    rows : iterable of (keys, record)
        As a ``MetadataSource`` yields them, the most trusted source first.
    keys : iterable of str
        The keys of all objects that the tables are about, to tell a path of one from a path of many.
    """

    def __init__(self, rows: Iterable[tuple[Mapping[str, str], MetadataRecord]], *, keys: Iterable[str]) -> None:
        self._sources: dict[str, int] = {}
        by_path: dict[str, list[_Row]] = {}
        self._by_reference: dict[str, list[_Row]] = {}
        for names, record in rows:
            row = _Row(_path(names.get("path", "")) or None, clean(names.get("reference", "")) or None, record)
            self._sources.setdefault(record.source, len(self._sources))
            if row.path:
                by_path.setdefault(row.path, []).append(row)
            if row.reference:
                self._by_reference.setdefault(row.reference, []).append(row)
        self._by_key = _by_key(by_path, keys)

    def about(self, key: str, *, reference: str | None = None) -> About:
        """Return an object's reference and kind as the tables have them, and the records about it.

        Parameters
        ----------
        key : str
            One of the keys that were given.
        reference : str | None
            The item's reference, where it is known already; it then decides alone where a source has it.
        """
        rows = list(self._rows_of(key))
        reference = reference or next((row.reference for row in rows if row.reference), None)
        if reference:
            named = self._by_reference.get(clean(reference), [])
            sources = {row.record.source for row in named}
            here = {row.record.source for row in rows if row in named}
            rows = [row for row in rows if row.record.source not in sources or row in named]
            rows += [row for row in named if row.record.source not in here]
        records = tuple(row.record for row in sorted(rows, key=lambda row: self._sources[row.record.source]))
        merged = merge(delivered(records))
        kind = next((value.value for value in merged if value.field == "kind" and value.chosen), None)
        return About(reference, Kind(kind) if kind else None, records)

    def _rows_of(self, key: str) -> Iterator[_Row]:
        """Yield each source's rows for a key by path, unless they contradict each other."""
        for source in self._sources:
            rows = [row for row in self._by_key.get(key, ()) if row.record.source == source]
            longest = max((len(row.path or "") for row in rows), default=0)
            nearest = [row for row in rows if len(row.path or "") == longest]
            if len({row.reference for row in nearest}) == 1 and (len(nearest) == 1 or nearest[0].reference):
                yield from nearest


def _by_key(by_path: Mapping[str, list[_Row]], keys: Iterable[str]) -> dict[str, list[_Row]]:
    """Give each path's rows to the object it means, if there is exactly one."""
    exact: dict[str, str] = {}
    below: dict[str, list[str]] = {}
    for key in keys:
        path = _path(key)
        parts = path.split("/")
        if path in by_path:
            exact[path] = key
        for start in range(1, len(parts)):
            if (end := "/".join(parts[start:])) in by_path:
                below.setdefault(end, []).append(key)
    found: dict[str, list[_Row]] = {}
    for path, rows in by_path.items():
        meant = [exact[path]] if path in exact else below.get(path, [])
        if len(meant) == 1:
            found.setdefault(meant[0], []).extend(rows)
    return found


def _path(text: str) -> str:
    """Return a path as it is compared: composed, because macOS writes names decomposed and tables do not."""
    return unicodedata.normalize("NFC", text.strip()).removeprefix("./")

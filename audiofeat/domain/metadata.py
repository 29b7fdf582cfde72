"""Whose word counts: the merge policy, and which records are about which object.

The policy, in writing:

1. What comes with the item itself (``message``, ``api``) is trusted most, then tables (``csv:*``, ``jsonl:*``) in
   the order in which they were named, then any other source, and the tags inside the file (``tags``) least.
2. Of each field the valid value of the most trusted source is chosen. ``explicit`` is the exception: one source that
   warns is enough.
3. Every other value stays beside it, under the name of its source. A value that breaks the field's rule is kept
   and never chosen (:func:`audiofeat.domain.metadata_fields.read_value` says why).
4. Between equally trusted sources the alphabet decides, first by source, then by value, so that the result does
   not depend on the order of arrival.
"""

import json
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from audiofeat.domain.items import Kind
from audiofeat.domain.jobs import MetadataRecord, MetadataValue
from audiofeat.domain.metadata_fields import Value, clean, field_name, read_value

_CLASSES = {"message": 0, "api": 0, "csv": 1, "jsonl": 1, "tags": 3}
_OTHER_CLASS = 2
_ANY_WARNING_COUNTS = frozenset({"explicit"})


def merge(records: Iterable[MetadataRecord], *, trust: Sequence[str] = ()) -> tuple[MetadataValue, ...]:
    """Choose one value for each field and keep all others.

    Parameters
    ----------
    records : iterable of MetadataRecord
        What the sources say of one item, in any order.
    trust : sequence of str
        Names of sources, the most trusted first; decides within a class of point 1 of the policy only. Sources
        that are not named come after those that are.

    Returns
    -------
    tuple of MetadataValue
        By field, the chosen value first, then the others by falling trust; no two are equal. A field without any
        valid value has none that is chosen.
    """
    ranks = {source: rank for rank, source in reversed(list(enumerate(trust)))}

    def standing(said: tuple[str, Value, bool]) -> tuple[bool, int, int, str, str]:
        source, value, is_valid = said
        class_ = _CLASSES.get(source.partition(":")[0], _OTHER_CLASS)
        return not is_valid, class_, ranks.get(source, len(ranks)), source, json.dumps(value)

    merged: list[MetadataValue] = []
    for field, said in sorted(_by_field(records).items()):
        ordered = sorted(said, key=standing)
        if field in _ANY_WARNING_COUNTS:
            ordered.sort(key=lambda one: one[1] is not True)
        for place, (source, value, is_valid) in enumerate(ordered):
            merged.append(MetadataValue(field, value, source, chosen=is_valid and place == 0))
    return tuple(merged)


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

    @property
    def trust(self) -> tuple[str, ...]:
        """The names of the sources in the order given, for :func:`merge`."""
        return tuple(self._sources)

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
        kinds = (value.value for value in merge(records, trust=self.trust) if value.field == "kind" and value.chosen)
        kind = next(kinds, None)
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


def _by_field(records: Iterable[MetadataRecord]) -> dict[str, set[tuple[str, Value, bool]]]:
    """Return (source, value, whether it is valid) of all that was said, by field."""
    said: dict[str, set[tuple[str, Value, bool]]] = {}
    for record in records:
        for name, raw in record.fields.items():
            field = field_name(name)
            value, problem = read_value(field, raw)
            if field and value is not None:
                said.setdefault(field, set()).add((record.source, value, problem is None))
    return said


def _path(text: str) -> str:
    """Return a path as it is compared: composed, because macOS writes names decomposed and tables do not."""
    return unicodedata.normalize("NFC", text.strip()).removeprefix("./")

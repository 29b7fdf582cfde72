"""What filters go by, in memory beside the rows of a release: a column for each attribute that somebody asked for.

A column is read whole once, then follows what is written. It says which items *may* pass: of those that are found the
ledger decides, so nothing wrong is ever answered, and what was written a moment ago is found as soon as it is read.
"""

import threading
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiofeat.domain.attributes import Attribute, Sort, has_column
from audiofeat.domain.filters import Condition, Operand
from audiofeat.domain.item_rows import ItemRows
from audiofeat.errors import CatalogueUnavailable
from audiofeat.index.overlay_rows import OverlayRows
from audiofeat.ports import Catalogue, Passing

# A column of so many items is read while its first question waits, a longer one beside it.
READ_AT_ONCE = 50_000
_MOST_KEPT = 16
# What nearly every item has another one of takes much memory, and the ledger finds it by an index.
_UNCOLUMNED = frozenset({"title", "isrc", "mbid"})
_NOT_READ = np.inf

Mask = NDArray[np.bool_]


class _Numbers:
    """Values of a number by place: NaN where it is not known, infinite where nothing was read yet."""

    def __init__(self, count: int) -> None:
        self._values = np.full(count, _NOT_READ)

    def put(self, places: NDArray[np.intp], values: Sequence[Any]) -> None:
        self._values = _grown(self._values, places, _NOT_READ)
        self._values[places] = np.array(values, dtype=np.float64)

    def may_meet(self, condition: Condition, count: int) -> Mask:
        values = _grown(self._values, np.array([count - 1]), _NOT_READ)[:count]
        if condition.values:
            met = np.isin(values, np.array(condition.values, dtype=np.float64))
        else:
            low = -np.inf if condition.low is None else float(condition.low)
            high = np.finfo(np.float64).max if condition.high is None else float(condition.high)
            met = (values >= low) & (values <= high)
        return ~met if condition.negated else met | (values == _NOT_READ)


class _Words:
    """Values of anything else by place, as numbers of the different ones: 0 where nothing was read yet."""

    def __init__(self, count: int) -> None:
        self._codes = np.zeros(count, dtype=np.int32)
        self._numbers: dict[Operand | None, int] = {None: 1}

    def put(self, places: NDArray[np.intp], values: Sequence[Any]) -> None:
        self._codes = _grown(self._codes, places, 0)
        numbers = self._numbers
        self._codes[places] = [numbers.setdefault(value, len(numbers) + 1) for value in values]

    def may_meet(self, condition: Condition, count: int) -> Mask:
        codes = _grown(self._codes, np.array([count - 1]), 0)[:count]
        meeting = np.full(len(self._numbers) + 1, condition.negated)
        if condition.is_plain:
            meeting[[self._numbers[value] for value in condition.values if value in self._numbers]] ^= True
        else:
            meeting[1:] = [condition.meets(value) for value in self._numbers]
        meeting[0] = True
        met: Mask = meeting[codes]
        return met


class AttributeColumns:
    """The columns of one release and of the overlay beside it.

    Parameters
    ----------
    items : ItemRows
        Of the release.
    poll_s : float
        For how long what was read counts as new, in seconds.
    """

    def __init__(self, catalogue: Catalogue, items: ItemRows, *, poll_s: float) -> None:
        self._catalogue = catalogue
        self._items = items
        self._poll_s = poll_s
        self._columns: dict[Attribute, _Numbers | _Words] = {}
        # Items of the overlay that the release does not have lie behind those that it has.
        self._behind: dict[str, int] = {}
        self._of_overlay = np.zeros(0, dtype=np.intp)
        self._after = 0
        self._polled_at = 0.0
        self._version = 0
        self._kept: dict[tuple[Condition, ...], tuple[tuple[int, int], Passing]] = {}
        self._lock = threading.Lock()
        self._reading: threading.Thread | None = None

    @property
    def attributes(self) -> list[Attribute]:
        """Of which there are columns."""
        return list(self._columns)

    def passing(self, conditions: Sequence[Condition], overlay: OverlayRows, count: int) -> Passing | None:
        """Return what may meet some conditions in the release and the overlay's first rows; None: ask the ledger."""
        told = tuple(one for one in conditions if has_column(one.attribute) and one.attribute.name not in _UNCOLUMNED)
        if not told:
            return None
        missing = {one.attribute for one in told} - self._columns.keys()
        if missing and len(self._items.ids) > READ_AT_ONCE:
            self._read_aside(missing)
            return None
        if missing:
            self.read(missing)
        with self._lock:
            self._poll()
            self._follow(overlay, count)
            now = (self._version, count)
            made_at, kept = self._kept.get(told, (None, None))
            if kept is None or made_at != now:
                kept = self._made(told, count, is_whole=len(told) == len(conditions))
                while len(self._kept) >= _MOST_KEPT:
                    del self._kept[next(iter(self._kept))]
                self._kept[told] = (now, kept)
            return kept

    def read(self, wanted: Collection[Attribute]) -> None:
        """Read columns now; raises CatalogueUnavailable."""
        settled = self._catalogue.settled_change()
        columns = {about: _column(about, len(self._items.ids)) for about in wanted}
        for page in self._catalogue.values_of(list(columns)):
            _put(columns, page, self._items.places_of([row[0] for row in page]))
        with self._lock:
            self._after = min(self._after, settled) if self._columns else settled
            self._read_items(columns, list(self._behind))
            self._columns = {**self._columns, **columns}
            self._version += 1

    def _made(self, conditions: Sequence[Condition], fresh: int, *, is_whole: bool) -> Passing:
        ids, places = len(self._items.ids), len(self._items.ids) + len(self._behind)
        mask = np.logical_and.reduce([self._columns[one.attribute].may_meet(one, places) for one in conditions])
        rows = mask[:ids]
        if len(self._items) < ids:
            rows = np.logical_or.reduceat(rows, self._items.starts[:-1])
        return Passing(rows, mask[self._of_overlay[:fresh]], places - int(mask.sum()), is_whole=is_whole)

    def _read_aside(self, wanted: Collection[Attribute]) -> None:
        """Have columns read beside the questions: whoever asks meanwhile has the ledger filter."""

        def read() -> None:
            with suppress(CatalogueUnavailable):
                self.read(wanted)

        with self._lock:
            if self._reading is None or not self._reading.is_alive():
                self._reading = threading.Thread(target=read, name="columns", daemon=True)
                self._reading.start()

    def _poll(self) -> None:
        """Take over what was written since."""
        now = time.monotonic()
        if not self._columns or now - self._polled_at < self._poll_s:
            return
        settled = self._catalogue.settled_change()
        if settled != self._after:
            for page in self._catalogue.values_of(self.attributes, after=self._after):
                ids = [row[0] for row in page]
                places = self._items.places_of(ids)
                for number in np.flatnonzero(places < 0):
                    places[number] = self._behind.get(ids[number], -1)
                _put(self._columns, page, places)
            self._after = settled
            self._version += 1
        self._polled_at = now

    def _follow(self, overlay: OverlayRows, count: int) -> None:
        """Give the overlay's new items a place, and read what is known of them."""
        new = overlay.ids_between(len(self._of_overlay), count)
        if not new:
            return
        places = self._items.places_of(new)
        behind = [item_id for item_id, place in zip(new, places, strict=True) if place < 0]
        for item_id in behind:
            self._behind.setdefault(item_id, len(self._items.ids) + len(self._behind))
        places[places < 0] = [self._behind[item_id] for item_id in behind]
        self._of_overlay = np.concatenate([self._of_overlay, places])
        self._read_items(self._columns, behind)

    def _read_items(self, columns: dict[Attribute, _Numbers | _Words], behind: Sequence[str]) -> None:
        if columns and behind:
            page = self._catalogue.values_of_items(list(columns), behind)
            _put(columns, page, np.array([self._behind[row[0]] for row in page], dtype=np.intp))


def _put(
    columns: dict[Attribute, _Numbers | _Words], page: Sequence[tuple[Any, ...]], places: NDArray[np.intp]
) -> None:
    """Take over rows of an id and a value for each column; those without a place are of nobody here."""
    kept = np.flatnonzero(places >= 0)
    for number, column in enumerate(columns.values(), start=1):
        column.put(places[kept], [page[place][number] for place in kept.tolist()])


def _column(about: Attribute, count: int) -> _Numbers | _Words:
    return _Numbers(count) if about.sort is Sort.NUMBER else _Words(count)


def _grown(values: NDArray[Any], places: NDArray[np.intp], filling: float) -> NDArray[Any]:
    """Return an array that has room for some places, twice as long where it had not."""
    needed = int(places.max(initial=-1)) + 1
    if needed <= len(values):
        return values
    return np.concatenate([values, np.full(2 * needed - len(values), filling, dtype=values.dtype)])

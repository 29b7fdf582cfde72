"""Walk a store beside the ledger, in the order of the keys, and mend what events have missed.

Nothing is believed that may have changed meanwhile. What differs is asked of the store once more, one object at a
time, and the ledger takes only answers to the state that they were compared with: the pass may run at any time and
beside events. An object counts as gone only where the store has said so of that very key.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from itertools import chain
from typing import Literal

from audiofeat.domain.items import is_audio_key
from audiofeat.domain.jobs import Lane
from audiofeat.domain.whereabouts import Fate, KnownObject, Observation, SyncProgress
from audiofeat.errors import AudiofeatError, NoAudioFound, ObjectMissing
from audiofeat.logs import get_logger
from audiofeat.ports import ObjectLedger, ObjectStore, StoredObject

_PAGE = 1_000
_LOOKS_AT_ONCE = 8
_log = get_logger(__name__)


@dataclass(slots=True)
class Found:
    """What a pass has come to.

    Parameters
    ----------
    looked_at : int
        Keys, of the store or of the ledger or of both.
    created, changed, gone : int
        What the ledger had missed.
    unchanged : int
        What it knew.
    left_out : int
        Objects that do not end as audio does.
    overtaken : int
        Something newer was heard of them meanwhile.
    failed : int
        The store did not tell what they are now; nothing was done about them.
    """

    looked_at: int = 0
    created: int = 0
    changed: int = 0
    gone: int = 0
    unchanged: int = 0
    left_out: int = 0
    overtaken: int = 0
    failed: int = 0


@dataclass(slots=True)
class Sync:
    """One pass over one place.

    Parameters
    ----------
    store, prefix : ObjectStore, str
        What is walked: the object called ``prefix`` and those below it.
    lane : Lane
        Queue for what has to be analysed.
    watch : callable
        Told what was found so far, after each page.
    """

    store: ObjectStore
    prefix: str
    ledger: ObjectLedger
    lane: Lane = Lane.NORMAL
    watch: Callable[[Found], None] = lambda _: None
    found: Found = field(default_factory=Found)

    def resume(self) -> str | None:
        """Take up an unfinished pass over this place, if there is one; return the key behind which it goes on."""
        progress = self.ledger.sync_progress(self.store.name, self.prefix)
        if progress is None:
            return None
        self.found = Found(**progress.counts)
        return progress.cursor

    def run(self, *, after: str | None = None, empty_is_meant: bool = False) -> Found:
        """Compare and mend, from the beginning or from behind a key; what is done stays done where it is killed.

        Raises
        ------
        NoAudioFound
            The place is wholly empty, the ledger knows objects there, and nobody said that this is meant: it may be
            a disk that is not mounted.
        SourceNotFound, AccessDenied, StoreUnavailable
            The listing failed; nothing behind the last key that it gave was touched.
        """
        listing = iter(self.store.list(self.prefix, after=after))
        first = next(listing, None)
        if first is None and after is None and not empty_is_meant:
            self._require_unknown()
        listing = listing if first is None else chain([first], listing)
        differing: list[tuple[str, StoredObject | None, KnownObject | None]] = []
        page = 0
        for key, stored, known in _side_by_side(listing, self._known(after)):
            self.found.looked_at += 1
            page += 1
            if self._differs(key, stored, known):
                differing.append((key, stored, known))
            if page == _PAGE:
                self._mend(differing)
                self._keep(key)
                differing, page = [], 0
        self._mend(differing)
        self.ledger.keep_sync_progress(self.store.name, self.prefix, None)
        self.watch(self.found)
        return self.found

    def _differs(self, key: str, stored: StoredObject | None, known: KnownObject | None) -> bool:
        there, believed = stored.version if stored else None, known.version if known else None
        if known is None and not is_audio_key(key):
            self.found.left_out += 1
            return False
        if there == believed:
            self.found.unchanged += 1
            return False
        return True

    def _mend(self, differing: list[tuple[str, StoredObject | None, KnownObject | None]]) -> None:
        if not differing:
            return
        # Of a new one the worker finds out whether it is still as listed.
        observations = [
            Observation(key, stored.version, stored.size_bytes, None)
            for key, stored, known in differing
            if stored is not None and known is None
        ]
        doubtful = [known for _, _, known in differing if known is not None]
        if doubtful:
            with ThreadPoolExecutor(_LOOKS_AT_ONCE) as pool:
                looks = list(pool.map(self._look, doubtful))
            observations += [look for look in looks if isinstance(look, Observation)]
            self.found.unchanged += looks.count("unchanged")
            self.found.failed += looks.count("failed")
        known = {key: one for key, _, one in differing}
        for seen, taken in zip(
            observations, self.ledger.take_observations(self.store.name, observations, lane=self.lane), strict=True
        ):
            if taken.fate is not Fate.ACCEPTED:
                self.found.overtaken += 1
            elif seen.version is None:
                self.found.gone += 1
            elif known[seen.key] is None:
                self.found.created += 1
            else:
                self.found.changed += 1

    def _look(self, known: KnownObject) -> Observation | Literal["unchanged", "failed"]:
        """Return what is at a key now, or how to count it where that is no news or cannot be told."""
        key = known.key
        try:
            now = self.store.head(key)
            seen = Observation(key, now.version, now.size_bytes, known.revision)
        except ObjectMissing:
            seen = Observation(key, None, 0, known.revision)
        except AudiofeatError as error:
            if error.retryable:
                raise
            _log.warning("object_not_told", key=key, code=error.code, problem=error)
            return "failed"
        return "unchanged" if seen.version == known.version else seen

    def _known(self, after: str | None) -> Iterator[KnownObject]:
        while page := self.ledger.known_objects(self.store.name, self.prefix, after=after, limit=_PAGE):
            yield from page
            after = page[-1].key

    def _require_unknown(self) -> None:
        if any(known.version is not None for known in self._known(None)):
            raise NoAudioFound(
                f"{self.store.name}/{self.prefix} is empty, and the catalogue knows objects there",
                "see whether it is the right place, mounted and readable; --empty-is-meant if all of it is gone",
            )

    def _keep(self, cursor: str) -> None:
        progress = SyncProgress(cursor, asdict(self.found))
        self.ledger.keep_sync_progress(self.store.name, self.prefix, progress)
        self.watch(self.found)


def _side_by_side(
    listing: Iterator[StoredObject], known: Iterator[KnownObject]
) -> Iterator[tuple[str, StoredObject | None, KnownObject | None]]:
    """Yield every key of two sorted walks with what each of them has there."""
    stored, believed = next(listing, None), next(known, None)
    while stored is not None or believed is not None:
        if believed is None or (stored is not None and stored.key < believed.key):
            yield stored.key, stored, None  # type: ignore[union-attr]  # only the other side has none
            stored = next(listing, None)
        elif stored is None or believed.key < stored.key:
            yield believed.key, None, believed
            believed = next(known, None)
        else:
            yield stored.key, stored, believed
            stored, believed = next(listing, None), next(known, None)

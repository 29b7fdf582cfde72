"""The catalogue of :mod:`audiofeat.ports` on a SQL database: the jobs, batches and workers, and what was found out."""

from collections.abc import Sequence
from typing import Any

from audiofeat.catalogue import audio_lookups, item_lookups, releases
from audiofeat.catalogue.candidates import SqlAttributes
from audiofeat.catalogue.census import SqlCensus
from audiofeat.catalogue.database import Clock, Database
from audiofeat.catalogue.duplicates import SqlDuplicates
from audiofeat.catalogue.fleet import SqlAttendance, SqlBatches
from audiofeat.catalogue.job_ledger import SqlLedger
from audiofeat.catalogue.key_ring import SqlKeyRing
from audiofeat.catalogue.metadata_ledger import SqlMetadata
from audiofeat.catalogue.models import SqlModels
from audiofeat.catalogue.object_ledger import SqlObjectLedger
from audiofeat.catalogue.repeats import SqlRepeats
from audiofeat.catalogue.source_ledger import SqlSources
from audiofeat.catalogue.staleness import SqlStaleness
from audiofeat.catalogue.takedowns import SqlTakedowns
from audiofeat.catalogue.thing_ledger import SqlThings
from audiofeat.catalogue.upgrade import upgrade
from audiofeat.domain.items import Kind
from audiofeat.ports import Analysis, Catalogue, EmbeddingRow, FingerprintNote, ItemView


def open_catalogue(url: str, *, clock: Clock | None = None) -> "SqlCatalogue":
    """Open a ledger, creating or upgrading its tables; safe where many processes start at once.

    Parameters
    ----------
    url : str
        ``sqlite:///PATH``, whose folder must exist, or ``postgresql://USER:PASSWORD@HOST:PORT/DATABASE``.
    clock : callable, optional
        Returns epoch seconds; by default the server's clock on PostgreSQL and the host's on SQLite.

    Raises
    ------
    CatalogueUnavailable
        For a wrong URL, an unreachable server, a folder or file that cannot be written, or a ledger that was
        written by a newer audiofeat. The message never contains the password.
    DiskFull
        Where no space is left for the database.
    """
    database = Database(url, clock=clock)
    upgrade(database)
    return SqlCatalogue(database)


class SqlCatalogue(
    SqlLedger,
    SqlBatches,
    SqlAttendance,
    SqlObjectLedger,
    SqlCensus,
    SqlStaleness,
    SqlDuplicates,
    SqlTakedowns,
    SqlAttributes,
    SqlMetadata,
    SqlRepeats,
    SqlSources,
    SqlKeyRing,
    SqlModels,
    SqlThings,
    Catalogue,
):
    """The ledger on SQLite or PostgreSQL; may be used from many threads, and after a fork.

    Every method raises CatalogueUnavailable or DiskFull where the database fails.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def close(self) -> None:
        """Close idle connections; a later call opens new ones."""
        self._database.close()

    def settle(self) -> None:
        """Have all that was written so far outlive a power failure."""
        self._database.settle()
        self._database.fold_log()

    def analyses_of_audio(self, sha256: str) -> dict[str, Analysis]:
        """Return the newest version of each stored feature group of an audio, by group name."""
        with self._database.reading() as connection:
            return audio_lookups.analyses_of(connection, sha256)

    def outcome_of_audio(
        self, sha256: str
    ) -> tuple[dict[str, Any], tuple[str, ...], dict[str, Any], bytes | None] | None:
        """Return audio facts, flags, extractor and descriptor stored for an audio, or None."""
        with self._database.reading() as connection:
            return audio_lookups.outcome_of(connection, sha256)

    def find_item(self, name: str) -> ItemView:
        """Return an item by id, reference, alias, object key or its last path part; raises ItemUnknown."""
        with self._database.reading() as connection:
            return item_lookups.find_item(connection, name)

    def items_called(self, names: Sequence[str]) -> dict[str, ItemView]:
        """Return items by those of the names that are one item's alone."""
        with self._database.reading() as connection:
            return item_lookups.items_called(connection, names)

    def items(self, *, kind: Kind | None = None, after: str | None = None, limit: int = 100) -> list[ItemView]:
        """Return items in the order of their ids, from the one behind ``after``."""
        with self._database.reading() as connection:
            return item_lookups.items_after(connection, kind=kind, after=after, limit=limit)

    def items_by_id(self, item_ids: Sequence[str]) -> dict[str, ItemView]:
        """Return the named items that exist."""
        with self._database.reading() as connection:
            return item_lookups.items_by_id(connection, item_ids)

    def embedding_of(self, item_id: str) -> EmbeddingRow | None:
        """Return an item's fingerprint, or None while it has none."""
        with self._database.reading() as connection:
            return audio_lookups.embedding_of(connection, item_id)

    def embeddings(self, kind: Kind, *, after_sequence: int = 0, limit: int | None = None) -> list[EmbeddingRow]:
        """Return fingerprints of a kind committed after a sequence number, in order, at most ``limit`` of them."""
        with self._database.reading() as connection:
            rows = audio_lookups.embeddings_after(connection, kind, after_sequence, limit=limit)
        if rows and not self._database.is_sqlite:
            # A server that loses its power would give these numbers to others, and whoever goes on from them would miss
            # those. On SQLite readers end with the power; what they keep they settle.
            self._database.settle()
        return rows

    def embeddings_by_id(self, item_ids: Sequence[str]) -> dict[str, EmbeddingRow]:
        """Return the fingerprints of those of the items that have one, of whatever kind they are by now."""
        with self._database.reading() as connection:
            return audio_lookups.embeddings_by_id(connection, item_ids)

    def fingerprinted(self, kind: Kind, *, after_sequence: int, limit: int) -> list[FingerprintNote]:
        """Return which items of a kind had a fingerprint committed after a sequence number, as :meth:`embeddings`."""
        with self._database.reading() as connection:
            return audio_lookups.notes_after(connection, kind, after_sequence, limit=limit)

    def record_release(self, release: str, *, kind: Kind, space: str, items: int, recall: float) -> None:
        """Note that an index release was published."""
        with self._database.writing() as (connection, now):
            releases.record(connection, now, release, kind=kind, space=space, items=items, recall=recall)

"""The catalogue of :mod:`audiofeat.ports` on a SQL database: each verb is one transaction."""

from collections.abc import Iterable, Sequence
from typing import Any

from audiofeat.catalogue import (
    audio_lookups,
    claims,
    endings,
    item_lookups,
    job_lookups,
    releases,
    results,
)
from audiofeat.catalogue.batches import batches
from audiofeat.catalogue.database import Clock, Database
from audiofeat.catalogue.registrations import BATCH, register
from audiofeat.catalogue.upgrade import upgrade
from audiofeat.domain.items import Kind
from audiofeat.domain.jobs import Claim, JobState, Lane, MetadataValue, Outcome, Registered, Registration
from audiofeat.ports import Analysis, Catalogue, EmbeddingRow, ItemView, JobView


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


class SqlCatalogue(Catalogue):
    """The ledger on SQLite or PostgreSQL; may be used from many threads, and after a fork.

    Every method raises CatalogueUnavailable or DiskFull where the database fails.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def close(self) -> None:
        """Close idle connections; a later call opens new ones."""
        self._database.close()

    def register(self, registrations: Sequence[Registration]) -> list[Registered]:
        """Create what is missing of items and jobs; of an object version that is known, new metadata is taken over."""
        registered: list[Registered] = []
        for batch in batches(registrations, size=BATCH):
            with self._database.writing() as (connection, now):
                registered += register(connection, now, batch)
        return registered

    def claim(self, job_id: str, *, worker: str, lease_s: float) -> Claim | None:
        """Take a job that is due: raises its attempt, sets token and lease. None where there is nothing to do."""
        with self._database.writing() as (connection, now):
            return claims.claim(connection, now, job_id, worker=worker, lease_s=lease_s)

    def heartbeat(self, claim: Claim, *, lease_s: float) -> bool:
        """Prolong the lease; False where the token is no longer the job's."""
        with self._database.writing() as (connection, now):
            return claims.heartbeat(connection, now, claim, lease_s=lease_s)

    def finish(self, claim: Claim, outcome: Outcome) -> bool:
        """Write features, metadata, embedding and state in one transaction; False where the token has moved on."""
        with self._database.writing() as (connection, now):
            return results.finish(connection, now, claim, outcome)

    def reject(self, claim: Claim, *, code: str, message: str) -> bool:
        """End a job whose bytes can never be analysed."""
        with self._database.writing() as (connection, now):
            return endings.reject(connection, now, claim, code=code, message=message)

    def crash(self, claim: Claim, *, code: str, message: str) -> JobState | None:
        """Count one crash and requeue or quarantine; None where the token has moved on."""
        with self._database.writing() as (connection, now):
            return endings.crash(connection, now, claim, code=code, message=message)

    def postpone(self, claim: Claim, *, code: str, message: str) -> JobState | None:
        """Wait with backoff after a storage fault; dead after a day of them."""
        with self._database.writing() as (connection, now):
            return endings.postpone(connection, now, claim, code=code, message=message)

    def release(self, claim: Claim) -> None:
        """Give a job back untouched, as at shutdown: counts in no budget."""
        with self._database.writing() as (connection, now):
            endings.release(connection, now, claim)

    def expire_leases(self) -> int:
        """Requeue or quarantine jobs whose lease ran out, wake those whose wait is over; return how many."""
        with self._database.writing() as (connection, now):
            return claims.expire_leases(connection, now)

    def due(self, lane: Lane, *, limit: int) -> list[str]:
        """Return ids of queued jobs of a lane, oldest first."""
        with self._database.reading() as connection:
            return job_lookups.due(connection, self._database.now(connection), lane, limit=limit)

    def states(self, job_ids: Sequence[str] | None = None) -> dict[JobState, int]:
        """Count jobs by state, all of them or the given ones."""
        with self._database.reading() as connection:
            return job_lookups.states(connection, job_ids)

    def seconds_decoded(self, job_ids: Sequence[str] | None = None) -> float:
        """Return the seconds of audio behind usable jobs."""
        with self._database.reading() as connection:
            return job_lookups.seconds_decoded(connection, job_ids)

    def job(self, job_id: str) -> JobView:
        """Return one job; raises JobUnknown."""
        with self._database.reading() as connection:
            return job_lookups.job(connection, job_id)

    def jobs(
        self, *, states: Iterable[JobState] = (), job_ids: Sequence[str] | None = None, limit: int = 100
    ) -> list[JobView]:
        """Return jobs in those states (all states where none is named), newest change first."""
        with self._database.reading() as connection:
            return job_lookups.newest_jobs(connection, wanted=states, job_ids=job_ids, limit=limit)

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

    def items(self, *, kind: Kind | None = None, after: str | None = None, limit: int = 100) -> list[ItemView]:
        """Return items in the order of their ids, from the one behind ``after``."""
        with self._database.reading() as connection:
            return item_lookups.items_after(connection, kind=kind, after=after, limit=limit)

    def items_by_id(self, item_ids: Sequence[str]) -> dict[str, ItemView]:
        """Return the named items that exist."""
        with self._database.reading() as connection:
            return item_lookups.items_by_id(connection, item_ids)

    def metadata_values(self, item_id: str) -> list[MetadataValue]:
        """Return every value that any source gave, chosen or not."""
        with self._database.reading() as connection:
            return item_lookups.values_of(connection, item_id)

    def embedding_of(self, item_id: str) -> EmbeddingRow | None:
        """Return an item's fingerprint, or None while it has none."""
        with self._database.reading() as connection:
            return audio_lookups.embedding_of(connection, item_id)

    def embeddings(self, kind: Kind, *, after_sequence: int = 0) -> list[EmbeddingRow]:
        """Return fingerprints of a kind committed after a sequence number, in order."""
        with self._database.reading() as connection:
            return audio_lookups.embeddings_after(connection, kind, after_sequence)

    def record_release(self, release: str, *, kind: Kind, space: str, items: int, recall: float) -> None:
        """Note that an index release was published."""
        with self._database.writing() as (connection, now):
            releases.record(connection, now, release, kind=kind, space=space, items=items, recall=recall)

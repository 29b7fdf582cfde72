"""From a listing to jobs: which objects are audio, what is known about them, and which versions are new."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from audiofeat.domain.items import AUDIO_SUFFIXES, Kind, KindSource, ObjectVersion, is_audio_key
from audiofeat.domain.jobs import FAILED_STATES, FINAL_STATES, JobState, Lane, MetadataRecord, Registered, Registration
from audiofeat.domain.metadata import About, Records
from audiofeat.errors import NoAudioFound
from audiofeat.ports import Catalogue, ObjectStore, StoredObject

_BATCH = 1_000


# A row of a metadata table: the keys that identify an item, and what the table says of it.
Row = tuple[Mapping[str, str], MetadataRecord]


@dataclass(frozen=True, slots=True)
class Registrations:
    """What a listing came to.

    Parameters
    ----------
    jobs : tuple of Registered
        One for each audio object, in key order.
    replaced : tuple of str
        Keys that share their reference with a later one of the same listing: an item has one audio, so these were
        not analysed.
    left_out : int
        How many objects do not end as audio does.
    """

    jobs: tuple[Registered, ...]
    replaced: tuple[str, ...] = ()
    left_out: int = 0

    @property
    def open_job_ids(self) -> list[str]:
        """Jobs that have not ended."""
        return [job.job_id for job in self.jobs if job.state not in FINAL_STATES]

    @property
    def redescribed(self) -> int:
        """How many known objects have new metadata."""
        return sum(job.is_redescribed for job in self.jobs)

    @property
    def unchanged(self) -> int:
        """How many object versions had ended before this listing."""
        return sum(not job.is_new and job.state in FINAL_STATES for job in self.jobs)

    @property
    def failed_before(self) -> int:
        """How many of these ended without features."""
        return sum(not job.is_new and job.state in FAILED_STATES for job in self.jobs)


def register_listing(
    store: ObjectStore, prefix: str, *, catalogue: Catalogue, lane: Lane, kind: Kind | None, rows: Iterable[Row] = ()
) -> Registrations:
    """List a store and register every audio object in it.

    Parameters
    ----------
    store, prefix : ObjectStore, str
        What to list; an object counts as audio by the ending of its key.
    lane : Lane
        Queue for new jobs.
    kind : Kind or None
        For objects of which no metadata tells the kind.
    rows : iterable of Row
        Of all metadata tables, the most trusted one first.

    Raises
    ------
    NoAudioFound
        There is not one audio object under the prefix.
    """
    listed = list(store.list(prefix))
    found = [candidate for candidate in listed if is_audio_key(candidate.key)]
    if not found:
        where = f"{store.name}/{prefix}".rstrip("/")
        endings = " ".join(sorted(AUDIO_SUFFIXES))
        raise NoAudioFound(
            f"{where} holds no audio, {len(listed)} other objects",
            f"audio is what ends in {endings}; a prefix is a whole key, or what stands before a /",
        )
    records = Records(rows, keys=[candidate.key for candidate in found])
    jobs: list[Registered] = []
    for start in range(0, len(found), _BATCH):
        batch = found[start : start + _BATCH]
        jobs += catalogue.register(
            [_registration(store.name, f, records.about(f.key), lane=lane, kind=kind) for f in batch]
        )
    states = catalogue.jobs(states={JobState.SUPERSEDED}, job_ids=[j.job_id for j in jobs if j.is_new], limit=len(jobs))
    replaced = tuple(sorted(job.key for job in states))
    return Registrations(tuple(jobs), replaced, len(listed) - len(found))


def _registration(store_name: str, found: StoredObject, about: About, *, lane: Lane, kind: Kind | None) -> Registration:
    source = KindSource.METADATA if about.kind else KindSource.OPTION if kind else None
    return Registration(
        audio=ObjectVersion(store_name, found.key, found.version, found.size_bytes),
        lane=lane,
        reference=about.reference,
        kind=about.kind or kind,
        kind_source=source,
        records=about.records,
    )

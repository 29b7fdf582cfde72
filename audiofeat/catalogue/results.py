"""What one finished analysis writes, all of it or nothing."""

from dataclasses import replace
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, bindparam, delete, func, select, update

from audiofeat.catalogue import attributes, counters, transitions
from audiofeat.catalogue.claims import held_job
from audiofeat.catalogue.descriptions import drop_tags, keep_delivered, remerge, unpacked
from audiofeat.catalogue.endings import end
from audiofeat.catalogue.schema import analyses, audio, embeddings, items, jobs
from audiofeat.catalogue.transitions import Transition
from audiofeat.catalogue.upserts import Upsert
from audiofeat.domain.descriptor import NAMES, pack
from audiofeat.domain.items import Kind, KindSource
from audiofeat.domain.jobs import Claim, JobState, Outcome
from audiofeat.domain.registry import GROUP_VERSIONS


def finish(connection: Connection, now: float, claimed: Claim, outcome: Outcome) -> bool:
    """Write an outcome under a claim; False where the token has moved on.

    What is known of the bytes is kept in any case, but never put in place of what newer feature versions found. The
    item takes it over only where no newer version of its audio has been finished; else the job ends as superseded.
    """
    job = held_job(connection, claimed, with_item=True)
    if job is None:
        return False
    outcome = _newest_of(connection, outcome)
    _keep_analyses(connection, now, outcome)
    is_first = job.served is None
    superseded = not is_first and job.served_order > job.source_order
    if not superseded:
        kind, kind_source = _stronger(job, outcome)
        _update_item(connection, now, job, outcome, kind=kind, kind_source=kind_source)
        _take_the_place_of(connection, now, job)
        # Not the claim's own: a table may have been read while the work went on.
        records = [*unpacked(job.records), *([outcome.tags] if outcome.tags else [])]
        if not is_first:
            drop_tags(connection, claimed.item_id)
        keep_delivered(connection, now, claimed.item_id, records)
        attributes.keep_measured(connection, claimed.item_id, outcome.sha256)
        remerge(connection, [claimed.item_id])
        placed = outcome if job.taken_down_at is None else replace(outcome, descriptor=None)
        _replace_embedding(connection, claimed.item_id, kind, placed, is_first=is_first)
    state = JobState.SUPERSEDED if superseded else outcome.state
    end(
        connection, now, job, state,
        {
            "sha256": outcome.sha256,
            "timings": outcome.timings,
            "error_code": None,
            "error_message": None,
            "first_storage_error_at": None,
        },
        note="newer version finished first" if superseded else None,
    )  # fmt: skip
    return True


_VERSIONS = (
    select(analyses.c.group, func.max(analyses.c.version).label("version"))
    .where(analyses.c.sha256 == bindparam("bytes"))
    .group_by(analyses.c.group)
)
_CURRENT = ("kind", "kind_source", "sha256", "job_id", "store", "key", "file_name", "updated_at")
_UPDATE_ITEM = (
    update(items).where(items.c.item_id == bindparam("wanted")).values({name: bindparam(name) for name in _CURRENT})
)
_EMBEDDING = select(embeddings).where(embeddings.c.item_id == bindparam("wanted"))
_DROP_EMBEDDING = delete(embeddings).where(embeddings.c.item_id == bindparam("wanted"))
_ADD_EMBEDDING = embeddings.insert()


_SAID_OF_AUDIO = ("facts", "flags", "extractor", "decoded_s", "descriptor")
_keep_audio = Upsert(audio, ("sha256", *_SAID_OF_AUDIO), replaced=_SAID_OF_AUDIO)
_add_analyses = Upsert(analyses, analyses.c.keys())


def _newest_of(connection: Connection, outcome: Outcome) -> Outcome:
    """Keep what an outcome says of its bytes, or return what newer feature versions have said of them already."""
    newest = connection.execute(_VERSIONS, {"bytes": outcome.sha256}).all()
    versions = {result.group: result.version for result in outcome.groups}
    if any(row.version > versions.get(row.group, row.version) for row in newest):
        row = connection.execute(select(audio).where(audio.c.sha256 == outcome.sha256)).one()
        # Its place in the outcome's space is not known here: readers find it.
        return replace(outcome, audio=row.facts, flags=tuple(row.flags), descriptor=row.descriptor, embedding=None)
    said = {
        "sha256": outcome.sha256,
        "facts": outcome.audio,
        "flags": list(outcome.flags),
        "extractor": outcome.extractor,
        "decoded_s": outcome.audio["decoded_duration_s"],
        "descriptor": outcome.descriptor,
    }
    _keep_audio(connection, said)
    return outcome


def _keep_analyses(connection: Connection, now: float, outcome: Outcome) -> None:
    """Add what is new: a row is of one version for ever."""
    rows = [
        {
            "sha256": outcome.sha256,
            "group": result.group,
            "version": result.version,
            "values": result.values,
            "reasons": result.reasons,
            "curves_key": result.curves_key,
            "seconds": result.seconds,
            "created_at": now,
        }
        for result in sorted(outcome.groups, key=lambda result: result.group)
    ]
    if rows:
        _add_analyses(connection, rows)


def _take_the_place_of(connection: Connection, now: float, job: Row[Any]) -> None:
    """End as superseded the job that the item was served from: another version of the object, or an earlier batch's.

    The first job of a version stays as it is while batches repeat it: by it a listing knows the version.
    """
    if job.served in {None, job.job_id}:
        return
    before = connection.execute(select(jobs).where(jobs.c.job_id == job.served)).one()
    same_version = (before.store, before.key, before.version) == (job.store, job.key, job.version)
    if same_version and before.batch_id is None:
        return
    values = {"state": JobState.SUPERSEDED, "updated_at": now, "finished_at": now}
    connection.execute(update(jobs).where(jobs.c.job_id == before.job_id).values(values))
    step = Transition(before.job_id, JobState(before.state), JobState.SUPERSEDED, note="replaced")
    transitions.note(connection, now, [step])


def _stronger(job: Row[Any], outcome: Outcome) -> tuple[Kind, KindSource]:
    """Return the kind that stands: the item's own where its source is stronger, else the outcome's."""
    strength = list(KindSource)
    if job.kind and strength.index(KindSource(job.kind_source)) < strength.index(outcome.kind_source):
        return Kind(job.kind), KindSource(job.kind_source)
    return outcome.kind, outcome.kind_source


def _update_item(
    connection: Connection, now: float, job: Row[Any], outcome: Outcome, *, kind: Kind, kind_source: KindSource
) -> None:
    current = {
        "wanted": job.item_id,
        "kind": kind,
        "kind_source": kind_source,
        "sha256": outcome.sha256,
        "job_id": job.job_id,
        "store": job.store,
        "key": job.key,
        "file_name": job.key.rpartition("/")[2],
        "updated_at": now,
    }
    connection.execute(_UPDATE_ITEM, current)


def _replace_embedding(connection: Connection, item_id: str, kind: Kind, outcome: Outcome, *, is_first: bool) -> None:
    """Put an item's new fingerprint in place of the old one.

    One that has not changed keeps its row, and so its place in the published index: a reprocessing of other groups must
    not send a whole catalogue through the overlay.
    """
    before = None if is_first else connection.execute(_EMBEDDING, {"wanted": item_id}).one_or_none()
    if outcome.descriptor is None and before is None:
        return
    version = GROUP_VERSIONS["descriptor"]
    is_same = before is not None and (before.kind, before.sha256, before.descriptor, before.descriptor_version) == (
        kind, outcome.sha256, outcome.descriptor, version,
    )  # fmt: skip
    if is_same:
        return
    if before is not None:
        connection.execute(_DROP_EMBEDDING, {"wanted": item_id})
    # A vector made for the other kind's space would be compared with strangers.
    fits = kind == outcome.kind and outcome.descriptor is not None
    row = {
        "item_id": item_id,
        "sequence": counters.reserve(connection, counters.EMBEDDINGS),
        "kind": kind,
        "sha256": outcome.sha256,
        # Where there was sound before and is none now, readers must learn that the old place is empty.
        "descriptor": outcome.descriptor or pack(np.full(len(NAMES), np.nan, dtype=np.float32)),
        "descriptor_version": version,
        "space": outcome.space if fits else None,
        "vector": outcome.embedding if fits else None,
    }
    connection.execute(_ADD_EMBEDDING, row)

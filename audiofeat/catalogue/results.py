"""What one finished analysis writes, all of it or nothing."""

from dataclasses import replace
from typing import Any

import numpy as np
from sqlalchemy import Connection, bindparam, delete, exists, func, select, update

from audiofeat.catalogue import attributes, counters, transitions
from audiofeat.catalogue.claims import HELD, held
from audiofeat.catalogue.descriptions import BEFORE, describe, drop_tags, unpacked
from audiofeat.catalogue.endings import end
from audiofeat.catalogue.ledger_time import LedgerTime
from audiofeat.catalogue.schema import analyses, audio, embeddings, items, jobs
from audiofeat.catalogue.statements import Record, Statement, Upsert
from audiofeat.catalogue.transitions import Transition
from audiofeat.domain.descriptor import NAMES, pack
from audiofeat.domain.items import Kind, KindSource
from audiofeat.domain.jobs import Claim, JobState, Outcome
from audiofeat.domain.registry import GROUP_VERSIONS


def finish(connection: Connection, now: float | None, claimed: Claim, outcome: Outcome) -> bool:
    """Write an outcome under a claim; False where the token has moved on.

    What is known of the bytes is kept in any case, but never put in place of what newer feature versions found. The
    item takes it over only where no newer version of its audio has been finished; else the job ends as superseded.
    """
    held_with_item = _hold.ask(connection, held(claimed) | {"now": now})
    # A statement of its own: it sees what was written while the one before waited for its locks.
    before = _before.ask(connection, {"described": claimed.item_id, "bytes": outcome.sha256})
    job = held_with_item.one_or_none()
    if job is None:
        return False
    known = before.one_or_none()
    outcome = _newest_of(connection, outcome, is_new=not known.is_known)
    _keep_analyses(connection, job.now, outcome)
    is_first = job.served is None
    superseded = not is_first and job.served_order > job.source_order
    embedding = None
    if not superseded:
        kind, kind_source = _stronger(job, outcome)
        _update_item(connection, job, outcome, kind=kind, kind_source=kind_source)
        _take_the_place_of(connection, job)
        if not is_first:
            drop_tags(connection, claimed.item_id)
        # Not the claim's own: a table may have been read while the work went on.
        records = [*unpacked(job.records), *([outcome.tags] if outcome.tags else [])]
        heard = attributes.measured(connection, outcome, is_new=not known.is_known)
        describe(connection, job.now, claimed.item_id, before=known, records=records, heard=heard)
        placed = outcome if job.taken_down_at is None else replace(outcome, descriptor=None)
        embedding = _new_embedding(connection, claimed.item_id, kind, placed, is_first=is_first)
    end(
        connection, job, JobState.SUPERSEDED if superseded else outcome.state,
        {
            "sha256": outcome.sha256,
            "timings": outcome.timings,
            "error_code": None,
            "error_message": None,
            "first_storage_error_at": None,
        },
        note="newer version finished first" if superseded else None,
    )  # fmt: skip
    if embedding is not None:
        # Last of all: from here to the commit nobody else's result can be written.
        counters.draw(connection, counters.EMBEDDINGS)
        _add_embedding(connection, embedding)
    return True


_SERVED = jobs.alias("served")
_hold = Statement(
    select(
        *(
            jobs.c[name]
            for name in (
                "job_id",
                "item_id",
                "store",
                "key",
                "version",
                "source_order",
                "batch_id",
                "records",
                "worker",
            )
        ),
        items.c.kind,
        items.c.kind_source,
        items.c.taken_down_at,
        items.c.job_id.label("served"),
        select(_SERVED.c.source_order)
        .where(_SERVED.c.job_id == items.c.job_id)
        .scalar_subquery()
        .label("served_order"),
        LedgerTime().label("now"),
    )
    .join(items, items.c.item_id == jobs.c.item_id)
    .where(HELD)
    .with_for_update(of=[jobs, items])
)
_before = Statement(select(*BEFORE, exists().where(audio.c.sha256 == bindparam("bytes")).label("is_known")))
_VERSIONS = (
    select(analyses.c.group, func.max(analyses.c.version).label("version"))
    .where(analyses.c.sha256 == bindparam("bytes"))
    .group_by(analyses.c.group)
)
_CURRENT = ("kind", "kind_source", "sha256", "job_id", "store", "key", "file_name", "updated_at")
_take_over = Statement(
    update(items).where(items.c.item_id == bindparam("wanted")).values({name: bindparam(name) for name in _CURRENT})
)
_EMBEDDING = select(embeddings).where(embeddings.c.item_id == bindparam("wanted"))
_drop_embedding = Statement(delete(embeddings).where(embeddings.c.item_id == bindparam("wanted")))
_add_embedding = Statement(
    embeddings.insert().values(
        {column.name: bindparam(column.name) for column in embeddings.c}
        | {"sequence": counters.drawn(counters.EMBEDDINGS)}
    )
)


_SAID_OF_AUDIO = ("facts", "flags", "extractor", "decoded_s", "descriptor")
_keep_audio = Upsert(audio, ("sha256", *_SAID_OF_AUDIO), replaced=_SAID_OF_AUDIO)
_add_analyses = Upsert(analyses, analyses.c.keys())


def _newest_of(connection: Connection, outcome: Outcome, *, is_new: bool) -> Outcome:
    """Keep what an outcome says of its bytes, or return what newer feature versions have said of them already."""
    newest = [] if is_new else connection.execute(_VERSIONS, {"bytes": outcome.sha256}).all()
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
    _add_analyses(connection, rows)


def _take_the_place_of(connection: Connection, job: Record) -> None:
    """End as superseded the job that the item was served from: another version of the object, or an earlier batch's.

    The first job of a version stays as it is while batches repeat it: by it a listing knows the version.
    """
    if job.served in {None, job.job_id}:
        return
    before = connection.execute(select(jobs).where(jobs.c.job_id == job.served)).one()
    same_version = (before.store, before.key, before.version) == (job.store, job.key, job.version)
    if same_version and before.batch_id is None:
        return
    values = {"state": JobState.SUPERSEDED, "updated_at": job.now, "finished_at": job.now}
    connection.execute(update(jobs).where(jobs.c.job_id == before.job_id).values(values))
    step = Transition(before.job_id, JobState(before.state), JobState.SUPERSEDED, note="replaced")
    transitions.note(connection, job.now, [step])


def _stronger(job: Record, outcome: Outcome) -> tuple[Kind, KindSource]:
    """Return the kind that stands: the item's own where its source is stronger, else the outcome's."""
    strength = list(KindSource)
    if job.kind and strength.index(KindSource(job.kind_source)) < strength.index(outcome.kind_source):
        return Kind(job.kind), KindSource(job.kind_source)
    return outcome.kind, outcome.kind_source


def _update_item(
    connection: Connection,
    job: Record,
    outcome: Outcome,
    *,
    kind: Kind,
    kind_source: KindSource,
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
        "updated_at": job.now,
    }
    _take_over(connection, current)


def _new_embedding(
    connection: Connection, item_id: str, kind: Kind, outcome: Outcome, *, is_first: bool
) -> dict[str, Any] | None:
    """Take an item's fingerprint away where it has changed, and return the new row but for its number.

    One that has not changed keeps its row, and so its place in the published index: a reprocessing of other groups must
    not send a whole catalogue through the overlay.
    """
    before = None if is_first else connection.execute(_EMBEDDING, {"wanted": item_id}).one_or_none()
    if outcome.descriptor is None and before is None:
        return None
    version = GROUP_VERSIONS["descriptor"]
    is_same = before is not None and (before.kind, before.sha256, before.descriptor, before.descriptor_version) == (
        kind, outcome.sha256, outcome.descriptor, version,
    )  # fmt: skip
    if is_same:
        return None
    if before is not None:
        _drop_embedding(connection, {"wanted": item_id})
    # A vector made for the other kind's space would be compared with strangers.
    fits = kind == outcome.kind and outcome.descriptor is not None
    return {
        "item_id": item_id,
        "kind": kind,
        "sha256": outcome.sha256,
        # Where there was sound before and is none now, readers must learn that the old place is empty.
        "descriptor": outcome.descriptor or pack(np.full(len(NAMES), np.nan, dtype=np.float32)),
        "descriptor_version": version,
        "space": outcome.space if fits else None,
        "vector": outcome.embedding if fits else None,
    }

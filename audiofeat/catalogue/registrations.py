"""Registration: one item for what the catalogue calls one thing, one job for each version of its object."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from posixpath import basename
from typing import Any

from sqlalchemy import Connection, and_, insert, or_, select, update

from audiofeat.catalogue import counters, objects, transitions
from audiofeat.catalogue.database import insert_into
from audiofeat.catalogue.descriptions import packed, redescribe
from audiofeat.catalogue.identities import Identities
from audiofeat.catalogue.kinds import correct_kinds
from audiofeat.catalogue.objects import Place
from audiofeat.catalogue.schema import aliases, in_state, items, jobs
from audiofeat.catalogue.transitions import Transition
from audiofeat.domain.items import Kind, KindSource, job_id
from audiofeat.domain.jobs import MENDABLE, WAITING_STATES, JobState, Registered, Registration

BATCH = 500
_WAITING = WAITING_STATES | {JobState.PAUSED}


def register(connection: Connection, now: float, batch: Sequence[Registration]) -> list[Registered]:
    """Create what is missing of the items and jobs of one batch of at most ``BATCH`` registrations.

    The counter is raised first, so that its row lock lets one registration work at a time.
    """
    sequence = counters.reserve(connection, counters.JOBS, count=len(batch)) - len(batch)
    job_ids = [job_id(registration.audio) for registration in batch]
    places = dict(zip(job_ids, range(sequence + 1, sequence + 1 + len(batch)), strict=True))
    revived = _revive(connection, now, places)
    known = _known_jobs(connection, job_ids)
    identities = Identities(connection, batch)
    new_items: dict[str, dict[str, Any]] = {}
    new_jobs: dict[str, dict[str, Any]] = {}
    corrections: dict[str, tuple[Kind, KindSource]] = {}
    for identifier, registration in zip(job_ids, batch, strict=True):
        if identifier in known:
            identities.learn(registration.reference, known[identifier][0])
            if registration.kind is not None:
                corrections[known[identifier][0]] = registration.kind, _kind_source(registration)
        elif identifier not in new_jobs:
            named, is_new = identities.resolve(registration)
            if is_new:
                new_items[named] = _item_row(named, registration, now)
            elif registration.kind is not None:
                corrections[named] = registration.kind, _kind_source(registration)
            new_jobs[identifier] = _job_row(identifier, named, registration, places[identifier], now)
    _insert_items(connection, new_items, identities.learnt)
    if new_jobs:
        connection.execute(insert(jobs), list(new_jobs.values()))
        transitions.note(connection, now, [Transition(new, None, JobState.QUEUED) for new in new_jobs])
    named_now = [(job["item_id"], job["sequence"]) for job in new_jobs.values()]
    named_now += [(known[revived_id][0], places[revived_id]) for revived_id in revived]
    items_of = {name: item for name, (item, _) in known.items()} | {n: j["item_id"] for n, j in new_jobs.items()}
    back = _note_objects(connection, now, batch, items_of, known)
    named_now += [(job["item_id"], job["sequence"]) for job in back.values()]
    superseded = _supersede(connection, now, dict(sorted(named_now, key=itemgetter(1))))
    by_id = dict(zip(job_ids, batch, strict=True))
    redescribed = redescribe(connection, now, {known_id: by_id[known_id] for known_id in known})
    # The numbers of fingerprints come last, as in a result: neither waits for the other's things while it holds them.
    correct_kinds(connection, now, corrections)
    known |= {identifier: (job["item_id"], JobState(job["state"])) for identifier, job in back.items()}
    answers = _answers(job_ids, known, new_jobs, superseded)
    return [replace(answer, is_redescribed=answer.job_id in redescribed) for answer in answers]


def _note_objects(
    connection: Connection,
    now: float,
    batch: Sequence[Registration],
    items_of: Mapping[str, str],
    known: Collection[str],
) -> dict[str, dict[str, Any]]:
    """Note what lies where now; queue, and return by id, the known jobs whose version was replaced or gone."""
    found = {Place(r.audio.store, r.audio.key): (r.audio, items_of[job_id(r.audio)]) for r in batch}
    back = [job for job in objects.arrive(connection, now, found) if job in known]
    again = objects.queue_again(connection, now, back) if back else []
    objects.show(connection, {item for _, item in found.values()})
    return {row["job_id"]: row for row in again}


def _revive(connection: Connection, now: float, places: Mapping[str, int]) -> set[str]:
    """Queue again what ended for want of rights or of the object itself, and has just been seen; return those ids.

    Parameters
    ----------
    places : mapping of str to int
        A fresh sequence number for each job id.
    """
    mendable = and_(in_state(JobState.REJECTED), jobs.c.error_code.in_(MENDABLE))
    query = select(jobs.c.job_id, jobs.c.state).where(jobs.c.job_id.in_(places), or_(in_state(JobState.DEAD), mendable))
    ended = list(connection.execute(query))
    for row in ended:
        place = places[row.job_id]
        again = {"state": JobState.QUEUED, "sequence": place, "source_order": place, "due_at": now, "updated_at": now}
        cleared = {"finished_at": None, "error_code": None, "error_message": None, "first_storage_error_at": None}
        connection.execute(update(jobs).where(jobs.c.job_id == row.job_id).values(again | cleared))
    moves = [Transition(row.job_id, JobState(row.state), JobState.QUEUED, note="seen again") for row in ended]
    transitions.note(connection, now, moves)
    return {row.job_id for row in ended}


def _known_jobs(connection: Connection, job_ids: Sequence[str]) -> dict[str, tuple[str, JobState]]:
    query = select(jobs.c.job_id, jobs.c.item_id, jobs.c.state).where(jobs.c.job_id.in_(job_ids))
    return {row.job_id: (row.item_id, JobState(row.state)) for row in connection.execute(query)}


def _item_row(item_id: str, registration: Registration, now: float) -> dict[str, Any]:
    kind_source = _kind_source(registration) if registration.kind else None
    return {
        "item_id": item_id,
        "kind": registration.kind,
        "kind_source": kind_source,
        "reference": registration.reference or None,
        "store": registration.audio.store,
        "key": registration.audio.key,
        "file_name": basename(registration.audio.key),
        "created_at": now,
        "updated_at": now,
    }


def _job_row(identifier: str, item_id: str, registration: Registration, sequence: int, now: float) -> dict[str, Any]:
    return {
        "job_id": identifier,
        "sequence": sequence,
        "source_order": sequence,
        "item_id": item_id,
        "store": registration.audio.store,
        "key": registration.audio.key,
        "version": registration.audio.version,
        "size_bytes": registration.audio.size_bytes,
        "lane": registration.lane,
        "state": JobState.QUEUED,
        "attempt": 0,
        "crashes": 0,
        "losses": 0,
        "due_at": now,
        "records": packed(registration.records),
        "trace": registration.trace,
        "created_at": now,
        "updated_at": now,
    }


def _insert_items(connection: Connection, new_items: Mapping[str, dict[str, Any]], learnt: Mapping[str, str]) -> None:
    if new_items:
        connection.execute(insert_into(connection, items).on_conflict_do_nothing(), list(new_items.values()))
    if learnt:
        connection.execute(insert(aliases), [{"alias": alias, "item_id": named} for alias, named in learnt.items()])


def _kind_source(registration: Registration) -> KindSource:
    return registration.kind_source or KindSource.OPTION


def _supersede(connection: Connection, now: float, newest: Mapping[str, int]) -> set[str]:
    """End the waiting jobs of items for which a newer object version has just been registered."""
    waiting = (
        select(jobs.c.job_id, jobs.c.item_id, jobs.c.sequence, jobs.c.state)
        .where(jobs.c.item_id.in_(newest), in_state(*_WAITING))
        .with_for_update()
    )
    older = [row for row in connection.execute(waiting) if row.sequence < newest[row.item_id]]
    ids = {row.job_id for row in older}
    if ids:
        ended = {"state": JobState.SUPERSEDED, "updated_at": now, "finished_at": now}
        connection.execute(update(jobs).where(jobs.c.job_id.in_(ids)).values(ended))
        transitions.note(
            connection,
            now,
            [Transition(row.job_id, JobState(row.state), JobState.SUPERSEDED, note="newer version") for row in older],
        )
    return ids


def _answers(
    job_ids: Sequence[str],
    known: Mapping[str, tuple[str, JobState]],
    new_jobs: Mapping[str, Mapping[str, Any]],
    superseded: set[str],
) -> list[Registered]:
    answers = []
    told: set[str] = set()
    for identifier in job_ids:
        item_id, state = known.get(identifier) or (new_jobs[identifier]["item_id"], JobState.QUEUED)
        state = JobState.SUPERSEDED if identifier in superseded else state
        is_new = identifier not in known and identifier not in told
        answers.append(Registered(job_id=identifier, item_id=item_id, state=state, is_new=is_new))
        told.add(identifier)
    return answers

"""Where the ledger's items have their objects: what arrives at a key, what comes back, what is gone.

An item is hidden while none of its objects is left. Nothing of it is deleted, and an object that comes back shows it
again. Every function is called under the lock of the counter of jobs, so that one of them works at a time.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Update, and_, insert, select, update

from audiofeat.catalogue import counters, transitions
from audiofeat.catalogue.object_schema import objects
from audiofeat.catalogue.schema import embeddings, in_state, items, jobs
from audiofeat.catalogue.transitions import Transition
from audiofeat.domain.items import ObjectVersion, job_id
from audiofeat.domain.jobs import OPEN_STATES, USABLE_STATES, JobState

_AGAIN = USABLE_STATES | {JobState.SUPERSEDED, JobState.CANCELLED}


class Place(NamedTuple):
    """A key in a store."""

    store: str
    key: str


def rows_at(connection: Connection, places: Collection[Place]) -> dict[Place, Row[Any]]:
    """Return what is known of each place, locked for this transaction."""
    query = select(objects).where(objects.c.key.in_({place.key for place in places})).with_for_update()
    rows = {Place(row.store, row.key): row for row in connection.execute(query)}
    return {place: rows[place] for place in places if place in rows}


def arrive(connection: Connection, now: float, found: Mapping[Place, tuple[ObjectVersion, str]]) -> list[str]:
    """Note the version, and the item, that lies at each place now; return ids of ended jobs that have to run again.

    A version that was there before and is back is such a job; a new version is a new job, made by its registration.
    """
    known = rows_at(connection, found)
    moved = {place: audio for place, (audio, _) in found.items() if _is_news(known.get(place), audio)}
    if not moved:
        return []
    new = [place for place in moved if place not in known]
    if new:
        rows = [_row(place, *found[place], now=now) for place in new]
        connection.execute(insert(objects), rows)
    for place in moved.keys() - set(new):
        audio, item_id = found[place]
        values = {"version": audio.version, "is_gone": False, "item_id": item_id}
        connection.execute(changed(place, now).values(values))
    return [job_id(moved[place]) for place in moved if place in known]


def show(connection: Connection, item_ids: Collection[str]) -> None:
    """Have items found again that were hidden."""
    hidden = and_(items.c.item_id.in_(item_ids), items.c.hidden_at.is_not(None), items.c.taken_down_at.is_(None))
    connection.execute(update(items).where(hidden).values(hidden_at=None))


def queue_again(connection: Connection, now: float, job_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Make known jobs the newest of their items, and queue those that have ended; return them as they are then.

    What ended without features stays ended: the same bytes would end so again.
    """
    query = select(jobs.c.job_id, jobs.c.state).where(jobs.c.job_id.in_(job_ids)).order_by(jobs.c.sequence)
    steps = []
    for row in list(connection.execute(query.with_for_update())):
        order = counters.reserve(connection, counters.JOBS)
        newest: dict[str, Any] = {"sequence": order, "source_order": order}
        if row.state in _AGAIN:
            newest |= {"state": JobState.QUEUED, "due_at": now, "updated_at": now, "finished_at": None}
            steps.append(Transition(row.job_id, JobState(row.state), JobState.QUEUED, note="its object is back"))
        connection.execute(update(jobs).where(jobs.c.job_id == row.job_id).values(newest))
    transitions.note(connection, now, steps)
    again = select(jobs.c.job_id, jobs.c.item_id, jobs.c.sequence, jobs.c.state).where(jobs.c.job_id.in_(job_ids))
    return [dict(row) for row in connection.execute(again).mappings()]


def depart(connection: Connection, now: float, places: Collection[Place]) -> list[str]:
    """Note that nothing lies at these places; return ids of jobs for the objects that their items fall back to.

    Work on what is gone is called off, also where it is going on: its result would be refused.
    """
    known = rows_at(connection, places)
    for place in places:
        if place in known:
            connection.execute(changed(place, now).values(is_gone=True))
        else:
            connection.execute(insert(objects), [_row(place, None, None, now=now)])
    left = {place: row for place, row in known.items() if not row.is_gone}
    _call_off(connection, now, left)
    others: list[str] = []
    for item_id in sorted({row.item_id for row in left.values() if row.item_id}):
        other = _other_object(connection, item_id)
        if other is None:
            hide(connection, now, item_id)
            continue
        its_job = job_id(ObjectVersion(other.store, other.key, other.version))
        if connection.scalar(select(items.c.job_id).where(items.c.item_id == item_id)) != its_job:
            others.append(its_job)
    return others


def changed(place: Place, now: float) -> Update:
    """Return the statement that changes what is known of a place, for its values to be added."""
    there = and_(objects.c.store == place.store, objects.c.key == place.key)
    return update(objects).where(there).values(revision=objects.c.revision + 1, updated_at=now)


def _is_news(row: Row[Any] | None, audio: ObjectVersion) -> bool:
    return row is None or row.is_gone or row.version != audio.version


def _row(place: Place, audio: ObjectVersion | None, item_id: str | None, *, now: float) -> dict[str, Any]:
    return {
        "store": place.store,
        "key": place.key,
        "version": audio.version if audio else None,
        "is_gone": audio is None,
        "item_id": item_id,
        "sequencer": "",
        "event_at": 0.0,
        "revision": 1,
        "updated_at": now,
    }


def _call_off(connection: Connection, now: float, places: Mapping[Place, Any]) -> None:
    if not places:
        return
    query = select(jobs.c.job_id, jobs.c.store, jobs.c.key, jobs.c.state, jobs.c.worker)
    query = query.where(jobs.c.key.in_({place.key for place in places}), in_state(*OPEN_STATES)).with_for_update()
    rows = [row for row in connection.execute(query) if Place(row.store, row.key) in places]
    ended = {"state": JobState.SUPERSEDED, "token": None, "lease_until": None, "updated_at": now, "finished_at": now}
    connection.execute(update(jobs).where(jobs.c.job_id.in_([row.job_id for row in rows])).values(ended))
    transitions.note(
        connection,
        now,
        [Transition(r.job_id, JobState(r.state), JobState.SUPERSEDED, r.worker, "its object is gone") for r in rows],
    )


def _other_object(connection: Connection, item_id: str) -> Row[Any] | None:
    """Return the object of an item that was heard of last, if any is left."""
    query = select(objects).where(objects.c.item_id == item_id, ~objects.c.is_gone)
    return connection.execute(query.order_by(objects.c.updated_at.desc(), objects.c.key).limit(1)).one_or_none()


def hide(connection: Connection, now: float, item_id: str) -> None:
    """Have an item found no more, also by readers that follow the fingerprints."""
    connection.execute(update(items).where(items.c.item_id == item_id).values(hidden_at=now))
    blank = {
        # Whoever follows the fingerprints must learn that this place is empty.
        "sequence": counters.reserve(connection, counters.EMBEDDINGS),
        "descriptor": b"",
        "space": None,
        "vector": None,
    }
    connection.execute(update(embeddings).where(embeddings.c.item_id == item_id).values(blank))

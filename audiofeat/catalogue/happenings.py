"""What events and looks into stores do to items and jobs.

Of each key the newest event decides, whatever arrives when: each is compared with the newest one that was ever taken.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from audiofeat.catalogue import counters, objects
from audiofeat.catalogue.database import insert_into
from audiofeat.catalogue.object_schema import removed_versions
from audiofeat.catalogue.objects import Place
from audiofeat.catalogue.registrations import register
from audiofeat.domain.items import ObjectVersion, is_audio_key
from audiofeat.domain.jobs import Lane, Registered, Registration
from audiofeat.domain.object_events import Happened, ObjectEvent
from audiofeat.domain.whereabouts import Fate, Observation, Taken

BATCH = 500
_Order = tuple[str, float, bool, str]
_NEVER: _Order = ("", 0.0, False, "")


@dataclass(slots=True)
class _History:
    """What is known of one key, while a batch of events is applied to it."""

    order: _Order
    version_id: str | None
    is_known: bool
    decided_by: ObjectEvent | None = None
    is_gone: bool = False


def take_events(connection: Connection, now: float, events: Sequence[ObjectEvent], *, lane: Lane) -> list[Taken]:
    """Bring items and jobs in line with one batch of at most ``BATCH`` events."""
    counters.reserve(connection, counters.JOBS, count=0)
    places = [Place(event.store, event.key) for event in events]
    histories = _histories(connection, set(places))
    removals = _removals(connection, events)
    fates = [_apply(histories[place], event, removals) for place, event in zip(places, events, strict=True)]
    _keep_removals(connection, removals)
    decided = {place: history.decided_by for place, history in histories.items() if history.decided_by is not None}
    arrived = [_registration(event, lane) for place, event in decided.items() if not histories[place].is_gone]
    jobs = _carry_out(connection, now, arrived, [place for place in decided if histories[place].is_gone])
    for place in decided:
        history = histories[place]
        values = {"sequencer": history.order[0], "event_at": history.order[1], "version_id": history.version_id}
        connection.execute(objects.changed(place, now).values(values))
    return [
        Taken(fate, jobs.get(place) if histories[place].decided_by is event else None)
        for place, event, fate in zip(places, events, fates, strict=True)
    ]


def take_observations(
    connection: Connection, now: float, store: str, observations: Sequence[Observation], *, lane: Lane
) -> list[Taken]:
    """Believe each observation of one batch of at most ``BATCH`` that was made against what is still known."""
    counters.reserve(connection, counters.JOBS, count=0)
    known = objects.rows_at(connection, {Place(store, seen.key) for seen in observations})
    revisions = {place.key: row.revision for place, row in known.items()}
    valid = [seen for seen in observations if revisions.get(seen.key) == seen.revision]
    arrived = [
        Registration(ObjectVersion(store, seen.key, seen.version, seen.size_bytes), lane=lane)
        for seen in valid
        if seen.version is not None
    ]
    jobs = _carry_out(connection, now, arrived, [Place(store, seen.key) for seen in valid if seen.version is None])
    believed = {seen.key for seen in valid}
    return [
        Taken(Fate.ACCEPTED, jobs.get(Place(store, seen.key))) if seen.key in believed else Taken(Fate.LATE)
        for seen in observations
    ]


def _apply(history: _History, event: ObjectEvent, removals: dict[tuple[Place, str], _Order]) -> Fate:
    place = Place(event.store, event.key)
    if event.removes_version is not None:
        return _remove(history, event, removals, named=(place, event.removes_version))
    if event.order <= history.order:
        return Fate.LATE
    if not history.is_known and not is_audio_key(event.key):
        return Fate.NOT_AUDIO
    removed = removals.get((place, event.version_id or ""), _NEVER)
    history.order, history.version_id, history.decided_by = event.order, event.version_id, event
    history.is_known, history.is_gone = True, event.happened is Happened.DELETED or removed > event.order
    return Fate.ACCEPTED


def _remove(
    history: _History, event: ObjectEvent, removals: dict[tuple[Place, str], _Order], *, named: tuple[Place, str]
) -> Fate:
    """Remember that a version is gone for ever, which matters now only where it is the one that lies there."""
    if event.order <= removals.get(named, _NEVER):
        return Fate.LATE
    removals[named] = event.order
    if history.version_id == event.removes_version and event.order > history.order:
        # The order stays that of the newest creation: what was created between the two may still be told.
        history.decided_by, history.is_gone = event, True
    return Fate.ACCEPTED


def _carry_out(
    connection: Connection, now: float, arrived: Sequence[Registration], gone: Sequence[Place]
) -> dict[Place, Registered]:
    """Register what is there, part with what is gone; return the job of each place that has one now."""
    places = [Place(registration.audio.store, registration.audio.key) for registration in arrived]
    done = dict(zip(places, register(connection, now, arrived) if arrived else (), strict=True))
    others = objects.depart(connection, now, gone) if gone else []
    if others:
        objects.queue_again(connection, now, others)
    return done


def _registration(event: ObjectEvent, lane: Lane) -> Registration:
    return Registration(ObjectVersion(event.store, event.key, event.version or "", event.size_bytes), lane=lane)


def _histories(connection: Connection, places: set[Place]) -> dict[Place, _History]:
    known = objects.rows_at(connection, places)
    return {place: _history(known.get(place)) for place in places}


def _history(row: Row[Any] | None) -> _History:
    if row is None:
        return _History(_NEVER, None, is_known=False)
    order = (row.sequencer, row.event_at, row.is_gone, "" if row.is_gone else row.version)
    return _History(order, row.version_id, is_known=True)


def _removals(connection: Connection, events: Iterable[ObjectEvent]) -> dict[tuple[Place, str], _Order]:
    keys = {event.key for event in events if event.version_id is not None}
    query = select(removed_versions).where(removed_versions.c.key.in_(keys))
    found: dict[tuple[Place, str], _Order] = {}
    for row in connection.execute(query) if keys else ():
        found[Place(row.store, row.key), row.version_id] = (row.sequencer, row.event_at, True, "")
    return found


def _keep_removals(connection: Connection, removals: Mapping[tuple[Place, str], _Order]) -> None:
    rows = [
        {"store": place.store, "key": place.key, "version_id": version_id, "sequencer": order[0], "event_at": order[1]}
        for (place, version_id), order in removals.items()
    ]
    if rows:
        new = insert_into(connection, removed_versions)
        later = {"sequencer": new.excluded.sequencer, "event_at": new.excluded.event_at}
        key = [removed_versions.c.store, removed_versions.c.key, removed_versions.c.version_id]
        connection.execute(new.on_conflict_do_update(index_elements=key, set_=later), rows)

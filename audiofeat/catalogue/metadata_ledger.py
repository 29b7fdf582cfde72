"""Records, matches, locks and policies on a SQL database: each verb is one transaction, and merges what it touches."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, func, literal, select, tuple_, update

from audiofeat.catalogue import descriptions, policies
from audiofeat.catalogue.attribute_schema import attributes
from audiofeat.catalogue.chunks import chunks
from audiofeat.catalogue.database import Database
from audiofeat.catalogue.kinds import correct_kinds
from audiofeat.catalogue.metadata_schema import (
    match_keys,
    metadata_locks,
    record_keys,
    source_records,
    source_rounds,
    source_visits,
)
from audiofeat.catalogue.schema import items
from audiofeat.domain.attributes import ATTRIBUTES, USUAL_FEATURES
from audiofeat.domain.items import Kind, KindSource
from audiofeat.domain.jobs import MetadataValue
from audiofeat.domain.merge_policy import Policy
from audiofeat.domain.merging import merge
from audiofeat.domain.metadata_fields import Value
from audiofeat.domain.source_records import Match, MatchState, SourceRecord
from audiofeat.ports import Described, Metadata

_MEASURED = {"duration_s": attributes.c.duration_s, **{p: attributes.c[ATTRIBUTES[p].column] for p in USUAL_FEATURES}}
_DECIDED = (MatchState.OWN, MatchState.ACCEPTED, MatchState.REFUSED)
_WAITING = source_records.c.state == MatchState.WAITING
_PLACE = (source_records.c.source, source_records.c.record_id, source_records.c.item_id)


class SqlMetadata(Metadata):
    """What sources say, on SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def metadata_values(self, item_id: str) -> list[MetadataValue]:
        """Return every value that any source gave, with its provenance, chosen or not."""
        with self._database.reading() as connection:
            row = connection.execute(select(attributes).where(attributes.c.item_id == item_id)).one_or_none()
            return list(
                merge(
                    descriptions.records_of(connection, [item_id]).get(item_id, ()),
                    policies.of(connection, row.policy if row else None),
                    locks=descriptions.locks_of(connection, [item_id]).get(item_id, ()),
                    measured=descriptions.measured(row),
                )
            )

    def keep_matches(self, matches: Sequence[Match]) -> int:
        """Keep records with their items, and merge those items anew; return how many items that were."""
        with self._database.writing() as (connection, now):
            named = {(match.record.source, match.record.record_id) for match in matches}
            kept = _as_decided(matches, self._decisions(connection, named))
            before = self._drop_undecided(connection, named)
            descriptions.keep_matches(connection, kept)
            descriptions.keep_record_keys(connection, kept)
            touched = (before | {match.item_id for match in kept}) - {""}
            merge_items(connection, now, touched)
            return len(touched)

    def carriers(self, keys: Collection[str], *, most: int) -> dict[str, list[str]]:
        """Return the ids of the items that are found by each key, but for keys of more than ``most`` items."""
        found: dict[str, list[str]] = {}
        with self._database.reading() as connection:
            for batch in chunks(sorted(keys)):
                query = select(match_keys).join(items, items.c.item_id == match_keys.c.item_id)
                query = query.where(match_keys.c.key.in_(batch), items.c.hidden_at.is_(None))
                for row in connection.execute(query):
                    found.setdefault(row.key, []).append(row.item_id)
        return {key: sorted(carried) for key, carried in found.items() if len(carried) <= most}

    def described(self, item_ids: Collection[str]) -> dict[str, Described]:
        """Return items by what is said of them."""
        found: dict[str, Described] = {}
        with self._database.reading() as connection:
            for batch in chunks(sorted(item_ids)):
                rows = connection.execute(_described().where(items.c.item_id.in_(batch)))
                found |= {row.item_id: _view(row) for row in rows}
        return found

    def described_after(self, after: str, *, limit: int) -> list[Described]:
        """Return items that something is said of, in the order of their ids, from the one behind ``after``."""
        query = _described().where(items.c.item_id > after, items.c.hidden_at.is_(None))
        with self._database.reading() as connection:
            return [_view(row) for row in connection.execute(query.order_by(items.c.item_id).limit(limit))]

    def lock_fields(self, item_id: str, words: Mapping[str, Value | None], *, by: str) -> None:
        """Set a person's word on fields, over all sources, and merge; None takes it away again."""
        here = (metadata_locks.c.item_id == item_id, metadata_locks.c.field.in_(list(words)))
        with self._database.writing() as (connection, now):
            connection.execute(delete(metadata_locks).where(*here))
            rows = [
                {"item_id": item_id, "field": field, "value": value, "by": by, "at": now}
                for field, value in words.items()
                if value is not None
            ]
            if rows:
                connection.execute(metadata_locks.insert(), rows)
            merge_items(connection, now, [item_id])

    def merge_policy(self) -> Policy:
        """Return the policy in force."""
        with self._database.reading() as connection:
            return policies.in_force(connection)

    def put_policy(self, policy: Policy) -> None:
        """Merge by this policy from now on."""
        with self._database.writing() as (connection, now):
            policies.put_in_force(connection, now, policy)

    def remerge_page(self, *, limit: int) -> int:
        """Merge anew some items that were merged under another policy; return how many. Fetches nothing."""
        with self._database.writing() as (connection, now):
            digest = policies.in_force(connection).digest
            stale: list[str] = []
            # One by one, so that an index serves each on both databases.
            for other in (attributes.c.policy.is_(None), attributes.c.policy < digest, attributes.c.policy > digest):
                page = select(attributes.c.item_id).where(other).order_by(attributes.c.policy).limit(limit - len(stale))
                stale += connection.scalars(page) if len(stale) < limit else []
            merge_items(connection, now, stale)
            return len(stale)

    def waiting_matches(self, *, after: tuple[str, str, str] | None = None, limit: int = 100) -> list[Match]:
        """Return matches that a person has to decide about, by source, record and item."""
        query = select(source_records).where(_WAITING).order_by(*_PLACE).limit(limit)
        if after is not None:
            query = query.where(tuple_(*_PLACE) > tuple_(*map(literal, after)))
        with self._database.reading() as connection:
            return [
                Match(descriptions.record(row), row.item_id, MatchState(row.state), row.rule, row.evidence)
                for row in connection.execute(query)
            ]

    def decide_match(self, source: str, record_id: str, item_id: str, *, accept: bool) -> bool:
        """Say whether a record is about an item, and merge; False where no such match is known."""
        of_record = (source_records.c.source == source, source_records.c.record_id == record_id)
        state = MatchState.ACCEPTED if accept else MatchState.REFUSED
        with self._database.writing() as (connection, now):
            this = update(source_records).where(*of_record, source_records.c.item_id == item_id)
            if connection.execute(this.values(state=state)).rowcount == 0:
                return False
            if accept:
                connection.execute(update(source_records).where(*of_record, _WAITING).values(state=MatchState.REFUSED))
            merge_items(connection, now, [item_id])
            return True

    def records_without_item(self, *, after: tuple[str, str] | None = None, limit: int = 500) -> list[SourceRecord]:
        """Return records of which no item was found, by source and name, from the one behind ``after``."""
        query = select(source_records).where(source_records.c.item_id == "").order_by(*_PLACE[:2]).limit(limit)
        if after is not None:
            query = query.where(tuple_(*_PLACE[:2]) > tuple_(*map(literal, after)))
        with self._database.reading() as connection:
            return [descriptions.record(row) for row in connection.execute(query)]

    def record_sources(self) -> list[tuple[str, str | None, int]]:
        """Return each source with its licence and the number of its records."""
        columns = (source_records.c.source, source_records.c.licence)
        query = select(*columns, func.count()).group_by(*columns).order_by(*columns)
        with self._database.reading() as connection:
            return [(source, licence, count) for source, licence, count in connection.execute(query)]

    def forget_records(self, *, source: str | None = None, licence: str | None = None, limit: int = 1_000) -> int:
        """Remove some records of a source, or under a licence, and merge their items anew; return how many."""
        wanted: list[ColumnElement[bool]] = []
        if source is not None:
            wanted.append(source_records.c.source == source)
        if licence is not None:
            wanted.append(source_records.c.licence == licence)
        with self._database.writing() as (connection, now):
            places = connection.execute(select(*_PLACE).where(*wanted).order_by(*_PLACE).limit(limit)).all()
            drop_records(connection, [tuple(place) for place in places])
            # Else what was forgotten would count as fetched, and not be asked for again.
            sources = {source} if source is not None else {place.source for place in places}
            for table in (source_visits, source_rounds):
                connection.execute(delete(table).where(table.c.source.in_(sources)))
            merge_items(connection, now, {item_id for _, _, item_id in places} - {""})
            return len(places)

    @staticmethod
    def _decisions(connection: Connection, named: set[tuple[str, str]]) -> dict[tuple[str, str, str], Row[Any]]:
        found: dict[tuple[str, str, str], Row[Any]] = {}
        for batch in chunks(sorted(named), size=300):
            query = select(*_PLACE, source_records.c.state, source_records.c.rule, source_records.c.evidence)
            query = query.where(tuple_(*_PLACE[:2]).in_(batch), source_records.c.state.in_(_DECIDED))
            found |= {(r.source, r.record_id, r.item_id): r for r in connection.execute(query)}
        return found

    @staticmethod
    def _drop_undecided(connection: Connection, named: set[tuple[str, str]]) -> set[str]:
        """Forget the automatic matches of records that come again; return the items that lose what they said."""
        touched: set[str] = set()
        for batch in chunks(sorted(named), size=300):
            gone = delete(source_records).where(tuple_(*_PLACE[:2]).in_(batch), source_records.c.state.not_in(_DECIDED))
            touched |= set(connection.scalars(gone.returning(source_records.c.item_id)))
        return touched


def _described() -> Select[Any]:
    columns = (items.c.item_id, items.c.reference, items.c.key, attributes.c.said, *_MEASURED.values())
    return select(*columns).join(attributes, attributes.c.item_id == items.c.item_id)


def _view(row: Row[Any]) -> Described:
    heard = {name: row._mapping[column] for name, column in _MEASURED.items()}  # noqa: SLF001  SQLAlchemy's public name
    known = {name: value for name, value in heard.items() if value is not None}
    return Described(row.item_id, row.reference, row.key, json.loads(row.said), known)


def merge_items(connection: Connection, now: float, item_ids: Collection[str]) -> None:
    """Merge anew all that is said of some items; one that is said to be of another kind becomes it."""
    merged = descriptions.remerge(connection, item_ids)
    kinds = {item_id: Kind(str(said["kind"])) for item_id, said in merged.items() if "kind" in said}
    correct_kinds(connection, now, {item_id: (kind, KindSource.METADATA) for item_id, kind in kinds.items()})


def drop_records(connection: Connection, places: Sequence[tuple[Any, ...]]) -> None:
    """Forget records, as they stand with their items, and by what those without one are found."""
    for batch in chunks(places, size=300):
        connection.execute(delete(source_records).where(tuple_(*_PLACE).in_(batch)))
        called = [place[:2] for place in batch]
        connection.execute(delete(record_keys).where(tuple_(record_keys.c.source, record_keys.c.record_id).in_(called)))


def _as_decided(matches: Sequence[Match], decided: Mapping[tuple[str, str, str], Row[Any]]) -> list[Match]:
    """Return matches as people have decided over them: what they said stands, over what the record says now."""
    records = {(match.record.source, match.record.record_id): match.record for match in matches}
    accepted = {place[:2] for place, row in decided.items() if row.state == MatchState.ACCEPTED}
    kept = {
        place: Match(records[place[:2]], place[2], MatchState(row.state), row.rule, row.evidence)
        for place, row in decided.items()
        if row.state != MatchState.OWN
    }
    for match in matches:
        place = (match.record.source, match.record.record_id, match.item_id)
        if place in kept or place[:2] not in accepted:
            state = MatchState(decided[place].state) if place in decided else match.state
            kept[place] = Match(match.record, match.item_id, state, match.rule, match.evidence)
    return list(kept.values())

"""Sources that are asked, on a SQL database: visits and rounds, and what they take back."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, literal, or_, select, tuple_, union

from audiofeat.catalogue import descriptions, schema
from audiofeat.catalogue.chunks import chunks
from audiofeat.catalogue.database import Database, insert_into
from audiofeat.catalogue.metadata_ledger import drop_records, merge_items
from audiofeat.catalogue.metadata_schema import match_keys, record_keys, source_records, source_rounds, source_visits
from audiofeat.domain.source_records import MatchState, SourceRecord, Visit, Whole, Withdrawn
from audiofeat.ports.sources import Round, Sources

_PAGE = 1_000
_PLACE = (source_records.c.source, source_records.c.record_id, source_records.c.item_id)


class SqlSources(Sources):
    """What was asked of sources, on SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def visit(self, source: str, address: str) -> Visit | None:
        """Return when an address was last asked, and its validators."""
        query = select(source_visits).where(source_visits.c.source == source, source_visits.c.address == address)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else Visit(source, address, row.visited_at, row.etag, row.last_modified)

    def keep_visit(self, visit: Visit) -> None:
        """Note that an address was asked, and that all that it brought is kept."""
        row = {"visited_at": visit.visited_at, "etag": visit.etag, "last_modified": visit.last_modified}
        with self._database.writing() as (connection, _):
            new = insert_into(connection, source_visits).values(source=visit.source, address=visit.address, **row)
            connection.execute(new.on_conflict_do_update(index_elements=list(source_visits.primary_key), set_=row))

    def round_of(self, source: str) -> Round:
        """Return how far a source has been asked about all items, and when the next round is due."""
        query = select(source_rounds).where(source_rounds.c.source == source)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return Round("", 0.0) if row is None else Round(row.after, row.due_at)

    def keep_round(self, source: str, found: Round) -> None:
        """Note how far a source has been asked."""
        row = {"after": found.after, "due_at": found.due_at}
        with self._database.writing() as (connection, _):
            new = insert_into(connection, source_rounds).values(source=source, **row)
            connection.execute(new.on_conflict_do_update(index_elements=list(source_rounds.primary_key), set_=row))

    def withdraw(self, told: Withdrawn | Whole) -> set[str]:
        """Forget what a source has taken back, and merge its items anew; return their ids."""
        wanted = [source_records.c.source == told.source, source_records.c.state != MatchState.OWN]
        if told.under:
            below = source_records.c.record_id.startswith(f"{told.under}/", autoescape=True)
            wanted.append(or_(source_records.c.record_id == told.under, below))
        if isinstance(told, Whole):
            wanted.append(source_records.c.fetched_at < told.told_at)
        since = told.since if isinstance(told, Whole) else None
        after, items = None, set[str]()
        while page := self._withdraw_page(wanted, since, after):
            after, touched = page
            items |= touched
        return items

    def _withdraw_page(
        self, wanted: list[ColumnElement[bool]], since: str | None, after: tuple[Any, ...] | None
    ) -> tuple[tuple[Any, ...], set[str]] | None:
        query = select(*_PLACE, source_records.c.fields).where(*wanted).order_by(*_PLACE).limit(_PAGE)
        if after is not None:
            query = query.where(tuple_(*_PLACE) > tuple_(*map(literal, after)))
        with self._database.writing() as (connection, now):
            rows = connection.execute(query).all()
            if not rows:
                return None
            gone = [tuple(row[:3]) for row in rows if since is None or _released(row.fields) > since]
            drop_records(connection, gone)
            items = {place[2] for place in gone} - {""}
            merge_items(connection, now, items)
            return tuple(rows[-1][:3]), items

    def records_for(self, item_ids: Collection[str], *, limit: int = 100) -> list[SourceRecord]:
        """Return records without an item, or of another one, that have a key or a file name in common with these."""
        named: set[tuple[str, str]] = set()
        with self._database.reading() as connection:
            for batch in chunks(sorted(item_ids), size=300):
                shared = select(record_keys.c.source, record_keys.c.record_id)
                of_items = shared.join(match_keys, match_keys.c.key == record_keys.c.key)
                of_files = shared.join(
                    schema.items, record_keys.c.key == literal(descriptions.OF_FILE) + schema.items.c.file_name
                )
                either = union(
                    of_items.where(match_keys.c.item_id.in_(batch)), of_files.where(schema.items.c.item_id.in_(batch))
                )
                named |= {(row[0], row[1]) for row in connection.execute(either.limit(limit * len(batch)))}
            found: list[SourceRecord] = []
            for places in chunks(sorted(named), size=300):
                query = select(source_records).where(
                    tuple_(*_PLACE[:2]).in_(places),
                    source_records.c.state.in_((MatchState.UNMATCHED, MatchState.MATCHED)),
                    source_records.c.item_id.not_in(item_ids),
                )
                found += [descriptions.record(row) for row in connection.execute(query)]
        return found


def _released(fields: Mapping[str, Any]) -> str:
    return str(fields.get("release_date") or "")

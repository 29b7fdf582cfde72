"""Things and their items on a SQL database."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, delete, func, literal, or_, select, tuple_

from audiofeat.catalogue.attribute_schema import attributes
from audiofeat.catalogue.belonging import add_things
from audiofeat.catalogue.candidates import clause
from audiofeat.catalogue.chunks import chunks
from audiofeat.catalogue.database import Database
from audiofeat.catalogue.schema import items
from audiofeat.catalogue.thing_schema import thing_items, things
from audiofeat.domain.attributes import FEATURES, USUAL_FEATURES
from audiofeat.domain.filters import Condition
from audiofeat.domain.items import Kind
from audiofeat.domain.things import Role, Thing, ThingKind, named, thing
from audiofeat.errors import InvalidInput
from audiofeat.ports.things import ItemFacts, Membership, Things
from audiofeat.space_errors import ThingUnknown

_MOST_NAMED = 20
_FACTS = (attributes.c.duration_s, attributes.c.language, attributes.c.explicit, attributes.c.release_date)
_MAIN = thing_items.c.role == Role.MAIN
_VISIBLE = items.c.hidden_at.is_(None)
_ITEMS = thing_items.join(items, items.c.item_id == thing_items.c.item_id).join(
    attributes, attributes.c.item_id == thing_items.c.item_id
)
_COUNT = (
    select(func.count())
    .select_from(_ITEMS)
    .where(thing_items.c.thing_id == things.c.thing_id, _MAIN, _VISIBLE)
    .scalar_subquery()
)


class SqlThings(Things):
    """Things on SQLite or PostgreSQL.

    Every method raises CatalogueUnavailable or DiskFull where the database fails.
    """

    _database: Database

    def find_thing(self, kind: ThingKind, name: str) -> Thing:
        """Return a thing by its id or name, an album also by ``album/artist``; raises as the contract says."""
        keys = [thing(kind, name).key]
        if kind is ThingKind.ALBUM and "/" in name:
            album, _, artist = name.rpartition("/")
            keys.append(thing(kind, album, by=artist).key)
        of_kind = select(things).where(things.c.kind == kind)
        with self._database.reading() as connection:
            exact = or_(things.c.thing_id == name, things.c.key.in_(keys))
            # Of a name that ids tell apart nothing may be left under the name alone.
            best = of_kind.where(exact).order_by(things.c.thing_id != name, _COUNT == 0).limit(1)
            row = connection.execute(best.add_columns(_COUNT.label("members"))).first()
            alike = of_kind.where(things.c.key > f"{named(name)}\n", things.c.key < f"{named(name)}\v")
            if row is None or (kind is ThingKind.ARTIST and not row.members):
                found = [_thing(one) for one in connection.execute(alike.order_by(things.c.key).limit(_MOST_NAMED))]
            if row is not None and (kind is not ThingKind.ARTIST or row.members or not found):
                return _thing(row)
        if len(found) == 1:
            return found[0]
        if found:
            known = ", ".join(f"{one.thing_id} ({one.by or 'no artist'})" for one in found)
            raise InvalidInput(f"several {kind.value}s are called {name!r}", f"ask by id: {known}")
        raise ThingUnknown(
            f"no {kind.value} is called {name!r}", f"audiofeat {kind.value}s list; names are those of metadata"
        )

    def things_by_id(self, thing_ids: Collection[str]) -> dict[str, Thing]:
        """Return the things of some ids."""
        with self._database.reading() as connection:
            return {
                row.thing_id: _thing(row)
                for batch in chunks(list(thing_ids))
                for row in connection.execute(select(things).where(things.c.thing_id.in_(batch)))
            }

    def things(self, kind: ThingKind, *, after: str | None = None, limit: int = 100) -> list[tuple[Thing, int]]:
        """Return things that have items, with how many, in the order of their keys, from the one behind ``after``."""
        counted = select(things, _COUNT.label("members")).where(things.c.kind == kind).subquery()
        query = select(counted).where(counted.c.members > 0).order_by(counted.c.key).limit(limit)
        if after is not None:
            query = query.where(counted.c.key > after)
        with self._database.reading() as connection:
            return [(_thing(row), row.members) for row in connection.execute(query)]

    def items_of(
        self,
        thing_ids: Collection[str],
        *,
        kind: Kind | None = None,
        conditions: Sequence[Condition] = (),
        most: int | None = None,
    ) -> list[Membership]:
        """Return the items of some things, of each at most ``most``, in the order of their ids."""
        with self._database.reading() as connection:
            return [
                Membership(row[0], row[1], row[2], row[3], bool(row[4]), row[5])
                for batch in chunks(sorted(thing_ids))
                for row in connection.execute(_members(batch, kind, conditions, most))
            ]

    def item_facts(self, item_ids: Collection[str]) -> dict[str, ItemFacts]:
        """Return what is known of some items, by id."""
        columns = [attributes.c[FEATURES[path].column] for path in USUAL_FEATURES]
        query = select(attributes.c.item_id, *_FACTS, *columns)
        found: dict[str, ItemFacts] = {}
        with self._database.reading() as connection:
            for batch in chunks(list(item_ids)):
                for row in connection.execute(query.where(attributes.c.item_id.in_(batch))):
                    features = dict(zip(USUAL_FEATURES, row[5:], strict=True))
                    found[row[0]] = ItemFacts(row[1], row[2], row[3], row[4], features)
        return found

    def memberships(
        self, kind: ThingKind, *, after: tuple[str, str] | None = None, limit: int
    ) -> list[tuple[str, str, float]]:
        """Return thing, item and weight of every main item of a kind of thing, in order, hidden items too."""
        place = (thing_items.c.thing_id, thing_items.c.item_id)
        query = select(*place, thing_items.c.weight).where(
            thing_items.c.thing_id > f"{kind.value}-", thing_items.c.thing_id < f"{kind.value}.", _MAIN
        )
        if after is not None:
            query = query.where(tuple_(*place) > tuple_(*map(literal, after)))
        with self._database.reading() as connection:
            return [tuple(row) for row in connection.execute(query.order_by(*place).limit(limit))]

    def things_having(self, kind: ThingKind, items: Kind, conditions: Sequence[Condition]) -> list[str]:
        """Return the ids of the things of which at least one item of a kind meets every condition."""
        query = _of_kind(items).where(*(clause(one) for one in conditions))
        query = query.where(
            thing_items.c.thing_id > f"{kind.value}-", thing_items.c.thing_id < f"{kind.value}."
        )  # fmt: skip
        with self._database.reading() as connection:
            return list(connection.scalars(query.distinct()))

    def put_collection(self, collection: Thing, weights: Mapping[str, float]) -> bool:
        """Keep a collection with these items by id in place of what it was; tell whether it is new."""
        rows = [
            {"thing_id": collection.thing_id, "item_id": item_id, "role": Role.MAIN.value, "weight": weight}
            for item_id, weight in sorted(weights.items())
        ]
        old = delete(thing_items).where(thing_items.c.thing_id == collection.thing_id)
        with self._database.writing() as (connection, _):
            add_things(connection, [collection])
            # The row is locked, so that two writers of one collection do not mix their items.
            connection.execute(
                select(things.c.thing_id).where(things.c.thing_id == collection.thing_id).with_for_update()
            )
            was_there = connection.execute(old).rowcount > 0
            connection.execute(thing_items.insert(), rows)
            return not was_there

    def drop_collection(self, collection: Thing) -> None:
        """Forget a collection."""
        with self._database.writing() as (connection, _):
            connection.execute(delete(thing_items).where(thing_items.c.thing_id == collection.thing_id))
            connection.execute(delete(things).where(things.c.thing_id == collection.thing_id))


def _of_kind(kind: Kind | None) -> Select[Any]:
    query = select(thing_items.c.thing_id).select_from(_ITEMS).where(_VISIBLE, _MAIN)
    return query if kind is None else query.where(items.c.kind == kind)


def _members(
    thing_ids: Sequence[str], kind: Kind | None, conditions: Sequence[Condition], most: int | None
) -> Select[Any]:
    query = _of_kind(kind).where(thing_items.c.thing_id.in_(thing_ids))
    met: ColumnElement[int] = literal(1)
    if conditions:
        met = case((and_(*(clause(one) for one in conditions)), 1), else_=0)
    query = query.add_columns(
        thing_items.c.item_id, thing_items.c.weight, items.c.kind, met.label("meets"), attributes.c.genre
    )
    if most is None:
        return query.order_by(thing_items.c.thing_id, thing_items.c.item_id)
    place = func.row_number().over(partition_by=thing_items.c.thing_id, order_by=thing_items.c.item_id)
    numbered = query.add_columns(place.label("place")).subquery()
    columns = [column for column in numbered.c if column.key != "place"]
    return select(*columns).where(numbered.c.place <= most).order_by(numbered.c.thing_id, numbered.c.item_id)


def _thing(row: Any) -> Thing:  # noqa: ANN401  a row of the table
    return Thing(ThingKind(row.kind), row.key, row.name, row.by)

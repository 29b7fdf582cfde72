"""Reading items for lookups: by ids, by conditions, by external ids, by how near their features come to a target."""

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    FromClause,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal,
    not_,
    or_,
    select,
)

from audiofeat.catalogue.attribute_schema import attributes
from audiofeat.catalogue.attributes import settled, values_of, values_of_items
from audiofeat.catalogue.chunks import MOST_PARAMETERS, chunks
from audiofeat.catalogue.database import Database
from audiofeat.catalogue.duplicate_schema import members
from audiofeat.catalogue.listed_ids import ListedIds
from audiofeat.catalogue.schema import aliases, analyses, items
from audiofeat.catalogue.statements import Statement
from audiofeat.catalogue.thing_schema import thing_items, things
from audiofeat.domain.attributes import FEATURES, PEOPLE, USUAL_FEATURES, Attribute, Sort, has_column
from audiofeat.domain.filters import LISTS, TAGS_WITH_PARTS, Condition, Operand
from audiofeat.domain.items import Kind
from audiofeat.domain.targets import Target, terms
from audiofeat.domain.things import CREDITS, Role, ThingKind, thing
from audiofeat.ports import Attributes, Candidate

_VISIBLE = items.c.hidden_at.is_(None)
_BOTH = attributes.join(items, items.c.item_id == attributes.c.item_id)
_LEARNT = select(func.min(aliases.c.alias)).where(aliases.c.item_id == items.c.item_id).scalar_subquery()
_GROUP = select(members.c.group_id).where(members.c.item_id == items.c.item_id).scalar_subquery().label("group_id")
_REFERENCE = func.coalesce(items.c.reference, _LEARNT).label("reference")
_NAMED = and_(_VISIBLE, items.c.item_id.op("IN")(ListedIds(bindparam("ids", type_=Text))))
# Behind a limit no planner looks for items by a condition's index when ids already tell which they are.
_LISTED = (
    select(attributes, items.c.kind, _REFERENCE, items.c.key, items.c.sha256, _GROUP)
    .select_from(_BOTH)
    .where(_NAMED)
    .limit(MOST_PARAMETERS)
    .subquery("listed")
)


def _fields(
    said: FromClause, item: FromClause, reference: ColumnElement[Any], group: ColumnElement[Any]
) -> Select[Any]:
    """Return a question for the fields of Candidate, in their order."""
    measured = (said.c.rhythm_tempo_bpm, said.c.tonal_key, said.c.tonal_mode)
    named = (item.c.item_id, item.c.kind, reference, item.c.key, item.c.sha256)
    by = func.coalesce(said.c.artist, said.c.show).label("by")
    return select(*named, by, said.c.album, *measured, said.c.said, group)


_OF_ALL = Statement(_fields(attributes, items, _REFERENCE, _GROUP).select_from(_BOTH).where(_NAMED))
_OF_LISTED = _fields(_LISTED, _LISTED, _LISTED.c.reference, _LISTED.c.group_id)


def candidates(
    connection: Connection, item_ids: Collection[str], conditions: Sequence[Condition]
) -> dict[str, Candidate]:
    """Return those of the items that meet every condition, by id."""
    query = _OF_LISTED.where(*(clause(one, _LISTED) for one in conditions)) if conditions else None
    found: dict[str, Candidate] = {}
    for batch in chunks(list(item_ids)):
        ids = {"ids": json.dumps(batch)}
        # All at once: asked for one by one, rows cost twice as much.
        rows = _OF_ALL.all(connection, ids) if query is None else connection.execute(query, ids).all()
        found |= {row[0]: Candidate._make(row) for row in rows}
    return found


def matching(connection: Connection, kind: Kind, conditions: Sequence[Condition]) -> list[str]:
    """Return the ids of all items of a kind that meet every condition."""
    query = select(items.c.item_id).select_from(_BOTH)
    return list(connection.scalars(query.where(_VISIBLE, items.c.kind == kind, *(clause(one) for one in conditions))))


def seed(connection: Connection, field: str, name: str) -> str | None:
    """Return the id of the item that an external id names; of several the first by its id."""
    column = items.c.reference if field == "reference" else attributes.c[field]
    query = select(items.c.item_id).select_from(_BOTH).where(_VISIBLE, column == name)
    return connection.scalar(query.order_by(items.c.item_id).limit(1))


def named(connection: Connection, names: Collection[str]) -> dict[str, str]:
    """Return item ids by name, where a name is an id, a reference or an alias."""
    found: dict[str, str] = {}
    for batch in chunks(list(names)):
        for column, query in (
            (aliases.c.alias, select(aliases.c.alias, aliases.c.item_id)),
            (items.c.reference, select(items.c.reference, items.c.item_id)),
            (items.c.item_id, select(items.c.item_id, items.c.item_id.label("same"))),
        ):
            found |= {row[0]: row[1] for row in connection.execute(query.where(column.in_(batch)))}
    return found


def nearest_to_target(
    connection: Connection, kind: Kind, target: Target, conditions: Sequence[Condition], *, limit: int
) -> dict[str, float]:
    """Return items by how near they come to a target, nearest first; equal ones in the order of their ids."""
    near = _closeness(target)
    query = select(items.c.item_id, near).select_from(_BOTH)
    query = query.where(_VISIBLE, items.c.kind == kind, *(clause(one) for one in conditions))
    rows = connection.execute(query.order_by(near.desc(), items.c.item_id).limit(limit))
    return {row[0]: row[1] for row in rows}


def closeness(connection: Connection, item_ids: Collection[str], target: Target) -> dict[str, float]:
    """Return how near some items come to a target."""
    query = select(items.c.item_id, _closeness(target)).select_from(_BOTH)
    found: dict[str, float] = {}
    for batch in chunks(list(item_ids)):
        found |= {row[0]: row[1] for row in connection.execute(query.where(items.c.item_id.in_(batch)))}
    return found


def usual_features(connection: Connection, item_ids: Collection[str]) -> dict[str, dict[str, float | str | None]]:
    """Return the features that have a column, by item and by name."""
    query = select(attributes.c.item_id, *(attributes.c[FEATURES[path].column] for path in USUAL_FEATURES))
    found: dict[str, dict[str, float | str | None]] = {}
    for batch in chunks(list(item_ids)):
        for row in connection.execute(query.where(attributes.c.item_id.in_(batch))):
            found[row[0]] = dict(zip(USUAL_FEATURES, row[1:], strict=True))
    return found


def _closeness(target: Target) -> ColumnElement[float]:
    """Return the mean over the terms: 1 where a value is as wanted, 0 where it is out of reach or not known."""
    total: ColumnElement[float] = literal(0.0, Double)
    wanted = terms(target)
    for term in wanted:
        column = _column(term.attribute, attributes)
        if isinstance(term.value, str):
            total += case((column == term.value, 1.0), else_=0.0)
        else:
            off = func.abs(column - term.value) / term.reach
            total += case((off < 1.0, 1.0 - off), else_=0.0)
    return total / float(len(wanted))


def clause(condition: Condition, table: FromClause = attributes) -> ColumnElement[bool]:
    """Return a condition as SQL; what is not known meets a negated one only."""
    if condition.attribute.name in PEOPLE:
        credited = table.c.item_id.in_(_of_artists(condition.values, CREDITS[condition.attribute.name]))
        return not_(credited) if condition.negated else credited
    column = _column(condition.attribute, table)
    met = _met(condition, column, table)
    return or_(column.is_(None), not_(met)) if condition.negated else met


def _met(condition: Condition, column: ColumnElement[Any], table: FromClause) -> ColumnElement[bool]:
    about, values = condition.attribute, condition.values
    if values:
        same = column.in_(values)
        if about.name == "artist":
            # By an index, as the column with all of its artists would not be.
            return or_(same, table.c.item_id.in_(_of_artists(values)))
        if about.name in LISTS:
            within = literal("; ").concat(column).concat(";")
            return or_(same, *(within.contains(mark, autoescape=True) for mark in condition.marks))
        if about.name in TAGS_WITH_PARTS:
            return or_(same, *(column.startswith(f"{value}-", autoescape=True) for value in values))
        return same
    ends: list[ColumnElement[bool]] = []
    if condition.low is not None:
        ends.append(column >= condition.low)
    if condition.high is not None:
        # A year's end is behind all of its days.
        ends.append(column <= (f"{condition.high}~" if about.sort is Sort.DAY else condition.high))
    return and_(*ends)


def _of_artists(names: Sequence[Operand], role: Role = Role.MAIN) -> Select[Any]:
    keys = [thing(ThingKind.ARTIST, str(name)).key for name in names]
    # Also those that are told apart by ids.
    called = or_(things.c.key.in_(keys), *(and_(things.c.key > f"{key}\n", things.c.key < f"{key}\v") for key in keys))
    ids = select(things.c.thing_id).where(things.c.kind == ThingKind.ARTIST, called)
    return select(thing_items.c.item_id).where(thing_items.c.thing_id.in_(ids), thing_items.c.role == role)


def _column(about: Attribute, table: FromClause) -> ColumnElement[Any]:
    """Return the column of an attribute, or the value in the newest analysis of a feature that has none."""
    if has_column(about):
        return table.c[about.column]
    source = items if table is attributes else table
    group, _, field = about.name.partition(".")
    value = analyses.c["values"][field]
    newest: Select[Any] = (
        select(cast(value.as_string(), Text) if about.sort is Sort.WORD else value.as_float())
        .where(analyses.c.sha256 == source.c.sha256, analyses.c.group == group)
        .order_by(analyses.c.version.desc())
        .limit(1)
        .correlate(source)
    )
    return newest.scalar_subquery()


class SqlAttributes(Attributes):
    """The part of the catalogue that lookups read, on a SQL database."""

    _database: Database

    def candidates(self, item_ids: Collection[str], conditions: Sequence[Condition] = ()) -> dict[str, Candidate]:
        """Return those of the items that meet every condition, by id, in one statement."""
        if not item_ids:
            return {}
        with self._database.asking() as connection:
            return candidates(connection, item_ids, conditions)

    def matching(self, kind: Kind, conditions: Sequence[Condition]) -> list[str]:
        """Return the ids of all items of a kind that meet every condition."""
        with self._database.reading() as connection:
            return matching(connection, kind, conditions)

    def seed(self, field: str, name: str) -> str | None:
        """Return the id of the item that an external id names; of several the first by its id."""
        with self._database.reading() as connection:
            return seed(connection, field, name)

    def named(self, names: Collection[str]) -> dict[str, str]:
        """Return item ids by name, where a name is an id, a reference or an alias."""
        with self._database.reading() as connection:
            return named(connection, names)

    def nearest_to_target(
        self, kind: Kind, target: Target, conditions: Sequence[Condition], *, limit: int
    ) -> dict[str, float]:
        """Return items by how near they come to a target, nearest first."""
        with self._database.reading() as connection:
            return nearest_to_target(connection, kind, target, conditions, limit=limit)

    def usual_features(self, item_ids: Collection[str]) -> dict[str, dict[str, float | str | None]]:
        """Return the features that have a column, by item and by name."""
        with self._database.reading() as connection:
            return usual_features(connection, item_ids)

    def settled_change(self) -> int:
        """Return the number up to which every change of attributes can be seen by now."""
        with self._database.reading() as connection:
            change = settled(connection)
        if not self._database.is_sqlite:
            # As for fingerprints: a number that somebody goes on from must not be given twice.
            self._database.settle()
        return change

    def values_of(self, wanted: Sequence[Attribute], *, after: int | None = None) -> Iterator[list[tuple[Any, ...]]]:
        """Yield pages of rows: an item's id, and what is known of each attribute; of all, or of what changed after."""
        with self._database.reading() as connection:
            yield from values_of(connection, wanted, after=after)

    def values_of_items(self, wanted: Sequence[Attribute], item_ids: Collection[str]) -> list[tuple[Any, ...]]:
        """Return the same rows of some items."""
        with self._database.reading() as connection:
            return values_of_items(connection, wanted, item_ids)

    def closeness(self, item_ids: Collection[str], target: Target) -> dict[str, float]:
        """Return how near some items come to a target."""
        with self._database.reading() as connection:
            return closeness(connection, item_ids, target)

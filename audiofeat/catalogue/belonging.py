"""Which items belong to which things, kept with the merge of their metadata."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, bindparam, delete

from audiofeat.catalogue.statements import Statement, Upsert
from audiofeat.catalogue.thing_schema import thing_items, things
from audiofeat.domain.things import Role, Thing, ThingKind

_add_things = Upsert(things, ("thing_id", "kind", "key", "name", "by"))
_add_items = Upsert(thing_items, ("thing_id", "item_id", "role"))
# Collections are not metadata's to change.
_drop = Statement(
    delete(thing_items).where(
        thing_items.c.item_id == bindparam("wanted"),
        thing_items.c.thing_id.not_like(f"{ThingKind.COLLECTION.value}-%"),
    )
)

Belongings = frozenset[tuple[Thing, Role]]


def keep_belongings(
    connection: Connection, before: Mapping[str, Belongings], now: Mapping[str, Belongings], *, fresh: Collection[str]
) -> None:  # fmt: skip
    """Take over what items belong to, by id, where it is not what is known from before; ``fresh`` ones had nothing."""
    changed = [item_id for item_id, belongings in now.items() if belongings != before.get(item_id)]
    _drop(connection, [{"wanted": item_id} for item_id in changed if item_id not in fresh])
    rows = [
        {"thing_id": thing.thing_id, "item_id": item_id, "role": role.value}
        for item_id in changed
        for thing, role in sorted(now[item_id], key=lambda one: (one[0].thing_id, one[1]))
    ]
    if rows:
        add_things(connection, {thing for item_id in changed for thing, _ in now[item_id]})
        _add_items(connection, rows)


def add_things(connection: Connection, wanted: Collection[Thing]) -> None:
    """Add those things that are not there yet, always in the same order: two writers never wait for each other."""
    _add_things(
        connection,
        [
            {"thing_id": one.thing_id, "kind": one.kind.value, "key": one.key, "name": one.name, "by": one.by}
            for one in sorted(wanted, key=lambda one: one.thing_id)
        ],
    )

"""Artists, albums, shows and collections as things of their own; genres with their place in the tree."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from audiofeat.domain.attributes import from_metadata
from audiofeat.domain.things import memberships

revision = "0012"
down_revision = "0013"

_SORTED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_PAGE = 1_000


def upgrade() -> None:
    """Add the tables, and fill them from the metadata that is chosen now, a page of items at a time."""
    things = op.create_table(
        "things",
        sa.Column("thing_id", _SORTED, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", _SORTED, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("by", sa.Text()),
        sa.PrimaryKeyConstraint("thing_id", name="things_pkey"),
        sa.UniqueConstraint("kind", "key", name="things_kind_key"),
    )
    thing_items = op.create_table(
        "thing_items",
        sa.Column("thing_id", _SORTED, nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False, server_default="1"),
        sa.ForeignKeyConstraint(["thing_id"], ["things.thing_id"], name="thing_items_thing_id_fkey"),
        sa.ForeignKeyConstraint(["item_id"], ["items.item_id"], name="thing_items_item_id_fkey"),
        sa.PrimaryKeyConstraint("thing_id", "item_id", "role", name="thing_items_pkey"),
    )
    connection, after, known = op.get_bind(), "", set[str]()
    while rows := _page(connection, after):
        after = rows[-1].item_id
        _fill(connection, {row.item_id: json.loads(row.said) for row in rows}, things, thing_items, known)
    op.create_index("thing_items_by_item", "thing_items", ["item_id"])


def _page(connection: sa.Connection, after: str) -> list[sa.Row[Any]]:
    attributes = sa.table("attributes", sa.column("item_id"), sa.column("said"))
    page = sa.select(attributes).where(attributes.c.item_id > after).order_by(attributes.c.item_id).limit(_PAGE)
    return list(connection.execute(page))


def _fill(
    connection: sa.Connection,
    said: dict[str, dict[str, Any]],
    things: sa.Table,
    thing_items: sa.Table,
    known: set[str],
) -> None:
    attributes = sa.table(
        "attributes", sa.column("item_id"), sa.column("genre"), sa.column("artist"), sa.column("label")
    )
    new: dict[str, dict[str, Any]] = {}
    belonging: list[dict[str, Any]] = []
    described: list[dict[str, Any]] = []
    for item_id, chosen in said.items():
        for thing, role in set(memberships(chosen)):
            belonging.append({"thing_id": thing.thing_id, "item_id": item_id, "role": role.value})
            if thing.thing_id not in known:
                known.add(thing.thing_id)
                new[thing.thing_id] = {
                    "thing_id": thing.thing_id, "kind": thing.kind.value, "key": thing.key, "name": thing.name,
                    "by": thing.by,
                }  # fmt: skip
        said_now = from_metadata(chosen)
        described.append({"wanted": item_id, **{name: said_now[name] for name in ("genre", "artist", "label")}})
    connection.execute(
        sa.update(attributes)
        .where(attributes.c.item_id == sa.bindparam("wanted"))
        .values({name: sa.bindparam(name) for name in ("genre", "artist", "label")}),
        described,
    )
    if new:
        connection.execute(things.insert(), list(new.values()))
    if belonging:
        # Spellings of one name are one thing, to which an item belongs once.
        rows = {(row["thing_id"], row["item_id"], row["role"]): row for row in belonging}
        connection.execute(thing_items.insert(), list(rows.values()))

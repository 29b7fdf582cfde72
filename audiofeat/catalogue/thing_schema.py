"""The tables of things that have items: artists, albums and shows by metadata, collections by whoever keeps them."""

from sqlalchemy import Column, Double, ForeignKey, Index, Table, Text, UniqueConstraint

from audiofeat.catalogue.schema import metadata

# Looked through in ranges: a database's own order of letters and signs would not do.
SORTED = Text().with_variant(Text(collation="C"), "postgresql")

things = Table(
    "things",
    metadata,
    Column("thing_id", SORTED, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("key", SORTED, nullable=False),
    Column("name", Text, nullable=False),
    Column("by", Text),
    UniqueConstraint("kind", "key"),
)

# In the order in which all members of a kind of things are read at once: a thing's id begins with its kind.
thing_items = Table(
    "thing_items",
    metadata,
    Column("thing_id", SORTED, ForeignKey("things.thing_id"), primary_key=True),
    Column("item_id", Text, ForeignKey("items.item_id"), primary_key=True),
    Column("role", Text, primary_key=True),
    Column("weight", Double, nullable=False, server_default="1"),
    Index("thing_items_by_item", "item_id"),
)

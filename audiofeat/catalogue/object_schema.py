"""The tables that follow the objects in their stores."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Double, Index, Integer, Table, Text

from audiofeat.catalogue.schema import metadata

# Stores list their keys by the bytes of UTF-8; a database in another order could not walk beside them.
_KEY = Text().with_variant(Text(collation="C"), "postgresql")

objects = Table(
    "objects",
    metadata,
    Column("store", Text, primary_key=True),
    Column("key", _KEY, primary_key=True),
    Column("version", Text),
    Column("version_id", Text),
    Column("is_gone", Boolean, nullable=False),
    # No foreign key: it would have registrations wait for results, and these for registrations.
    Column("item_id", Text),
    Column("sequencer", Text, nullable=False),
    Column("event_at", Double, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("updated_at", Double, nullable=False),
    Index("objects_by_item", "item_id"),
)

# Versions that are gone for ever, for events of their creation that come later.
removed_versions = Table(
    "removed_versions",
    metadata,
    Column("store", Text, primary_key=True),
    Column("key", _KEY, primary_key=True),
    Column("version_id", Text, primary_key=True),
    Column("sequencer", Text, nullable=False),
    Column("event_at", Double, nullable=False),
)

refused_messages = Table(
    "refused_messages",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False),
    Column("source", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("message", Text, nullable=False),
)

syncs = Table(
    "syncs",
    metadata,
    Column("store", Text, primary_key=True),
    Column("prefix", Text, primary_key=True),
    Column("cursor", Text, nullable=False),
    Column("counts", JSON, nullable=False),
    Column("updated_at", Double, nullable=False),
)

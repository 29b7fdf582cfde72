"""The tables of duplicates: who is in which group, what is only suggested, and what is kept apart."""

from sqlalchemy import JSON, Column, Double, Index, Table, Text

from audiofeat.catalogue.schema import metadata

members = Table(
    "duplicate_members",
    metadata,
    Column("item_id", Text, primary_key=True),
    Column("group_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("evidence", JSON, nullable=False),
    Column("created_at", Double, nullable=False),
    Index("duplicate_members_by_group", "group_id", "item_id"),
)

# Of a pair the lower id stands first.
suggestions = Table(
    "duplicate_suggestions",
    metadata,
    Column("item_id", Text, primary_key=True),
    Column("other_id", Text, primary_key=True),
    Column("evidence", JSON, nullable=False),
    Column("created_at", Double, nullable=False),
    Index("duplicate_suggestions_by_other", "other_id"),
)

splits = Table(
    "duplicate_splits",
    metadata,
    Column("item_id", Text, primary_key=True),
    Column("other_id", Text, primary_key=True),
    Column("created_at", Double, nullable=False),
    Index("duplicate_splits_by_other", "other_id"),
)

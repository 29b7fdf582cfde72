"""The tables of duplicates: who is in which group, what is suggested, what is kept apart, who is known by what."""

from sqlalchemy import JSON, BigInteger, Column, Double, Index, Integer, Table, Text

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

# Items that no earlier one is a copy of. Who is looked at again gets a new number, and its old marks lead nowhere.
firsts = Table(
    "duplicate_firsts",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("item_id", Text, nullable=False, unique=True),
    sqlite_autoincrement=True,
)

marks = Table(
    "duplicate_marks",
    metadata,
    Column("mark", BigInteger, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

looks = Table(
    "duplicate_looks",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
)

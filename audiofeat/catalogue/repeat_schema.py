"""Tables of what is heard again across the episodes of a show."""

from sqlalchemy import Column, Double, Index, LargeBinary, Table, Text

from audiofeat.catalogue.schema import metadata

repeats = Table(
    "repeats",
    metadata,
    Column("repeat_id", Text, primary_key=True),
    Column("show", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("words", LargeBinary, nullable=False),
    Column("created_at", Double, nullable=False),
    Index("repeats_by_show", "show"),
)

heard = Table(
    "repeats_heard",
    metadata,
    Column("repeat_id", Text, primary_key=True),
    Column("item_id", Text, primary_key=True),
    Column("start_s", Double, primary_key=True),
    Column("end_s", Double, nullable=False),
    Column("bit_error_ratio", Double, nullable=False),
    Index("repeats_heard_by_item", "item_id"),
)

# Which audio of an episode was listened to last.
hearings = Table(
    "repeat_hearings",
    metadata,
    Column("item_id", Text, primary_key=True),
    Column("show", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("heard_at", Double, nullable=False),
    Index("repeat_hearings_by_show", "show"),
)

"""The tables of what sources say: records as received, locks, policies, what both are found by, and visits to sources.

Nothing that is merged is kept but the chosen values in ``attributes``: every value and its provenance follow from
these rows and the policy that the item's row names.
"""

from sqlalchemy import JSON, Column, Double, ForeignKey, Index, Integer, Table, Text, literal_column

from audiofeat.catalogue.schema import metadata
from audiofeat.domain.source_records import MatchState

source_records = Table(
    "source_records",
    metadata,
    Column("source", Text, primary_key=True),
    Column("record_id", Text, primary_key=True),
    # Empty where no item was found for it.
    Column("item_id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("fields", JSON, nullable=False),
    Column("fetched_at", Double, nullable=False),
    Column("licence", Text),
    Column("rank", Integer, nullable=False),
    Column("confidence", Double, nullable=False),
    Column("rule", Text, nullable=False),
    Column("evidence", JSON, nullable=False),
    Index("source_records_by_item", "item_id"),
)
_IS_WAITING = source_records.c.state == literal_column(f"'{MatchState.WAITING.value}'")
Index(
    "source_records_waiting",
    source_records.c.source,
    source_records.c.record_id,
    sqlite_where=_IS_WAITING,
    postgresql_where=_IS_WAITING,
)

metadata_locks = Table(
    "metadata_locks",
    metadata,
    Column("item_id", Text, ForeignKey("items.item_id"), primary_key=True),
    Column("field", Text, primary_key=True),
    Column("value", JSON, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Double, nullable=False),
)

# Rows are kept: an item is of the policy that it was last merged under. The newest is in force.
merge_policies = Table(
    "merge_policies",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("text", Text, nullable=False),
    Column("since", Double, nullable=False),
)

match_keys = Table(
    "match_keys",
    metadata,
    Column("key", Text, primary_key=True),
    Column("item_id", Text, ForeignKey("items.item_id"), primary_key=True),
    Index("match_keys_by_item", "item_id"),
)

# What records without an item are found by, once it comes.
record_keys = Table(
    "record_keys",
    metadata,
    Column("key", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("record_id", Text, primary_key=True),
    Index("record_keys_by_record", "source", "record_id"),
)

source_visits = Table(
    "source_visits",
    metadata,
    Column("source", Text, primary_key=True),
    Column("address", Text, primary_key=True),
    Column("visited_at", Double, nullable=False),
    Column("etag", Text),
    Column("last_modified", Text),
)

# How far a source has been asked about all items, and when it was last done.
source_rounds = Table(
    "source_rounds",
    metadata,
    Column("source", Text, primary_key=True),
    # Id of the item that was asked about last; empty between rounds.
    Column("after", Text, nullable=False),
    Column("due_at", Double, nullable=False),
)

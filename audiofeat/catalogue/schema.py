"""The tables of the ledger.

Times are seconds since the epoch, in UTC. JSON is kept as text on both databases: ``jsonb`` refuses the NUL
characters that damaged tags contain. The migrations create these tables; a test holds the two against each other.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_name)s_key",
    },
)

items = Table(
    "items",
    metadata,
    Column("item_id", Text, primary_key=True),
    Column("kind", Text),
    Column("kind_source", Text),
    Column("reference", Text, unique=True),
    Column("store", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("file_name", Text, nullable=False),
    Column("sha256", Text, ForeignKey("audio.sha256")),
    Column("job_id", Text),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Index("items_by_key", "key", "store"),
    Index("items_by_file_name", "file_name"),
    Index("items_by_kind", "kind", "item_id"),
)

aliases = Table(
    "aliases",
    metadata,
    Column("alias", Text, primary_key=True),
    Column("item_id", Text, ForeignKey("items.item_id"), nullable=False),
    Index("aliases_by_item", "item_id"),
)

audio = Table(
    "audio",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("facts", JSON, nullable=False),
    Column("flags", JSON, nullable=False),
    Column("extractor", JSON, nullable=False),
    Column("decoded_s", Double, nullable=False),
    Column("descriptor", LargeBinary),
)

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", Text, primary_key=True),
    Column("sequence", BigInteger, nullable=False, unique=True),
    Column("item_id", Text, ForeignKey("items.item_id"), nullable=False),
    Column("store", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("lane", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("crashes", Integer, nullable=False),
    Column("losses", Integer, nullable=False),
    Column("token", Text),
    Column("worker", Text),
    Column("lease_until", Double),
    Column("due_at", Double, nullable=False),
    Column("first_storage_error_at", Double),
    Column("error_code", Text),
    Column("error_message", Text),
    Column("sha256", Text, ForeignKey("audio.sha256")),
    Column("timings", JSON(none_as_null=True)),
    Column("records", JSON, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("finished_at", Double),
    Index("jobs_by_lane", "lane", "state", "sequence"),
    Index("jobs_by_lease", "state", "lease_until"),
    Index("jobs_by_item", "item_id", "sequence"),
    Index("jobs_by_change", "updated_at"),
    Index("jobs_by_place", "key", "store"),
)

analyses = Table(
    "analyses",
    metadata,
    Column("sha256", Text, ForeignKey("audio.sha256"), primary_key=True),
    Column("group", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("values", JSON, nullable=False),
    Column("reasons", JSON, nullable=False),
    Column("curves_key", Text),
    Column("seconds", Double, nullable=False),
    Column("created_at", Double, nullable=False),
)

metadata_values = Table(
    "metadata_values",
    metadata,
    Column("item_id", Text, ForeignKey("items.item_id"), primary_key=True),
    Column("field", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("value", JSON, nullable=False),
    Column("chosen", Boolean, nullable=False),
)

embeddings = Table(
    "embeddings",
    metadata,
    Column("item_id", Text, ForeignKey("items.item_id"), primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("descriptor", LargeBinary, nullable=False),
    Column("descriptor_version", Integer, nullable=False),
    Column("space", Text),
    Column("vector", LargeBinary),
    UniqueConstraint("sequence"),
    Index("embeddings_by_kind", "kind", "sequence"),
)

index_releases = Table(
    "index_releases",
    metadata,
    Column("release", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("space", Text, nullable=False),
    Column("items", Integer, nullable=False),
    Column("recall", Double, nullable=False),
    Column("published_at", Double, nullable=False),
)

counters = Table(
    "counters",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

transitions = Table(
    "transitions",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("job_id", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("from_state", Text),
    Column("to_state", Text, nullable=False),
    Column("worker", Text),
    Column("note", Text),
    Index("transitions_by_job", "job_id"),
)

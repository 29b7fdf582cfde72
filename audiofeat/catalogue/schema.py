"""The tables of the ledger.

Times are seconds since the epoch, in UTC. JSON is kept as text on both databases: ``jsonb`` refuses the NUL
characters that damaged tags contain. The migrations create these tables; a test holds the two against each other.
"""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    Double,
    ForeignKey,
    FromClause,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    and_,
    literal_column,
)

from audiofeat.domain.jobs import FAILED_STATES, JobState

# Nothing looks at these again: another version or another attempt took their place, or somebody called them off.
FORGETTABLE_STATES = frozenset({JobState.SUPERSEDED, JobState.CANCELLED})

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
    # Since when none of its objects is left.
    Column("hidden_at", Double),
    # Since when somebody wants it gone: it stays hidden whatever happens to its objects.
    Column("taken_down_at", Double),
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
    # Of two results for an item the one of the higher order stands; a batch's job has the order of what it repeats.
    Column("source_order", BigInteger, nullable=False, server_default="0"),
    Column("batch_id", Text),
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
    Column("trace", Text),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("finished_at", Double),
    Index("jobs_by_item", "item_id", "sequence"),
    Index("jobs_by_change", "updated_at"),
    Index("jobs_by_place", "key", "store"),
    Index("jobs_by_lane", "lane", "state"),
)


def in_state(*states: JobState) -> ColumnElement[bool]:
    """Return the condition that a job is in one of the states, spelt out: only so do small indexes serve it.

    Neither database uses a partial index for a value that it learns after it has planned.
    """
    named: list[ColumnElement[str]] = [literal_column(f"'{state.value}'") for state in sorted(states)]
    return jobs.c.state == named[0] if len(named) == 1 else jobs.c.state.in_(named)


def _partial(name: str, *columns: Column[Any], where: ColumnElement[bool]) -> None:
    Index(name, *columns, sqlite_where=where, postgresql_where=where)


def is_lost(table: FromClause = jobs) -> ColumnElement[bool]:
    """Return the condition that a job waits because its worker has fallen silent."""
    return and_(table.c.state == literal_column(f"'{JobState.QUEUED}'"), table.c.losses > literal_column("0"))


# What is looked for all the time is small, however many jobs have ended.
_partial("jobs_due", jobs.c.lane, jobs.c.sequence, where=in_state(JobState.QUEUED))
_partial("jobs_lost", jobs.c.lane, jobs.c.sequence, where=is_lost())
_partial("jobs_leased", jobs.c.lease_until, where=in_state(JobState.LEASED))
_partial("jobs_resting", jobs.c.due_at, where=in_state(JobState.RETRY_WAIT))
_partial("jobs_failed", jobs.c.updated_at, where=in_state(*FAILED_STATES))
_partial("jobs_to_forget", jobs.c.finished_at, where=in_state(*FORGETTABLE_STATES))
_partial("jobs_by_batch", jobs.c.batch_id, jobs.c.state, where=jobs.c.batch_id.is_not(None))

batches = Table(
    "batches",
    metadata,
    Column("batch_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("scope", JSON, nullable=False),
    Column("parameters", JSON, nullable=False),
    Column("cursor", Text, nullable=False),
    Column("total", BigInteger),
    Column("looked_at", BigInteger, nullable=False),
    Column("most_open", Integer, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("expanded_at", Double),
    Column("finished_at", Double),
)

incidents = Table(
    "incidents",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("job_id", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("worker", Text),
    Column("code", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("stage", Text),
    Column("signal", Text),
    Column("sha256", Text),
    Column("versions", JSON, nullable=False),
    Index("incidents_by_job", "job_id"),
)

leaders = Table(
    "leaders",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("lease_until", Double, nullable=False),
)

workers = Table(
    "workers",
    metadata,
    Column("name", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("lanes", Text, nullable=False),
    Column("slots", Integer, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("seen_at", Double, nullable=False),
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

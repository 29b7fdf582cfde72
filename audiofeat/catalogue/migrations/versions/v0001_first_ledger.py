"""The first ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table, and the counters at nought."""
    op.create_table(
        "audio",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("flags", sa.JSON(), nullable=False),
        sa.Column("extractor", sa.JSON(), nullable=False),
        sa.Column("decoded_s", sa.Double(), nullable=False),
        sa.Column("descriptor", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("sha256", name="audio_pkey"),
    )
    counters = op.create_table(
        "counters",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="counters_pkey"),
    )
    op.create_table(
        "index_releases",
        sa.Column("release", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("space", sa.Text(), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("recall", sa.Double(), nullable=False),
        sa.Column("published_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("release", name="index_releases_pkey"),
    )
    op.create_table(
        "transitions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("from_state", sa.Text()),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("worker", sa.Text()),
        sa.Column("note", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="transitions_pkey"),
    )
    op.create_index("transitions_by_job", "transitions", ["job_id"])
    op.create_table(
        "analyses",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("group", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("curves_key", sa.Text()),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["sha256"], ["audio.sha256"], name="analyses_sha256_fkey"),
        sa.PrimaryKeyConstraint("sha256", "group", "version", name="analyses_pkey"),
    )
    op.create_table(
        "items",
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text()),
        sa.Column("kind_source", sa.Text()),
        sa.Column("reference", sa.Text()),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text()),
        sa.Column("job_id", sa.Text()),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["sha256"], ["audio.sha256"], name="items_sha256_fkey"),
        sa.PrimaryKeyConstraint("item_id", name="items_pkey"),
        sa.UniqueConstraint("reference", name="items_reference_key"),
    )
    op.create_index("items_by_file_name", "items", ["file_name"])
    op.create_index("items_by_key", "items", ["key", "store"])
    op.create_index("items_by_kind", "items", ["kind", "item_id"])
    op.create_table(
        "aliases",
        sa.Column("alias", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["items.item_id"], name="aliases_item_id_fkey"),
        sa.PrimaryKeyConstraint("alias", name="aliases_pkey"),
    )
    op.create_index("aliases_by_item", "aliases", ["item_id"])
    op.create_table(
        "embeddings",
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("descriptor", sa.LargeBinary(), nullable=False),
        sa.Column("descriptor_version", sa.Integer(), nullable=False),
        sa.Column("space", sa.Text()),
        sa.Column("vector", sa.LargeBinary()),
        sa.ForeignKeyConstraint(["item_id"], ["items.item_id"], name="embeddings_item_id_fkey"),
        sa.PrimaryKeyConstraint("item_id", name="embeddings_pkey"),
        sa.UniqueConstraint("sequence", name="embeddings_sequence_key"),
    )
    op.create_index("embeddings_by_kind", "embeddings", ["kind", "sequence"])
    op.create_table(
        "jobs",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("crashes", sa.Integer(), nullable=False),
        sa.Column("losses", sa.Integer(), nullable=False),
        sa.Column("token", sa.Text()),
        sa.Column("worker", sa.Text()),
        sa.Column("lease_until", sa.Double()),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("first_storage_error_at", sa.Double()),
        sa.Column("error_code", sa.Text()),
        sa.Column("error_message", sa.Text()),
        sa.Column("sha256", sa.Text()),
        sa.Column("timings", sa.JSON(none_as_null=True)),
        sa.Column("records", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.Column("finished_at", sa.Double()),
        sa.ForeignKeyConstraint(["item_id"], ["items.item_id"], name="jobs_item_id_fkey"),
        sa.ForeignKeyConstraint(["sha256"], ["audio.sha256"], name="jobs_sha256_fkey"),
        sa.PrimaryKeyConstraint("job_id", name="jobs_pkey"),
        sa.UniqueConstraint("sequence", name="jobs_sequence_key"),
    )
    op.create_index("jobs_by_change", "jobs", ["updated_at"])
    op.create_index("jobs_by_item", "jobs", ["item_id", "sequence"])
    op.create_index("jobs_by_place", "jobs", ["key", "store"])
    op.create_index("jobs_by_lane", "jobs", ["lane", "state", "sequence"])
    op.create_index("jobs_by_lease", "jobs", ["state", "lease_until"])
    op.create_table(
        "metadata_values",
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("chosen", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["items.item_id"], name="metadata_values_item_id_fkey"),
        sa.PrimaryKeyConstraint("item_id", "field", "source", name="metadata_values_pkey"),
    )
    op.bulk_insert(counters, [{"name": "jobs", "value": 0}, {"name": "embeddings", "value": 0}])

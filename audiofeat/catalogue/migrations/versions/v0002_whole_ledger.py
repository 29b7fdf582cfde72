"""Batches, evidence, leaders and workers; small indexes for what is looked for all the time."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_SMALL = (
    ("jobs_due", ["lane", "sequence"], "state = 'queued'"),
    ("jobs_leased", ["lease_until"], "state = 'leased'"),
    ("jobs_resting", ["due_at"], "state = 'retry_wait'"),
    ("jobs_failed", ["updated_at"], "state IN ('dead', 'quarantined', 'rejected')"),
    ("jobs_to_forget", ["finished_at"], "state IN ('cancelled', 'superseded')"),
    ("jobs_by_batch", ["batch_id", "state"], "batch_id IS NOT NULL"),
)


def upgrade() -> None:
    """Add tables, columns and indexes; every job keeps the order in which it was registered."""
    op.create_table(
        "batches",
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("scope", sa.JSON(), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.Column("total", sa.BigInteger()),
        sa.Column("looked_at", sa.BigInteger(), nullable=False),
        sa.Column("most_open", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.Column("expanded_at", sa.Double()),
        sa.Column("finished_at", sa.Double()),
        sa.PrimaryKeyConstraint("batch_id", name="batches_pkey"),
    )
    op.create_table(
        "incidents",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("worker", sa.Text()),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text()),
        sa.Column("signal", sa.Text()),
        sa.Column("sha256", sa.Text()),
        sa.Column("versions", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="incidents_pkey"),
    )
    op.create_index("incidents_by_job", "incidents", ["job_id"])
    op.create_table(
        "leaders",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("lease_until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="leaders_pkey"),
    )
    op.create_table(
        "workers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("lanes", sa.Text(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="workers_pkey"),
    )
    op.add_column("jobs", sa.Column("source_order", sa.BigInteger(), nullable=False, server_default="0"))
    op.execute("UPDATE jobs SET source_order = sequence")
    op.add_column("jobs", sa.Column("batch_id", sa.Text()))
    for name in ("jobs_by_lane", "jobs_by_lease"):
        op.drop_index(name, "jobs")
    op.create_index("jobs_by_lane", "jobs", ["lane", "state"])
    for name, columns, where in _SMALL:
        op.create_index(name, "jobs", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))

"""What records without an item are found by, and when sources were asked."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0016"


def upgrade() -> None:
    """Add the tables; records that are there get their keys from the next ``metadata merge``."""
    op.create_table(
        "record_keys",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", "source", "record_id", name="record_keys_pkey"),
    )
    op.create_index("record_keys_by_record", "record_keys", ["source", "record_id"])
    op.create_table(
        "source_visits",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("visited_at", sa.Double(), nullable=False),
        sa.Column("etag", sa.Text()),
        sa.Column("last_modified", sa.Text()),
        sa.PrimaryKeyConstraint("source", "address", name="source_visits_pkey"),
    )
    op.create_table(
        "source_rounds",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("source", name="source_rounds_pkey"),
    )

"""What is heard again across the episodes of a show, and which episodes were listened to for it."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0010"


def upgrade() -> None:
    """Add the tables; nothing was listened to before."""
    op.create_table(
        "repeats",
        sa.Column("repeat_id", sa.Text(), nullable=False),
        sa.Column("show", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("words", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("repeat_id", name="repeats_pkey"),
    )
    op.create_index("repeats_by_show", "repeats", ["show"])
    op.create_table(
        "repeats_heard",
        sa.Column("repeat_id", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("start_s", sa.Double(), nullable=False),
        sa.Column("end_s", sa.Double(), nullable=False),
        sa.Column("bit_error_ratio", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("repeat_id", "item_id", "start_s", name="repeats_heard_pkey"),
    )
    op.create_index("repeats_heard_by_item", "repeats_heard", ["item_id"])
    op.create_table(
        "repeat_hearings",
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("show", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("heard_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("item_id", name="repeat_hearings_pkey"),
    )
    op.create_index("repeat_hearings_by_show", "repeat_hearings", ["show"])

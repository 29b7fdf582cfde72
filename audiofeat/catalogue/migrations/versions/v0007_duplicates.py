"""Which items are the same thing over again, what only looks so, and what somebody said is not; items taken down."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0005"


def upgrade() -> None:
    """Add the tables and the column; nothing is known of duplicates before."""
    op.add_column("items", sa.Column("taken_down_at", sa.Double()))
    op.create_table(
        "duplicate_members",
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("item_id", name="duplicate_members_pkey"),
    )
    op.create_index("duplicate_members_by_group", "duplicate_members", ["group_id", "item_id"])
    for table, more in (
        ("duplicate_suggestions", [sa.Column("evidence", sa.JSON(), nullable=False)]),
        ("duplicate_splits", []),
    ):
        op.create_table(
            table,
            sa.Column("item_id", sa.Text(), nullable=False),
            sa.Column("other_id", sa.Text(), nullable=False),
            *more,
            sa.Column("created_at", sa.Double(), nullable=False),
            sa.PrimaryKeyConstraint("item_id", "other_id", name=f"{table}_pkey"),
        )
        op.create_index(f"{table}_by_other", table, ["other_id"])

"""By what items are known, so that copies are found as they arrive; until where the ledger was looked through."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0012"


def upgrade() -> None:
    """Add the tables; the first look goes through everything."""
    op.create_table(
        "duplicate_firsts",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="duplicate_firsts_pkey"),
        sa.UniqueConstraint("item_id", name="duplicate_firsts_item_id_key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "duplicate_marks",
        sa.Column("mark", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("mark", "number", name="duplicate_marks_pkey"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "duplicate_looks",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", name="duplicate_looks_pkey"),
    )

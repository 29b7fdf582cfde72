"""What lies where: objects, removed versions, refused messages, the cursors of passes over stores; hidden items."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the tables, and know of each key what its newest job was about."""
    op.add_column("items", sa.Column("hidden_at", sa.Double()))
    op.create_table(
        "objects",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("key", _KEY, nullable=False),
        sa.Column("version", sa.Text()),
        sa.Column("version_id", sa.Text()),
        sa.Column("is_gone", sa.Boolean(), nullable=False),
        sa.Column("item_id", sa.Text()),
        sa.Column("sequencer", sa.Text(), nullable=False),
        sa.Column("event_at", sa.Double(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("store", "key", name="objects_pkey"),
    )
    op.create_index("objects_by_item", "objects", ["item_id"])
    op.execute(
        "INSERT INTO objects (store, key, version, is_gone, item_id, sequencer, event_at, revision, updated_at) "
        "SELECT jobs.store, jobs.key, jobs.version, false, jobs.item_id, '', 0, 1, jobs.updated_at FROM jobs "
        "JOIN (SELECT max(sequence) AS newest FROM jobs GROUP BY store, key) AS last ON last.newest = jobs.sequence"
    )
    op.create_table(
        "removed_versions",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("key", _KEY, nullable=False),
        sa.Column("version_id", sa.Text(), nullable=False),
        sa.Column("sequencer", sa.Text(), nullable=False),
        sa.Column("event_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("store", "key", "version_id", name="removed_versions_pkey"),
    )
    op.create_table(
        "refused_messages",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="refused_messages_pkey"),
    )
    op.create_table(
        "syncs",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("store", "prefix", name="syncs_pkey"),
    )

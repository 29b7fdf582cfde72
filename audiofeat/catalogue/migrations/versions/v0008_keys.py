"""The keys of the HTTP API, without the keys; and secrets of the installation's own."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0009"


def upgrade() -> None:
    """Add the tables; an installation from before has no key."""
    op.create_table(
        "api_keys",
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double()),
        sa.Column("last_used_at", sa.Double()),
        sa.Column("revoked_at", sa.Double()),
        sa.PrimaryKeyConstraint("prefix", name="api_keys_pkey"),
    )
    op.create_index("api_keys_by_age", "api_keys", ["created_at"])
    op.create_table(
        "secrets",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="secrets_pkey"),
    )

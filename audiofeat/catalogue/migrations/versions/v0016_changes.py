"""Each row of attributes has the number of the change that wrote it, by which readers find what is new."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0014"


def upgrade() -> None:
    """Add the number; what is there already is read whole by whoever begins to follow."""
    op.add_column("attributes", sa.Column("change", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_index("attributes_by_change", "attributes", ["change"])

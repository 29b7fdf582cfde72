"""A job knows the trace that it belongs to: whoever rings for it, and however often."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column; jobs from before belong to no trace."""
    op.add_column("jobs", sa.Column("trace", sa.Text()))

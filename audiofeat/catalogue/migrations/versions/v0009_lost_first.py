"""Jobs that lost their worker are found at once: they go first."""

from alembic import op

revision = "0009"
down_revision = "0006"


def upgrade() -> None:
    """Add the index; it holds next to nothing."""
    is_lost = "state = 'queued' AND losses > 0"
    op.execute(f"CREATE INDEX jobs_lost ON jobs (lane, sequence) WHERE {is_lost}")

"""A fingerprint knows the version of the feature group that made it, not of its layout."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Take the newest version that was stored for the same audio: that is the one it was made by."""
    newest = """SELECT max(version) FROM analyses
                WHERE analyses.sha256 = embeddings.sha256 AND analyses."group" = 'descriptor'"""
    op.execute(f"UPDATE embeddings SET descriptor_version = COALESCE(({newest}), descriptor_version)")  # noqa: S608  no value of anybody's

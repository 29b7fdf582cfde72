"""The tables of the HTTP API's keys and of the installation's own secrets."""

from sqlalchemy import Column, Double, Index, LargeBinary, Table, Text

from audiofeat.catalogue.schema import metadata

api_keys = Table(
    "api_keys",
    metadata,
    Column("prefix", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double),
    Column("last_used_at", Double),
    Column("revoked_at", Double),
    Index("api_keys_by_age", "created_at"),
)

secrets = Table(
    "secrets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

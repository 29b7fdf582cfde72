"""The table of the models that a catalogue keeps: a row for each revision, for ever."""

from sqlalchemy import JSON, Column, Double, Integer, Table, Text

from audiofeat.catalogue.schema import metadata

models = Table(
    "models",
    metadata,
    Column("name", Text, primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("document", JSON, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("created_at", Double, nullable=False),
)

"""Models on a SQL database: each verb is one transaction."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, func, insert, select

from audiofeat.catalogue.database import Database
from audiofeat.catalogue.model_schema import models
from audiofeat.catalogue.schema import analyses, items
from audiofeat.domain.kept_models import KeptModel, ModelKind
from audiofeat.ports.models import Models

_NEWEST = select(models.c.name, func.max(models.c.revision).label("revision")).group_by(models.c.name).subquery()
_IN_USE = select(models).join(
    _NEWEST, (models.c.name == _NEWEST.c.name) & (models.c.revision == _NEWEST.c.revision)
)  # fmt: skip


class SqlModels(Models):
    """Every revision of every model that was kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def models(self) -> list[KeptModel]:
        """Return the revision that is in use of each name."""
        with self._database.reading() as connection:
            return [_view(row) for row in connection.execute(_IN_USE.order_by(models.c.name))]

    def revisions(self, name: str) -> list[KeptModel]:
        """Return every revision of a name, newest first."""
        query = select(models).where(models.c.name == name).order_by(models.c.revision.desc())
        with self._database.reading() as connection:
            return [_view(row) for row in connection.execute(query)]

    def keep_model(self, name: str, kind: ModelKind, document: Mapping[str, Any]) -> KeptModel:
        """Keep the next revision of a name, which is in use from now on."""
        digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
        with self._database.writing() as (connection, now):
            last = connection.scalar(select(func.max(models.c.revision)).where(models.c.name == name))
            kept = KeptModel(name, (last or 0) + 1, kind, dict(document), digest, now)
            row = {
                part: getattr(kept, part) for part in ("name", "revision", "kind", "document", "sha256", "created_at")
            }
            connection.execute(insert(models).values(row))
        return kept

    def heard_by_model(self, group: str, version: int) -> list[tuple[str, str]]:
        """Return id and sha256 of the audio of every item that is shown and that a plug-in's version has heard."""
        query = (
            select(items.c.item_id, items.c.sha256)
            .join(analyses, analyses.c.sha256 == items.c.sha256)
            .where(analyses.c.group == group, analyses.c.version == version)
            .where(items.c.hidden_at.is_(None), items.c.taken_down_at.is_(None))
            .order_by(items.c.item_id)
        )
        with self._database.reading() as connection:
            return [(row.item_id, row.sha256) for row in connection.execute(query)]

    def said_by_model(self, group: str, version: int, audios: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """Return what a plug-in's version says of some audios, by their sha256; at most 500."""
        query = select(analyses.c.sha256, analyses.c["values"].label("said")).where(
            analyses.c.group == group, analyses.c.version == version, analyses.c.sha256.in_(audios)
        )
        with self._database.reading() as connection:
            return {row.sha256: row.said for row in connection.execute(query)}


def _view(row: Row[Any]) -> KeptModel:
    return KeptModel(row.name, row.revision, ModelKind(row.kind), row.document, row.sha256, row.created_at)

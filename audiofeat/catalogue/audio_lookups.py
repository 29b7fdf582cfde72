"""Reading what is known of an audio's bytes, and the items' fingerprints made from it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select

from audiofeat.catalogue.chunks import chunks
from audiofeat.catalogue.schema import analyses, audio, embeddings
from audiofeat.domain.descriptor import VALUE_BYTES, unpack
from audiofeat.domain.items import Kind
from audiofeat.ports import Analysis, EmbeddingRow, FingerprintNote


def analyses_of(connection: Connection, sha256: str) -> dict[str, Analysis]:
    """Return the newest version of each feature group of an audio, by group name."""
    query = select(analyses).where(analyses.c.sha256 == sha256).order_by(analyses.c.group, analyses.c.version)
    return {
        row["group"]: Analysis(
            group=row["group"],
            version=row["version"],
            values=row["values"],
            reasons=row["reasons"],
            curves_key=row["curves_key"],
        )
        for row in connection.execute(query).mappings()
    }


def outcome_of(
    connection: Connection, sha256: str
) -> tuple[dict[str, Any], tuple[str, ...], dict[str, Any], bytes | None] | None:
    """Return facts, flags, extractor and descriptor of an audio, or None where it was never analysed."""
    row = connection.execute(select(audio).where(audio.c.sha256 == sha256)).one_or_none()
    return None if row is None else (row.facts, tuple(row.flags), row.extractor, row.descriptor)


def embedding_of(connection: Connection, item_id: str) -> EmbeddingRow | None:
    """Return an item's fingerprint, or None while it has none."""
    row = connection.execute(select(embeddings).where(embeddings.c.item_id == item_id)).one_or_none()
    return None if row is None else _embedding(row)


def embeddings_after(
    connection: Connection, kind: Kind, sequence: int, *, limit: int | None = None
) -> list[EmbeddingRow]:
    """Return fingerprints of a kind that were committed after ``sequence``, in order, at most ``limit`` of them."""
    later = (embeddings.c.kind == kind, embeddings.c.sequence > sequence)
    query = select(embeddings).where(*later).order_by(embeddings.c.sequence).limit(limit)
    return [_embedding(row) for row in connection.execute(query)]


def embeddings_by_id(connection: Connection, item_ids: Sequence[str]) -> dict[str, EmbeddingRow]:
    """Return the fingerprints of those of the items that have one."""
    found: dict[str, EmbeddingRow] = {}
    for batch in chunks(item_ids):
        rows = connection.execute(select(embeddings).where(embeddings.c.item_id.in_(batch)))
        found |= {row.item_id: _embedding(row) for row in rows}
    return found


def notes_after(connection: Connection, kind: Kind, sequence: int, *, limit: int) -> list[FingerprintNote]:
    """Return which items of a kind had a fingerprint committed after ``sequence``, in order."""
    query = (
        select(
            embeddings.c.sequence,
            embeddings.c.item_id,
            embeddings.c.sha256,
            embeddings.c.descriptor_version,
            func.length(embeddings.c.descriptor).label("size_bytes"),
        )
        .where(embeddings.c.kind == kind, embeddings.c.sequence > sequence)
        .order_by(embeddings.c.sequence)
        .limit(limit)
    )
    return [
        FingerprintNote(row.sequence, row.item_id, row.sha256, row.descriptor_version, row.size_bytes // VALUE_BYTES)
        for row in connection.execute(query)
    ]


def _embedding(row: Row[Any]) -> EmbeddingRow:
    return EmbeddingRow(
        sequence=row.sequence,
        item_id=row.item_id,
        kind=Kind(row.kind),
        sha256=row.sha256,
        version=row.descriptor_version,
        descriptor=unpack(row.descriptor),
        space=row.space,
        embedding=None if row.vector is None else unpack(row.vector),
    )

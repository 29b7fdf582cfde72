"""The history of published indexes."""

from sqlalchemy import Connection

from audiofeat.catalogue.database import insert_into
from audiofeat.catalogue.schema import index_releases
from audiofeat.domain.items import Kind


def record(
    connection: Connection, now: float, release: str, *, kind: Kind, space: str, items: int, recall: float
) -> None:
    """Note that a release was published, now or once more."""
    row = {"kind": kind, "space": space, "items": items, "recall": recall, "published_at": now}
    new = insert_into(connection, index_releases).values(release=release, **row)
    connection.execute(new.on_conflict_do_update(index_elements=[index_releases.c.release], set_=row))

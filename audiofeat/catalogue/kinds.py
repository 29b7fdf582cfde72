"""What an item is, track or episode, where somebody says so who knows better than who said it before."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, select, update

from audiofeat.catalogue import counters
from audiofeat.catalogue.schema import embeddings, items
from audiofeat.domain.items import Kind, KindSource


def correct_kinds(connection: Connection, now: float, said: Mapping[str, tuple[Kind, KindSource]]) -> None:
    """Take over what is said of items by whoever knows as well or better, and move their fingerprints along."""
    if not said:
        return
    strength = list(KindSource)
    query = select(items.c.item_id, items.c.kind, items.c.kind_source).where(items.c.item_id.in_(said))
    present = {row.item_id: (row.kind, row.kind_source) for row in connection.execute(query)}
    for item_id, (kind, source) in sorted(said.items()):
        if present.get(item_id) == (kind, source):
            continue
        stronger = strength[: strength.index(source)]
        connection.execute(
            update(items)
            .where(items.c.item_id == item_id, items.c.kind_source.is_(None) | items.c.kind_source.not_in(stronger))
            .values(kind=kind, kind_source=source, updated_at=now)
        )
    _move_embeddings(connection, said)


def _move_embeddings(connection: Connection, item_ids: Collection[str]) -> None:
    """Give fingerprints of the wrong kind to the right one, without the vector that was made for the other's space."""
    wrong = (
        select(embeddings.c.item_id, items.c.kind)
        .join(items, items.c.item_id == embeddings.c.item_id)
        .where(embeddings.c.item_id.in_(item_ids), embeddings.c.kind != items.c.kind)
    )
    for row in list(connection.execute(wrong)):
        sequence = counters.reserve(connection, counters.EMBEDDINGS)
        moved = {"kind": row.kind, "sequence": sequence, "space": None, "vector": None}
        connection.execute(update(embeddings).where(embeddings.c.item_id == row.item_id).values(moved))

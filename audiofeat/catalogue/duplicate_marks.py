"""By what items are known: the inverted index in which a newcomer finds what it may be a copy of."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, delete, select

from audiofeat.catalogue.chunks import chunks
from audiofeat.catalogue.database import insert_into
from audiofeat.catalogue.duplicate_schema import firsts, looks, marks, members
from audiofeat.domain.items import Kind

_ROWS_AT_ONCE = 1_000


def looked_through(connection: Connection, kind: Kind) -> int:
    """Return up to which sequence number the fingerprints of a kind were looked at."""
    return connection.scalar(select(looks.c.sequence).where(looks.c.kind == kind)) or 0


def known_by(connection: Connection, wanted: Collection[int]) -> dict[int, list[str]]:
    """Return the items that are known by each mark."""
    found: dict[int, list[str]] = defaultdict(list)
    query = select(marks.c.mark, firsts.c.item_id).join(firsts, firsts.c.number == marks.c.number)
    for batch in chunks(sorted(wanted)):
        for row in connection.execute(query.where(marks.c.mark.in_(batch)).order_by(marks.c.mark, marks.c.number)):
            found[row.mark].append(row.item_id)
    return dict(found)


def copies_of(connection: Connection, item_ids: Collection[str]) -> list[str]:
    """Return who is grouped with those of the items that are known by marks: they are known by them alone."""
    copy = members.alias()
    query = (
        select(copy.c.item_id)
        .join(members, members.c.group_id == copy.c.group_id)
        .join(firsts, firsts.c.item_id == members.c.item_id)
        .where(copy.c.item_id != members.c.item_id)
    )
    found: set[str] = set()
    for batch in chunks(sorted(item_ids)):
        found |= set(connection.scalars(query.where(members.c.item_id.in_(batch))))
    return sorted(found)


def keep(connection: Connection, looked_at: Sequence[str], known: Mapping[str, Collection[int]]) -> None:
    """Have items known by new marks, and those that were looked at and have none by nothing."""
    for batch in chunks(looked_at):
        connection.execute(delete(firsts).where(firsts.c.item_id.in_(batch)))
    for batch in chunks(list(known), size=_ROWS_AT_ONCE):
        new = insert_into(connection, firsts).values([{"item_id": item_id} for item_id in batch])
        added = connection.execute(new.on_conflict_do_nothing().returning(firsts.c.item_id, firsts.c.number)).all()
        rows = [{"mark": mark, "number": row.number} for row in added for mark in known[row.item_id]]
        if rows:
            connection.execute(marks.insert(), rows)


def move(connection: Connection, kind: Kind, sequence: int) -> None:
    """Note up to which sequence number the fingerprints of a kind were looked at."""
    new = insert_into(connection, looks).values(kind=kind, sequence=sequence)
    connection.execute(new.on_conflict_do_update(index_elements=[looks.c.kind], set_={"sequence": sequence}))


def forget(connection: Connection) -> None:
    """Drop all marks, so that the next look begins anew."""
    for table in (marks, firsts, looks):
        connection.execute(delete(table))

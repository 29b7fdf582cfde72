"""Reading the groups of duplicates, and what tells duplicates."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select

from audiofeat.catalogue.chunks import chunks
from audiofeat.catalogue.duplicate_schema import members, suggestions
from audiofeat.catalogue.schema import analyses, audio, items
from audiofeat.domain.duplicates import Evidence, GroupState, Link
from audiofeat.domain.items import Kind
from audiofeat.ports.duplicates import GroupView, MemberView, PrintRow


def groups_of(connection: Connection, item_ids: Sequence[str], *, lock: bool = False) -> dict[str, str]:
    """Return the group of each item that is in one."""
    found: dict[str, str] = {}
    for batch in chunks(item_ids):
        query = select(members.c.item_id, members.c.group_id).where(members.c.item_id.in_(batch))
        found |= {row.item_id: row.group_id for row in connection.execute(query.with_for_update() if lock else query)}
    return found


def groups(connection: Connection, *, after: str | None, limit: int) -> list[GroupView]:
    """Return a page of groups by id."""
    query = select(members.c.group_id).distinct().order_by(members.c.group_id).limit(limit)
    if after is not None:
        query = query.where(members.c.group_id > after)
    return [_view(connection, group_id) for group_id in list(connection.scalars(query))]


def group_of(connection: Connection, name: str) -> GroupView | None:
    """Return the group of an item, or of this id."""
    own = connection.scalar(select(members.c.group_id).where(members.c.item_id == name))
    view = _view(connection, own or name)
    return view if view.members else None


def suggested(connection: Connection, *, limit: int) -> list[Link]:
    """Return suggestions, nearest first."""
    nearness = func.coalesce(
        suggestions.c.evidence["bit_error_ratio"].as_float(), suggestions.c.evidence["distance"].as_float(), 2.0
    )
    query = (
        select(suggestions.c.evidence).order_by(nearness, suggestions.c.item_id, suggestions.c.other_id).limit(limit)
    )
    links = []
    for values in connection.scalars(query):
        item_id = values.pop("item_id")
        links.append(Link(item_id, Evidence.from_dict(values)))
    return links


def prints_of(connection: Connection, item_ids: Sequence[str]) -> list[PrintRow]:
    """Return what tells duplicates of the items that are there; of several versions of *file* the newest counts."""
    query = (
        select(items.c.item_id, items.c.kind, items.c.sha256, audio.c.decoded_s)
        .join(audio, audio.c.sha256 == items.c.sha256)
        .where(items.c.hidden_at.is_(None), items.c.kind.is_not(None))
    )
    rows: list[Row[Any]] = []
    for batch in chunks(item_ids):
        rows += connection.execute(query.where(items.c.item_id.in_(batch))).all()
    values = _file_values(connection, sorted({row.sha256 for row in rows}))
    return [_print(row, values.get(row.sha256, {})) for row in rows]


def _file_values(connection: Connection, hashes: Sequence[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for batch in chunks(hashes):
        query = (
            select(analyses.c.sha256, analyses.c["values"])
            .where(analyses.c.sha256.in_(batch), analyses.c.group == "file")
            .order_by(analyses.c.version)
        )
        found |= {row[0]: row[1] for row in connection.execute(query)}
    return found


def _print(row: Row[Any], values: dict[str, Any]) -> PrintRow:
    return PrintRow(
        item_id=row.item_id,
        kind=Kind(row.kind),
        sha256=row.sha256,
        duration_s=row.decoded_s,
        pcm_sha256=values.get("pcm_sha256"),
        chromaprint=values.get("chromaprint"),
    )


def _view(connection: Connection, group_id: str) -> GroupView:
    query = select(members).where(members.c.group_id == group_id).order_by(members.c.created_at, members.c.item_id)
    rows = [
        MemberView(row.item_id, GroupState(row.state), Evidence.from_dict(row.evidence) if row.evidence else None)
        for row in connection.execute(query)
    ]
    return GroupView(group_id, tuple(sorted(rows, key=lambda member: member.evidence is not None)))

"""Reading items: by any name a person has for them, by id, in pages."""

import json
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select

from audiofeat.catalogue.attribute_schema import attributes
from audiofeat.catalogue.chunks import chunks
from audiofeat.catalogue.schema import aliases, audio, items, jobs
from audiofeat.domain.items import Kind
from audiofeat.domain.jobs import JobState
from audiofeat.errors import ItemUnknown
from audiofeat.ports import ItemView

_MOST_CANDIDATES = 5
_MOST_SUGGESTIONS = 3
_NAMES_COMPARED = 2_000
# An item without any object left is kept, and not found.
_VISIBLE = items.c.hidden_at.is_(None)


def find_item(connection: Connection, name: str) -> ItemView:
    """Return the item that one of its names belongs to, the most definite kind of name first.

    Raises
    ------
    ItemUnknown
        Where nothing has that name, or several items share it.
    """
    alias = select(aliases.c.item_id).where(aliases.c.alias == name)
    namings: tuple[ColumnElement[bool], ...] = (
        items.c.item_id == name,
        items.c.reference == name,
        items.c.item_id.in_(alias),
        items.c.key == name,
        items.c.file_name == name,
    )
    for naming in namings:
        query = select(items.c.item_id, items.c.store, items.c.key).where(naming, _VISIBLE).order_by(items.c.key)
        found = connection.execute(query.limit(_MOST_CANDIDATES + 1)).all()
        if len(found) == 1:
            return items_by_id(connection, [found[0].item_id])[found[0].item_id]
        if found:
            raise ItemUnknown(f"{name!r} names more than one item: {_candidates(found)}", "give the id or the full key")
    raise ItemUnknown(f"no item is called {name!r}", _suggestion(connection, name))


def items_called(connection: Connection, names: Sequence[str]) -> dict[str, ItemView]:
    """Return items by the names that are theirs alone, as :func:`find_item` would find them."""
    ids: dict[str, str] = {}
    left = set(names)
    by_alias = select(aliases.c.alias, aliases.c.item_id).join(items, items.c.item_id == aliases.c.item_id)
    namings: tuple[tuple[ColumnElement[Any], Select[Any]], ...] = (
        (items.c.item_id, select(items.c.item_id, items.c.item_id)),
        (items.c.reference, select(items.c.reference, items.c.item_id)),
        (aliases.c.alias, by_alias),
        (items.c.key, select(items.c.key, items.c.item_id)),
        (items.c.file_name, select(items.c.file_name, items.c.item_id)),
    )
    for column, query in namings:
        found: dict[str, set[str]] = {}
        for batch in chunks(sorted(left)):
            for name, item_id in connection.execute(query.where(column.in_(batch), _VISIBLE)):
                found.setdefault(name, set()).add(item_id)
        ids |= {name: item_ids.pop() for name, item_ids in found.items() if len(item_ids) == 1}
        # A name that several items share at this step is nobody's.
        left -= set(found)
    views = items_by_id(connection, list(ids.values()))
    return {name: views[item_id] for name, item_id in ids.items()}


def items_after(connection: Connection, *, kind: Kind | None, after: str | None, limit: int) -> list[ItemView]:
    """Return a page of items in the order of their ids."""
    query = _items_query().order_by(items.c.item_id).limit(limit)
    if kind is not None:
        query = query.where(items.c.kind == kind)
    if after is not None:
        query = query.where(items.c.item_id > after)
    return _views(connection, connection.execute(query).all())


def items_by_id(connection: Connection, item_ids: Sequence[str]) -> dict[str, ItemView]:
    """Return the named items that exist."""
    found: dict[str, ItemView] = {}
    for batch in chunks(item_ids):
        rows = connection.execute(_items_query().where(items.c.item_id.in_(batch))).all()
        found |= {view.item_id: view for view in _views(connection, rows)}
    return found


def _items_query() -> Select[Any]:
    served = select(jobs.c.state).where(jobs.c.job_id == items.c.job_id).scalar_subquery()
    latest = (
        select(jobs.c.state)
        .where(jobs.c.item_id == items.c.item_id)
        .order_by(jobs.c.sequence.desc())
        .limit(1)
        .scalar_subquery()
    )
    learnt = select(func.min(aliases.c.alias)).where(aliases.c.item_id == items.c.item_id).scalar_subquery()
    return (
        select(
            items.c.item_id,
            items.c.kind,
            items.c.kind_source,
            func.coalesce(items.c.reference, learnt).label("reference"),
            items.c.store,
            items.c.key,
            func.coalesce(served, latest).label("state"),
            items.c.sha256,
            audio.c.flags,
            audio.c.facts,
        )
        .where(_VISIBLE)
        .join(audio, audio.c.sha256 == items.c.sha256, isouter=True)
    )


def _views(connection: Connection, rows: Sequence[Row[Any]]) -> list[ItemView]:
    chosen: dict[str, dict[str, Any]] = {row.item_id: {} for row in rows}
    for batch in chunks(list(chosen)):
        query = select(attributes.c.item_id, attributes.c.said).where(attributes.c.item_id.in_(batch))
        chosen |= {row.item_id: json.loads(row.said) for row in connection.execute(query)}
    return [_view(row, chosen[row.item_id]) for row in rows]


def _view(row: Row[Any], metadata: dict[str, Any]) -> ItemView:
    return ItemView(
        item_id=row.item_id,
        kind=Kind(row.kind) if row.kind else None,
        kind_source=row.kind_source,
        reference=row.reference,
        store=row.store,
        key=row.key,
        state=JobState(row.state),
        sha256=row.sha256,
        flags=tuple(row.flags or ()),
        audio=row.facts or {},
        metadata=metadata,
    )


def _candidates(rows: Iterable[Row[Any]]) -> str:
    shown = [f"{row.store}/{row.key} (id {row.item_id})" for row in rows]
    more = ", ..." if len(shown) > _MOST_CANDIDATES else ""
    return ", ".join(shown[:_MOST_CANDIDATES]) + more


def _suggestion(connection: Connection, name: str) -> str:
    names: dict[str, None] = {}
    for column in (items.c.reference, items.c.file_name, items.c.key):
        query = select(column).where(column.is_not(None), _VISIBLE).distinct().limit(_NAMES_COMPARED)
        names |= dict.fromkeys(connection.scalars(query))
    close = get_close_matches(name, names, n=_MOST_SUGGESTIONS)
    if close:
        return f"did you mean {', '.join(close)}?"
    return "give its id, reference, object key or file name" if names else "the catalogue is empty: ingest something"

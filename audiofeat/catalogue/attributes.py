"""The row of attributes of each analysed item: kept with its metadata and its features, and read a column at a time."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, select

from audiofeat.catalogue.attribute_schema import attributes
from audiofeat.catalogue.change_numbers import SettledChange
from audiofeat.catalogue.chunks import chunks
from audiofeat.catalogue.schema import analyses, audio
from audiofeat.catalogue.statements import Upsert
from audiofeat.domain.attributes import ATTRIBUTES, TEXTS, USUAL_FEATURES, Attribute, from_metadata
from audiofeat.domain.jobs import Outcome
from audiofeat.domain.merge_policy import Policy
from audiofeat.domain.metadata_fields import Value

_ROWS_AT_ONCE = 20_000
_GROUPS = sorted({path.partition(".")[0] for path in USUAL_FEATURES})


_FOUND = (
    select(audio.c.decoded_s, analyses.c.group, analyses.c["values"].label("measured"))
    .outerjoin_from(audio, analyses, and_(analyses.c.sha256 == audio.c.sha256, analyses.c.group.in_(_GROUPS)))
    .where(audio.c.sha256 == bindparam("bytes"))
    # Of each group the newest comes last and stays.
    .order_by(analyses.c.version)
)
_SAID = ("said", "policy", *TEXTS, "explicit", "release_date")
_keep_said = Upsert(attributes, ("item_id", *_SAID), replaced=(*_SAID, "change"))
_MEASURED = ("duration_s", *(ATTRIBUTES[path].column for path in USUAL_FEATURES))
_keep_all = Upsert(attributes, ("item_id", *_SAID, *_MEASURED), replaced=(*_SAID, *_MEASURED, "change"))


def keep_said(connection: Connection, said: Mapping[str, Mapping[str, Value]], *, policy: Policy) -> None:
    """Take over what is said of items, by id, and by which policy it was merged; leave what was measured."""
    _keep_said(connection, [_said(item_id, chosen, policy) for item_id, chosen in said.items()])


def keep_all(
    connection: Connection, item_id: str, chosen: Mapping[str, Value], *, policy: Policy, measured: Mapping[str, Any]
) -> None:
    """Take over what is said of an item, and what was measured, by column."""
    _keep_all(connection, {**_said(item_id, chosen, policy), **measured})


def measured(connection: Connection, outcome: Outcome, *, is_new: bool) -> dict[str, float | str | None]:
    """Return by column what the newest feature versions say of the bytes; of ``is_new`` ones only the outcome does."""
    if is_new:
        duration_s: float | None = outcome.audio["decoded_duration_s"]
        values = {group.group: group.values for group in outcome.groups}
    else:
        found = connection.execute(_FOUND, {"bytes": outcome.sha256}).all()
        duration_s = found[0].decoded_s if found else None
        values = {row.group: row.measured for row in found if row.group is not None}
    return {"duration_s": duration_s} | {ATTRIBUTES[path].column: _value(path, values) for path in USUAL_FEATURES}


def _said(item_id: str, chosen: Mapping[str, Value], policy: Policy) -> dict[str, Any]:
    return {
        "item_id": item_id,
        "said": json.dumps(dict(sorted(chosen.items())), ensure_ascii=False),
        "policy": policy.digest,
        **from_metadata(chosen, genres=policy.genres, names=policy.names),
    }


def settled(connection: Connection) -> int:
    """Return the number up to which every change of attributes can be seen by now."""
    return connection.execute(select(SettledChange())).scalar_one()


def values_of(
    connection: Connection, wanted: Sequence[Attribute], *, after: int | None
) -> Iterator[list[tuple[Any, ...]]]:
    """Yield pages of rows: an item's id, and what is known of each attribute; of all, or of what changed after."""
    query = _columns(wanted)
    if after is not None:
        query = query.where(attributes.c.change > after)
    for page in connection.execute(query.execution_options(yield_per=_ROWS_AT_ONCE)).partitions():
        yield [tuple(row) for row in page]


def values_of_items(
    connection: Connection, wanted: Sequence[Attribute], item_ids: Collection[str]
) -> list[tuple[Any, ...]]:
    """Return the same rows of some items."""
    query = _columns(wanted)
    return [
        tuple(row)
        for batch in chunks(list(item_ids))
        for row in connection.execute(query.where(attributes.c.item_id.in_(batch)))
    ]


def _columns(wanted: Sequence[Attribute]) -> Select[Any]:
    return select(attributes.c.item_id, *(attributes.c[about.column] for about in wanted))


def _value(path: str, values: dict[str, dict[str, Any]]) -> float | str | None:
    group, _, field = path.partition(".")
    value = values.get(group, {}).get(field)
    return value if value is None or isinstance(value, str) else float(value)

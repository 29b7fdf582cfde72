"""Keeps the row of attributes of each analysed item: with its metadata, and with its features."""

import json
from collections.abc import Iterable
from functools import cache
from typing import Any

from sqlalchemy import Connection, Insert, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from audiofeat.catalogue.attribute_schema import attributes
from audiofeat.catalogue.schema import analyses, audio
from audiofeat.domain.attributes import ATTRIBUTES, TEXTS, USUAL_FEATURES, from_metadata
from audiofeat.domain.jobs import MetadataValue

_GROUPS = sorted({path.partition(".")[0] for path in USUAL_FEATURES})


_VALUES = (
    select(analyses.c.group, analyses.c["values"].label("measured"))
    .where(analyses.c.sha256 == bindparam("bytes"), analyses.c.group.in_(_GROUPS))
    # Of each group the newest comes last and stays.
    .order_by(analyses.c.version)
)
_DURATION = select(audio.c.decoded_s).where(audio.c.sha256 == bindparam("bytes"))
_SAID = ("said", *TEXTS, "explicit", "release_date")
_MEASURED = ("duration_s", *(ATTRIBUTES[path].column for path in USUAL_FEATURES))


def keep_said(connection: Connection, item_id: str, values: Iterable[MetadataValue]) -> None:
    """Take over what is said of an item, and leave what was measured."""
    chosen = {value.field: value.value for value in values if value.chosen}
    said = json.dumps(dict(sorted(chosen.items())), ensure_ascii=False)
    row = {"item_id": item_id, "said": said, **from_metadata(chosen)}
    connection.execute(_upsert(connection.dialect.name, _SAID), row)


def keep_measured(connection: Connection, item_id: str, sha256: str) -> None:
    """Take over what the newest versions of the feature groups say of an item's audio; something was said before."""
    values = {row.group: row.measured for row in connection.execute(_VALUES, {"bytes": sha256})}
    measured = {ATTRIBUTES[path].column: _value(path, values) for path in USUAL_FEATURES}
    duration_s = connection.scalar(_DURATION, {"bytes": sha256})
    connection.execute(_UPDATE, {"wanted": item_id, "duration_s": duration_s, **measured})


_UPDATE = (
    update(attributes)
    .where(attributes.c.item_id == bindparam("wanted"))
    .values({name: bindparam(name) for name in _MEASURED})
)


@cache
def _upsert(dialect: str, columns: tuple[str, ...]) -> Insert:
    new = sqlite.insert(attributes) if dialect == "sqlite" else postgresql.insert(attributes)
    return new.on_conflict_do_update(
        index_elements=[attributes.c.item_id], set_={name: new.excluded[name] for name in columns}
    )


def _value(path: str, values: dict[str, dict[str, Any]]) -> float | str | None:
    group, _, field = path.partition(".")
    value = values.get(group, {}).get(field)
    return value if value is None or isinstance(value, str) else float(value)

"""Metadata that arrives after its audio: what a table says now replaces what it said when the job was registered."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from audiofeat.catalogue.attributes import keep_said
from audiofeat.catalogue.schema import items, jobs, metadata_values
from audiofeat.catalogue.upserts import Upsert
from audiofeat.domain.jobs import MetadataRecord, MetadataValue, Registration
from audiofeat.domain.metadata import merge

_DROP = delete(metadata_values).where(metadata_values.c.item_id == bindparam("wanted"))


_keep_values = Upsert(metadata_values, metadata_values.c.keys())


def keep_metadata(
    connection: Connection, item_id: str, values: Iterable[MetadataValue], *, is_first: bool = False
) -> None:
    """Replace everything that is said of an item; of one whose ``is_first`` result this is, nothing was said before."""
    said = sorted(values, key=lambda value: not value.chosen)
    if not is_first:
        connection.execute(_DROP, {"wanted": item_id})
    keep_said(connection, item_id, said)
    rows = [
        {"item_id": item_id, "field": value.field, "source": value.source, "value": value.value, "chosen": value.chosen}
        for value in said
    ]
    if rows:
        # Where one source gives a field twice, the chosen value comes first and stays.
        _keep_values(connection, rows)


def redescribe(connection: Connection, now: float, registrations: dict[str, Registration]) -> set[str]:
    """Take over new records of known jobs, by job id; return the ids of those whose records have changed.

    A source that says nothing this time keeps what it said before. A job that has not ended will merge the records
    itself; for an item whose audio is analysed they are merged here, with what the tags in the file said.
    """
    given = {job_id: r.records for job_id, r in registrations.items() if r.records}
    query = (
        select(jobs.c.job_id, jobs.c.item_id, jobs.c.records, items.c.job_id.label("served"))
        .join(items, items.c.item_id == jobs.c.item_id)
        .where(jobs.c.job_id.in_(given))
        .with_for_update(of=jobs)
    )
    changed = set()
    for row in list(connection.execute(query)):
        heard = {record.source for record in given[row.job_id]}
        records = [*given[row.job_id], *(record for record in unpacked(row.records) if record.source not in heard)]
        if packed(records) == row.records:
            continue
        changed.add(row.job_id)
        values = {"records": packed(records), "updated_at": now}
        connection.execute(update(jobs).where(jobs.c.job_id == row.job_id).values(values))
        if row.served == row.job_id:
            said = connection.execute(select(metadata_values).where(metadata_values.c.item_id == row.item_id))
            keep_metadata(connection, row.item_id, merged(records, said))
    return changed


def merged(records: Sequence[MetadataRecord], said: Iterable[Any]) -> tuple[MetadataValue, ...]:
    """Merge a job's records with the values that other sources, such as the tags in the file, have given."""
    named = {record.source for record in records}
    others: dict[str, dict[str, Any]] = {}
    for value in said:
        if value.source not in named:
            others.setdefault(value.source, {})[value.field] = value.value
    every = [*records, *(MetadataRecord(source, fields) for source, fields in sorted(others.items()))]
    return merge(every, trust=[record.source for record in every])


def packed(records: Sequence[MetadataRecord]) -> list[dict[str, Any]]:
    """Return records as a job's row keeps them."""
    return [{"source": record.source, "fields": record.fields} for record in records]


def unpacked(rows: Iterable[dict[str, Any]]) -> tuple[MetadataRecord, ...]:
    """Return the records that a job's row keeps."""
    return tuple(MetadataRecord(row["source"], row["fields"]) for row in rows)

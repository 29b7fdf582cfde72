"""Metadata that arrives after its audio: what a table says now replaces what it said when the job was registered."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from audiofeat.catalogue.database import insert_into
from audiofeat.catalogue.schema import items, jobs, metadata_values
from audiofeat.domain.jobs import MetadataRecord, MetadataValue, Registration
from audiofeat.domain.metadata import merge


def keep_metadata(connection: Connection, item_id: str, values: Iterable[MetadataValue]) -> None:
    """Replace everything that is said of an item."""
    connection.execute(delete(metadata_values).where(metadata_values.c.item_id == item_id))
    rows = [
        {"item_id": item_id, "field": value.field, "source": value.source, "value": value.value, "chosen": value.chosen}
        for value in sorted(values, key=lambda value: not value.chosen)
    ]
    if rows:
        # Where one source gives a field twice, the chosen value comes first and stays.
        connection.execute(insert_into(connection, metadata_values).on_conflict_do_nothing(), rows)


def redescribe(connection: Connection, now: float, registrations: dict[str, Registration]) -> set[str]:
    """Take over new records of known jobs, by job id; return the ids of those whose records have changed.

    A job that has not ended will merge them itself. For an item whose audio is analysed they are merged here, with
    what other sources said before, the tags in the file among them.
    """
    given = {job_id: packed(r.records) for job_id, r in registrations.items() if r.records}
    query = (
        select(jobs.c.job_id, jobs.c.item_id, jobs.c.records, items.c.job_id.label("served"))
        .join(items, items.c.item_id == jobs.c.item_id)
        .where(jobs.c.job_id.in_(given))
    )
    changed = [row for row in connection.execute(query) if row.records != given[row.job_id]]
    for row in changed:
        values = {"records": given[row.job_id], "updated_at": now}
        connection.execute(update(jobs).where(jobs.c.job_id == row.job_id).values(values))
        if row.served == row.job_id:
            records = [*registrations[row.job_id].records, *_other_records(connection, row)]
            keep_metadata(connection, row.item_id, merge(records, trust=[record.source for record in records]))
    return {row.job_id for row in changed}


def packed(records: Sequence[MetadataRecord]) -> list[dict[str, Any]]:
    """Return records as a job's row keeps them."""
    return [{"source": record.source, "fields": record.fields} for record in records]


def _other_records(connection: Connection, job: Row[Any]) -> list[MetadataRecord]:
    """Return what sources said of the item that were not among the job's records."""
    replaced = {record["source"] for record in job.records}
    fields: dict[str, dict[str, Any]] = {}
    for value in connection.execute(select(metadata_values).where(metadata_values.c.item_id == job.item_id)):
        if value.source not in replaced:
            fields.setdefault(value.source, {})[value.field] = value.value
    return [MetadataRecord(source, said) for source, said in sorted(fields.items())]

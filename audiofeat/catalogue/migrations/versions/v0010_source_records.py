"""Metadata is kept as it was received and merged from there; locks, policies, and what records are matched by."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0008"

_PAGE = 1_000


def upgrade() -> None:
    """Add the tables, and turn the values of before into records of the sources that gave them."""
    records = op.create_table(
        "source_records",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("fetched_at", sa.Double(), nullable=False),
        sa.Column("licence", sa.Text()),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("source", "record_id", "item_id", name="source_records_pkey"),
    )
    connection, after = op.get_bind(), ""
    while rows := _page(connection, after):
        after = rows[-1]["item_id"]
        if found := [record for row in rows for record in row["records"]]:
            connection.execute(records.insert(), found)
    op.create_index("source_records_by_item", "source_records", ["item_id"])
    op.execute("CREATE INDEX source_records_waiting ON source_records (source, record_id) WHERE state = 'waiting'")
    op.create_table(
        "metadata_locks",
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["items.item_id"], name="metadata_locks_item_id_fkey"),
        sa.PrimaryKeyConstraint("item_id", "field", name="metadata_locks_pkey"),
    )
    op.create_table(
        "merge_policies",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="merge_policies_pkey"),
    )
    op.create_table(
        "match_keys",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["items.item_id"], name="match_keys_item_id_fkey"),
        sa.PrimaryKeyConstraint("key", "item_id", name="match_keys_pkey"),
    )
    op.create_index("match_keys_by_item", "match_keys", ["item_id"])
    op.add_column("attributes", sa.Column("policy", sa.Text()))
    op.create_index("attributes_by_policy", "attributes", ["policy", "item_id"])
    op.drop_table("metadata_values")


def _page(connection: sa.Connection, after: str) -> list[dict[str, Any]]:
    """Return some items with their records; no policy is on their rows, so the first merge finds them."""
    items = sa.table("items", sa.column("item_id"), sa.column("job_id"), sa.column("updated_at"))
    jobs = sa.table("jobs", sa.column("job_id"), sa.column("records", sa.JSON))
    values = sa.table(
        "metadata_values", sa.column("item_id"), sa.column("field"), sa.column("source"), sa.column("value", sa.JSON)
    )
    page = (
        sa.select(items.c.item_id, items.c.updated_at, jobs.c.records)
        .join(jobs, jobs.c.job_id == items.c.job_id)
        .where(items.c.item_id > after)
        .order_by(items.c.item_id)
        .limit(_PAGE)
    )
    found = connection.execute(page).all()
    said: dict[str, dict[str, dict[str, Any]]] = {row.item_id: {} for row in found}
    for row in connection.execute(sa.select(values).where(values.c.item_id.in_(list(said)))):
        said[row.item_id].setdefault(row.source, {})[row.field] = row.value
    return [
        {"item_id": row.item_id, "records": _records(row, said[row.item_id])} for row in found
    ]  # fmt: skip


def _records(item: sa.Row[Any], said: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    given: dict[str, dict[str, Any]] = {one["source"]: one["fields"] for one in item.records}
    every = {**given, **{source: fields for source, fields in sorted(said.items()) if source not in given}}
    return [
        {
            "source": source, "record_id": item.item_id, "item_id": item.item_id, "state": "own", "fields": fields,
            "fetched_at": item.updated_at, "licence": None, "rank": rank, "confidence": 1.0, "rule": "",
            "evidence": {},
        }
        for rank, (source, fields) in enumerate(every.items())
    ]  # fmt: skip

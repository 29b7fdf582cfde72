"""What is said of items: records are kept as received, and merged when one of them, a lock or the policy changes."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, delete, select, update

from audiofeat.catalogue import policies
from audiofeat.catalogue.attribute_schema import attributes
from audiofeat.catalogue.attributes import keep_said
from audiofeat.catalogue.belonging import Belongings, keep_belongings
from audiofeat.catalogue.chunks import chunks
from audiofeat.catalogue.metadata_schema import match_keys, metadata_locks, record_keys, source_records
from audiofeat.catalogue.schema import items, jobs
from audiofeat.catalogue.upserts import Upsert
from audiofeat.domain.jobs import MetadataRecord, Registration
from audiofeat.domain.match_keys import keys_of
from audiofeat.domain.merge_policy import Policy
from audiofeat.domain.merging import choose
from audiofeat.domain.metadata_fields import Value
from audiofeat.domain.source_records import MERGED_STATES, TAGS, Lock, Match, MatchState, SourceRecord, delivered
from audiofeat.domain.things import memberships

_MEASURED = {"duration_s": attributes.c.duration_s, "tempo_bpm": attributes.c.rhythm_tempo_bpm}
_REPLACED = ("state", "fields", "fetched_at", "licence", "rank", "confidence", "rule", "evidence")
_keep_records = Upsert(source_records, ("source", "record_id", "item_id", *_REPLACED), replaced=_REPLACED)
_DROP_TAGS = delete(source_records).where(
    source_records.c.source == TAGS,
    source_records.c.record_id == bindparam("wanted"),
    source_records.c.item_id == bindparam("wanted"),
)
_WANTED: BindParameter[Any] = bindparam("wanted", expanding=True)
# On the path of every result: made once.
_RECORDS = select(source_records).where(
    source_records.c.item_id.in_(_WANTED), source_records.c.state.in_(sorted(MERGED_STATES))
)
_LOCKS = select(metadata_locks).where(metadata_locks.c.item_id.in_(_WANTED))
_FACTS = select(attributes.c.item_id, attributes.c.said, attributes.c.policy, *_MEASURED.values()).where(
    attributes.c.item_id.in_(_WANTED)
)
_add_keys = Upsert(match_keys, ("key", "item_id"))
_DROP_KEYS = delete(match_keys).where(match_keys.c.item_id == bindparam("wanted"))
_add_record_keys = Upsert(record_keys, ("key", "source", "record_id"))
_DROP_RECORD_KEYS = delete(record_keys).where(
    record_keys.c.source == bindparam("wanted"), record_keys.c.record_id == bindparam("called")
)


def keep_delivered(connection: Connection, now: float, item_id: str, records: Iterable[MetadataRecord]) -> None:
    """Keep what came with an item, or stands in its file, in place of what the same sources said before."""
    own = delivered(records, record_id=item_id, fetched_at=now)
    keep_matches(connection, [Match(record, item_id, MatchState.OWN) for record in own])


def drop_tags(connection: Connection, item_id: str) -> None:
    """Forget the tags of the file that an item had before."""
    connection.execute(_DROP_TAGS, {"wanted": item_id})


def keep_matches(connection: Connection, matches: Sequence[Match]) -> None:
    """Keep records with the items that they may be about."""
    if not matches:
        return
    rows = {(row["source"], row["record_id"], row["item_id"]): row for row in map(_row, matches)}
    _keep_records(connection, list(rows.values()))


def keep_record_keys(connection: Connection, matches: Sequence[Match]) -> None:
    """Have records without an item be found when it comes, and those that have one no more."""
    named = {(match.record.source, match.record.record_id): match for match in matches}
    connection.execute(_DROP_RECORD_KEYS, [{"wanted": source, "called": called} for source, called in sorted(named)])
    rows = [
        {"key": key, "source": source, "record_id": called}
        for (source, called), match in sorted(named.items())
        if match.state is MatchState.UNMATCHED
        for key in sorted(keys_of(choose([match.record])))
    ]
    if rows:
        _add_record_keys(connection, rows)


def remerge(connection: Connection, item_ids: Collection[str]) -> dict[str, Mapping[str, Value]]:
    """Merge anew, under the policy in force, all that is said of some items; return what is chosen, by item."""
    policy = policies.in_force(connection)
    merged: dict[str, Mapping[str, Value]] = {}
    for batch in chunks(sorted(item_ids)):
        before = {row.item_id: row for row in connection.execute(_FACTS, {"wanted": batch})}
        records, locks = records_of(connection, batch), locks_of(connection, batch)
        said = {
            item_id: choose(
                records.get(item_id, ()), policy, locks=locks.get(item_id, ()), measured=measured(before.get(item_id))
            )
            for item_id in batch
        }
        keep_said(connection, said, policy=policy)
        was = {row.item_id: json.loads(row.said) for row in before.values()}
        same = {
            row.item_id: _belongings(was[row.item_id], policy) for row in before.values() if row.policy == policy.digest
        }
        keep_belongings(connection, same, {item_id: _belongings(chosen, policy) for item_id, chosen in said.items()})
        # What was never merged by a policy has no keys yet.
        known = {row.item_id: keys_of(was[row.item_id]) for row in before.values() if row.policy}
        _keep_keys(connection, known, {item_id: keys_of(chosen) for item_id, chosen in said.items()})
        merged |= said
    return merged


def _belongings(chosen: Mapping[str, Value], policy: Policy) -> Belongings:
    return frozenset(memberships(chosen, policy.names, by_id=policy.by_id))


def measured(row: Any) -> dict[str, Value]:  # noqa: ANN401  a row of whatever columns
    """Return what an item's row of attributes holds of what the audio says, and sources claim."""
    if row is None:
        return {}
    heard = {name: row._mapping[column] for name, column in _MEASURED.items()}  # noqa: SLF001  a public name
    return {name: value for name, value in heard.items() if value is not None}


def records_of(connection: Connection, item_ids: Sequence[str]) -> dict[str, list[SourceRecord]]:
    """Return the records that are merged, by item."""
    found: dict[str, list[SourceRecord]] = {}
    for row in connection.execute(_RECORDS, {"wanted": item_ids}):
        found.setdefault(row.item_id, []).append(record(row))
    return found


def locks_of(connection: Connection, item_ids: Sequence[str]) -> dict[str, list[Lock]]:
    """Return people's words, by item."""
    found: dict[str, list[Lock]] = {}
    for row in connection.execute(_LOCKS, {"wanted": item_ids}):
        found.setdefault(row.item_id, []).append(Lock(row.field, row.value, row.by, row.at))
    return found


def record(row: Any) -> SourceRecord:  # noqa: ANN401  a row of the table
    """Return the record that a row keeps."""
    return SourceRecord(
        row.source, row.record_id, row.fields, row.fetched_at, row.licence, row.rank, row.confidence
    )  # fmt: skip


def redescribe(connection: Connection, now: float, registrations: dict[str, Registration]) -> set[str]:
    """Take over new records of known jobs, by job id; return the ids of those whose records have changed.

    A source that says nothing this time keeps what it said before. A job that has not ended brings its records along
    when it does; for an item whose audio is analysed they are merged here.
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
            keep_delivered(connection, now, row.item_id, records)
            remerge(connection, [row.item_id])
    return changed


def packed(records: Sequence[MetadataRecord]) -> list[dict[str, Any]]:
    """Return records as a job's row keeps them."""
    return [{"source": record.source, "fields": record.fields} for record in records]


def unpacked(rows: Iterable[dict[str, Any]]) -> tuple[MetadataRecord, ...]:
    """Return the records that a job's row keeps."""
    return tuple(MetadataRecord(row["source"], row["fields"]) for row in rows)


def _keep_keys(connection: Connection, before: Mapping[str, frozenset[str]], now: Mapping[str, frozenset[str]]) -> None:
    changed = [item_id for item_id, keys in now.items() if keys != before.get(item_id)]
    if old := [{"wanted": item_id} for item_id in changed if before.get(item_id)]:
        connection.execute(_DROP_KEYS, old)
    if rows := [{"key": key, "item_id": item_id} for item_id in changed for key in sorted(now[item_id])]:
        _add_keys(connection, rows)


def _row(match: Match) -> dict[str, Any]:
    record = match.record
    return {
        "source": record.source,
        "record_id": record.record_id,
        "item_id": match.item_id,
        "state": match.state,
        "fields": dict(record.fields),
        "fetched_at": record.fetched_at,
        "licence": record.licence,
        "rank": record.rank,
        "confidence": record.confidence,
        "rule": match.rule,
        "evidence": dict(match.evidence),
    }

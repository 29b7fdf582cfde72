"""What is said of items: records are kept as received, and merged when one of them, a lock or the policy changes."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, bindparam, delete, exists, select, update

from audiofeat.catalogue import policies
from audiofeat.catalogue.attribute_schema import attributes
from audiofeat.catalogue.attributes import keep_all, keep_said
from audiofeat.catalogue.belonging import Belongings, keep_belongings
from audiofeat.catalogue.chunks import chunks
from audiofeat.catalogue.metadata_schema import match_keys, metadata_locks, record_keys, source_records
from audiofeat.catalogue.schema import items, jobs
from audiofeat.catalogue.statements import Record, Statement, Upsert
from audiofeat.domain.jobs import MetadataRecord, Registration
from audiofeat.domain.match_keys import file_of, keys_of
from audiofeat.domain.merge_policy import Policy
from audiofeat.domain.merging import choose
from audiofeat.domain.metadata_fields import Value
from audiofeat.domain.source_records import MERGED_STATES, TAGS, Lock, Match, MatchState, SourceRecord, delivered
from audiofeat.domain.things import memberships

# Before the name of a file among the keys of records: items have theirs in a column of its own.
OF_FILE = "file:"
# What no person has decided about.
_MOVABLE = frozenset({MatchState.UNMATCHED, MatchState.MATCHED})
_MEASURED = {"duration_s": attributes.c.duration_s, "tempo_bpm": attributes.c.rhythm_tempo_bpm}
_REPLACED = ("state", "fields", "fetched_at", "licence", "rank", "confidence", "rule", "evidence")
_keep_records = Upsert(source_records, ("source", "record_id", "item_id", *_REPLACED), replaced=_REPLACED)
_drop_tags = Statement(
    delete(source_records).where(
        source_records.c.source == TAGS,
        source_records.c.record_id == bindparam("wanted"),
        source_records.c.item_id == bindparam("wanted"),
    )
)
_WANTED: BindParameter[Any] = bindparam("wanted", expanding=True)
_RECORDS = select(source_records).where(
    source_records.c.item_id.in_(_WANTED), source_records.c.state.in_(sorted(MERGED_STATES))
)
_LOCKS = select(metadata_locks).where(metadata_locks.c.item_id.in_(_WANTED))
_FACTS = select(attributes.c.item_id, attributes.c.said, attributes.c.policy, *_MEASURED.values()).where(
    attributes.c.item_id.in_(_WANTED)
)
_add_keys = Upsert(match_keys, ("key", "item_id"))
_drop_keys = Statement(delete(match_keys).where(match_keys.c.item_id == bindparam("wanted")))
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
    _drop_tags(connection, {"wanted": item_id})


def keep_matches(connection: Connection, matches: Sequence[Match]) -> None:
    """Keep records with the items that they may be about."""
    if not matches:
        return
    rows = {(row["source"], row["record_id"], row["item_id"]): row for row in map(_row, matches)}
    _keep_records(connection, list(rows.values()))


def keep_record_keys(connection: Connection, matches: Sequence[Match]) -> None:
    """Have records be found when their item comes: those without one, and by its name an episode's next file."""
    named = {(match.record.source, match.record.record_id): match for match in matches}
    connection.execute(_DROP_RECORD_KEYS, [{"wanted": source, "called": called} for source, called in sorted(named)])
    rows = [
        {"key": key, "source": source, "record_id": called}
        for (source, called), match in sorted(named.items())
        for key in sorted(_record_keys(match))
    ]
    if rows:
        _add_record_keys(connection, rows)


def _record_keys(match: Match) -> frozenset[str]:
    said = choose([match.record]) if match.state in _MOVABLE else {}
    name = file_of(said)
    of_file = frozenset({f"{OF_FILE}{name}"}) if name else frozenset[str]()
    return of_file | keys_of(said) if match.state is MatchState.UNMATCHED else of_file


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
        merged_before = {item_id: (row.said, row.policy) for item_id, row in before.items() if row.policy}
        _keep_found_by(connection, merged_before, said, policy=policy)
        merged |= said
    return merged


# What is known of an item before it is described, for a statement that reads other things, too.
BEFORE: tuple[ColumnElement[Any], ...] = (
    *(
        select(column).where(attributes.c.item_id == bindparam("described")).scalar_subquery().label(column.name)
        for column in (attributes.c.said, attributes.c.policy)
    ),
    exists().where(source_records.c.item_id == bindparam("described")).label("has_records"),
    exists().where(metadata_locks.c.item_id == bindparam("described")).label("has_locks"),
    policies.NEWEST.scalar_subquery().label("policy_text"),
)


def describe(
    connection: Connection,
    now: float,
    item_id: str,
    *,
    before: Record,
    records: Iterable[MetadataRecord],
    heard: Mapping[str, Any],
) -> None:
    """Keep what came with an item whose audio was analysed, and all that is said of it, merged, with what was heard."""
    own = {one.source: one for one in delivered(records, record_id=item_id, fetched_at=now)}
    keep_matches(connection, [Match(one, item_id, MatchState.OWN) for one in own.values()])
    policy = policies.read(before.policy_text)
    chosen = choose(
        records_of(connection, [item_id]).get(item_id, ()) if before.has_records else own.values(),
        policy,
        locks=locks_of(connection, [item_id]).get(item_id, ()) if before.has_locks else (),
        measured=_known({name: heard[column.name] for name, column in _MEASURED.items()}),
    )
    keep_all(connection, item_id, chosen, policy=policy, measured=heard)
    merged_before = {item_id: (before.said, before.policy)} if before.policy else {}
    _keep_found_by(connection, merged_before, {item_id: chosen}, policy=policy)


def _keep_found_by(
    connection: Connection,
    before: Mapping[str, tuple[str, str]],
    said: Mapping[str, Mapping[str, Value]],
    *,
    policy: Policy,
) -> None:
    """Keep what items belong to and what they are found by, where it is not what followed from before.

    Parameters
    ----------
    before : mapping
        What was said of items and the policy's digest, for those that were merged.
    """
    was = {item_id: json.loads(text) for item_id, (text, _) in before.items()}
    fresh = said.keys() - before.keys()
    same = {item_id: _belongings(was[item_id], policy) for item_id, (_, by) in before.items() if by == policy.digest}
    belong = {item_id: _belongings(chosen, policy) for item_id, chosen in said.items()}
    keep_belongings(connection, same, belong, fresh=fresh)
    known = {item_id: keys_of(chosen) for item_id, chosen in was.items()}
    _keep_keys(connection, known, {item_id: keys_of(chosen) for item_id, chosen in said.items()})


def _belongings(chosen: Mapping[str, Value], policy: Policy) -> Belongings:
    return frozenset(memberships(chosen, policy.names, by_id=policy.by_id))


def measured(row: Any) -> dict[str, Value]:  # noqa: ANN401  a row of whatever columns
    """Return what an item's row of attributes holds of what the audio says, and sources claim."""
    if row is None:
        return {}
    return _known({name: row._mapping[column] for name, column in _MEASURED.items()})  # noqa: SLF001  a public name


def _known(heard: Mapping[str, Value | None]) -> dict[str, Value]:
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
    _drop_keys(connection, [{"wanted": item_id} for item_id in changed if before.get(item_id)])
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

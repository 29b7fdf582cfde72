"""The merge: one value of each field is chosen by the policy, none is lost, and each says where it comes from.

A pure function of the set of records, the policy and the locks: the order in which records arrived decides nothing,
and merging again changes nothing. A value that breaks its field's rule is kept and never chosen
(:func:`audiofeat.domain.metadata_fields.read_value` says why). Where a rule leaves several values, the order of the
sources decides, then the place of a source in its delivery, then its name; of two records of one source the fresher
one, and at last the value itself.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from audiofeat.domain.jobs import MetadataValue
from audiofeat.domain.merge_policy import DEFAULT, MEASURED, FieldPolicy, Policy, Rule
from audiofeat.domain.metadata_fields import Value, field_name, read_value
from audiofeat.domain.source_records import Lock, SourceRecord

INVALID, LOCKED = "invalid", "lock"
_common_name = lru_cache(maxsize=4_096)(field_name)
_HEARD = SourceRecord(MEASURED, "", {})


class _Said(NamedTuple):
    value: Value
    is_valid: bool
    record: SourceRecord


def merge(
    records: Iterable[SourceRecord],
    policy: Policy = DEFAULT,
    *,
    locks: Iterable[Lock] = (),
    measured: Mapping[str, Value] | None = None,
) -> tuple[MetadataValue, ...]:
    """Choose one value for each field and keep all others.

    Parameters
    ----------
    records : iterable of SourceRecord
        What the sources say of one item, in any order.
    policy : Policy
        Whose word counts.
    locks : iterable of Lock
        A person's values, which stand above every source.
    measured : mapping, optional
        What the audio says, by field; heard only where some source claims the field.

    Returns
    -------
    tuple of MetadataValue
        By field, the chosen value first, then the others as the policy has them; no two of one source are equal. A
        field without any valid value has none that is chosen.
    """
    said = _by_field(records, measured or {})
    held = {lock.field: lock for lock in locks}
    merged: list[MetadataValue] = []
    for name in sorted({*said, *held}):
        lock = held.get(name)
        if lock is not None:
            merged.append(
                MetadataValue(
                    name, lock.value, f"person:{lock.by}", chosen=True, fetched_at=lock.at, rule=LOCKED
                )
            )  # fmt: skip
        of_field = policy.of(name)
        ordered = _ordered(said.get(name, []), of_field)
        for place, one in enumerate(ordered):
            merged.append(_value(name, one, of_field.rule, chosen=one.is_valid and place == 0 and lock is None))
    return tuple(merged)


def choose(
    records: Iterable[SourceRecord],
    policy: Policy = DEFAULT,
    *,
    locks: Iterable[Lock] = (),
    measured: Mapping[str, Value] | None = None,
) -> dict[str, Value]:
    """Return by field the values that :func:`merge` chooses, without the rest."""
    chosen = {lock.field: lock.value for lock in locks}
    records, heard = list(records), measured or {}
    ranked = _ranked(records, policy.general)
    said: Mapping[str, list[_Said]]
    if ranked is None:
        said = _by_field(records, heard)
    else:
        said = _first_valid(ranked, policy, heard, chosen)
    for name, of_field in said.items():
        if name not in chosen:
            best = of_field[0] if len(of_field) == 1 else min(of_field, key=_standing(of_field, policy.of(name)))
            if best.is_valid:
                chosen[name] = best.value
    return chosen


def _ranked(records: list[SourceRecord], general: FieldPolicy) -> list[SourceRecord] | None:
    """Return records by trust where that alone decides, as it nearly always does: no two stand alike."""
    if general.rule is not Rule.ORDER or general.names(MEASURED):
        return None
    places = {(general.place(r.source), r.rank, r.source, -r.fetched_at): r for r in records}
    if len(places) < len(records) or any(len({*map(_common_name, r.fields)}) < len(r.fields) for r in records):
        return None
    return [places[place] for place in sorted(places)]


def _first_valid(
    ranked: Iterable[SourceRecord], policy: Policy, measured: Mapping[str, Value], chosen: dict[str, Value]
) -> dict[str, list[_Said]]:
    """Choose each field's first valid value; return what is said of the fields that have a policy of their own."""
    own: dict[str, list[_Said]] = {}
    wrong: set[str] = set()
    for record in ranked:
        for name, raw in record.fields.items():
            field = _common_name(name)
            if not field or field in chosen:
                continue
            value, problem = read_value(field, raw)
            if value is None:
                continue
            if field in policy.fields:
                own.setdefault(field, []).append(_Said(value, problem is None, record))
            elif problem is None:
                chosen[field] = value
            else:
                wrong.add(field)
    for name, value in measured.items():
        if name in own:
            own[name].append(_Said(value, is_valid=True, record=_HEARD))
        elif name in wrong:
            chosen.setdefault(name, value)
    return own


def conflicts(values: Iterable[MetadataValue]) -> dict[str, list[MetadataValue]]:
    """Return the fields on which valid values differ, without regard to case; the chosen value stands first."""
    by_field: dict[str, list[MetadataValue]] = {}
    for value in values:
        if value.rule != INVALID and value.source != MEASURED:
            by_field.setdefault(value.field, []).append(value)
    return {name: said for name, said in by_field.items() if len({_folded(one.value) for one in said}) > 1}


def _by_field(records: Iterable[SourceRecord], measured: Mapping[str, Value]) -> dict[str, list[_Said]]:
    said: dict[str, list[_Said]] = {}
    for record in records:
        for name, raw in record.fields.items():
            field = _common_name(name)
            value, problem = read_value(field, raw)
            if field and value is not None:
                said.setdefault(field, []).append(_Said(value, problem is None, record))
    for name, heard in measured.items():
        if name in said:
            said[name].append(_Said(heard, is_valid=True, record=_HEARD))
    return said


def _ordered(said: list[_Said], policy: FieldPolicy) -> list[_Said]:
    """Return what is said of a field, best first, each value of a source once."""
    best: dict[tuple[str, Value, type], _Said] = {}
    for one in sorted(said, key=_standing(said, policy)):
        best.setdefault((one.record.source, one.value, type(one.value)), one)
    return list(best.values())


def _standing(said: list[_Said], policy: FieldPolicy) -> Callable[[_Said], tuple[Any, ...]]:
    """Return by what the values of a field are ordered, best first."""
    rule = _RULES[policy.rule]
    votes = _votes(said) if policy.rule is Rule.VOTE else {}
    is_heard = policy.rule is Rule.MEASURED or policy.names(MEASURED)

    def standing(one: _Said) -> tuple[Any, ...]:
        record = one.record
        return (
            not one.is_valid, not is_heard and record.source == MEASURED, rule(one, votes),
            policy.place(record.source), record.rank, record.source, -record.fetched_at, json.dumps(one.value),
            record.record_id, record.licence or "", record.confidence,
        )  # fmt: skip

    return standing


_RULES: Mapping[Rule, Callable[[_Said, Mapping[str, int]], float]] = {
    Rule.ORDER: lambda _said, _votes: 0,
    Rule.FRESHEST: lambda said, _votes: -said.record.fetched_at,
    Rule.LONGEST: lambda said, _votes: -len(str(said.value)),
    Rule.VOTE: lambda said, votes: -votes[_folded(said.value)],
    Rule.ANY: lambda said, _votes: said.value is not True,
    Rule.MEASURED: lambda said, _votes: said.record.source != MEASURED,
}


def _votes(said: Iterable[_Said]) -> Mapping[str, int]:
    """Return how many sources say each value."""
    voters = {(one.record.source, _folded(one.value)) for one in said if one.is_valid}
    return Counter(value for _, value in voters)


def _folded(value: Value) -> str:
    return str(value).casefold()


def _value(name: str, one: _Said, rule: Rule, *, chosen: bool) -> MetadataValue:
    record = one.record
    return MetadataValue(
        field=name,
        value=one.value,
        source=record.source,
        chosen=chosen,
        record_id=record.record_id,
        fetched_at=record.fetched_at,
        licence=record.licence,
        rule=rule.value if one.is_valid else INVALID,
        confidence=record.confidence,
    )

"""Find the items that records are about, in the ledger, many records at a time."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from audiofeat.domain import matching
from audiofeat.domain.match_keys import file_of, identifiers, sketches
from audiofeat.domain.merging import choose
from audiofeat.domain.metadata_fields import read_value
from audiofeat.domain.source_records import Match, MatchState, SourceRecord
from audiofeat.errors import ItemUnknown
from audiofeat.ports import Catalogue, Described

# A sketch that more items share says next to nothing; an identifier that as many carry is broken.
_MOST_OF_A_KEY = 500


class _Wanted(NamedTuple):
    record: SourceRecord
    said: Mapping[str, Any]
    identifiers: frozenset[str]
    sketches: frozenset[str]
    # A recording may have several, of which an item has one.
    isrcs: frozenset[str] = frozenset()


def match(catalogue: Catalogue, records: Sequence[SourceRecord]) -> list[Match]:
    """Return each record with the item that it is about, with those that it may be about, or with none.

    A record that names its item by ``reference``, or by the ``path`` of its audio, needs no matching.
    """
    wanted = [_wanted(record) for record in records]
    named = _named(catalogue, wanted)
    open_ones = [one for one in wanted if id(one.record) not in named]
    keys = {key for one in open_ones for key in one.identifiers | one.sketches}
    carriers = catalogue.carriers(keys, most=_MOST_OF_A_KEY) if keys else {}
    files = _files(catalogue, open_ones)
    items = catalogue.described({item_id for ids in carriers.values() for item_id in ids}.union(files.values()))
    matches: list[Match] = []
    for one in wanted:
        item_id, rule = named.get(id(one.record), ("", ""))
        if item_id:
            matches.append(Match(one.record, item_id, MatchState.MATCHED, rule, {"agree": [rule]}))
        else:
            matches += _matched(one, carriers, items, files.get(file_of(one.said), ""))
    return matches


def _wanted(record: SourceRecord) -> _Wanted:
    said = choose([record])
    codes = record.fields.get("isrcs")
    isrcs = frozenset(str(read_value("isrc", code)[0]) for code in codes) if isinstance(codes, list) else frozenset()
    keys = {f"isrc:{code}" for code in isrcs}.union(identifiers(said).values())
    return _Wanted(record, said, frozenset(keys), sketches(said), isrcs)


def _named(catalogue: Catalogue, wanted: Sequence[_Wanted]) -> dict[int, tuple[str, str]]:
    """Return the items that records name outright, by the identity of the record."""
    references = {str(one.said["reference"]) for one in wanted if "reference" in one.said}
    by_reference = catalogue.named(references) if references else {}
    found: dict[int, tuple[str, str]] = {}
    for one in wanted:
        item_id = by_reference.get(str(one.said.get("reference", "")))
        if item_id:
            found[id(one.record)] = (item_id, "reference")
        elif path := str(one.record.fields.get("path") or "").strip():
            try:
                found[id(one.record)] = (catalogue.find_item(path).item_id, "path")
            except ItemUnknown:
                continue
    return found


def _files(catalogue: Catalogue, wanted: Sequence[_Wanted]) -> dict[str, str]:
    """Return the items whose file has the name that a feed gives, where one item and one episode alone have it."""
    names = Counter(name for one in wanted if (name := file_of(one.said)))
    called = catalogue.items_called([name for name, count in names.items() if count == 1]) if names else {}
    return {name: view.item_id for name, view in called.items()}


def _matched(
    one: _Wanted, carriers: Mapping[str, list[str]], items: Mapping[str, Described], of_file: str
) -> list[Match]:
    definite = {item_id for key in one.identifiers for item_id in carriers.get(key, ()) if item_id in items}
    found = [
        finding
        for item_id in sorted(definite)
        if (finding := matching.by_identifier(_said_of(one, items[item_id]), _facts(items[item_id]), item_id))
    ]
    file = matching.by_file(one.said, _facts(items[of_file]), of_file) if of_file in items else None
    if file is not None and not file.blocked:
        # Also where another item was this episode before: its audio has come anew, under another name.
        found = [next((finding for finding in found if finding.item_id == of_file), file)]
    elif not found:
        near = {item_id for key in one.sketches for item_id in carriers.get(key, ()) if item_id in items}
        by_item = {item_id: matching.by_names(one.said, _facts(items[item_id]), item_id) for item_id in sorted(near)}
        if file is not None and (of_file not in by_item or by_item[of_file].blocked):
            by_item[of_file] = file
        found = list(by_item.values())
    decided = matching.decide(found)
    if not decided:
        return [Match(one.record, "", MatchState.UNMATCHED)]
    return [
        Match(
            replace(one.record, confidence=finding.confidence), finding.item_id, state, finding.rule, finding.evidence
        )
        for finding, state in decided
    ]  # fmt: skip


def _said_of(one: _Wanted, item: Described) -> Mapping[str, Any]:
    """Return what a record says, with the item's own ISRC where it is one of the record's."""
    isrc = item.said.get("isrc")
    return {**one.said, "isrc": isrc} if isrc in one.isrcs else one.said


def _facts(item: Described) -> Mapping[str, Any]:
    """Return what is said of an item, its duration as it was decoded."""
    heard = {"duration_s": item.measured["duration_s"]} if "duration_s" in item.measured else {}
    return {**item.said, **({"reference": item.reference} if item.reference else {}), **heard}

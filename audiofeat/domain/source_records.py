"""What sources say, as received: one record of one source, and what a person has decided over all of them."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from audiofeat.domain.jobs import MetadataRecord
from audiofeat.domain.metadata_fields import Value, clean

MOST_RECORD_CHARACTERS = 256 * 1024
MOST_FIELDS = 500
# By what a record is called where its source gives it no name, the most definite first.
_NAMES = ("record_id", "id", "reference", "guid", "mbid", "isrc", "enclosure_url", "path")
# The source that stands in the file itself.
TAGS = "tags"


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """One record of one source.

    Parameters
    ----------
    source : str
        Its name; what stands before a colon is its family.
    record_id : str
        The source's own name of the record.
    fields : mapping
        What it says, as received.
    fetched_at : float
        When, in epoch seconds.
    licence : str or None
        Under which the source gives it.
    rank : int
        Place of the source among those that were delivered together, the most trusted first.
    confidence : float
        How sure it is that the record is about the item, 0 to 1.
    """

    source: str
    record_id: str
    fields: Mapping[str, Any]
    fetched_at: float = 0.0
    licence: str | None = None
    rank: int = 0
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that was skipped.

    Parameters
    ----------
    place : str
        File and line, or address and entry.
    reason : str
        What is wrong with it.
    """

    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A source takes back what it said.

    Parameters
    ----------
    under : str
        Name of the record, or of what its records are called under: ``upc`` for ``upc/isrc``.
    """

    source: str
    under: str


@dataclass(frozen=True, slots=True)
class Whole:
    """A source has told all that it has: what it said before ``told_at``, and not now, it has taken back.

    Parameters
    ----------
    under : str
        Only of the records that are called so or under it; empty: of all.
    since : str or None
        Only of what was released after this day: what is older may have left the window that the source shows.
    """

    source: str
    told_at: float
    under: str = ""
    since: str | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """When an address of a source was last asked, and what to ask with next time.

    Parameters
    ----------
    etag, last_modified : str or None
        The validators that it answered with.
    """

    source: str
    address: str
    visited_at: float
    etag: str | None = None
    last_modified: str | None = None


# What comes from a source: a visit is told of when all that it brought was.
Told = SourceRecord | Unreadable | Withdrawn | Whole | Visit


@dataclass(frozen=True, slots=True)
class Lock:
    """A person's word on one field of one item: no source overrides it."""

    field: str
    value: Value
    by: str
    at: float


class MatchState(StrEnum):
    """How a record came to an item."""

    OWN = "own"  # it came with the item, or stands in its file
    MATCHED = "matched"
    WAITING = "waiting"  # a person has to say
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNMATCHED = "unmatched"


# Records in these states are merged.
MERGED_STATES = frozenset({MatchState.OWN, MatchState.MATCHED, MatchState.ACCEPTED})


@dataclass(frozen=True, slots=True)
class Match:
    """A record and an item that it may be about.

    Parameters
    ----------
    record : SourceRecord
        Carries the confidence.
    item_id : str
        Empty where no item was found.
    rule : str
        By what they were brought together.
    evidence : mapping
        What agrees and what does not, for people.
    """

    record: SourceRecord
    item_id: str
    state: MatchState
    rule: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


def delivered(records: Iterable[MetadataRecord], *, record_id: str = "", fetched_at: float = 0.0) -> list[SourceRecord]:
    """Return records that came together about one item, each with the place of its source among them."""
    ranks: dict[str, int] = {}
    return [
        SourceRecord(
            source=record.source,
            record_id=record_id,
            fields=record.fields,
            fetched_at=fetched_at,
            rank=ranks.setdefault(record.source, len(ranks)),
        )
        for record in records
    ]


def record_id_of(fields: Mapping[str, Any]) -> str:
    """Return what a record is called, so that the same one is known again when it comes next time.

    Examples
    --------
    >>> record_id_of({"reference": "trk-1", "title": "One"}), record_id_of({"title": "One"})
    ('trk-1', 'fb6a20f41686')
    """
    named = next((text for name in _NAMES if (text := clean(str(fields.get(name) or ""))[:500])), "")
    if named:
        return named
    spelt = "\x1f".join(str(fields.get(name) or "").casefold() for name in ("artist", "show", "album", "title"))
    return hashlib.sha256(spelt.encode(errors="replace")).hexdigest()[:12]


def problem_with(fields: Mapping[str, Any]) -> str | None:
    """Return why a record is not taken: it is too large to be about one item, or says nothing."""
    if len(fields) > MOST_FIELDS:
        return f"more than {MOST_FIELDS} fields"
    size = sum(len(name) + len(value if isinstance(value, str) else repr(value)) for name, value in fields.items())
    if size > MOST_RECORD_CHARACTERS:
        return f"more than {MOST_RECORD_CHARACTERS:,} characters"
    return None if any(value not in {None, ""} for value in map(_plain, fields.values())) else "it says nothing"


def _plain(value: object) -> object:
    return str(value) if isinstance(value, list | dict) else value

"""DDEX ERN release messages, 3.8 and 4.x, in files: what labels and distributors say of sound recordings and releases.

Read are the versions whose schema the elements of :mod:`~audiofeat.metadata_sources.ddex_fields` were looked up in.

A message is the truth about its releases as its sender knows it: it takes the place of what the same sender said of
them before. Releases that are purged, taken down, or whose deals have all ended take back what was said of them.
Sources are called after the sender (``ddex:`` and its party id): nobody withdraws what somebody else has said.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from audiofeat.domain.source_records import SourceRecord, Told, Unreadable, Whole, Withdrawn, problem_with
from audiofeat.metadata_sources.ddex_fields import (
    Party,
    is_true,
    names_of,
    party_of,
    recording_fields,
    release_fields,
    tracks_of,
)
from audiofeat.metadata_sources.lines import opened
from audiofeat.metadata_sources.xml_pieces import BrokenXml, Node, Piece, Pieces
from audiofeat.ports import Described

MESSAGES = frozenset({"NewReleaseMessage", "PurgeReleaseMessage"})
VERSIONS = ("3.8", "3.8.1", "3.8.2", "3.8.3", "4.1", "4.1.1", "4.2", "4.3", "4.3.1", "4.3.2")
_NAMESPACE = re.compile(rf"https?://ddex\.net/xml/ern/({'|'.join(VERSIONS).replace('.', '')})/?")
_HEADER, _PARTY = ("MessageHeader",), ("PartyList", "Party")
_RECORDING, _RELEASE = ("ResourceList", "SoundRecording"), ("ReleaseList", "Release")
_DEAL = ("DealList", "ReleaseDeal", "Deal")
_DEAL_OF = ("DealList", "ReleaseDeal", "DealReleaseReference")
_PURGED = ("PurgedRelease",)
_WANTED = (_HEADER, _PARTY, _RECORDING, _RELEASE, _DEAL, _DEAL_OF, _PURGED)
_MOST_RECORDINGS = 20_000
_CHUNK_BYTES = 64 * 1024


@dataclass
class _Deals:
    """What may be done with a release: where, and whether anything may still."""

    territories: dict[str, None] = field(default_factory=dict)
    are_made: bool = False
    is_open: bool = False


@dataclass
class _Message:
    """What of a message has to be known together."""

    header: Node = field(default_factory=lambda: Node("MessageHeader"))
    parties: dict[str, Party] = field(default_factory=dict)
    recordings: dict[str, Node] = field(default_factory=dict)
    releases: list[tuple[int, Node]] = field(default_factory=list)
    deals: dict[str, _Deals] = field(default_factory=dict)
    of_release: list[str] = field(default_factory=list)
    was_deal: bool = False

    @property
    def sender(self) -> str:
        """The party id of whoever sends it."""
        return self.header.first("MessageSender", "PartyId") or "unknown"

    @property
    def created(self) -> datetime | None:
        """When it was made."""
        return _moment(self.header.first("MessageCreatedDateTime"))


class DdexFile:
    """One message in a file."""

    is_of_the_world = False

    def __init__(self, path: Path, *, name: str | None, licence: str | None, fetched_at: float) -> None:
        self._path, self._at, self._name = path, fetched_at, name
        self.name, self.licence = name or "ddex", licence

    def fetch(self, items: Iterable[Described]) -> Iterator[Told]:  # noqa: ARG002  a message tells of whom it tells
        """Yield what the message says of each recording on each release, and what it takes back."""
        with opened(self._path) as file:
            yield from self.read(iter(lambda: file.read(_CHUNK_BYTES), b""))

    def read(self, chunks: Iterable[bytes]) -> Iterator[Told]:
        """Yield what the bytes of a message say; one that breaks off takes nothing back, nor does it say anything."""
        pieces, message = Pieces(_WANTED), _Message()
        problems: list[Unreadable] = []
        try:
            for piece in pieces.read(chunks):
                if piece.problem:
                    problems.append(self._unreadable(piece.line, piece.problem))
                elif piece.path == _PURGED:
                    yield from self._purged(message, piece.node)
                else:
                    _take(message, piece)
        except BrokenXml as error:
            yield from problems
            yield self._unreadable(pieces.line, str(error))
            return
        space, root = pieces.root or ("", "")
        if root not in MESSAGES or not _NAMESPACE.fullmatch(space):
            known = f"{', '.join(VERSIONS[:-1])} or {VERSIONS[-1]}"
            yield self._unreadable(1, f"no release message of DDEX ERN {known}, but {root!r} of {space!r:.100}")
        elif message.header.first("MessageControlType") == "TestMessage":
            yield self._unreadable(1, "a test message, as its header says")
        else:
            yield from problems
            yield from self._releases(message, is_whole=not problems)

    def _releases(self, message: _Message, *, is_whole: bool) -> Iterator[Told]:
        main = [one for one in message.releases if one[1].first("ReleaseType") != "TrackRelease"]
        source = self._source(message)
        for line, release in main or message.releases:
            name = next(iter(names_of(release)), "")
            if not name:
                yield self._unreadable(line, "a release without an id")
                continue
            deals = _deals_of(message, release)
            if deals.are_made and not deals.is_open:
                yield from (Withdrawn(source, known) for known in names_of(release))
                continue
            problems = 0
            for told in self._records(message, line, release, deals):
                problems += isinstance(told, Unreadable)
                yield told
            if is_whole and not problems:
                yield Whole(source, self._at, under=name)

    def _records(
        self, message: _Message, line: int, release: Node, deals: _Deals
    ) -> Iterator[SourceRecord | Unreadable]:
        of_release, name = release_fields(release, message.parties), next(iter(names_of(release)))
        for track in tracks_of(release):
            recording = message.recordings.get(track.reference)
            if recording is None:
                continue
            fields = {
                **of_release,
                **recording_fields(recording, message.parties, default_artist=of_release.get("album_artist", "")),
                **track.place,
                "territories": list(deals.territories),
            }
            said = {field: value for field, value in fields.items() if value not in ("", None, [])}
            problem = None if "title" in said else "a recording without a title"
            problem = problem or problem_with(said)
            if problem:
                yield self._unreadable(line, f"{track.reference}: {problem}")
            else:
                record_id = f"{name}/{said.get('isrc') or track.reference}"
                yield SourceRecord(
                    self._source(message), record_id, said, fetched_at=self._at, licence=self.licence
                )  # fmt: skip

    def _purged(self, message: _Message, purged: Node) -> Iterator[Withdrawn]:
        yield from (Withdrawn(self._source(message), name) for name in names_of(purged))

    def _source(self, message: _Message) -> str:
        return self._name or f"ddex:{message.sender}"

    def _unreadable(self, line: int, reason: str) -> Unreadable:
        return Unreadable(f"{self._path}:{line}", reason)


def _take(message: _Message, piece: Piece) -> None:
    """Keep of a message what releases are told from."""
    node = piece.node
    if piece.path == _HEADER:
        message.header = node
    elif piece.path == _PARTY:
        message.parties[node.first("PartyReference")] = party_of(node)
    elif piece.path == _RECORDING:
        if len(message.recordings) < _MOST_RECORDINGS:
            message.recordings[node.first("ResourceReference")] = node
    elif piece.path == _RELEASE:
        message.releases.append((piece.line, node))
    elif piece.path == _DEAL_OF:
        if message.was_deal:
            message.of_release = []
        message.of_release.append(node.text)
        message.was_deal = False
    elif piece.path == _DEAL:
        message.was_deal = True
        for reference in message.of_release:
            _agree(message.deals.setdefault(reference, _Deals()), node, message.created)


def _agree(deals: _Deals, deal: Node, now: datetime | None) -> None:
    deals.are_made = True
    for terms in deal.all("DealTerms"):
        if any(is_true(terms.first(name)) for name in ("TakeDown", "AllDealsCancelled")):
            continue
        ends = [terms.first("ValidityPeriod", name) for name in ("EndDate", "EndDateTime")]
        ended = [end for text in ends if (end := _moment(text)) is not None]
        if ended and now is not None and max(ended) < now:
            continue
        deals.is_open = True
        deals.territories |= dict.fromkeys(node.text for node in terms.all("TerritoryCode"))


def _deals_of(message: _Message, release: Node) -> _Deals:
    return message.deals.get(release.first("ReleaseReference"), _Deals())


def _moment(text: str) -> datetime | None:
    """Return a date or time without its zone: deals end by the day."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return None

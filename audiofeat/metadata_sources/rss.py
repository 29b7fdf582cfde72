"""Podcast feeds: RSS 2.0 with the namespaces of iTunes and of Podcasting 2.0, read as they come.

A feed is hostile until proven otherwise: DTDs and entities are refused (defusedxml), only the elements that are looked
at are kept, and a text that is longer than a field may be costs its own episode and no memory. What a feed says of its
show stands before its episodes, as every generator writes it.
"""

import mimetypes
import re
from collections.abc import Iterable, Iterator
from email.utils import parsedate_to_datetime
from typing import Any
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesNSImpl, Locator

from audiofeat.domain.chapters import MOST_CHAPTERS
from audiofeat.domain.metadata_fields import read_value
from audiofeat.domain.source_records import SourceRecord, Told, Unreadable, Whole, problem_with, record_id_of
from audiofeat.metadata_sources.xml_pieces import BrokenXml, parse

_ITUNES = "http://www.itunes.com/dtds/podcast-1.0.dtd"
_PODCAST = frozenset({
    "https://podcastindex.org/namespace/1.0",
    "https://github.com/Podcastindex-org/podcast-namespace/blob/main/docs/1.0.md",
})  # fmt: skip
_ATOM, _HISTORY = "http://www.w3.org/2005/Atom", "http://purl.org/syndication/history/1.0"
_OTHER_PARTS = frozenset({"next", "previous", "prev-archive", "next-archive"})
# Podlove Simple Chapters, in the feed itself; Podcasting 2.0 names an address instead, which nothing is fetched from.
_CHAPTERS = "http://podlove.org/simple-chapters"
_CHAPTER_PATH = ["rss", "channel", "item", "psc:chapters", "psc:chapter"]
_MOST_CHARACTERS = 4_096
_MOST_VALUES = 100
_VAGUE = frozenset({"ogg", "octet-stream", "mp4", "x-mp3", "binary"})
_LONGEST_TIME, _LONGEST_TITLE = 32, 200
# Element by its short name, and the field it becomes.
_OF_SHOW = {
    "title": "show", "language": "language", "itunes:author": "publisher", "itunes:explicit": "explicit",
    "copyright": "copyright", "podcast:guid": "show_guid", "podcast:license": "licence", "itunes:type": "show_type",
    "itunes:category": "genre",
}  # fmt: skip
_OF_EPISODE = {
    "title": "title", "guid": "guid", "link": "link", "pubDate": "release_date", "itunes:duration": "duration_s",
    "itunes:season": "season", "itunes:episode": "episode", "itunes:explicit": "explicit",
    "itunes:episodeType": "episode_type", "itunes:author": "author", "podcast:season": "season",
    "podcast:episode": "episode", "podcast:license": "licence", "podcast:person": "persons",
    "podcast:transcript": "transcript_urls", "enclosure": "enclosure_url",
    "podcast:chapters": "chapters_url",
    "description": "description", "itunes:summary": "description",
}  # fmt: skip
_BY_ATTRIBUTE = {"enclosure": "url", "podcast:chapters": "url", "podcast:transcript": "url", "itunes:category": "text"}
_CREDITED = frozenset({"host", "guest"})
_LISTS = frozenset({"persons", "transcript_urls", "genre"}) | _CREDITED
_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,3}):(\d{1,2})(?:\.\d+)?")


class FeedReader:
    """Turns the bytes of one feed into records.

    Parameters
    ----------
    place : str
        What the feed is called in what is told of it.
    name, licence, fetched_at
        Of the records.
    is_current : bool
        Whether the feed is as it is now: an episode that is missing from its midst was then deleted. What is older than
        all others may only have left the window that the feed shows; not so where the feed says that it is complete
        (RFC 5005).
    """

    def __init__(
        self, place: str, *, name: str, licence: str | None, fetched_at: float, is_current: bool = False
    ) -> None:
        self.name, self.licence = name, licence
        self._place, self._at, self._is_current = place, fetched_at, is_current
        self._days: list[str] = []
        self._seen: set[str] = set()
        self._is_readable = True

    def read(self, chunks: Iterable[bytes]) -> Iterator[Told]:
        """Yield the records of a feed's bytes; where it breaks off, the last thing says so."""
        handler = _Episodes()
        self._seen.clear()
        try:
            for _ in parse(chunks, handler, handler):
                yield from self._records(handler)
        except BrokenXml as error:
            yield from self._records(handler)
            yield self._broken(handler, str(error))
            return
        if not handler.is_feed:
            yield Unreadable(f"{self._place}:1", "not an RSS feed")
        elif self._is_current and self._is_readable and not handler.is_a_part:
            yield from self._whole(is_complete=handler.is_complete)

    def _whole(self, *, is_complete: bool) -> Iterator[Whole]:
        if is_complete:
            yield Whole(self.name, self._at)
        elif self._days and all(self._days):
            yield Whole(self.name, self._at, since=min(self._days))

    def _records(self, handler: "_Episodes") -> Iterator[Told]:
        for line, fields, problem in handler.taken():
            said = {name: value for name, value in fields.items() if value}
            wrong = problem or (None if said.get("title") or said.get("guid") else "neither title nor guid")
            wrong = wrong or problem_with(said)
            if wrong:
                self._is_readable = False
                yield Unreadable(f"{self._place}:{line}", wrong)
            elif (record_id := record_id_of(said)) in self._seen:
                # Feeds begin with what is newest.
                yield Unreadable(f"{self._place}:{line}", f"{record_id!r} names an episode above: that one stands")
            else:
                self._seen.add(record_id)
                if said.get("episode_type", "").lower() != "trailer":
                    # Trailers stay in a feed for ever.
                    day, wrong = read_value("release_date", said.get("release_date"))
                    self._days.append("" if wrong or day is None else str(day))
                yield SourceRecord(self.name, record_id, said, fetched_at=self._at, licence=self.licence)

    def _broken(self, handler: "_Episodes", reason: str) -> Unreadable:
        return Unreadable(f"{self._place}:{handler.line}", reason if handler.is_feed else f"not an RSS feed: {reason}")


class _Episodes(ContentHandler):
    """Collects what is looked at, element by element."""

    def __init__(self) -> None:
        super().__init__()
        self.is_feed = self.moved = self.is_complete = self.is_a_part = False
        self._where: Locator | None = None
        self._path: list[str] = []
        self._show: dict[str, Any] = {}
        self._episode: dict[str, Any] | None = None
        self._line = 1
        self._problem = self._other_enclosure = ""
        self._text: list[str] | None = None
        self._size = 0
        self._attributes: dict[str, str] = {}
        self._done: list[tuple[int, dict[str, Any], str]] = []

    @property
    def line(self) -> int:
        """Where the parser is."""
        return int(self._where.getLineNumber() or 1) if self._where else 1

    def setDocumentLocator(self, locator: Locator) -> None:  # noqa: N802  SAX's name
        """Take what knows where the parser is."""
        self._where = locator

    def taken(self) -> list[tuple[int, dict[str, Any], str]]:
        """Return the episodes that have ended since the last time: line, fields, what is wrong."""
        done, self._done = self._done, []
        return done

    def startElementNS(  # noqa: N802  SAX's name
        self, name: tuple[str | None, str], qname: str | None, attrs: AttributesNSImpl  # noqa: ARG002  the interface of SAX
    ) -> None:  # fmt: skip
        self.moved = True
        element = _short(name)
        self._path.append(element)
        self.is_feed |= self._path == ["rss", "channel"]
        if self._path == ["rss", "channel", "item"]:
            self._episode, self._problem, self._line = {}, "", self.line
            self._other_enclosure = ""
        if self._path[:-1] == ["rss", "channel"]:
            self.is_complete |= name == (_HISTORY, "complete")
            self.is_a_part |= name == (_ATOM, "link") and attrs.get((None, "rel"), "") in _OTHER_PARTS
        self._text = [] if self._field() else None
        self._size = 0
        if self._path == _CHAPTER_PATH and self._episode is not None:
            self._chapter({key[1]: str(value) for key, value in attrs.items() if not key[0]})
        self._attributes = {key[1]: str(value)[: _MOST_CHARACTERS + 1] for key, value in attrs.items() if not key[0]}

    def characters(self, content: str) -> None:
        self.moved = True
        if self._text is None:
            return
        self._size += len(content)
        if self._size <= _MOST_CHARACTERS:
            self._text.append(content)

    def endElementNS(self, name: tuple[str | None, str], qname: str | None) -> None:  # noqa: N802, ARG002  SAX
        self.moved = True
        field = self._field()
        if field and self._text is not None:
            self._take(field, self._path[-1])
        if self._path == ["rss", "channel", "item"] and self._episode is not None:
            if self._other_enclosure and "enclosure_url" not in self._episode:
                self._problem = self._problem or f"the enclosure is {self._other_enclosure}, not audio"
            self._done.append((self._line, {**self._show, "kind": "episode", **self._episode}, self._problem))
            self._episode = None
        self._path.pop()
        self._text = None

    def _chapter(self, said: dict[str, str]) -> None:
        chapters = self._episode.setdefault("chapters", []) if self._episode is not None else []
        if len(chapters) < MOST_CHAPTERS:
            chapters.append([said.get("start", "")[:_LONGEST_TIME], None, said.get("title", "")[:_LONGEST_TITLE]])

    def _field(self) -> str | None:
        """Return the field that the open element becomes, if any: a child of the channel or of an item."""
        place, element = self._path[:-1], self._path[-1]
        if place == ["rss", "channel"]:
            return _OF_SHOW.get(element)
        return _OF_EPISODE.get(element) if place == ["rss", "channel", "item"] else None

    def _take(self, field: str, element: str) -> None:
        into = self._show if self._episode is None else self._episode
        text = " ".join("".join(self._text or ()).split())
        if element in _BY_ATTRIBUTE:
            text = self._attributes.get(_BY_ATTRIBUTE[element], "")
        # Of a description the beginning is enough.
        is_long = self._size > _MOST_CHARACTERS or len(text) > _MOST_CHARACTERS
        if is_long and field != "description":
            self._problem = f"{element} is longer than {_MOST_CHARACTERS:,} characters"
        elif element == "enclosure" and not _may_hold_audio(kind := _kind_of(text, self._attributes.get("type"))):
            self._other_enclosure, text = kind, ""
        elif element == "podcast:person" and text:
            role = self._attributes.get("role", "host").lower()
            if role in _CREDITED and not self._problem:
                _add(into, role, text)
            text = f"{text} ({role})"
        elif field == "duration_s":
            text = _seconds(text)
        elif field == "release_date":
            text = _day(text)
        if text and not self._problem:
            _add(into, field, text)


def _add(into: dict[str, Any], field: str, text: str) -> None:
    if field in _LISTS:
        values = into.setdefault(field, [])
        if len(values) < _MOST_VALUES:
            values.append(text)
    else:
        # The first one stands: an element of one namespace repeats that of another.
        into.setdefault(field, text)


def _kind_of(url: str, media_type: str | None) -> str:
    """Return what a feed says an enclosure is, or else what its address ends in."""
    return media_type or mimetypes.guess_type(url.partition("?")[0])[0] or ""


def _may_hold_audio(media_type: str) -> bool:
    """Tell whether what a feed says of an enclosure leaves room for sound; many say nothing, or next to nothing."""
    kind, _, form = media_type.strip().lower().partition("/")
    return kind in {"", "audio", "video"} or (kind == "application" and form.partition(";")[0] in _VAGUE)


def _short(name: tuple[str | None, str]) -> str:
    space, local = name
    if space is None:
        return local
    if space.lower() == _ITUNES:
        return f"itunes:{local}"
    if space.rstrip("/").lower() == _CHAPTERS:
        return f"psc:{local}"
    return f"podcast:{local}" if space in _PODCAST else f"other:{local}"


def _seconds(text: str) -> str:
    """Return a duration in seconds: feeds say 3723, 62:03 or 1:02:03."""
    found = _CLOCK.fullmatch(text)
    if found is None:
        return text
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return str(3600 * hours + 60 * minutes + seconds)


def _day(text: str) -> str:
    """Return the day of a date as RFC 2822 writes it; anything else as it is."""
    try:
        return parsedate_to_datetime(text).date().isoformat()
    except (ValueError, TypeError, IndexError):
        return text

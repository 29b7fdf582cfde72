"""A podcast feed that is fetched from where it is published."""

from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from urllib.parse import urlsplit

from audiofeat.domain.source_records import Told, Unreadable, Visit, Whole
from audiofeat.metadata_sources.rss import FeedReader
from audiofeat.metadata_sources.web import GONE, NOT_FOUND, NOT_MODIFIED, Web, shown
from audiofeat.ports import Described
from audiofeat.source_errors import SourceRefused

# Many hosts do not know what they send; that it is a feed is seen when it is read.
_VAGUE = frozenset({"", "text/plain", "application/octet-stream", "binary/octet-stream"})


def feed_name(address: str) -> str:
    """Return what the source of a feed is called: its address without scheme and query, which may hold a secret."""
    parts = urlsplit(address)
    return f"rss:{parts.netloc}{parts.path}".rstrip("/")


def source_name(source: str) -> str:
    """Return what the ledger calls a source that is asked by itself: a feed by its address."""
    return feed_name(source) if "://" in source else source


class FetchedFeed:
    """A feed, asked for with the validators of the last time: where nothing has changed, nothing is sent.

    Parameters
    ----------
    web : Web
        The feed's host.
    target : str
        Path and query.
    visit : callable
        Returns the last visit to an address.
    now : callable
        Returns epoch seconds.
    """

    is_of_the_world = False

    def __init__(
        self,
        web: Web,
        target: str,
        *,
        name: str | None,
        licence: str | None,
        visit: Callable[[str, str], Visit | None],
        now: Callable[[], float],
    ) -> None:
        self._web, self._target, self._visit, self._now = web, target, visit, now
        self.name, self.licence = name or feed_name(f"{web.origin}{target}"), licence

    def fetch(self, items: Iterable[Described]) -> Iterator[Told]:  # noqa: ARG002  a feed tells of whom it tells
        """Yield the feed's episodes, and what of them it has taken back; a feed that is gone takes back all."""
        now, place = self._now(), shown(f"{self._web.origin}{self._target}")
        address = f"{shown(self._target)}#{sha256(self._target.encode()).hexdigest()[:12]}"
        known = self._visit(self.name, address)
        reply = self._web.get(self._target, types=_is_xml, known=known)
        if reply.status == NOT_FOUND:
            raise SourceRefused(f"{place} does not exist", "look up where the feed is by now")
        if reply.status == NOT_MODIFIED and known is not None:
            yield Visit(self.name, address, now, known.etag, known.last_modified)
            return
        if reply.status == GONE:
            yield Whole(self.name, now)
            return
        reader = FeedReader(place, name=self.name, licence=self.licence, fetched_at=now, is_current=True)
        is_readable = True
        for told in reader.read(reply.chunks()):
            is_readable &= not isinstance(told, Unreadable)
            yield told
        # What could not be read is asked for again, whether it has changed or not.
        kept = (reply.etag, reply.last_modified) if is_readable else (None, None)
        yield Visit(self.name, address, now, *kept)


def _is_xml(kind: str) -> bool:
    return kind in _VAGUE or kind.endswith(("/xml", "+xml"))

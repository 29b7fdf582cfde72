"""MusicBrainz: what its web service (``/ws/2``, JSON) says of the items that are asked about.

An item is asked for by its MusicBrainz recording id, else by its ISRC, else searched for by title, artist and duration;
whether what comes is about it, the matching decides. What was asked for lately is not asked for again. Only core data
is taken, which is in the public domain (CC0); genres, tags and ratings are under a non-commercial licence.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from audiofeat.domain.items import Kind
from audiofeat.domain.match_keys import identifiers
from audiofeat.domain.source_records import Told, Unreadable, Visit
from audiofeat.metadata_sources.musicbrainz_json import LICENCE, recording_record
from audiofeat.metadata_sources.web import NOT_MODIFIED, OK, Web, shown
from audiofeat.ports import Described
from audiofeat.source_errors import SourceProblem, SourceRefused, SourceUnavailable

NAME = "musicbrainz"
_INCLUDED = "artist-credits+isrcs+releases+release-groups+media"
_FOUND_MOST = 5
_SEARCH_WITHIN_MS = 10_000
_MOST_FAILURES = 3
_LUCENE = re.compile(r'([+\-&|!(){}\[\]^"~*?:\\/])')
_MBID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class MusicBrainz:
    """The web service, asked about items one by one.

    Parameters
    ----------
    web : Web
        The service's host, or a mirror of one's own.
    visit : callable
        Returns the last time that an item was asked about.
    fresh_s : float
        For how long an answer counts.
    now : callable
        Returns epoch seconds.
    """

    name = NAME
    licence: str | None = LICENCE
    is_of_the_world = True

    def __init__(
        self, web: Web, *, visit: Callable[[str, str], Visit | None], fresh_s: float, now: Callable[[], float]
    ) -> None:
        self._web, self._visit, self._fresh_s, self._now = web, visit, fresh_s, now

    def fetch(self, items: Iterable[Described]) -> Iterator[Told]:
        """Yield what the service says of each item; ends where it fails several times in a row."""
        failures = 0
        for item in items:
            address = _address(item.said, item.measured)
            if address is None:
                continue
            # By item: what it is asked for by may change with the first answer.
            known = self._visit(self.name, item.item_id)
            if known is not None and self._now() - known.visited_at < self._fresh_s:
                continue
            try:
                yield from self._asked(item.item_id, address, known)
                failures = 0
            except SourceProblem as problem:
                failures += 1
                if failures == _MOST_FAILURES or isinstance(problem, SourceUnavailable):
                    raise
                yield Unreadable(shown(f"{self._web.origin}{address}"), str(problem))

    def _asked(self, item_id: str, address: str, known: Visit | None) -> Iterator[Told]:
        now = self._now()
        reply = self._web.get(address, types=lambda kind: kind == "application/json", known=known)
        if reply.status == NOT_MODIFIED and known is not None:
            yield Visit(self.name, item_id, now, known.etag)
            return
        if reply.status == OK:
            place = shown(f"{self._web.origin}{address}")
            for recording in _recordings(b"".join(reply.chunks()), place):
                yield recording_record(
                    recording, source=self.name, place=place, fetched_at=now, isrc=_asked_isrc(address)
                )
        yield Visit(self.name, item_id, now, reply.etag)


def _address(said: Mapping[str, Any], measured: Mapping[str, Any]) -> str | None:
    """Return the path and query that ask about an item; None where nothing is known to ask by."""
    if said.get("kind") == Kind.EPISODE:
        return None
    named = identifiers(said)
    mbid = named.get("mbid", "").removeprefix("mbid:")
    if _MBID.fullmatch(mbid):
        return f"/ws/2/recording/{mbid}?inc={_INCLUDED}&fmt=json"
    if "isrc" in named:
        isrc = named["isrc"].removeprefix("isrc:")
        return f"/ws/2/isrc/{quote(isrc, safe='')}?inc={_INCLUDED}&fmt=json"
    title, artist = (str(said.get(name) or "") for name in ("title", "artist"))
    if not title or not artist:
        return None
    terms = [f'recording:"{_escaped(title)}"', f'artist:"{_escaped(artist)}"']
    duration_s = measured.get("duration_s", said.get("duration_s"))
    if isinstance(duration_s, int | float):
        length_ms = round(1000 * duration_s)
        terms.append(f"dur:[{max(0, length_ms - _SEARCH_WITHIN_MS)} TO {length_ms + _SEARCH_WITHIN_MS}]")
    return f"/ws/2/recording?{urlencode({'query': ' AND '.join(terms), 'limit': _FOUND_MOST, 'fmt': 'json'})}"


def _escaped(text: str) -> str:
    return _LUCENE.sub(r"\\\1", text)


def _asked_isrc(address: str) -> str | None:
    found = re.match(r"/ws/2/isrc/([A-Z0-9]+)\?", address)
    return found[1] if found else None


def _recordings(body: bytes, place: str) -> list[Any]:
    """Return the recordings of an answer: of a look-up by id it is the answer itself."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SourceRefused(f"{place} is no JSON: {error}") from error
    if isinstance(found, dict) and isinstance(found.get("recordings"), list):
        return list(found["recordings"])
    if isinstance(found, dict) and "title" in found:
        return [found]
    raise SourceRefused(f"{place} answers with something else than recordings")

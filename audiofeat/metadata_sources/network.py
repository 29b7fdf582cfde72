"""Sources that are asked over the network; off until somebody has said who asks."""

import time
from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlsplit

from audiofeat.domain.source_records import Visit
from audiofeat.errors import InvalidInput, SettingsInvalid
from audiofeat.metadata_sources.feeds import FetchedFeed, source_name
from audiofeat.metadata_sources.musicbrainz import NAME as MUSICBRAINZ
from audiofeat.metadata_sources.musicbrainz import MusicBrainz
from audiofeat.metadata_sources.web import Manners, Web, split_address
from audiofeat.ports import RecordSource

__all__ = ["MUSICBRAINZ", "RSS", "SOURCES", "open_feed", "open_musicbrainz", "open_scheduled"]

RSS = "rss"
SOURCES = (MUSICBRAINZ, RSS)
# As the service asks of everybody: https://musicbrainz.org/doc/MusicBrainz_API/Rate_Limiting
_PUBLIC_PAUSE_S = 1.0
_PUBLIC_HOST = "musicbrainz.org"
_FEED_PAUSE_S = 1.0
_MOST_FEED_BYTES = 128 << 20
_DAY_S = 86_400
_HOUR_S = 3_600


class Choices(Protocol):
    """What an operator chooses for such sources; the settings have it."""

    @property
    def metadata_user_agent(self) -> str | None:
        """Who asks."""

    @property
    def musicbrainz_url(self) -> str:
        """The web service, or a mirror."""

    @property
    def musicbrainz_rate(self) -> float:
        """Requests a second."""

    @property
    def musicbrainz_fresh_days(self) -> float:
        """For how long an answer counts."""

    @property
    def metadata_refresh(self) -> tuple[str, ...]:
        """What is asked by itself: ``musicbrainz``, and addresses of feeds."""

    @property
    def metadata_feed_hours(self) -> float:
        """How often feeds are."""


VisitOf = Callable[[str, str], Visit | None]


def open_musicbrainz(choices: Choices, visit: VisitOf, *, again: bool = False) -> MusicBrainz:
    """Return MusicBrainz's web service.

    Parameters
    ----------
    again : bool
        Whether to ask also for what was asked for lately.

    Raises
    ------
    SettingsInvalid
        Nobody has said who asks, or the public service is asked too fast.
    """
    origin, _ = split_address(choices.musicbrainz_url)
    pause_s = 1.0 / choices.musicbrainz_rate
    host = urlsplit(origin).hostname or ""
    if (host == _PUBLIC_HOST or host.endswith(f".{_PUBLIC_HOST}")) and pause_s < _PUBLIC_PAUSE_S:
        raise SettingsInvalid(
            f"{host} takes one request a second from everybody", "set AUDIOFEAT_MUSICBRAINZ_RATE to 1, or use a mirror"
        )
    web = Web(origin, Manners(choices.metadata_user_agent or "", pause_s=pause_s))
    fresh_s = 0.0 if again else choices.musicbrainz_fresh_days * _DAY_S
    return MusicBrainz(web, visit=visit, fresh_s=fresh_s, now=time.time)


def open_feed(
    choices: Choices, visit: VisitOf, address: str | None, *, name: str | None = None, licence: str | None = None
) -> FetchedFeed:
    """Return a podcast feed at its address.

    Raises
    ------
    SettingsInvalid
        Nobody has said who asks.
    InvalidInput
        The address is none.
    """
    if address is None:
        raise InvalidInput("no feed is named", "give --feed https://host/feed.xml")
    origin, target = split_address(address)
    manners = Manners(choices.metadata_user_agent or "", pause_s=_FEED_PAUSE_S, most_bytes=_MOST_FEED_BYTES)
    return FetchedFeed(Web(origin, manners), target, name=name, licence=licence, visit=visit, now=time.time)


def open_scheduled(choices: Choices, visit: VisitOf, source: str) -> tuple[RecordSource, float]:
    """Return a source that is asked by itself, and how often that is, in seconds.

    MusicBrainz is gone through once a day; what was asked lately is passed over.

    Raises
    ------
    SettingsInvalid
        Nobody has said who asks, or that this source should be asked.
    """
    address = next((one for one in choices.metadata_refresh if source_name(one) == source), None)
    if address is None:
        raise SettingsInvalid(f"{source} is not in AUDIOFEAT_METADATA_REFRESH", "set it alike for all workers")
    if address == MUSICBRAINZ:
        return open_musicbrainz(choices, visit), _DAY_S
    return open_feed(choices, visit, address), choices.metadata_feed_hours * _HOUR_S

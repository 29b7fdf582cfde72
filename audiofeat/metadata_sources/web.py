"""GETs from one host: paced, tried again, limited in size and time, and never led to another host.

What is tried again, and when, is urllib3's :class:`~urllib3.util.Retry`: connections that fail or stall, bodies that
break off, 429 and 5xx, after as long as ``Retry-After`` asks for, else ever longer. A body is read to a file in memory
or, past a megabyte, on disk, so that one that broke off half-way is as if it had not come.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, InvalidHeader, MaxRetryError
from urllib3.response import BaseHTTPResponse
from urllib3.util import Retry, Timeout

from audiofeat.domain.source_records import Visit
from audiofeat.errors import InvalidInput, SettingsInvalid
from audiofeat.source_errors import SourceRefused, SourceUnavailable

_AGAIN = frozenset({429, 500, 502, 503, 504})
_MOVED = frozenset({301, 302, 303, 307, 308})
OK, NOT_MODIFIED, NOT_FOUND, GONE = 200, 304, 404, 410
_MOST_REDIRECTS = 5
_CHUNK_BYTES = 64 * 1024
_IN_MEMORY_BYTES = 1 << 20
_LONGEST_WAIT_S = 86_400


@dataclass(frozen=True, slots=True)
class Manners:
    """How a host is asked.

    Parameters
    ----------
    user_agent : str
        Says who asks and how to reach them.
    pause_s : float
        Between the starts of two requests.
    retries : int
        How often a request is tried again.
    backoff_s : float
        Before the second retry; doubles with each.
    patience_s : float
        The longest wait that a host may ask for.
    timeout_s : float
        For a connection, and without a byte.
    deadline_s : float
        For an answer as a whole.
    most_bytes : int
        Of an answer, unpacked.
    """

    user_agent: str
    pause_s: float = 1.0
    retries: int = 4
    backoff_s: float = 1.0
    patience_s: float = 120.0
    timeout_s: float = 30.0
    deadline_s: float = 300.0
    most_bytes: int = 4 << 20


@dataclass(frozen=True, slots=True)
class Reply:
    """What came: ``body`` is None where nothing has changed since the last visit, or nothing is there."""

    status: int
    body: IO[bytes] | None = None
    etag: str | None = None
    last_modified: str | None = None

    def chunks(self) -> Iterator[bytes]:
        """Yield the body, piece by piece."""
        if self.body is not None:
            with self.body:
                yield from iter(lambda: self.body.read(_CHUNK_BYTES), b"")  # type: ignore[union-attr]  # it is not replaced


class Web:
    """One host, asked one request at a time.

    Parameters
    ----------
    origin : str
        ``https://host`` or ``http://host:port``.
    wait : callable
        Sleeps for some seconds.

    Raises
    ------
    SettingsInvalid
        Nobody has said who asks.
    """

    def __init__(self, origin: str, manners: Manners, *, wait: Callable[[float], None] = time.sleep) -> None:
        if not manners.user_agent:
            raise SettingsInvalid(
                "sources on the network are off: they have to know who asks",
                "set AUDIOFEAT_METADATA_USER_AGENT to 'name/version (address)'",
            )
        self.origin = origin
        self._manners, self._wait = manners, wait
        self._pool = urllib3.PoolManager(
            timeout=Timeout(connect=manners.timeout_s, read=manners.timeout_s), retries=False
        )
        self._next_at = 0.0

    def get(self, target: str, *, types: Callable[[str], bool], known: Visit | None = None) -> Reply:
        """Return what lies at a path of this host.

        Parameters
        ----------
        target : str
            Path and query.
        types : callable
            Whether a content type is what was asked for.
        known : Visit, optional
            The last time, with the validators to send.

        Raises
        ------
        SourceUnavailable
            It does not answer in time, however often it is asked, or asks to come much later.
        SourceRefused
            It answers something else.
        """
        url, retry = f"{self.origin}{target}", self._retry()
        for _ in range(_MOST_REDIRECTS + 1):
            found, retry = self._answer(url, retry, types, known)
            if isinstance(found, Reply):
                return found
            url = self._within(url, found)
        raise SourceRefused(f"{shown(url)} leads round in circles")

    def _retry(self) -> Retry:
        manners = self._manners
        return Retry(
            total=manners.retries, status_forcelist=_AGAIN, backoff_factor=manners.backoff_s, backoff_jitter=0.25,
            backoff_max=manners.patience_s, retry_after_max=_LONGEST_WAIT_S,
        )  # fmt: skip

    def _answer(
        self, url: str, retry: Retry, types: Callable[[str], bool], known: Visit | None
    ) -> tuple[Reply | str, Retry]:
        """Return an answer, or where it lies instead, and how many tries are left."""
        while True:
            self._pace()
            problem: HTTPError | None = None
            response: BaseHTTPResponse | None = None
            try:
                response = self._pool.request("GET", url, headers=self._headers(known), redirect=False,
                                              preload_content=False)  # fmt: skip
                if response.status not in _AGAIN:
                    return self._taken(url, response, types), retry
            except HTTPError as error:
                problem = error
            finally:
                if response is not None:
                    response.close()
            try:
                retry = retry.increment("GET", url, response=None if problem else response, error=problem)
            except (MaxRetryError, HTTPError) as error:
                why = f"{response.status}" if response is not None and problem is None else f"{type(problem).__name__}"
                raise SourceUnavailable(f"{shown(url)} does not answer: {why}") from error
            self._wait(self._pause(url, retry, None if problem else response))

    def _pause(self, url: str, retry: Retry, response: BaseHTTPResponse | None) -> float:
        try:
            asked_for = retry.get_retry_after(response) if response is not None else None
        except InvalidHeader:
            asked_for = None
        if asked_for is not None and asked_for > self._manners.patience_s:
            raise SourceUnavailable(f"{shown(url)} asks to come back in {asked_for:.0f} s")
        return retry.get_backoff_time() if asked_for is None else asked_for

    def _taken(self, url: str, response: BaseHTTPResponse, types: Callable[[str], bool]) -> Reply | str:
        status, headers = response.status, response.headers
        if status in _MOVED:
            return headers.get("Location", "")
        if status in {NOT_MODIFIED, NOT_FOUND, GONE}:
            return Reply(status)
        if status != OK:
            raise SourceRefused(f"{shown(url)} answers {status}")
        kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if not types(kind):
            raise SourceRefused(
                f"{shown(url)} is {kind or 'of no type'}, not what was asked for", "open it in a browser, and check it"
            )
        return Reply(status, self._body(url, response), headers.get("ETag"), headers.get("Last-Modified"))

    def _body(self, url: str, response: BaseHTTPResponse) -> IO[bytes]:
        deadline, size = time.monotonic() + self._manners.deadline_s, 0
        body = SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115  whoever reads it closes it
        try:
            while chunk := response.read1(_CHUNK_BYTES, decode_content=True):
                size += len(chunk)
                self._require_within_limits(url, size, deadline)
                body.write(chunk)
        except BaseException:
            body.close()
            raise
        body.seek(0)
        return body

    def _require_within_limits(self, url: str, size: int, deadline: float) -> None:
        if size > self._manners.most_bytes:
            raise SourceRefused(f"{shown(url)} is larger than {self._manners.most_bytes:,} bytes")
        if time.monotonic() > deadline:
            raise SourceUnavailable(f"{shown(url)} takes longer than {self._manners.deadline_s:.0f} s")

    def _within(self, url: str, location: str) -> str:
        target = urljoin(url, location)
        here, there = urlsplit(url), urlsplit(target)
        is_upgrade = (here.scheme, there.scheme) == ("http", "https") and here.port is None and there.port is None
        is_same = (here.scheme, here.port) == (there.scheme, there.port) or is_upgrade
        if here.hostname != there.hostname or not is_same:
            raise SourceRefused(f"{shown(url)} leads to another host: {shown(target)}", "give that address if it is so")
        return target

    def _headers(self, known: Visit | None) -> dict[str, str]:
        headers = {"User-Agent": self._manners.user_agent, "Accept-Encoding": "gzip"}
        if known is not None and known.etag:
            headers["If-None-Match"] = known.etag
        if known is not None and known.last_modified:
            headers["If-Modified-Since"] = known.last_modified
        return headers

    def _pace(self) -> None:
        now = time.monotonic()
        if now < self._next_at:
            self._wait(self._next_at - now)
        self._next_at = max(now, self._next_at) + self._manners.pause_s


def shown(url: str) -> str:
    """Return an address without its query, which may hold a secret."""
    return urlsplit(url)._replace(query="", fragment="").geturl()


def split_address(address: str) -> tuple[str, str]:
    """Return the host of an address, as an origin, and what to ask it for; raises InvalidInput."""
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidInput(f"{address!r} is no address", "give https://host/path")
    if "@" in parts.netloc:
        raise InvalidInput(f"the address at {parts.hostname} holds a user or password", "leave them out")
    target = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
    return f"{parts.scheme}://{parts.netloc}", target if target.startswith("/") else f"/{target}"

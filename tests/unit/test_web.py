"""Asking a host: what is tried again, what is refused, and what never happens."""

import gzip
import itertools
import json
import time
from collections.abc import Iterator
from email.utils import formatdate
from typing import Any

import pytest

from audiofeat.domain.source_records import SourceRecord, Told, Unreadable, Visit, Whole
from audiofeat.errors import InvalidInput, SettingsInvalid
from audiofeat.metadata_sources import network
from audiofeat.metadata_sources.feeds import FetchedFeed, feed_name
from audiofeat.metadata_sources.musicbrainz import MusicBrainz
from audiofeat.metadata_sources.web import Manners, Reply, Web, split_address
from audiofeat.ports import Described
from audiofeat.source_errors import SourceRefused, SourceUnavailable
from webhost import Answer, Host, Waits, recorded, serving

AGENT = "example/1.0 (ana@example.org)"
QUICK = Manners(AGENT, pause_s=0.0, retries=3, timeout_s=1.0, deadline_s=20.0, most_bytes=100_000)
JSON = b'{"recordings": []}'


@pytest.fixture
def host() -> Iterator[Host]:
    with serving() as host:
        yield host


def asked(
    host: Host, *, known: Visit | None = None, target: str = "/a", manners: Manners = QUICK
) -> tuple[Reply, Waits]:
    waits, wait = recorded()
    web = Web(host.origin, manners, wait=wait)
    return web.get(target, types=lambda kind: kind == "application/json", known=known), waits


def body(reply: Reply) -> bytes:
    return b"".join(reply.chunks())


class TestWeb:
    def test_what_is_sent_and_what_comes(self, host: Host) -> None:
        """The operator's name, validators of the last time; a packed body is unpacked."""
        packed = Answer(body=gzip.compress(JSON), headers={"Content-Encoding": "gzip", "ETag": '"1"'})
        host.says("/a", packed, Answer(304))
        reply, _ = asked(host)
        assert (body(reply), reply.etag, reply.last_modified) == (JSON, '"1"', None)
        reply, _ = asked(host, known=Visit("s", "/a", 1.0, '"1"', "Tue, 01 Sep 2026 07:00:00 GMT"))
        assert (reply.status, reply.body) == (304, None)
        headers = host.asked[1][1]
        assert headers["user-agent"] == AGENT
        assert (headers["if-none-match"], headers["if-modified-since"]) == ('"1"', "Tue, 01 Sep 2026 07:00:00 GMT")

    def test_nobody_asks_without_a_name(self) -> None:
        """The error says which setting it is."""
        with pytest.raises(SettingsInvalid, match="AUDIOFEAT_METADATA_USER_AGENT"):
            Web("http://127.0.0.1:1", Manners(""))

    @pytest.mark.parametrize("status", [429, 503])
    def test_a_host_that_asks_for_patience_gets_it(self, host: Host, status: int) -> None:
        """As many seconds as it says, or until the moment that it says."""
        later = formatdate(time.time() + 90, usegmt=True)
        host.says(
            "/a", Answer(status, headers={"Retry-After": "7"}), Answer(status, headers={"Retry-After": later}),
            Answer(body=JSON),
        )  # fmt: skip
        reply, waits = asked(host)
        assert body(reply) == JSON
        assert waits[0] == 7
        assert 60 < waits[1] <= 90

    def test_a_host_that_asks_for_too_much_is_left(self, host: Host) -> None:
        """It is not asked again before its time."""
        host.says("/a", Answer(503, headers={"Retry-After": "86400"}))
        with pytest.raises(SourceUnavailable, match="86400"):
            asked(host)
        assert len(host.asked) == 1

    def test_waits_grow_where_nothing_is_said(self, host: Host) -> None:
        """A failing host is asked four times, ever later, and then given up; a senseless Retry-After is none."""
        host.says("/a", Answer(500), Answer(502, headers={"Retry-After": "soon"}), Answer(503))
        with pytest.raises(SourceUnavailable, match="503"):
            asked(host)
        waits, wait = recorded()
        assert len(host.asked) == 4
        with pytest.raises(SourceUnavailable):
            Web(host.origin, QUICK, wait=wait).get("/a", types=lambda _: True)
        assert waits == sorted(waits)
        assert waits[-1] >= 4

    @pytest.mark.parametrize(
        "bad",
        [
            Answer(hangs=True),
            Answer(body=JSON, declared=10_000),
            Answer(body=b"not gzip at all", headers={"Content-Encoding": "gzip"}),
        ],
        ids=["stalls", "breaks off", "cannot be unpacked"],
    )
    def test_half_an_answer_is_none(self, host: Host, bad: Answer) -> None:
        """It is asked for once more, as a whole."""
        host.says("/a", bad, Answer(body=JSON))
        reply, _ = asked(host)
        assert body(reply) == JSON

    def test_nobody_listens(self) -> None:
        """The error names the address, without its query."""
        with serving() as gone:
            origin = gone.origin
        with pytest.raises(SourceUnavailable, match=r"/a does not answer") as raised:
            Web(origin, QUICK, wait=lambda _: None).get("/a?token=secret", types=lambda _: True)
        assert "secret" not in str(raised.value)

    @pytest.mark.parametrize(
        ("answer", "why"),
        [
            (Answer(403), "403"),
            (Answer(body=b"<html>", kind="text/html"), "text/html"),
            (Answer(body=JSON, kind=""), "no type"),
            (Answer(body=b"x" * 200_000), "larger"),
            (Answer(body=gzip.compress(b"x" * 5_000_000), headers={"Content-Encoding": "gzip"}), "larger"),
            (Answer(pieces=itertools.repeat(b"x" * 10_000)), "larger"),
            (Answer(302, headers={"Location": "http://elsewhere.example/a"}), "another host"),
            (Answer(302, headers={"Location": "//elsewhere.example/a"}), "another host"),
            (Answer(301, headers={"Location": "/a"}), "circles"),
            (Answer(308, headers={"Location": "ftp://127.0.0.1/a"}), "another host"),
        ],
        ids=["forbidden", "page", "no type", "huge", "bomb", "endless", "away", "away too", "circle", "scheme"],
    )
    def test_what_is_refused(self, host: Host, answer: Answer, why: str) -> None:
        """Another kind of document, too much of it, and being led elsewhere; it is not tried again."""
        host.says("/a", answer)
        with pytest.raises(SourceRefused, match=why):
            asked(host)

    def test_a_document_may_move_on_its_host(self, host: Host) -> None:
        """It is followed there."""
        host.says("/a", Answer(301, headers={"Location": "/b"}))
        host.says("/b", Answer(body=JSON))
        assert body(asked(host)[0]) == JSON

    def test_requests_keep_their_distance(self, host: Host) -> None:
        """Each one waits for what is left of the pause, retries as well."""
        host.says("/a", Answer(503, headers={"Retry-After": "0"}), Answer(body=JSON))
        waits, wait = recorded()
        web = Web(host.origin, Manners(AGENT, pause_s=1_000.0), wait=wait)
        body(web.get("/a", types=lambda _: True))
        paced = [one for one in waits if one > 900]
        assert len(paced) == len(host.asked) - 1 == 1

    @pytest.mark.parametrize(
        "address", ["feeds.example/x", "ftp://feeds.example/x", "https://", "https://a:b@feeds.example/"]
    )
    def test_what_is_no_address(self, address: str) -> None:
        """It is refused with an example, and a password is not repeated."""
        with pytest.raises(InvalidInput, match="address") as raised:
            split_address(address)
        assert "a:b" not in str(raised.value)


def described(item_id: str, **said: Any) -> Described:
    duration = {"duration_s": said.pop("heard")} if "heard" in said else {}
    return Described(item_id, None, f"{item_id}.flac", said, duration)


RECORDING = {
    "id": "11111111-2222-4333-8444-555555555555", "title": "Evening Song", "disambiguation": "", "length": 200_400,
    "video": False, "first-release-date": "2019-05-03", "isrcs": ["QZAF12600001", "QZAF12600009"],
    "artist-credit": [
        {"name": "Anna Example", "joinphrase": " feat. ", "artist": {"id": "a1", "name": "Anna Example"}},
        {"name": "Bob", "joinphrase": "", "artist": {"id": "b2", "name": "Bob Beispiel"}},
    ],
    "releases": [
        {"id": "r3", "title": "The Best of Everybody", "status": "Official", "date": "2018", "barcode": "",
         "release-group": {"id": "g3", "primary-type": "Album", "secondary-types": ["Compilation"]}, "media": []},
        {"id": "r1", "title": "Evenings", "status": "Official", "date": "2019-05-03", "country": "GB",
         "barcode": "0602445790098", "release-group": {"id": "g1", "primary-type": "Album", "secondary-types": []},
         "media": [{"position": 2, "format": "CD", "track-count": 9, "track-offset": 3,
                    "tracks": [{"id": "t1", "number": "4", "position": 4, "title": "Evening Song"}]}]},
    ],
}  # fmt: skip


class TestMusicBrainz:
    """Fixtures have the form that the documentation of the web service shows: musicbrainz.org/doc/MusicBrainz_API."""

    def asked(self, host: Host, *items: Described, visits: dict[str, Visit] | None = None) -> list[Told]:
        kept = {} if visits is None else visits
        web = Web(host.origin, QUICK, wait=lambda _: None)
        source = MusicBrainz(web, visit=lambda _, address: kept.get(address), fresh_s=100.0, now=lambda: 1_000.0)
        told = list(source.fetch(items))
        kept |= {one.address: one for one in told if isinstance(one, Visit)}
        return told

    def test_by_id_by_isrc_and_by_name(self, host: Host) -> None:
        """The most definite of what is known of an item is asked by; an episode, or what has no name, by nothing."""
        by_id = f"/ws/2/recording/{RECORDING['id']}"
        host.says(by_id, Answer(body=json.dumps(RECORDING).encode()))
        host.says("/ws/2/isrc/QZAF12600001", Answer(body=json.dumps({"isrc": "x", "recordings": [RECORDING]}).encode()))
        host.says("/ws/2/recording", Answer(body=json.dumps({"count": 0, "recordings": []}).encode()))
        self.asked(
            host,
            described("1", mbid=RECORDING["id"], isrc="QZAF12600001"),
            described("2", isrc="QZAF12600001", title="x", artist="y"),
            described("3", title='Say "what" (live)', artist="A/B", heard=200.0),
            described("4", kind="episode", title="x", artist="y"),
            described("5", title="only"),
        )
        targets = [target for target, _ in host.asked]
        assert [target.partition("?")[0] for target in targets] == [by_id, "/ws/2/isrc/QZAF12600001", "/ws/2/recording"]
        assert "inc=artist-credits" in targets[0]
        assert "%5C%22what%5C%22+%5C%28live%5C%29" in targets[2]
        assert "dur%3A%5B190000+TO+210000%5D" in targets[2]

    def test_a_recording_becomes_a_record(self, host: Host) -> None:
        """Credit, first proper release and its place; of several ISRCs the one that was asked for."""
        host.says("/ws/2/isrc/QZAF12600001", Answer(body=json.dumps({"isrc": "x", "recordings": [RECORDING]}).encode()))
        [record, visit] = self.asked(host, described("2", isrc="QZAF12600001"))
        assert isinstance(record, SourceRecord)
        assert isinstance(visit, Visit)
        assert (record.source, record.record_id, record.licence) == ("musicbrainz", RECORDING["id"], "CC0-1.0")
        assert record.fields == {
            "mbid": RECORDING["id"], "kind": "track", "title": "Evening Song", "artist": "Anna Example feat. Bob",
            "artist_mbids": ["a1", "b2"], "artist_ids": ["Anna Example=mbid:a1", "Bob=mbid:b2"],
            "duration_s": 200.4, "isrc": "QZAF12600001",
            "isrcs": ["QZAF12600001", "QZAF12600009"], "release_date": "2019-05-03", "album": "Evenings",
            "album_mbid": "r1", "album_type": "Album", "upc": "0602445790098", "country": "GB", "disc_number": "2",
            "track_number": "4",
        }  # fmt: skip

    def test_another_version_says_so_in_its_title(self, host: Host) -> None:
        """MusicBrainz writes beside the title what a shop writes into it; the matching has to see it."""
        live = RECORDING | {"disambiguation": "live, 2010-05-01: Harbour Hall"}
        plain = RECORDING | {"disambiguation": "album version with a longer intro"}
        host.says("/ws/2/isrc/QZAF12600001", Answer(body=json.dumps({"recordings": [live, plain]}).encode()))
        titles = [
            one.fields["title"]
            for one in self.asked(host, described("2", isrc="QZAF12600001"))
            if isinstance(one, SourceRecord)
        ]
        assert titles == ["Evening Song (live, 2010-05-01: Harbour Hall)", "Evening Song"]

    def test_what_was_asked_lately_is_not_asked_again(self, host: Host) -> None:
        """Also where nothing was found; what is older is asked with its validators, and 304 keeps what is there."""
        host.says("/ws/2/isrc/QZAF12600001", Answer(404, headers={"ETag": '"1"'}))
        visits: dict[str, Visit] = {}
        item = described("2", isrc="QZAF12600001")
        assert [type(one) for one in self.asked(host, item, visits=visits)] == [Visit]
        assert self.asked(host, item, visits=visits) == []
        assert self.asked(host, described("2", isrc="QZAF12600001", mbid=RECORDING["id"]), visits=visits) == []
        visits["2"] = Visit("musicbrainz", "2", 10.0, '"1"')
        host.says("/ws/2/isrc/QZAF12600001", Answer(304))
        [visit] = self.asked(host, item, visits=visits)
        assert visit == Visit("musicbrainz", "2", 1_000.0, '"1"')

    @pytest.mark.parametrize(
        "garbage",
        [
            b"{",
            b"[]",
            b"null",
            b'{"recordings": 5}',
            b'{"recordings": [5]}',
            b'{"recordings": [{"id": {}}]}',
            b"\xff",
            b"[" * 50_000,
        ],
    )
    def test_garbage_costs_its_own_item(self, host: Host, garbage: bytes) -> None:
        """The next item is asked about; the item with the garbage is told of with its address."""
        host.says("/ws/2/isrc/QZAF12600001", Answer(body=garbage))
        host.says("/ws/2/isrc/QZAF12600002", Answer(body=json.dumps({"recordings": [RECORDING]}).encode()))
        told = self.asked(host, described("1", isrc="QZAF12600001"), described("2", isrc="QZAF12600002"))
        [problem] = [one for one in told if isinstance(one, Unreadable)]
        assert problem.place == f"{host.origin}/ws/2/isrc/QZAF12600001"
        assert [one.record_id for one in told if isinstance(one, SourceRecord)] == [RECORDING["id"]]

    def test_a_service_that_is_broken_is_left(self, host: Host) -> None:
        """After three answers in a row that are none, and at once where it does not answer at all."""
        items = [described(str(n), isrc=f"QZAF1260000{n}") for n in range(6)]
        for n in range(6):
            host.says(f"/ws/2/isrc/QZAF1260000{n}", Answer(body=b"<html>", kind="text/html"))
        with pytest.raises(SourceRefused):
            self.asked(host, *items)
        assert len(host.asked) == 3
        host.asked.clear()
        host.says("/ws/2/isrc/QZAF12600000", Answer(503, headers={"Retry-After": "9999"}))
        with pytest.raises(SourceUnavailable):
            self.asked(host, *items)
        assert len(host.asked) == 1

    @pytest.mark.parametrize(
        ("rate", "url", "is_taken"),
        [
            (1.0, "https://musicbrainz.org", True),
            (5.0, "https://beta.musicbrainz.org", False),
            (50.0, "https://mb.example", True),
        ],
    )
    def test_the_public_service_is_asked_once_a_second(self, rate: float, url: str, is_taken: bool) -> None:
        """A mirror of one's own may be asked faster."""

        class Chosen:
            metadata_user_agent, musicbrainz_url, musicbrainz_rate, musicbrainz_fresh_days = AGENT, url, rate, 1.0

        if is_taken:
            network.open_musicbrainz(Chosen(), lambda *_: None)
        else:
            with pytest.raises(SettingsInvalid, match="one request a second"):
                network.open_musicbrainz(Chosen(), lambda *_: None)


HEAD = '<rss version="2.0" xmlns:fh="http://purl.org/syndication/history/1.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel><title>Show</title>'


def feed(*days: int, head: str = "") -> bytes:
    episodes = "".join(
        f"<item><title>Day {day}</title><guid>{day}</guid><pubDate>Tue, {day:02} Sep 2026 07:00:00 GMT</pubDate></item>"
        for day in days
    )
    return f"{HEAD}{head}{episodes}</channel></rss>".encode()


class TestFeeds:
    def asked(self, host: Host, known: Visit | None = None) -> list[Told]:
        web = Web(host.origin, QUICK, wait=lambda _: None)
        source = FetchedFeed(
            web, "/feed?token=secret", name=None, licence="CC BY", visit=lambda *_: known, now=lambda: 9.0
        )
        return list(source.fetch(()))

    def test_validators_are_kept_and_sent(self, host: Host) -> None:
        """Nothing comes where nothing has changed; the secret in the query is neither name nor address."""
        host.says(
            "/feed",
            Answer(body=feed(1, 2), kind="application/rss+xml; charset=utf-8", headers={"ETag": "e"}),
            Answer(304),
        )
        *records, whole, visit = self.asked(host)
        assert [one.record_id for one in records if isinstance(one, SourceRecord)] == ["1", "2"]
        assert whole == Whole(feed_name(f"{host.origin}/feed"), 9.0, since="2026-09-01")
        assert isinstance(visit, Visit)
        assert visit.etag == "e"
        assert "secret" not in f"{visit}{whole}"
        assert self.asked(host, visit) == [visit]
        assert host.asked[1][1]["if-none-match"] == "e"

    @pytest.mark.parametrize(
        ("document", "whole"),
        [
            (feed(1, 3, head="<fh:complete/>"), [None]),
            (feed(1, 3, head='<atom:link rel="next" href="?page=2"/>'), []),
            (feed(1, 3).replace(b"<title>Day 3</title><guid>3</guid>", b""), []),
            (feed(1, 3)[:-30], []),
            (feed(), []),
            (feed(1, 3).replace(b"Tue, 01 Sep 2026 07:00:00 GMT", b"lately"), []),
        ],
        ids=["complete", "a page of several", "a broken episode", "broken off", "empty", "without dates"],
    )
    def test_only_a_feed_that_was_read_whole_takes_back(
        self, host: Host, document: bytes, whole: list[str | None]
    ) -> None:
        """What is missing from a part, or from what could not be read, was not deleted."""
        host.says("/feed", Answer(body=document, kind="text/xml", headers={"ETag": "e"}))
        told = self.asked(host)
        assert [one.since for one in told if isinstance(one, Whole)] == whole
        is_readable = not any(isinstance(one, Unreadable) for one in told)
        assert [one.etag for one in told if isinstance(one, Visit)] == ["e" if is_readable else None]

    def test_a_trailer_does_not_widen_the_window(self, host: Host) -> None:
        """It stays in a feed for ever."""
        trailer = feed(1, 5, 6).replace(b"<guid>1</guid>", b"<guid>1</guid><i:episodeType>trailer</i:episodeType>")
        trailer = trailer.replace(b"<rss ", b'<rss xmlns:i="http://www.itunes.com/dtds/podcast-1.0.dtd" ')
        host.says("/feed", Answer(body=trailer, kind="text/xml"))
        assert [one.since for one in self.asked(host) if isinstance(one, Whole)] == ["2026-09-05"]

    def test_a_feed_that_is_gone(self, host: Host) -> None:
        """410 takes back all that it said; 404 may be a mistake of the host."""
        host.says("/feed", Answer(410), Answer(404))
        assert self.asked(host) == [Whole(feed_name(f"{host.origin}/feed"), 9.0)]
        with pytest.raises(SourceRefused, match="does not exist"):
            self.asked(host)

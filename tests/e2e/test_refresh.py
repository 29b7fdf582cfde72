"""Sources on the network are asked by the workers themselves, when the settings say so."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from audiofeat.catalogue import open_catalogue
from webhost import Answer, Host, serving

FEED = (
    b'<rss version="2.0"><channel><title>Show</title>'
    b"<item><title>One</title><guid>ep-1</guid><pubDate>Tue, 01 Sep 2026 07:00:00 GMT</pubDate></item></channel></rss>"
)


@pytest.fixture
def host(environment: dict[str, str]) -> Iterator[Host]:
    """Serve a feed, and have the environment name it."""
    with serving() as host:
        host.says("/feed.xml", Answer(body=FEED, kind="application/rss+xml"))
        environment["AUDIOFEAT_METADATA_USER_AGENT"] = "shop/1.0 (ana@example.org)"
        environment["AUDIOFEAT_METADATA_REFRESH"] = f"{host.origin}/feed.xml"
        yield host


@pytest.mark.usefixtures("host", "api")
def test_a_feed_is_kept_fresh(host: Host, environment: dict[str, str]) -> None:
    """From the bulk lane of the broker to the ledger, in the name of the operator."""
    catalogue = open_catalogue(f"sqlite:///{Path(environment['AUDIOFEAT_HOME']) / 'catalogue.sqlite3'}")
    deadline = time.monotonic() + 120
    while not catalogue.record_sources() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert catalogue.record_sources() == [(f"rss:{host.origin.removeprefix('http://')}/feed.xml", None, 1)]
    catalogue.close()
    assert host.asked[0][1]["user-agent"] == "shop/1.0 (ana@example.org)"

"""OpenSubsonic's clients: the envelope, its codes, keys in the query, and what sounds like a song."""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from audiofeat.api.app import create_app
from audiofeat.api.subsonic_wire import similarity
from audiofeat.bootstrap import Services, load_settings
from audiofeat.domain.keys import Scope
from audiofeat.services import keys
from filling import fill

CLIENT = {"v": "1.16.1", "c": "tests"}
NAMESPACE = "{http://subsonic.org/restapi}"


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Services:
    """Return services over a catalogue that tests only read."""
    filled = Services(load_settings(home=tmp_path_factory.mktemp("home")))
    fill(filled)
    return filled


@pytest.fixture(scope="module")
def http(services: Services) -> TestClient:
    """Return a client of this machine, where no key exists."""
    return TestClient(create_app(services), base_url="http://127.0.0.1", raise_server_exceptions=False)


@pytest.fixture
def closed(tmp_path: Path) -> Callable[..., tuple[TestClient, str]]:
    """Return a function that makes an app with one key of some scopes, and that key."""

    def make(*scopes: Scope, **settings: Any) -> tuple[TestClient, str]:
        made = Services(load_settings(home=tmp_path / "home", **settings))
        _, text = keys.create(made.catalogue, "player", scopes)
        return TestClient(create_app(made), base_url="http://127.0.0.1", raise_server_exceptions=False), text

    return make


def asked(http: TestClient, endpoint: str, **parameters: str) -> dict[str, Any]:
    """Return the body of an answer as JSON, which has status 200 whatever happened."""
    response = http.get(f"/rest/{endpoint}", params={**CLIENT, "f": "json", **parameters})
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json"), response.text
    body: dict[str, Any] = response.json()["subsonic-response"]
    assert (body["version"], body["type"], body["openSubsonic"]) == ("1.16.1", "audiofeat", True)
    assert body["serverVersion"]
    return body


def tree(content: bytes) -> ET.Element:
    """Return what our own XML says."""
    return ET.fromstring(content)  # noqa: S314  it is ours


def failed(http: TestClient, endpoint: str, **parameters: str) -> tuple[int, str]:
    """Return code and message of an answer that failed."""
    body = asked(http, endpoint, **parameters)
    assert body["status"] == "failed"
    return body["error"]["code"], body["error"]["message"]


class TestSimilarTracks:
    def test_songs_come_with_their_similarity(self, http: TestClient, services: Services) -> None:
        """Nearest first, each as a song with what is known of it, the seed not among them."""
        matches = asked(http, "getSonicSimilarTracks", id="trk-1-1", count="3")["sonicMatch"]
        assert [match["entry"]["path"][:6] for match in matches] == ["demo/1"] * 3
        found = [match["similarity"] for match in matches]
        assert found == sorted(found, reverse=True)
        assert all(0.5 < one <= 1 for one in found)
        entry = matches[0]["entry"]
        view = services.catalogue.find_item(entry["id"])
        assert (entry["title"], entry["path"]) == (view.metadata["title"], view.key)
        assert (entry["isDir"], entry["type"], entry["mediaType"], entry["suffix"]) == (False, "music", "song", "wav")
        assert (entry["genre"], entry["genres"]) == ("ambient", [{"name": "ambient"}])
        assert (entry["duration"], entry["samplingRate"], entry["channelCount"], entry["size"]) == (30, 44_100, 2, 1)

    def test_the_default_is_ten(self, http: TestClient) -> None:
        """As the extension says."""
        assert len(asked(http, "getSonicSimilarTracks", id="trk-1-1")["sonicMatch"]) == 10

    def test_xml_says_the_same(self, http: TestClient) -> None:
        """Scalars are attributes, in Subsonic's namespace; XML is what is sent where nothing is asked for."""
        as_json = asked(http, "getSonicSimilarTracks", id="trk-1-1", count="2")["sonicMatch"]
        response = http.get("/rest/getSonicSimilarTracks.view", params={**CLIENT, "id": "trk-1-1", "count": "2"})
        assert response.headers["content-type"] == "application/xml"
        root = tree(response.content)
        assert (root.tag, root.get("status"), root.get("openSubsonic")) == (
            f"{NAMESPACE}subsonic-response",
            "ok",
            "true",
        )
        matches = root.findall(f"{NAMESPACE}sonicMatch")
        assert [float(match.get("similarity", "")) for match in matches] == [one["similarity"] for one in as_json]
        entries = [match.find(f"{NAMESPACE}entry") for match in matches]
        assert [entry.get("id") for entry in entries if entry is not None] == [one["entry"]["id"] for one in as_json]

    def test_what_is_not_there(self, http: TestClient) -> None:
        """70 for a song that is unknown or was not analysed, 10 without an id, 0 for a count that cannot be."""
        assert failed(http, "getSonicSimilarTracks", id="nobody")[0] == 70
        assert failed(http, "getSonicSimilarTracks", id="waits.wav")[0] == 70
        assert failed(http, "getSonicSimilarTracks") == (10, "the parameter 'id' is missing")
        for count in ("0", "-1", "1001", "ten", "²"):
            assert failed(http, "getSonicSimilarTracks", id="trk-1-1", count=count)[0] == 0
        assert failed(http, "getSonicSimilarTracks", id="episode.mp3")[0] == 0


class TestPath:
    def test_a_path_leads_from_song_to_song(self, http: TestClient, services: Services) -> None:
        """The start first, as alike to itself as can be, the end last, no song twice, at most as many as asked for."""
        matches = asked(http, "findSonicPath", startSongId="trk-0-2", endSongId="trk-2-2", count="6")["sonicMatch"]
        ids = [match["entry"]["id"] for match in matches]
        ends = [services.catalogue.find_item(name).item_id for name in ("trk-0-2", "trk-2-2")]
        assert [ids[0], ids[-1]] == ends
        assert 3 <= len(ids) == len(set(ids)) <= 6
        assert matches[0]["similarity"] == 1.0
        assert all(0 <= match["similarity"] <= 1 for match in matches)

    def test_a_small_catalogue_has_a_shorter_one(self, http: TestClient) -> None:
        """The default of 25 is a most, not a length."""
        matches = asked(http, "findSonicPath", startSongId="trk-0-2", endSongId="trk-2-2")["sonicMatch"]
        assert 3 <= len(matches) <= 12

    def test_what_cannot_be_a_path(self, http: TestClient) -> None:
        """10 without an end, 70 for an unknown one, 0 for one song, two kinds, or a count below three."""
        assert failed(http, "findSonicPath", startSongId="trk-0-2") == (10, "the parameter 'endSongId' is missing")
        assert failed(http, "findSonicPath", startSongId="trk-0-2", endSongId="nobody")[0] == 70
        for end, count in (("trk-0-2", "5"), ("episode.mp3", "5"), ("trk-2-2", "2")):
            assert failed(http, "findSonicPath", startSongId="trk-0-2", endSongId=end, count=count)[0] == 0


class TestProtocol:
    def test_extensions_are_told_without_a_key(self, closed: Callable[..., tuple[TestClient, str]]) -> None:
        """Name and versions of each, so that a client knows what to offer."""
        http, _ = closed(Scope.READ)
        told = asked(http, "getOpenSubsonicExtensions")["openSubsonicExtensions"]
        assert {"name": "sonicSimilarity", "versions": [1]} in told
        response = http.get("/rest/getOpenSubsonicExtensions")
        found = tree(response.content).findall(f"{NAMESPACE}openSubsonicExtensions")
        assert [one.get("name") for one in found] == [one["name"] for one in told]
        assert [[each.text for each in one] for one in found] == [["1"]] * len(told)

    @pytest.mark.parametrize("name", ["ping", "ping.view"])
    def test_both_names_and_both_methods(self, http: TestClient, name: str) -> None:
        """A form may carry what a query carries."""
        assert asked(http, name)["status"] == "ok"
        response = http.post(f"/rest/{name}", data={**CLIENT, "f": "json"})
        assert response.json()["subsonic-response"]["status"] == "ok"

    @pytest.mark.parametrize(("v", "code"), [("0.9", 20), ("1.17.0", 30), ("2.0.0", 30), ("x", 0), ("1.x", 0)])
    def test_versions_that_do_not_fit(self, http: TestClient, v: str, code: int) -> None:
        """The codes tell which side is too old."""
        assert failed(http, "ping", v=v)[0] == code

    def test_older_clients_and_their_other_parameters_are_served(self, http: TestClient) -> None:
        """A client sends more than an endpoint needs."""
        assert asked(http, "ping", v="1.8.0", musicFolderId="1")["status"] == "ok"

    def test_a_form_that_is_not_served(self, http: TestClient) -> None:
        """JSONP is not offered: it would run in the page of whoever asks."""
        response = http.get("/rest/ping", params={**CLIENT, "f": "jsonp", "callback": "x"})
        error = tree(response.content).find(f"{NAMESPACE}error")
        assert error is not None
        assert (error.get("code"), error.get("message")) == ("0", "f has to be xml or json")


class TestKeys:
    def test_a_key_is_a_parameter(self, closed: Callable[..., tuple[TestClient, str]]) -> None:
        """The right one is named by tokenInfo; without one 10, a wrong one 44 with where to read, never repeated."""
        http, text = closed(Scope.READ)
        assert asked(http, "tokenInfo", apiKey=text)["tokenInfo"] == {"username": "player"}
        assert failed(http, "ping")[0] == 10
        body = asked(http, "ping", apiKey=text[:-2])
        assert body["error"]["code"] == 44
        assert body["error"]["helpUrl"].endswith("/docs")
        assert text[:-2] not in str(body)

    def test_a_key_for_something_else(self, closed: Callable[..., tuple[TestClient, str]]) -> None:
        """50."""
        http, text = closed(Scope.INGEST)
        assert failed(http, "ping", apiKey=text)[0] == 50

    @pytest.mark.parametrize(
        ("given", "code"),
        [
            ({"u": "a", "p": "b"}, 42),
            ({"u": "a", "t": "b", "s": "c"}, 41),
            ({"apiKey": "x", "u": "a"}, 43),
            ({"apiKey": "x", "u": "a", "t": "b", "s": "c"}, 43),
        ],
    )
    def test_other_credentials(self, http: TestClient, given: dict[str, str], code: int) -> None:
        """Passwords and tokens are refused by their own codes, and so are two kinds at once."""
        assert failed(http, "ping", **given)[0] == code

    def test_one_too_many(self, closed: Callable[..., tuple[TestClient, str]]) -> None:
        """Failed in the body, and 429 with Retry-After for whoever looks at that."""
        http, text = closed(Scope.READ, api_rate_limit="1/hour")
        assert asked(http, "ping", apiKey=text)["status"] == "ok"
        response = http.get("/rest/ping", params={**CLIENT, "f": "json", "apiKey": text})
        assert (response.status_code, response.json()["subsonic-response"]["error"]["code"]) == (429, 0)
        assert int(response.headers["retry-after"]) > 1000


def test_similarity_runs_from_one_to_nought() -> None:
    """The same sound, a right angle, and opposites."""
    assert [round(similarity(distance), 9) for distance in (0.0, 2**0.5, 2.0)] == [1.0, 0.5, 0.0]

"""Who may ask: keys with scopes over real sockets and without, limits of rate, size and time, pages from elsewhere."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from audiofeat.api import access
from audiofeat.api.app import create_app
from audiofeat.bootstrap import Services, load_settings
from audiofeat.domain.items import ObjectVersion
from audiofeat.domain.jobs import Registration
from audiofeat.domain.keys import Scope
from audiofeat.services import keys
from commands import wait_until
from scraping import samples, value
from tests.ports import free_port

CANARY = "af_0123456789_canaryCANARYcanaryCANARYcanaryCANARYcanary1"
REQUEST = {"store": "s3/demo", "key": "a.wav", "etag": "abc"}


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., TestClient]:
    """Return a function that makes an app over one home, asked from this machine."""

    def client(host: str = "127.0.0.1", **settings: Any) -> TestClient:
        settings = {"s3_endpoint_url": "http://127.0.0.1:9", "poll_s": 0.001} | settings
        app = create_app(Services(load_settings(home=tmp_path / "home", **settings)))
        return TestClient(app, base_url=f"http://{host}", raise_server_exceptions=False)

    return client


def services_of(client: TestClient) -> Services:
    """Return what an app is made over."""
    services: Services = client.app.state.services  # type: ignore[attr-defined]  # it is a FastAPI app
    return services


def key_for(client: TestClient, *scopes: Scope, **known: Any) -> dict[str, str]:
    """Make a key and return the header that carries it."""
    _, text = keys.create(services_of(client).catalogue, "test", scopes, **known)
    return {"authorization": f"Bearer {text}"}


def refused(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Return the problem that an answer is."""
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    assert response.json()["remedy"]
    problem: dict[str, Any] = response.json()
    return problem


class TestWithoutKeys:
    def test_this_machine_may_do_everything(self, make: Callable[..., TestClient]) -> None:
        """Reading, ingesting and administering need nothing."""
        client = make()
        assert client.get("/v1/jobs").status_code == 200
        assert client.post("/v1/ingestions", json=REQUEST).status_code == 202
        assert client.post("/v1/reprocessings/none/pause").status_code == 404

    @pytest.mark.parametrize("host", ["music.example.org", "10.0.0.7", "127.0.0.1.example.org"])
    def test_under_another_name_nobody_may(self, make: Callable[..., TestClient], host: str) -> None:
        """A proxy, or a name that was made to point here, is not this machine; the answer says what to do."""
        response = make(host).get("/v1/jobs")
        problem = refused(response, 401, "key_missing")
        assert "audiofeat keys create" in problem["remedy"]
        assert response.headers["www-authenticate"] == 'Bearer realm="audiofeat"'

    def test_a_page_from_elsewhere_may_not(self, make: Callable[..., TestClient]) -> None:
        """A browser sends where the page is from; what comes from a local page, or an origin of the settings, may."""
        client = make(api_cors_origins=("https://player.example.org",))
        refused(client.get("/v1/jobs", headers={"origin": "https://evil.example.org"}), 401, "key_missing")
        refused(client.post("/v1/events", content="{}", headers={"origin": "null"}), 401, "key_missing")
        for origin in ("http://localhost:3000", "https://player.example.org"):
            assert client.get("/v1/jobs", headers={"origin": origin}).status_code == 200

    def test_listening_elsewhere_needs_keys(self, make: Callable[..., TestClient]) -> None:
        """Without any key such an API answers nobody."""
        refused(make(api_host="0.0.0.0").get("/v1/jobs"), 401, "key_missing")  # noqa: S104  nothing listens

    def test_probes_and_documentation_need_none(self, make: Callable[..., TestClient]) -> None:
        """Whoever watches the process has no key; what they see names nothing of the catalogue."""
        client = make("music.example.org", api_host="0.0.0.0")  # noqa: S104  nothing listens
        for path in ("/livez", "/readyz", "/healthz", "/metrics", "/openapi.json"):
            assert client.get(path).status_code == 200, path


class TestKeys:
    def test_a_first_key_closes_the_door(self, make: Callable[..., TestClient]) -> None:
        """From then on every request needs one, and it stays so when the key is revoked."""
        client = make()
        assert client.get("/v1/jobs").status_code == 200
        header = key_for(client, Scope.READ)
        time.sleep(0.01)
        refused(client.get("/v1/jobs"), 401, "key_missing")
        assert client.get("/v1/jobs", headers=header).status_code == 200
        keys.revoke(services_of(client).catalogue, "test")
        time.sleep(0.01)
        assert "revoked" in refused(client.get("/v1/jobs", headers=header), 401, "key_invalid")["detail"]
        refused(client.get("/v1/jobs"), 401, "key_missing")

    @pytest.mark.parametrize(
        ("scope", "answers"),
        [(Scope.READ, [200, 403, 403]), (Scope.INGEST, [403, 202, 403]), (Scope.ADMIN, [200, 202, 404])],
    )
    def test_a_key_is_good_for_its_scopes(
        self, make: Callable[..., TestClient], scope: Scope, answers: list[int]
    ) -> None:
        """Reading, ingesting, administering; the last includes the others."""
        client = make()
        header = key_for(client, scope)
        found = [
            client.get("/v1/jobs", headers=header),
            client.post("/v1/ingestions", json=REQUEST, headers=header),
            client.post("/v1/reprocessings/none/pause", headers=header),
        ]
        assert [response.status_code for response in found] == answers
        for response in found:
            if response.status_code == 403:
                assert "--scope" in refused(response, 403, "scope_missing")["remedy"]

    def test_an_expired_key(self, make: Callable[..., TestClient]) -> None:
        """It says that it has expired."""
        client = make()
        header = key_for(client, Scope.READ, lasts=timedelta(seconds=-1))
        assert "expired" in refused(client.get("/v1/jobs", headers=header), 401, "key_invalid")["detail"]

    def test_another_secret_behind_a_known_prefix(self, make: Callable[..., TestClient]) -> None:
        """The prefix alone opens nothing."""
        client = make()
        header = key_for(client, Scope.READ)
        wrong = header["authorization"][:-1] + ("A" if header["authorization"][-1] != "A" else "B")
        refused(client.get("/v1/jobs", headers={"authorization": wrong}), 401, "key_invalid")

    @pytest.mark.parametrize("given", ["Bearer", "Bearer x", "Basic YTpi", f"Bearer {CANARY}", "Bearer \xe9"])
    def test_what_is_no_key_is_refused_even_where_none_is_needed(
        self, make: Callable[..., TestClient], given: str
    ) -> None:
        """A wrong key is an error, not a visitor."""
        refused(make().get("/v1/jobs", headers={"authorization": given.encode("latin-1")}), 401, "key_invalid")

    def test_a_use_is_noted(self, make: Callable[..., TestClient]) -> None:
        """Never before the first request."""
        client = make()
        header = key_for(client, Scope.READ)
        assert services_of(client).catalogue.api_keys()[0].last_used_at is None
        client.get("/v1/jobs", headers=header)
        assert services_of(client).catalogue.api_keys()[0].last_used_at is not None

    def test_a_refusal_comes_before_the_body(self, make: Callable[..., TestClient]) -> None:
        """Whoever has no key cannot make the process read what they send."""
        client = make("music.example.org")
        refused(client.post("/v1/ingestions", content=b"{" * 2_000_000), 401, "key_missing")
        refused(client.post("/v1/ingestions", content=b"{"), 401, "key_missing")

    def test_neither_key_nor_digest_is_said_anywhere(
        self, make: Callable[..., TestClient], caplog: pytest.LogCaptureFixture, tmp_path: Path
    ) -> None:
        """Not in answers, log lines, ledger or counters, be the key right, wrong or in the wrong place."""
        client = make()
        header = key_for(client, Scope.READ)
        text = header["authorization"].removeprefix("Bearer ")
        answers = [
            client.get("/v1/jobs", headers=header),
            client.post("/v1/ingestions", headers=header),
            client.get("/v1/jobs", headers={"authorization": f"Bearer {CANARY}"}),
            client.get(f"/v1/jobs?key={text}", headers=header),
            client.get(f"/v1/jobs?limit={text}", headers=header),
            client.get(f"/v1/jobs?after={text}", headers=header),
            client.get(f"/v1/jobs?state={text}", headers=header),
        ]
        told = "".join(response.text + str(response.headers) for response in answers)
        told += "".join(f"{record.getMessage()}{vars(record).get('facts')}" for record in caplog.records)
        assert text not in told
        assert CANARY not in told
        written = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
        assert "catalogue.sqlite3" in {path.name for path in written}
        assert not [path for path in written if text.encode() in path.read_bytes()]

    def test_every_operation_has_a_scope(self, make: Callable[..., TestClient]) -> None:
        """An operation is in the table or is not served; the document says the same."""
        document = make().get("/openapi.json").json()
        operations = [each for path in document["paths"].values() for each in path.values()]
        assert {each["operationId"] for each in operations} == set(access.SCOPES)
        for each in operations:
            scope = access.SCOPES[each["operationId"]]
            assert each.get("security", []) in ([], [{"key": [scope]}], [{"subsonic": [scope]}])
            assert bool(each.get("security")) == (scope is not None)


class TestRates:
    def test_one_too_many_is_told_when_to_come_back(self, make: Callable[..., TestClient]) -> None:
        """What is left stands in every answer; each key has its own share."""
        client = make(api_rate_limit="3/hour")
        header, other = key_for(client, Scope.READ), key_for(client, Scope.READ)
        answers = [client.get("/v1/jobs", headers=header) for _ in range(4)]
        assert [response.status_code for response in answers] == [200, 200, 200, 429]
        assert [r.headers["ratelimit"].split(";")[1] for r in answers[:3]] == ["r=2", "r=1", "r=0"]
        assert answers[0].headers["ratelimit-policy"] == '"requests";q=3;w=3600'
        refused(answers[3], 429, "rate_limited")
        assert 1 <= int(answers[3].headers["retry-after"]) <= 1200
        assert answers[3].headers["ratelimit"].split(";")[1] == "r=0"
        assert client.get("/v1/jobs", headers=other).status_code == 200

    def test_trying_keys_is_slowed_down(self, make: Callable[..., TestClient]) -> None:
        """Refusals count by address, and cost whoever has a key nothing."""
        client = make(api_rate_limit="3/hour")
        header = key_for(client, Scope.READ)
        tries = [client.get("/v1/jobs", headers={"authorization": f"Bearer {CANARY}"}) for _ in range(4)]
        assert [response.status_code for response in tries] == [401, 401, 401, 429]
        assert client.get("/v1/jobs", headers=header).status_code == 200

    def test_this_machine_without_keys_has_no_limit(self, make: Callable[..., TestClient]) -> None:
        """There is nobody to share with."""
        client = make(api_rate_limit="1/hour")
        assert [client.get("/v1/jobs").status_code for _ in range(3)] == [200] * 3


class TestPagesFromElsewhere:
    def test_browsers_are_told_which_origins_may(self, make: Callable[..., TestClient]) -> None:
        """Only those of the settings, and their pages see validators and limits."""
        client = make(api_cors_origins=("https://player.example.org",))
        asked = {"origin": "https://player.example.org", "access-control-request-method": "GET"}
        asked["access-control-request-headers"] = "authorization"
        answer = client.options("/v1/jobs", headers=asked)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, asked["origin"])
        seen = client.get("/v1/jobs", headers={"origin": asked["origin"]})
        assert "ETag" in seen.headers["access-control-expose-headers"]
        assert client.options("/v1/jobs", headers={**asked, "origin": "https://evil.example.org"}).status_code == 400

    def test_without_a_setting_none_may(self, make: Callable[..., TestClient]) -> None:
        """No header invites a page."""
        assert (
            "access-control-allow-origin" not in make().get("/v1/jobs", headers={"origin": "http://localhost"}).headers
        )


class TestValidators:
    def test_what_has_not_changed_is_not_sent_again(self, make: Callable[..., TestClient]) -> None:
        """304 without a body, whatever form the tag is given in; another tag, or a change, brings the whole."""
        client = make()
        first = client.get("/v1/items")
        assert (first.headers["cache-control"], first.headers["vary"]) == ("private, no-cache", "Authorization")
        tag = first.headers["etag"]
        for given in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = client.get("/v1/items", headers={"if-none-match": given})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert client.get("/v1/items", headers={"if-none-match": '"other"'}).status_code == 200
        services_of(client).catalogue.register([Registration(ObjectVersion("s3/shop", "a.wav", "1"))])
        changed = client.get("/v1/items", headers={"if-none-match": tag})
        assert (changed.status_code, changed.headers["etag"] != tag) == (200, True)

    def test_problems_and_probes_are_not_kept(self, make: Callable[..., TestClient]) -> None:
        """They hold for the moment."""
        client = make()
        for path in ("/v1/items/none", "/livez", "/readyz", "/metrics", "/v1/status"):
            answer = client.get(path)
            assert answer.headers["cache-control"] == "no-store", path
            assert "etag" not in answer.headers
        closed = client.get("/v1/items", headers={"authorization": "Bearer x"})
        assert (closed.status_code, closed.headers["cache-control"]) == (401, "no-store")


def test_requests_are_counted_by_route(tmp_path: Path) -> None:
    """Template, method and status; neither an id nor a path that anybody made up."""
    services = Services(load_settings(home=tmp_path / "home"), process="api.test")
    client = TestClient(create_app(services), base_url="http://127.0.0.1", raise_server_exceptions=False)
    for path in ("/v1/items", "/v1/items/some-secret-id", "/v1/items/x?limit=1", "/v1/none", "/nothing", "/livez"):
        client.get(path)
    client.request("BREW", "/v1/items")
    text = client.get("/metrics").text
    found = samples(text)
    name = "audiofeat_http_request_seconds_count"
    assert value(found, name, route="/v1/items", method="GET", status="200") == 1
    assert value(found, name, route="/v1/items/{name}", method="GET", status="404") == 1
    assert value(found, name, route="/v1/items/{name}", method="GET", status="422") == 1
    assert value(found, name, route="other", method="GET", status="404") == 2
    assert "some-secret-id" not in text


class TestTime:
    def test_a_request_that_takes_too_long_is_told_so(
        self, make: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """503 with Retry-After after the limit, not after the work."""
        client = make(api_time_limit_s=0.2)
        go_on = threading.Event()
        catalogue = services_of(client).catalogue
        monkeypatch.setattr(catalogue, "items", lambda **_: go_on.wait(60) and [])
        began = time.monotonic()
        response = client.get("/v1/items")
        took = time.monotonic() - began
        go_on.set()
        refused(response, 503, "timed_out")
        assert response.headers["retry-after"]
        assert took < 30


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, int]]:
    """Return the address of a server of its own process, with a time limit of a second, and its port."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AUDIOFEAT_")}
    environment |= {"AUDIOFEAT_HOME": str(tmp_path / "home"), "AUDIOFEAT_API_PORT": str(port)}
    environment |= {"AUDIOFEAT_API_TIME_LIMIT_S": "1", "AUDIOFEAT_POLL_S": "0.05"}
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "audiofeat.api"], env=environment, stdout=output, stderr=output
        )
    try:
        end = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/livez")
            except httpx.TransportError:
                assert process.poll() is None
                assert time.monotonic() < end
                time.sleep(0.05)
            else:
                break
        yield f"http://127.0.0.1:{port}", port
    finally:
        process.terminate()
        process.wait(15)


def cli(home: Path, *arguments: str) -> dict[str, Any]:
    """Run a command of `audiofeat keys` and return what it says."""
    environment = {**os.environ, "AUDIOFEAT_HOME": str(home)}
    command = [sys.executable, "-m", "audiofeat", "keys", *arguments, "--json"]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    said: dict[str, Any] = json.loads(ran.stdout)
    return said


def test_a_server_follows_the_keys_of_the_command_line(server: tuple[str, int], tmp_path: Path) -> None:
    """Open, closed by the first key, opened by that key, and closed to it once it is revoked; no restart."""
    url, _ = server
    assert httpx.get(f"{url}/v1/jobs").status_code == 200
    made = cli(tmp_path / "home", "create", "player", "--scope", "read")
    assert made["key"].startswith(made["prefix"])
    wait_until(lambda: httpx.get(f"{url}/v1/jobs").status_code == 401)
    header = {"authorization": f"Bearer {made['key']}"}
    assert httpx.get(f"{url}/v1/jobs", headers=header).status_code == 200
    assert cli(tmp_path / "home", "revoke", made["prefix"])["revoked_at"]
    wait_until(lambda: httpx.get(f"{url}/v1/jobs", headers=header).status_code == 401)
    httpx.get(f"{url}/v1/jobs?state={made['key']}", headers=header)
    httpx.get(f"{url}/rest/ping", params={"apiKey": made["key"]})
    httpx.get(f"{url}/rest/ping", params={"apiKey": CANARY})
    log = (tmp_path / "log").read_text()
    assert "api_is_open" in log
    assert made["key"] not in log
    assert CANARY not in log


def test_a_body_that_does_not_come_is_not_waited_for(server: tuple[str, int]) -> None:
    """408 as a problem, after the limit."""
    _, port = server
    head = "POST /v1/ingestions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    head += "Content-Length: 9\r\n\r\n{"
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(head.encode())
        answer = ""
        while "}" not in answer:
            answer += connection.recv(65_536).decode()
    assert answer.startswith("HTTP/1.1 408 ")
    assert "body_too_slow" in answer

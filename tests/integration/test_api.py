"""The HTTP API over a real ledger, real artefacts and a published index."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from fastapi.testclient import TestClient

from audiofeat import errors
from audiofeat.api.app import create_app
from audiofeat.api.problems import MEDIA_TYPE, status_of
from audiofeat.bootstrap import Services, load_settings
from audiofeat.domain import registry
from audiofeat.domain.batches import BatchScope
from audiofeat.domain.items import Kind
from audiofeat.domain.jobs import Change, Lane
from audiofeat.domain.views import spotify
from audiofeat.embedded_broker import EmbeddedBroker
from audiofeat.storage.s3 import S3Store
from audiofeat.storage.s3_connection import S3Connection
from commands import wait_until
from filling import BEATS, SPACES, analysed, fill, publish
from schemas.audio_features import AudioFeatures, AudioFeaturesList
from schemas.fields import FieldList
from schemas.health import Alive, Ready
from schemas.indexes import IndexList, IndexRelease
from schemas.items import FeatureSet, ItemDetail, ItemPage
from schemas.jobs import Job, JobList
from schemas.metadata import ItemMetadata
from schemas.neighbours import Neighbours
from schemas.problem import Problem
from schemas.reprocessings import Plan, Reprocessing, ReprocessingList
from schemas.status import Status
from schemas.takedowns import PutBack, Takedown, TakedownPage
from schemas.wire import Wire
from scraping import samples, value
from tests.ports import free_port

M = TypeVar("M", bound=Wire)
REQUEST = {"store": "s3/demo", "key": "a/é.wav", "etag": "abc", "kind": "track", "metadata": {"title": "A"}}


class Client:
    """Asks the app, and holds every answer against the app's own OpenAPI document."""

    def __init__(self, services: Services) -> None:
        app = create_app(services)
        self.services = services
        self.document = app.openapi()
        self.http = TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)

    def declared(self, response: httpx.Response) -> dict[str, Any]:
        """Return what the document says of this answer to this operation."""
        # A parameter may hold slashes: of several templates that fit, the one that says most is meant.
        paths = sorted(self.document["paths"].items(), key=lambda path: -len(re.sub(r"{\w+}", "", path[0])))
        for template, operations in paths:
            method = response.request.method.lower()
            if method in operations and re.fullmatch(re.sub(r"{\w+}", ".+", template), response.request.url.path):
                answer: dict[str, Any] = operations[method]["responses"][str(response.status_code)]
                return answer
        raise AssertionError(f"no operation for {response.request.url}")

    def ok(self, model: type[M], path: str, *, status: int = 200, method: str = "GET", **request: Any) -> M:
        """Return the body of an answer that is the declared one."""
        response = self.http.request(method, path, **request)
        assert response.status_code == status, response.text
        schema = self.declared(response)["content"]["application/json"]["schema"]
        assert schema == {"$ref": f"#/components/schemas/{model.__name__}"}
        return model.model_validate_json(response.content)

    def problem(self, path: str, status: int, code: str, *, method: str = "GET", **request: Any) -> Problem:
        """Return the body of an error that is the declared one."""
        response = self.http.request(method, path, **request)
        problem = as_problem(response, status, code)
        answer = self.declared(response)
        assert {kind: said["schema"] for kind, said in answer["content"].items()} == {
            MEDIA_TYPE: {"$ref": "#/components/schemas/Problem"}
        }
        assert code in answer["description"]
        return problem


def as_problem(response: httpx.Response, status: int, code: str) -> Problem:
    """Return a problem that agrees with its response."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == MEDIA_TYPE
    assert ("retry-after" in response.headers) == (status == 503)
    problem = Problem.model_validate_json(response.content)
    assert (problem.status, problem.code, problem.type) == (status, code, f"urn:audiofeat:problem:{code}")
    assert problem.instance == response.request.url.path
    return problem


@pytest.fixture(scope="module")
def s3(s3_connection: S3Connection) -> dict[str, Any]:
    """Return settings that lead to the S3 server of the tests."""
    return {
        "s3_endpoint_url": s3_connection.endpoint_url,
        "s3_region": s3_connection.region,
        "s3_access_key_id": s3_connection.access_key_id,
        "s3_secret_access_key": s3_connection.secret_access_key,
    }


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Client:
    """Return an app over a catalogue that tests only read."""
    services = Services(load_settings(home=tmp_path_factory.mktemp("home")))
    fill(services)
    return Client(services)


@pytest.fixture
def make(tmp_path: Path, s3: dict[str, Any]) -> Callable[..., Client]:
    """Return a function that starts an app over an empty home."""
    return lambda **settings: Client(Services(load_settings(home=tmp_path / "home", **s3, **settings)))


class TestItems:
    def test_pages_lead_through_the_whole_catalogue(self, filled: Client) -> None:
        """Each item comes once, in the order of ids, and the last page has no next."""
        seen, after = [], ""
        while True:
            page = filled.ok(ItemPage, "/v1/items", params={"limit": 5} | ({"after": after} if after else {}))
            seen += [item.id for item in page.items]
            if page.next is None:
                break
            after = page.next
        assert len(seen) == 16
        assert seen == sorted(set(seen))

    def test_a_kind_is_listed_alone(self, filled: Client) -> None:
        """``kind=episode`` lists episodes only."""
        page = filled.ok(ItemPage, "/v1/items", params={"kind": "episode"})
        assert [item.key for item in page.items] == ["shows/episode.mp3"]

    def test_a_page_that_is_just_full_is_the_last(self, filled: Client) -> None:
        """No empty page follows."""
        assert filled.ok(ItemPage, "/v1/items", params={"limit": 16}).next is None

    @pytest.mark.parametrize("name", ["trk-1-2", "demo/1-2.wav", "demo%2F1-2.wav", "1-2.wav"])
    def test_an_item_goes_by_any_of_its_names(self, filled: Client, name: str) -> None:
        """Reference, key with slashes plain or encoded, and file name."""
        assert filled.ok(ItemDetail, f"/v1/items/{name}").key == "demo/1-2.wav"

    def test_metadata_tells_where_it_comes_from(self, filled: Client) -> None:
        """The chosen value stands in ``metadata``, and every value with its source beside it."""
        item = filled.ok(ItemDetail, "/v1/items/trk-0-0")
        assert item.metadata == {"genre": "ambient", "title": "Title of demo/0-0.wav"}
        said = [(value.field, value.source, value.chosen) for value in item.metadata_values]
        assert said == [("genre", "tags", True), ("title", "csv:shop", True), ("title", "tags", False)]
        assert (item.state, item.flags) == ("degraded", ["truncated"])

    def test_every_value_has_its_provenance(self, filled: Client) -> None:
        """Source, rule and confidence stand beside each value where they are asked for, and else nothing does."""
        plain = filled.ok(ItemMetadata, "/v1/items/trk-0-1/metadata")
        assert (plain.metadata["title"], plain.values) == ("Title of demo/0-1.wav", None)
        assert (plain.locked, plain.conflicts) == ([], ["title"])
        proven = filled.ok(ItemMetadata, "/v1/items/trk-0-1/metadata", params={"provenance": True})
        assert proven.values is not None
        assert {(one.field, one.source, one.rule, one.confidence, one.chosen) for one in proven.values} == {
            ("genre", "tags", "order", 1.0, True),
            ("title", "csv:shop", "order", 1.0, True),
            ("title", "tags", "order", 1.0, False),
        }
        assert all(one.fetched_at is not None for one in proven.values)
        filled.problem("/v1/items/nobody/metadata", 404, "item_unknown")

    def test_a_person_s_word_is_fixed_and_taken_back(self, make: Callable[..., Client]) -> None:
        """PATCH locks all fields or none; null leaves a field to the sources again."""
        client = make()
        analysed(client.services, "demo/a.wav", 0, 1)
        place = "/v1/items/a.wav/metadata"
        wanted = {"locks": {"title": "Mine", "explicit": True}, "by": "ana"}
        locked = client.ok(ItemMetadata, place, method="PATCH", json=wanted)
        assert (locked.metadata["title"], locked.locked) == ("Mine", ["explicit", "title"])
        refused = {"locks": {"title": "x", "isrc": "none"}, "by": "ana"}
        client.problem(place, 422, "invalid_input", method="PATCH", json=refused)
        assert client.ok(ItemMetadata, place).metadata["title"] == "Mine"
        freed = client.ok(ItemMetadata, place, method="PATCH", json={"locks": {"title": None}, "by": "ana"})
        assert (freed.metadata["title"], freed.locked) == ("Title of demo/a.wav", ["explicit"])
        assert client.ok(ItemDetail, "/v1/items/a.wav").metadata["explicit"] is True

    def test_an_item_that_waits_has_no_audio_yet(self, filled: Client) -> None:
        """It is there, queued, with nulls."""
        item = filled.ok(ItemDetail, "/v1/items/waits.wav")
        assert (item.state, item.sha256, item.audio) == ("queued", None, None)

    def test_an_unknown_item(self, filled: Client) -> None:
        """404 with a suggestion."""
        problem = filled.problem("/v1/items/trk-1-22", 404, "item_unknown")
        assert "trk-1-2" in (problem.remedy or "")


class TestFeatures:
    def test_values_reasons_and_versions(self, filled: Client) -> None:
        """Every public group, nulls with their reasons; curves are named and left out."""
        found = filled.ok(FeatureSet, "/v1/items/trk-2-1/features")
        assert found.features["rhythm"] == {"tempo_bpm": 102.0, "onset_rate_hz": 2.0}
        assert found.features["speech"] == {"speech_ratio": None, "speech_probability_curve": None}
        assert found.features["tonal"]["hpcp"] == [0.5] * 12
        assert found.reasons["tonal.key"] == "atonal"
        assert found.versions == {"rhythm": 1, "speech": 1, "tonal": 1}
        curves = [field.path for field in registry.FIELDS if field.group == "rhythm" and field.grows]
        assert found.curves_left_out == curves

    def test_curves_on_request(self, filled: Client) -> None:
        """``curves=true`` adds what lies in the artefact store, and nothing is left out."""
        found = filled.ok(FeatureSet, "/v1/items/trk-2-1/features", params={"curves": "true"})
        assert found.features["rhythm"]["beat_times_s"] == BEATS
        assert found.curves_left_out == []

    def test_an_item_without_features(self, filled: Client) -> None:
        """409: it exists, and asking later may help."""
        problem = filled.problem("/v1/items/text.mp3/features", 409, "item_not_analysed")
        assert "rejected" in problem.detail

    def test_an_unknown_item(self, filled: Client) -> None:
        """404, as for the item itself."""
        filled.problem("/v1/items/nobody/features", 404, "item_unknown")

    def test_curves_that_are_gone(self, make: Callable[..., Client]) -> None:
        """The answer names the artefact, and the features without curves are still there."""
        client = make()
        sha256 = analysed(client.services, "a.wav", 0, 1)
        client.services.artefacts.delete(f"curves/{sha256[:2]}/{sha256}/rhythm-1.json.gz")
        problem = client.problem("/v1/items/a.wav/features?curves=true", 404, "object_missing")
        assert sha256 in problem.detail
        client.ok(FeatureSet, "/v1/items/a.wav/features")

    def test_a_fault_that_nobody_foresaw_tells_nothing_of_the_inside(self, make: Callable[..., Client]) -> None:
        """500 as a problem, without exception or path."""
        client = make()
        sha256 = analysed(client.services, "a.wav", 0, 1)
        client.services.artefacts.put(f"curves/{sha256[:2]}/{sha256}/rhythm-1.json.gz", b"not gzip")
        problem = client.problem("/v1/items/a.wav/features?curves=true", 500, "internal_error")
        assert "gzip" not in problem.model_dump_json()


class TestAudioFeatures:
    def test_the_fields_are_spotifys(self, filled: Client) -> None:
        """Exactly its eighteen names in their order; values as the view has them, the id as it was asked for."""
        found = filled.ok(AudioFeatures, "/v1/audio-features/trk-2-1")
        assert list(found.model_dump()) == list(spotify.audio_features({"features": {}}))
        assert (found.id, found.type, found.tempo, found.key, found.mode) == (
            "trk-2-1", "audio_features", 102.0, -1, None,
        )  # fmt: skip
        assert found.duration_ms == 30_000
        item = filled.ok(ItemDetail, found.track_href)
        assert found.uri == f"audiofeat:track:{item.id}"

    def test_several_at_once_come_in_their_order(self, filled: Client) -> None:
        """Null for what is unknown, ambiguous or not analysed; repeated where it is asked for twice."""
        names = ["trk-1-1", "nobody", "waits.wav", "demo/2-0.wav", "episode.mp3", "trk-1-1"]
        found = filled.ok(AudioFeaturesList, "/v1/audio-features", params={"ids": ",".join(names)}).audio_features
        assert [one and one.id for one in found] == [
            "trk-1-1", None, None, "demo/2-0.wav", "episode.mp3", "trk-1-1",
        ]  # fmt: skip
        for one in found:
            assert one is None or one == filled.ok(AudioFeatures, f"/v1/audio-features/{one.id}")

    def test_a_hundred_are_taken_and_no_more(self, filled: Client) -> None:
        """422 beyond, and for none at all."""
        hundred = filled.ok(AudioFeaturesList, "/v1/audio-features", params={"ids": ",".join(["trk-1-1"] * 100)})
        assert len(hundred.audio_features) == 100
        for wrong in (",".join(["a"] * 101), "", "a,,b", ","):
            problem = filled.problem("/v1/audio-features", 422, "invalid_input", params={"ids": wrong})
            assert "ids" in problem.detail

    def test_one_that_is_not_there(self, filled: Client) -> None:
        """404 for an unknown one, 409 for one without features."""
        filled.problem("/v1/audio-features/nobody", 404, "item_unknown")
        filled.problem("/v1/audio-features/waits.wav", 409, "item_not_analysed")


class TestNeighbours:
    @pytest.mark.parametrize("engine", ["annoy", "exact"])
    def test_the_family_comes_first(self, filled: Client, engine: str) -> None:
        """Ranks and distances rise, shares add up to one, and the answer names engine, space and index."""
        found = filled.ok(Neighbours, "/v1/items/trk-1-1/neighbours", params={"k": 3, "engine": engine})
        assert {near.key[:6] for near in found.neighbours} == {"demo/1"}
        assert [near.rank for near in found.neighbours] == [1, 2, 3]
        assert [near.distance for near in found.neighbours] == sorted(near.distance for near in found.neighbours)
        for near in found.neighbours:
            assert sum(group.share for group in near.groups.values()) == pytest.approx(1.0)
            assert near.why
        assert (found.engine, found.space) == (engine, SPACES[Kind.TRACK].id)
        assert filled.services.publisher.list(Kind.TRACK)[0].release == found.index

    def test_an_engine_that_was_not_built_is_refused(self, filled: Client) -> None:
        """The remedy names the setting, for lookups and for journeys."""
        asked = {"/v1/items/trk-1-1/neighbours": {}, "/v1/journeys": {"from": "trk-1-1", "to": "trk-2-1"}}
        for path, params in asked.items():
            problem = filled.problem(path, 422, "invalid_input", params={**params, "engine": "voyager"})
            assert "AUDIOFEAT_INDEX_VOYAGER" in (problem.remedy or "")

    def test_duplicates_are_hidden_or_shown(self, filled: Client) -> None:
        """The copy of the asked item is left out and counted, or the first line."""
        hidden = filled.ok(Neighbours, "/v1/items/trk-0-1/neighbours")
        assert "demo/copy.wav" not in [near.key for near in hidden.neighbours]
        assert hidden.dropped == {"same_audio_as_the_item": 1}
        shown = filled.ok(Neighbours, "/v1/items/trk-0-1/neighbours", params={"duplicates": "show"})
        assert (shown.neighbours[0].key, shown.neighbours[0].duplicate) == ("demo/copy.wav", "same audio")

    def test_an_item_analysed_a_moment_ago_is_found(self, make: Callable[..., Client]) -> None:
        """No new index is needed."""
        client = make(poll_s=0.001)
        fill(client.services)
        client.ok(Neighbours, "/v1/items/trk-0-1/neighbours")
        analysed(client.services, "fresh.wav", 0, 8)
        found = client.ok(Neighbours, "/v1/items/fresh.wav/neighbours", params={"k": 1})
        assert found.neighbours[0].key.startswith("demo/0")
        again = client.ok(Neighbours, "/v1/items/trk-0-1/neighbours", params={"k": 5})
        assert "fresh.wav" in [near.key for near in again.neighbours]

    def test_an_item_without_a_fingerprint(self, filled: Client) -> None:
        """409."""
        filled.problem("/v1/items/waits.wav/neighbours", 409, "item_not_analysed")

    def test_an_unknown_item(self, filled: Client) -> None:
        """404."""
        filled.problem("/v1/items/nobody/neighbours", 404, "item_unknown")

    def test_a_kind_without_an_index(self, filled: Client) -> None:
        """503 with Retry-After, and the command that publishes one."""
        problem = filled.problem("/v1/items/episode.mp3/neighbours", 503, "index_missing")
        assert problem.remedy == "audiofeat index build"

    def test_a_damaged_index(self, make: Callable[..., Client]) -> None:
        """503: nothing is answered from files that are not what their manifest says."""
        client = make()
        fill(client.services)
        [release] = (client.services.home / "artefacts" / "indexes" / "track").glob("2*")
        vectors = bytearray((release / "vectors.npy").read_bytes())
        vectors[-1] ^= 1
        (release / "vectors.npy").write_bytes(vectors)
        client.problem("/v1/items/trk-0-1/neighbours", 503, "index_damaged")


class TestIngestions:
    def test_a_request_becomes_a_job_although_no_broker_runs(
        self, make: Callable[..., Client], caplog: pytest.LogCaptureFixture
    ) -> None:
        """202 with the job and where to follow it; that nobody was told stands in the log."""
        client = make()
        job = client.ok(Job, "/v1/ingestions", status=202, method="POST", json=REQUEST)
        assert (job.store, job.key, job.lane, job.state) == ("s3/demo", "a/é.wav", "cold", "queued")
        assert client.services.catalogue.due(Lane.COLD, limit=10) == [job.id]
        (told,) = [record for record in caplog.records if record.getMessage() == "not_rung"]
        assert vars(told)["facts"]["jobs"] == 1
        assert client.ok(ItemDetail, f"/v1/items/{job.item}").key == "a/é.wav"

    def test_the_location_leads_to_the_job(self, make: Callable[..., Client]) -> None:
        """And the same version asked for again is the same job."""
        client = make()
        first = client.http.post("/v1/ingestions", json=REQUEST)
        again = client.http.post("/v1/ingestions", json=REQUEST)
        assert first.headers["location"] == again.headers["location"]
        assert client.ok(Job, first.headers["location"]).id == first.json()["id"]
        assert len(client.ok(JobList, "/v1/jobs").jobs) == 1

    def test_the_workers_are_told_where_a_broker_runs(self, make: Callable[..., Client]) -> None:
        """One message in the lane that was asked for."""
        client = make()
        with EmbeddedBroker(client.services.home):
            client.ok(Job, "/v1/ingestions", status=202, method="POST", json={**REQUEST, "lane": "bulk"})
            assert client.services.queue.depth(Lane.BULK) == 1

    def test_the_version_is_looked_up_where_none_is_named(self, make: Callable[..., Client], s3_store: S3Store) -> None:
        """The object's own; without the object 404."""
        client = make()
        s3_store.put("a.wav", b"sound")
        request = {"store": s3_store.name, "key": "a.wav"}
        job = client.ok(Job, "/v1/ingestions", status=202, method="POST", json=request)
        assert client.services.catalogue.claim(job.id, worker="test", lease_s=9) is not None
        client.problem("/v1/ingestions", 404, "object_missing", method="POST", json={**request, "key": "b.wav"})

    def test_an_unknown_store(self, make: Callable[..., Client]) -> None:
        """404: only configured stores have a name."""
        client = make()
        body = {**REQUEST, "store": "elsewhere/demo"}
        client.problem("/v1/ingestions", 404, "source_not_found", method="POST", json=body)

    def test_a_bucket_that_is_not_allowed(self, make: Callable[..., Client]) -> None:
        """403."""
        client = make(allowed_buckets=("other",))
        client.problem("/v1/ingestions", 403, "access_denied", method="POST", json=REQUEST)

    @pytest.mark.parametrize(
        ("change", "where"),
        [
            ({"store": "file:/etc"}, "body.store"),
            ({"store": "https://example.org/x"}, "body.store"),
            ({"key": ""}, "body.key"),
            ({"schema_version": 2}, "body.schema_version"),
            ({"priority": 9}, "body.priority"),
        ],
    )
    def test_a_request_of_another_form(self, make: Callable[..., Client], change: dict[str, Any], where: str) -> None:
        """422 that names the part; a local path or a URL is of another form."""
        client = make()
        problem = client.problem("/v1/ingestions", 422, "invalid_input", method="POST", json={**REQUEST, **change})
        assert [part.where for part in problem.errors] == [where]
        assert client.ok(JobList, "/v1/jobs").jobs == []

    @pytest.mark.parametrize("content_type", ["application/json", "text/plain"])
    def test_a_body_that_is_no_json(self, filled: Client, content_type: str) -> None:
        """422, also for JSON under another name: a page in a browser may send that to any host."""
        body = "{" if content_type == "application/json" else json.dumps(REQUEST)
        headers = {"content-type": content_type}
        filled.problem("/v1/ingestions", 422, "invalid_input", method="POST", content=body, headers=headers)

    @pytest.mark.parametrize("announced", [True, False])
    def test_a_body_that_is_too_large(self, filled: Client, announced: bool) -> None:
        """413, whether its length was announced or not."""
        body = b" " * 1_000_001
        content: Any = body if announced else iter([body[:500_000], body[500_000:]])
        headers = {"content-type": "application/json"}
        filled.problem("/v1/ingestions", 413, "body_too_large", method="POST", content=content, headers=headers)


class TestJobs:
    def test_states_select(self, filled: Client) -> None:
        """Several states may be asked for; a failed job tells why."""
        [failed] = filled.ok(JobList, "/v1/jobs", params={"state": "rejected"}).jobs
        assert failed.error is not None
        assert (failed.key, failed.error.code) == ("demo/text.mp3", "not_audio")
        both = filled.ok(JobList, "/v1/jobs", params={"state": ["rejected", "queued"]}).jobs
        assert {job.state for job in both} == {"rejected", "queued"}
        assert len(filled.ok(JobList, "/v1/jobs", params={"limit": 3}).jobs) == 3

    def test_pages_lead_through_all_jobs(self, filled: Client) -> None:
        """Each job once, newest change first, also among some states; a cursor of other filters is refused."""
        for states in ([], ["done", "degraded"]):
            seen: list[str] = []
            after: dict[str, str] = {}
            while True:
                page = filled.ok(JobList, "/v1/jobs", params={"limit": 3, "state": states, **after})
                seen += [job.id for job in page.jobs]
                if page.next is None:
                    break
                after = {"after": page.next}
            whole = filled.ok(JobList, "/v1/jobs", params={"state": states}).jobs
            assert seen == [job.id for job in whole]
        problem = filled.problem("/v1/jobs", 422, "invalid_input", params=after)
        assert [part.where for part in problem.errors] == ["query.after"]

    def test_an_unknown_job(self, filled: Client) -> None:
        """404."""
        filled.problem("/v1/jobs/nothing", 404, "job_unknown")


class TestIndexes:
    def test_promoting_what_was_served_before(self, make: Callable[..., Client]) -> None:
        """The release that is named is the current one afterwards."""
        client = make()
        fill(client.services)
        first, second = client.services.publisher.list(Kind.TRACK)[0].release, publish(client.services)
        listed = client.ok(IndexList, "/v1/indexes").indexes
        assert {index.release: index.current for index in listed} == {first: False, second: True}
        promoted = client.ok(IndexRelease, "/v1/indexes/track/promote", method="POST", json={"release": first})
        assert (promoted.release, promoted.current) == (first, True)
        assert client.ok(Neighbours, "/v1/items/trk-0-1/neighbours").index == first

    def test_promoting_what_is_not_there(self, filled: Client) -> None:
        """422: the body names nothing."""
        served = filled.services.publisher.list(Kind.TRACK)[0].release
        body = {"release": served[:-6] + "000000"}
        problem = filled.problem("/v1/indexes/track/promote", 422, "invalid_input", method="POST", json=body)
        assert problem.remedy == "GET /v1/indexes lists them"


class TestTakedowns:
    def test_an_item_that_is_taken_down_is_nowhere_until_it_is_put_back(self, make: Callable[..., Client]) -> None:
        """Neither by its id nor as a neighbour; asking twice changes nothing; put back, it has a job to place it."""
        client = make()
        fill(client.services)
        gone = client.ok(ItemDetail, "/v1/items/trk-0-2").id
        for _ in range(2):
            assert client.ok(Takedown, f"/v1/takedowns/{gone}", method="PUT").id == gone
        client.problem(f"/v1/items/{gone}", 404, "item_unknown")
        found = client.ok(Neighbours, "/v1/items/trk-0-0/neighbours", params={"k": 12})
        assert gone not in {neighbour.id for neighbour in found.neighbours}
        assert [down.id for down in client.ok(TakedownPage, "/v1/takedowns").takedowns] == [gone]
        back = client.ok(PutBack, f"/v1/takedowns/{gone}", method="DELETE")
        assert [client.ok(Job, f"/v1/jobs/{job_id}").item for job_id in back.jobs] == [gone]
        assert client.ok(ItemDetail, f"/v1/items/{gone}").id == gone
        assert client.ok(TakedownPage, "/v1/takedowns").takedowns == []

    def test_pages_lead_through_all_of_them(self, make: Callable[..., Client]) -> None:
        """In the order of ids, with a cursor of this listing."""
        client = make()
        fill(client.services)
        gone = sorted(client.ok(ItemDetail, f"/v1/items/trk-1-{take}").id for take in range(3))
        for item_id in gone:
            client.ok(Takedown, f"/v1/takedowns/{item_id}", method="PUT")
        first = client.ok(TakedownPage, "/v1/takedowns", params={"limit": 2})
        last = client.ok(TakedownPage, "/v1/takedowns", params={"limit": 2, "after": str(first.next)})
        assert [down.id for down in [*first.takedowns, *last.takedowns]] == gone
        assert last.next is None

    @pytest.mark.parametrize("method", ["PUT", "DELETE"])
    def test_what_is_no_item_is_told(self, filled: Client, method: str) -> None:
        """An id it has to be: a name could come to mean another item meanwhile."""
        filled.problem("/v1/takedowns/trk-0-0", 404, "item_unknown", method=method)


def test_fields_are_the_registrys(filled: Client) -> None:
    """Every public field, with the version of its group."""
    fields = filled.ok(FieldList, "/v1/fields").fields
    assert [field.path for field in fields] == [field.path for field in registry.PUBLIC_FIELDS]
    assert {field.version for field in fields if field.group == "rhythm"} == {registry.GROUP_VERSIONS["rhythm"]}


class TestHealth:
    def test_a_filled_catalogue_is_ready(self, filled: Client) -> None:
        """What is served is told by kind; a kind without an index is information, not a fault."""
        filled.ok(Alive, "/livez")
        assert filled.http.get("/healthz").json() == {"status": "alive"}
        ready = filled.ok(Ready, "/readyz")
        assert (ready.indexes["track"].space, ready.indexes["track"].problem) == (SPACES[Kind.TRACK].id, None)
        assert (ready.indexes["episode"].release, ready.indexes["episode"].problem) == (None, "index_missing")

    def test_how_everything_stands(self, filled: Client) -> None:
        """What waits is counted by lane, and that nobody works on it is a warning, not a fault."""
        status = filled.ok(Status, "/v1/status")
        assert status.lanes["normal"].jobs == {"done": 11, "degraded": 3, "queued": 1, "rejected": 1}
        assert status.lanes["cold"].jobs == {}
        assert status.warnings == ["no worker takes jobs from normal"]
        assert filled.ok(Ready, "/readyz").warnings == status.warnings
        served = status.indexes["track"]
        assert served is not None
        assert (served.items, served.coverage_ratio) == (13, 1.0)
        assert status.indexes["episode"] is None

    def test_the_ledgers_numbers_are_metrics(self, filled: Client) -> None:
        """Jobs by lane and state, and the share of the catalogue that is in the index."""
        found = samples(filled.http.get("/metrics").text)
        assert value(found, "audiofeat_ledger_up") == 1
        assert value(found, "audiofeat_jobs", lane="normal", state="queued") == 1
        assert value(found, "audiofeat_jobs", lane="normal", state="quarantined") == 0
        assert value(found, "audiofeat_index_coverage_ratio", kind="track") == 1.0
        assert value(found, "audiofeat_oldest_due_seconds", lane="normal") > 0

    def test_without_a_ledger_the_process_lives_and_is_not_ready(self, make: Callable[..., Client]) -> None:
        """503 wherever the ledger is needed; the password of its URL is not told."""
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            port = nobody.getsockname()[1]
            client = make(database_url=f"postgresql://owner:hunter2@127.0.0.1:{port}/none")
            client.ok(Alive, "/livez")
            for path in ("/readyz", "/v1/items", "/v1/items/a", "/v1/items/a/neighbours", "/v1/jobs", "/v1/jobs/a"):
                problem = client.problem(path, 503, "catalogue_unavailable")
                assert "hunter2" not in problem.model_dump_json()
                assert problem.remedy
            assert value(samples(client.http.get("/metrics").text), "audiofeat_ledger_up") == 0


class TestReprocessings:
    def test_from_plan_to_end(self, filled: Client) -> None:
        """What is stale is planned, begun once, followed, paused, resumed and cancelled; what has ended stays so."""
        scope = {"groups": ["rhythm"], "kind": "track"}
        plan = filled.ok(Plan, "/v1/reprocessings/plan", method="POST", json=scope)
        assert (plan.items, plan.stale_items, set(plan.groups)) == (13, 13, {"rhythm"})
        assert plan.groups["rhythm"].version == registry.GROUP_VERSIONS["rhythm"]
        begun = filled.ok(
            Reprocessing, "/v1/reprocessings", status=202, method="POST", json={**scope, "window": "00:00-23:59"}
        )
        path = f"/v1/reprocessings/{begun.id}"
        assert (begun.state, begun.total, begun.lane, begun.window) == ("running", 13, "bulk", "00:00-23:59")
        assert filled.ok(ReprocessingList, "/v1/reprocessings").reprocessings == [begun]
        older = filled.services.catalogue.create_batch(
            "reprocess", lane=Lane.BULK, scope=BatchScope(None, None, None, {})
        )
        page = filled.ok(ReprocessingList, "/v1/reprocessings", params={"limit": 1})
        assert [one.id for one in page.reprocessings] == [older.batch_id]
        rest = filled.ok(ReprocessingList, "/v1/reprocessings", params={"after": page.next})
        assert ([one.id for one in rest.reprocessings], rest.next) == ([begun.id], None)
        filled.services.catalogue.change_batch(Change.CANCEL, older.batch_id)
        assert filled.ok(Reprocessing, f"{path}/pause", method="POST").state == "paused"
        assert filled.ok(Reprocessing, f"{path}/resume", method="POST").state == "running"
        assert filled.ok(Reprocessing, f"{path}/cancel", method="POST").state == "cancelled"
        filled.problem(f"{path}/resume", 422, "invalid_input", method="POST")
        filled.problem("/v1/reprocessings/none", 404, "batch_unknown")

    @pytest.mark.parametrize(
        "request_", [{"groups": ["smell"]}, {"window": "6-8"}, {"kind": "album"}, {"where": "x"}, {"store": "s3/none"}]
    )
    def test_what_cannot_be_begun(self, filled: Client, request_: dict[str, Any]) -> None:
        """422: an unknown group, window, kind or field, and a scope in which nothing is stale."""
        filled.problem("/v1/reprocessings", 422, "invalid_input", method="POST", json=request_)


class TestParameters:
    @pytest.mark.parametrize(
        "query",
        [
            "/v1/items/trk-0-1/neighbours?k=0", "/v1/items/trk-0-1/neighbours?k=1001",
            "/v1/items/trk-0-1/neighbours?k=ten", "/v1/items/trk-0-1/neighbours?engine=faiss",
            "/v1/items/trk-0-1/neighbours?duplicates=yes", "/v1/items?limit=0", "/v1/items?limit=1001",
            "/v1/items?kind=album", "/v1/items?after=x", "/v1/items/trk-0-1/features?curves=perhaps",
            "/v1/jobs?state=lost", "/v1/jobs?limit=-1",
        ],
    )  # fmt: skip
    def test_out_of_range_is_an_error(self, filled: Client, query: str) -> None:
        """422 that names the parameter: nothing is clamped."""
        problem = filled.problem(query, 422, "invalid_input")
        [part] = problem.errors
        name = re.split("[?=]", query)[1]
        assert part.where.split(".")[:2] == ["query", name]
        if name != "after":
            assert part.example is not None
            assert f"query.{name}" in (problem.remedy or "")

    @pytest.mark.parametrize(
        "path",
        [
            "/v1/items", "/v1/items/trk-0-1", "/v1/items/trk-0-1/features", "/v1/items/trk-0-1/neighbours",
            "/v1/jobs", "/v1/jobs/a", "/v1/indexes", "/v1/fields", "/v1/status", "/livez", "/readyz", "/metrics",
        ],
    )  # fmt: skip
    def test_an_unknown_parameter_is_an_error(self, filled: Client, path: str) -> None:
        """422 that names it, whatever the operation, and says what there is."""
        problem = filled.problem(f"{path}?lmit=5", 422, "invalid_input")
        assert "'lmit'" in problem.detail
        assert problem.remedy

    def test_an_unknown_part_of_a_body_is_an_error(self, filled: Client) -> None:
        """422 that names it, and shows a body as it should be."""
        body = {"seeds": [{"item": "trk-0-1"}], "lmit": 5}
        problem = filled.problem("/v1/neighbours:search", 422, "invalid_input", method="POST", json=body)
        assert [part.where for part in problem.errors] == ["body.lmit"]
        assert 'such as body={"seeds": ' in (problem.remedy or "")

    def test_a_parameter_given_twice_is_an_error(self, filled: Client) -> None:
        """One of the two would be ignored in silence."""
        filled.problem("/v1/items/trk-0-1/neighbours?k=5&k=6", 422, "invalid_input")

    def test_paths_and_methods_that_do_not_exist(self, filled: Client) -> None:
        """Problems too, with what is allowed."""
        as_problem(filled.http.get("/v2/items"), 404, "not_found")
        response = filled.http.delete("/v1/items")
        as_problem(response, 405, "method_not_allowed")
        assert response.headers["allow"] == "GET"
        assert filled.http.delete("/v1/reprocessings").headers["allow"] == "GET, POST"

    def test_a_body_that_is_no_text(self, filled: Client) -> None:
        """422, as for other bodies that cannot be read."""
        headers = {"content-type": "application/json"}
        filled.problem("/v1/ingestions", 422, "invalid_input", method="POST", content=b"\xff\xfe{", headers=headers)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InvalidInput, 422), (errors.NoAudioFound, 422), (errors.ItemUnknown, 404), (errors.JobUnknown, 404),
        (errors.SourceNotFound, 404), (errors.ItemNotAnalysed, 409), (errors.SpaceMismatch, 409),
        (errors.PointerMoved, 409), (errors.AccessDenied, 403), (errors.IndexMissing, 503), (errors.IndexEmpty, 503),
        (errors.CatalogueUnavailable, 503), (errors.BrokerUnavailable, 503), (errors.StoreUnavailable, 503),
        (errors.DiskFull, 503), (errors.SettingsInvalid, 500), (errors.ExtractionCrashed, 500),
    ],
)  # fmt: skip
def test_an_error_has_one_status(error: type[errors.AudiofeatError], status: int) -> None:
    """The caller's mistakes are 4xx, what may pass is 503, the rest 500."""
    assert status_of(error) == status


def test_the_app_loads_no_heavy_library() -> None:
    """Making an app loads neither the workers nor Celery, the extractors or the vendors behind the ports."""
    program = (
        "import sys\n"
        "from audiofeat.api.app import create_app\n"
        "from audiofeat.bootstrap import Services, load_settings\n"
        "create_app(Services(load_settings()))\n"
        "heavy = {'workers', 'celery', 'essentia', 'librosa', 'av', 'boto3', 'sqlalchemy', 'annoy', 'typer'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


class TestServer:
    @pytest.fixture
    def port(self) -> int:
        """Return a port that nobody listens on."""
        return free_port()

    @pytest.fixture
    def start(self, tmp_path: Path, port: int) -> Iterator[Callable[[], subprocess.Popen[str]]]:
        """Return a function that starts the server program on that port."""
        started: list[subprocess.Popen[str]] = []

        def start() -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-m", "audiofeat.api"],
                env={**os.environ, "AUDIOFEAT_HOME": str(tmp_path), "AUDIOFEAT_API_PORT": str(port)},
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            started.append(process)
            return process

        yield start
        for process in started:
            process.kill()
            process.communicate()

    def test_it_answers_over_http_and_ends_on_sigterm(
        self, start: Callable[[], subprocess.Popen[str]], port: int
    ) -> None:
        """Real sockets: answers, problems and limits are the same, and nothing is written to stdout."""
        process = start()
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/healthz", process)
        assert httpx.get(f"{url}/readyz").json()["status"] == "ready"
        as_problem(httpx.get(f"{url}/v1/items/nobody"), 404, "item_unknown")
        too_large = httpx.post(
            f"{url}/v1/ingestions", content=b" " * 1_000_001, headers={"content-type": "application/json"}
        )
        as_problem(too_large, 413, "body_too_large")
        process.send_signal(signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=60)
        assert (stdout, "Traceback" in stderr) == ("", False)

    def test_a_taken_port_is_a_plain_error(self, start: Callable[[], subprocess.Popen[str]], port: int) -> None:
        """Exit code 1, one line with the code and one with the remedy."""
        with socket.create_server(("127.0.0.1", port)):
            process = start()
            _, stderr = process.communicate(timeout=60)
        assert process.returncode == 1
        assert stderr.splitlines() == [
            f"error [port_taken]: another program listens on 127.0.0.1:{port}",
            "remedy: end it, or set AUDIOFEAT_API_PORT",
        ]


def wait_for(url: str, process: subprocess.Popen[str]) -> None:
    """Return as soon as the server answers."""

    def answers() -> bool:
        assert process.poll() is None, process.communicate()[1]
        try:
            httpx.get(url)
        except httpx.TransportError:
            return False
        return True

    wait_until(answers)

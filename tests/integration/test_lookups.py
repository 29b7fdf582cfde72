"""Lookups over HTTP: every kind of seed, every rule, and what is refused."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi.testclient import TestClient

from audiofeat.api.app import create_app
from audiofeat.bootstrap import Services, load_settings
from audiofeat.domain.items import Kind
from audiofeat.storage.s3 import S3Store
from audiofeat.storage.s3_connection import S3Connection
from schemas.journeys import Journey
from schemas.neighbours import Neighbours, SearchAnswers
from schemas.problem import Problem
from shop import SPACES, Shop, sound

SAMPLES = Path(__file__).parents[2] / "samples" / "audio"
SAID = {
    0: {"artist": "Ana", "genre": "ambient", "isrc": "GBAYE6900531", "label": "North"},
    1: {"artist": "Ben", "genre": "techno", "explicit": True},
    2: {"artist": "Cid", "genre": "ambient", "release_date": "1994"},
}


class Asker:
    """Asks a small catalogue over HTTP."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.http = TestClient(create_app(services), raise_server_exceptions=False, base_url="http://127.0.0.1")
        self.ids: dict[str, str] = {}

    def search(self, *seeds: dict[str, Any], **rules: Any) -> SearchAnswers:
        response = self.http.post("/v1/neighbours:search", json={"seeds": list(seeds), **rules})
        assert response.status_code == 200, response.text
        return SearchAnswers.model_validate_json(response.content)

    def one(self, *seeds: dict[str, Any], **rules: Any) -> Neighbours:
        [answer] = self.search(*seeds, **rules).answers
        assert answer.problem is None
        assert answer.neighbours is not None
        return answer.neighbours

    def refused(self, status: int, code: str, *seeds: dict[str, Any], **rules: Any) -> str:
        response = self.http.post("/v1/neighbours:search", json={"seeds": list(seeds), **rules})
        return told(response, status, code)


def told(response: httpx.Response, status: int, code: str) -> str:
    """Return what a problem says."""
    assert response.status_code == status, response.text
    problem = Problem.model_validate_json(response.content)
    assert problem.code == code
    return f"{problem.detail} {problem.remedy}"


def keys(found: Neighbours) -> list[str]:
    return [line.key for line in found.neighbours]


@pytest.fixture(scope="module")
def asker(tmp_path_factory: pytest.TempPathFactory, s3_connection: S3Connection) -> Asker:
    """Three families of six tracks, an artist each, and a show of three episodes, all published."""
    settings = load_settings(
        home=tmp_path_factory.mktemp("home"), s3_endpoint_url=s3_connection.endpoint_url, s3_region="us-east-1",
        s3_access_key_id=s3_connection.access_key_id, s3_secret_access_key=s3_connection.secret_access_key,
        upload_max_bytes=2_000_000,
    )  # fmt: skip
    services = Services(settings)
    shop = Shop(services.catalogue, services.artefacts, services.publisher, services.indexes, SPACES, services.things)
    made = Asker(services)
    for family, said in SAID.items():
        for take in range(6):
            key = f"{family}-{take}.wav"
            isrc = said.get("isrc") if take == 0 else None
            record = {**said, "isrc": isrc, "title": key, "album": f"album {take // 2}"}
            made.ids[key] = shop.add(
                key, sound(family, take), said=record, tempo_bpm=100.0 + 10 * family + take, mode="minor"
            )
    for take in range(3):
        made.ids[f"e{take}.mp3"] = shop.add(f"e{take}.mp3", sound(5, take), kind=Kind.EPISODE, said={"show": "Two"})
    shop.publish()
    shop.publish(Kind.EPISODE)
    return made


class TestSeeds:
    def test_names_of_every_kind_mean_one_item(self, asker: Asker) -> None:
        """Id, key, ISRC in any spelling, and the item's own URL give the same answer."""
        by_url = asker.http.get("/v1/items/0-0.wav/neighbours", params={"artist_cap": 0, "album_cap": 0})
        expected = Neighbours.model_validate_json(by_url.content)
        for seed in ({"item": "0-0.wav"}, {"item": asker.ids["0-0.wav"]}, {"isrc": "gb-aye-69-00531"}):
            assert asker.one(seed, artist_cap=0, album_cap=0) == expected
        assert expected.item is not None
        assert keys(expected)[:5] == sorted(keys(expected)[:5], key=lambda key: key[0] != "0")

    def test_several_items_lie_between_their_families(self, asker: Asker) -> None:
        """Both families answer; with a weight below 0 the other one is avoided."""
        both = asker.one({"item": "0-0.wav"}, {"item": "1-0.wav"}, k=8, artist_cap=0, album_cap=0)
        assert both.item is None
        assert {key[0] for key in keys(both)} == {"0", "1"}
        assert not {"0-0.wav", "1-0.wav"} & set(keys(both))
        away = asker.one({"item": "0-0.wav"}, {"item": "1-0.wav", "weight": -0.5}, k=16, artist_cap=0, album_cap=0)
        assert all(key[0] == "1" for key in keys(away)[-5:])

    def test_a_vector_is_asked_for_with_its_space(self, asker: Asker) -> None:
        """The item's own vector, ten times as long, finds the item first; groups cannot be told."""
        index = asker.services.indexes.current(Kind.TRACK)
        vector = index.vector_of(asker.ids["2-3.wav"])
        assert vector is not None
        found = asker.one({"vector": (10 * vector).tolist(), "space": index.space.id}, k=3)
        assert found.neighbours[0].key == "2-3.wav"
        assert found.neighbours[0].distance == pytest.approx(0, abs=1e-3)
        assert found.degraded == ["no_group_similarities"]

    def test_a_vector_of_another_space_is_refused(self, asker: Asker) -> None:
        """409 that names both."""
        index = asker.services.indexes.current(Kind.TRACK)
        said = asker.refused(409, "space_mismatch", {"vector": [1.0, 0.0], "space": "abcd"})
        assert "abcd" in said
        assert index.space.id in said
        said = asker.refused(409, "space_mismatch", {"vector": [1.0], "space": "abcd"}, {"item": "0-0.wav"})
        assert "abcd" in said

    def test_a_target_finds_what_is_like_it(self, asker: Asker) -> None:
        """The tempo decides, by words or by values; the line says what it is like."""
        for target in ("122 BPM, minor", {"tempo_bpm": 122, "mode": "minor"}):
            found = asker.one({"target": target}, kind="track", k=1)
            assert keys(found) == ["2-2.wav"]
            assert found.neighbours[0].relevance == pytest.approx(1.0)
            assert found.neighbours[0].distance is None
            assert found.neighbours[0].why == "meets 1.00 of the target; 122 BPM"
        assert "hurdy-gurdy" in asker.refused(422, "invalid_input", {"target": "122 BPM, hurdy-gurdy"}, kind="track")
        assert "kind" in asker.refused(422, "invalid_input", {"target": "122 BPM"})

    def test_an_item_and_a_target_together(self, asker: Asker) -> None:
        """Among the sounds alike the tempo decides."""
        found = asker.one({"item": "1-0.wav"}, {"target": "114 BPM", "weight": 5}, k=2)
        assert keys(found)[0] == "1-4.wav"

    def test_each_seed_has_its_answer(self, asker: Asker) -> None:
        """A hundred at once; what is wrong with one stands in its place."""
        seeds = [{"item": f"{n % 3}-{n % 6}.wav"} for n in range(98)] + [{"item": "nobody"}, {"item": "e0.mp3"}]
        answers = asker.search(*seeds, each=True, k=2).answers
        assert len(answers) == 100
        assert [answer.problem.code for answer in answers if answer.problem] == ["item_unknown"]
        assert answers[98].neighbours is None
        last = answers[99].neighbours
        assert last is not None
        assert last.kind == "episode"

    @pytest.mark.parametrize(
        ("seeds", "said"),
        [
            ([], "at least 1"),
            ([{"item": "0-0.wav"}] * 101, "at most 100"),
            ([{}], "exactly one of"),
            ([{"item": "0-0.wav", "isrc": "x"}], "item and isrc"),
            ([{"vector": [1.0]}], "id of its space"),
            ([{"item": "0-0.wav", "weight": 0}], "not 0"),
            ([{"item": "0-0.wav", "weight": -1}], "like"),
            ([{"item": "0-0.wav"}, {"item": "0-0.wav", "weight": -1}], "cancel"),
            ([{"item": "0-0.wav"}, {"item": "e0.mp3"}], "tracks and episodes"),
            ([{"isrc": "nonsense"}], "nonsense"),
            ([{"item": "0-0.wav", "colour": "red"}], "colour"),
        ],
    )
    def test_seeds_that_make_no_question(self, asker: Asker, seeds: list[dict[str, Any]], said: str) -> None:
        """422 or 404 that says what is wrong."""
        response = asker.http.post("/v1/neighbours:search", json={"seeds": seeds})
        assert response.status_code in {404, 422}
        assert said in response.text


class TestRules:
    def test_filters_by_attributes_and_features(self, asker: Asker) -> None:
        """As JSON, as text and in the URL."""
        found = asker.one({"item": "1-0.wav"}, filters={"genre": "ambient", "tempo_bpm": {"min": 120}}, artist_cap=0)
        assert set(keys(found)) <= {f"2-{take}.wav" for take in range(6)}
        assert len(found.neighbours) == 6
        again = asker.one({"item": "1-0.wav"}, where=["genre=ambient", "tempo_bpm=120.."], artist_cap=0)
        assert keys(again) == keys(found)
        by_url = asker.http.get(
            "/v1/items/1-0.wav/neighbours",
            params={"where": ["genre=ambient", "tempo_bpm=120.."], "artist_cap": 0},
        )
        assert keys(Neighbours.model_validate_json(by_url.content)) == keys(found)
        no = asker.one({"item": "0-0.wav"}, filters={"explicit": {"not": True}, "artist": {"not": ["Ana", "Cid"]}})
        assert no.neighbours == []
        assert no.dropped["filtered"] >= 17

    def test_listed_items(self, asker: Asker) -> None:
        """Only these, or never these."""
        few = [asker.ids["2-0.wav"], asker.ids["1-1.wav"]]
        assert set(keys(asker.one({"item": "0-0.wav"}, include=few))) == {"2-0.wav", "1-1.wav"}
        found = asker.one({"item": "2-1.wav"}, exclude=few, k=18, artist_cap=0, album_cap=0)
        assert not {"2-0.wav", "1-1.wav"} & set(keys(found))
        assert found.dropped["excluded"] == 2
        assert "nobody" in asker.refused(404, "item_unknown", {"item": "0-0.wav"}, include=["nobody"])

    def test_caps_hold_by_default(self, asker: Asker) -> None:
        """At most two of one artist, and the answer counts the others."""
        found = asker.one({"item": "0-0.wav"})
        artists = [str(line.metadata["artist"]) for line in found.neighbours]
        assert {artists.count(artist) for artist in artists} == {2}
        assert found.dropped["over_the_artist_cap"] >= 10
        albums = asker.one({"item": "0-0.wav"}, artist_cap=0, album_cap=1, k=18)
        assert len(albums.neighbours) == 9

    def test_weights_of_groups_change_the_order(self, asker: Asker) -> None:
        """The most alike in one group comes first, and the answer's share says so."""
        found = asker.one({"item": "0-0.wav"}, weights={"tonal": 50, "timbre": 0.01}, k=5, artist_cap=0, album_cap=0)
        plain = asker.one({"item": "0-0.wav"}, k=5, artist_cap=0, album_cap=0)
        assert [line.relevance for line in found.neighbours] == sorted(
            (line.relevance for line in found.neighbours), reverse=True
        )
        assert found.neighbours[0].groups["tonal"].share > 0.9
        assert [line.relevance for line in found.neighbours] != [line.relevance for line in plain.neighbours]
        assert "rhythms" in asker.refused(422, "invalid_input", {"item": "0-0.wav"}, weights={"rhythms": 1})

    def test_variety_keeps_relevance(self, asker: Asker) -> None:
        """The mean relevance is at least the share that was asked for."""
        plain = asker.one({"item": "0-0.wav"}, k=6, artist_cap=0, album_cap=0)
        varied = asker.one({"item": "0-0.wav"}, k=6, artist_cap=0, album_cap=0, keep_ratio=0.9)
        before, after = (np.mean([line.relevance for line in found.neighbours]) for found in (plain, varied))
        assert after >= 0.9 * before - 1e-9
        assert keys(varied) != keys(plain)

    @pytest.mark.parametrize(
        ("rules", "said"),
        [
            ({"k": 0}, "greater than or equal to 1"),
            ({"keep_ratio": 0.2}, "greater than or equal to 0.5"),
            ({"artist_cap": -1}, "greater than or equal to 0"),
            ({"engine": "faiss"}, "annoy"),
            ({"filters": {"tempo": 1}}, "tempo_bpm"),
            ({"filters": {"tempo_bpm": {"min": 500}}}, "30 to 300"),
            ({"where": ["mode=dorian"]}, "major, minor"),
            ({"colour": "red"}, "colour"),
        ],
    )
    def test_a_rule_out_of_range_is_named(self, asker: Asker, rules: dict[str, Any], said: str) -> None:
        """422, with a correct value."""
        assert said in asker.http.post("/v1/neighbours:search", json={"seeds": [{"item": "0-0.wav"}], **rules}).text
        assert asker.http.get("/v1/items/0-0.wav/neighbours", params={"where": "tempo=1"}).status_code == 422


class TestAudioFromOutside:
    def test_an_upload_is_answered_and_forgotten(self, asker: Asker) -> None:
        """The answer is one of its kind, and neither ledger nor disk knows of it afterwards."""
        before = len(asker.services.catalogue.items(limit=100))
        with (SAMPLES / "piano_late_train.ogg").open("rb") as file:
            response = asker.http.post(
                "/v1/neighbours:upload", files={"audio": file}, data={"rules": json.dumps({"k": 3, "kind": "track"})}
            )
        assert response.status_code == 200, response.text
        [answer] = SearchAnswers.model_validate_json(response.content).answers
        assert answer.neighbours is not None
        assert len(answer.neighbours.neighbours) == 3
        assert answer.neighbours.item is None
        assert answer.neighbours.neighbours[0].groups
        assert len(asker.services.catalogue.items(limit=100)) == before
        assert not list((asker.services.home / "scratch").iterdir())

    def test_an_upload_that_is_no_audio(self, asker: Asker) -> None:
        """422 that says so; too much is cut off, and a rule that is wrong is named."""
        response = asker.http.post("/v1/neighbours:upload", files={"audio": io.BytesIO(b"words " * 100)})
        assert "cannot be analysed" in told(response, 422, "invalid_input")
        response = asker.http.post("/v1/neighbours:upload", files={"audio": io.BytesIO(b"\0" * 2_500_000)})
        assert "2,000,000 bytes" in told(response, 422, "invalid_input")
        response = asker.http.post("/v1/neighbours:upload", files={"audio": io.BytesIO(b"\0" * 3_500_000)})
        told(response, 413, "body_too_large")
        response = asker.http.post(
            "/v1/neighbours:upload", files={"audio": io.BytesIO(b"a")}, data={"rules": '{"k": 0}'}
        )
        assert "greater than or equal to 1" in told(response, 422, "invalid_input")

    def test_an_object_of_a_bucket(self, asker: Asker, s3_store: S3Store) -> None:
        """Fetched, measured, forgotten; a folder of this host is none of them."""
        s3_store.put("new.ogg", SAMPLES / "piano_late_train.ogg")
        found = asker.one({"object": {"store": s3_store.name, "key": "new.ogg"}}, kind="track", k=2)
        assert len(found.neighbours) == 2
        asker.refused(404, "object_missing", {"object": {"store": s3_store.name, "key": "gone.ogg"}})
        asker.refused(422, "invalid_input", {"object": {"store": "file:/etc", "key": "passwd"}})


def test_lookups_need_neither_broker_nor_store(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once an index is served nothing else than the ledger is asked."""

    def gone(*_: Any) -> None:
        raise AssertionError("a lookup reached for what may be down")

    monkeypatch.setattr(Services, "queue", property(gone))
    monkeypatch.setattr(Services, "stores", property(gone))
    for rules in ({}, {"where": ["genre=ambient"]}, {"keep_ratio": 0.95}, {"weights": {"timbre": 2}}):
        assert asker.one({"item": "0-0.wav"}, **rules).neighbours
    assert asker.one({"target": "120 BPM"}, kind="track").neighbours


class TestJourneys:
    def test_a_way_from_one_family_to_another(self, asker: Asker) -> None:
        """Starts and ends as asked, over distinct items, with distances and features of each step."""
        response = asker.http.get("/v1/journeys", params={"from": "0-0.wav", "to": "2-0.wav", "length": 6})
        found = Journey.model_validate_json(response.content)
        assert (found.steps[0].key, found.steps[-1].key) == ("0-0.wav", "2-0.wav")
        assert len({step.id for step in found.steps}) == 6
        assert [step.step for step in found.steps] == [1, 2, 3, 4, 5, 6]
        assert found.steps[0].distance is None
        assert found.steps[3].features["rhythm.tempo_bpm"]
        for step in found.steps[1:]:
            assert step.distance
            assert (step.tempo_ratio or 1.0) <= found.tempo_ratio
        again = asker.http.get("/v1/journeys", params={"from": "0-0.wav", "to": "2-0.wav", "length": 6})
        assert again.content == response.content

    def test_the_table_can_be_exported(self, asker: Asker) -> None:
        """As CSV, a row a step."""
        asked = {"from": "0-0.wav", "to": "2-0.wav", "length": 5, "format": "csv"}
        response = asker.http.get("/v1/journeys", params=asked)
        assert response.headers["content-type"].startswith("text/csv")
        rows = list(csv.DictReader(io.StringIO(response.text)))
        assert len(rows) == 5
        assert rows[0]["title"] == "0-0.wav"
        assert float(rows[2]["distance"]) > 0
        assert rows[1]["rhythm.tempo_bpm"]

    def test_conditions_hold_between_the_ends(self, asker: Asker) -> None:
        """Only what meets them is passed."""
        asked = {"from": "0-0.wav", "to": "2-0.wav", "length": 5, "where": "artist=Ben", "artist_cap": 0}
        found = Journey.model_validate_json(asker.http.get("/v1/journeys", params=asked).content)
        assert {step.metadata["artist"] for step in found.steps[1:-1]} == {"Ben"}

    @pytest.mark.parametrize(
        ("asked", "status", "said"),
        [
            ({"to": "0-0.wav"}, 422, "one item"),
            ({"to": "e0.mp3"}, 422, "of one kind"),
            ({"to": "nobody"}, 404, "nobody"),
            ({"to": "2-0.wav", "length": 2}, 422, "greater than or equal to 3"),
            ({"to": "2-0.wav", "tempo_ratio": 1.0}, 422, "no way of 8 items"),
            ({"to": "2-0.wav", "where": "tempo=1"}, 422, "tempo_bpm"),
            ({"to": "2-0.wav", "speed": 1}, 422, "speed"),
        ],
    )
    def test_what_is_no_journey(self, asker: Asker, asked: dict[str, Any], status: int, said: str) -> None:
        """Named, with what would do."""
        response = asker.http.get("/v1/journeys", params={"from": "0-0.wav", **asked})
        assert response.status_code == status
        assert said in response.text

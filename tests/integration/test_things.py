"""Artists, albums, shows and collections over HTTP and on the command line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from problems import refused
from typer.testing import CliRunner

from audiofeat.api.app import create_app
from audiofeat.bootstrap import Services, load_settings
from audiofeat.cli.main import app
from audiofeat.domain.items import Kind
from schemas.things import ThingDetail, ThingNeighbours, ThingPage
from shop import SPACES, Shop, sound

ARTISTS = {"AC/DC": ("X", 0), "Ana": ("A", 0), "Bo": ("B", 1)}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three artists of three tracks, and two shows of two episodes, all published."""
    folder = tmp_path_factory.mktemp("home")
    services = Services(load_settings(home=folder))
    shop = Shop(
        services.catalogue, services.artefacts, services.publisher, services.indexes, SPACES, services.things
    )  # fmt: skip
    takes = iter(range(100))
    for artist, (letter, family) in ARTISTS.items():
        for number in range(3):
            said = {"artist": artist, "album": "One", "genre": "Techno", "reference": f"{letter}{number}"}
            shop.add(f"{letter}{number}.wav", sound(family, next(takes)), said=said, tempo_bpm=120.0 + number)
    for show in ("Talks", "Words"):
        for number in range(2):
            said = {"show": show, "language": "en", "explicit": number == 0}
            shop.add(f"{show}{number}.mp3", sound(3, next(takes)), kind=Kind.EPISODE, said=said)
    for kind in Kind:
        shop.publish(kind)
    services.catalogue.close()
    return folder


@pytest.fixture
def http(home: Path) -> Iterator[TestClient]:
    services = Services(load_settings(home=home))
    yield TestClient(create_app(services), base_url="http://127.0.0.1")
    services.catalogue.close()


def ids_of(http: TestClient) -> dict[str, str]:
    """Return the ids of all items by key."""
    return {one["key"]: one["id"] for one in http.get("/v1/items").json()["items"]}


def test_things_are_listed_and_described(http: TestClient) -> None:
    """Pages by name with counts; medians, consistency, genres and words of one."""
    first = ThingPage.model_validate(http.get("/v1/artists", params={"limit": 2}).json())
    rest = ThingPage.model_validate(http.get("/v1/artists", params={"limit": 2, "after": first.next}).json())
    assert [(one.name, one.items) for one in first.things + rest.things] == [("AC/DC", 3), ("Ana", 3), ("Bo", 3)]
    assert rest.next is None
    found = ThingDetail.model_validate(http.get("/v1/artists/AC/DC").json())
    assert found == ThingDetail.model_validate(http.get(f"/v1/artists/{found.id}").json())
    sounds = found.sounds["track"]
    assert (sounds.items, sounds.features["rhythm.tempo_bpm"], sounds.total_duration_s) == (3, 121.0, 90.0)
    assert sounds.consistency is not None
    assert "about 121 BPM" in sounds.in_words
    assert [(one.path, one.share) for one in found.genres] == [("electronic", 1.0), ("electronic/techno", 1.0)]
    show = ThingDetail.model_validate(http.get("/v1/shows/talks").json())
    assert (show.sounds["episode"].explicit_ratio, show.sounds["episode"].languages) == (0.5, ["en"])


def test_neighbours_of_things_over_http(http: TestClient) -> None:
    """Artists near an artist and a new track, a name with a slash among them; shows by filters; items where asked."""
    near = ThingNeighbours.model_validate(http.get("/v1/artists/AC/DC/neighbours", params={"k": 1}).json())
    assert (near.of, near.thing and near.thing.name, near.neighbours[0].name) == ("artist", "AC/DC", "Ana")
    track = ThingNeighbours.model_validate(http.get("/v1/items/B0.wav/nearest", params={"k": 5}).json())
    assert {line.name for line in track.neighbours} == {"AC/DC", "Ana"}
    assert track.item is not None
    shows = http.get("/v1/shows/talks/neighbours", params={"where": ["language=en", "explicit=true"]}).json()
    assert [line["name"] for line in shows["neighbours"]] == ["Words"]
    assert http.get("/v1/shows/talks/neighbours", params={"where": "language=de"}).json()["neighbours"] == []
    items = http.get("/v1/artists/Ana/neighbours", params={"of": "items", "k": 2}).json()
    assert {line["key"][0] for line in items["neighbours"]} == {"X"}
    mixed = http.post("/v1/neighbours:search", json={"seeds": [{"artist": "Bo"}, {"show": "Talks"}], "k": 2})
    assert "tracks and episodes" in refused(mixed, 422)


def test_collections_are_kept_replaced_asked_and_forgotten(http: TestClient) -> None:
    """201 with a place, 422 for a name that is taken, 200 for a replacement; neighbours are items by default."""
    wanted = {"name": "Mix", "items": [{"item": "nowhere"}, {"item": "B0.wav", "weight": 0.5}]}
    assert refused(http.post("/v1/collections", json=wanted), 404).startswith("2 of 2 items are not in the catalogue")
    ids = ids_of(http)
    wanted["items"] = [{"item": ids["A0.wav"]}, {"item": ids["B0.wav"], "weight": 0.5}]
    made = http.post("/v1/collections", json=wanted)
    assert made.status_code == 201
    assert http.get(made.headers["Location"]).json() == made.json()
    assert "PUT" in refused(http.post("/v1/collections", json=wanted), 422)
    replaced = http.put("/v1/collections/Mix", json={"items": [{"item": ids["B1.wav"]}]})
    assert (replaced.status_code, replaced.json()["items"]) == (200, 1)
    items = http.get("/v1/collections/mix/neighbours", params={"k": 2}).json()
    assert {line["key"] for line in items["neighbours"]} == {"B0.wav", "B2.wav"}
    artists = http.get("/v1/collections/mix/neighbours", params={"of": "artists", "k": 1}).json()
    assert artists["neighbours"][0]["name"] == "Bo"
    assert http.delete("/v1/collections/Mix").json()["name"] == "Mix"
    assert "no collection is called" in refused(http.get("/v1/collections/Mix"), 404)


def test_what_cannot_be_is_refused_with_a_remedy(http: TestClient) -> None:
    """Unknown things, names of several, weights that say nothing, the same item twice, too many."""
    assert "audiofeat artists list" in refused(http.get("/v1/artists/nobody/neighbours"), 404)
    assert "ask by id" in refused(http.get("/v1/albums/One"), 422)
    assert "has no episodes" in refused(http.get("/v1/artists/Ana/neighbours", params={"kind": "episode"}), 409)
    assert "least_items is for things" in refused(
        http.get("/v1/artists/Ana/neighbours", params={"of": "items", "least_items": 2}), 422
    )
    one = ids_of(http)["A0.wav"]
    for items, told in (
        ([], "at least 1"),
        ([{"item": one, "weight": 0}], "weight 0"),
        ([{"item": one, "weight": -1}], "greater than or equal"),
        ([{"item": one}, {"item": one}], "listed twice"),
        ([{"item": "x"}] * 10_001, "at most 10000"),
    ):
        assert told in refused(http.put("/v1/collections/mine", json={"items": items}), 422)
    answer = http.put(
        "/v1/collections/mine", content=f'{{"items": [{{"item": "{one}", "weight": NaN}}]}}',
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    assert "finite" in refused(answer, 422)
    assert http.get("/v1/labels/x").status_code == 404


def test_the_command_line_says_the_same(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, http: TestClient
) -> None:
    """Lists, shows, keeps a collection from a table, and finds neighbours of things among things."""
    monkeypatch.setenv("AUDIOFEAT_HOME", str(home))
    run = CliRunner()

    def told(*arguments: str) -> Any:
        result = run.invoke(app, [*arguments, "--json"], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return [json.loads(line) for line in result.stdout.splitlines()]

    assert [one["name"] for one in told("artists", "list", "--limit", "2")] == ["AC/DC", "Ana"]
    assert told("shows", "show", "Talks") == [http.get("/v1/shows/Talks").json()]
    [near] = told("neighbours", "--artist", "AC/DC", "--of", "artists", "-k", "1")
    assert near == http.get("/v1/artists/AC/DC/neighbours", params={"k": 1}).json()
    ids = ids_of(http)
    table = tmp_path / "mix.csv"
    table.write_text(f"item,weight\n{ids['A0.wav']},3\n{ids['B0.wav']},\n")
    [kept] = told("collections", "put", "from a table", "--from", str(table))
    assert {one["weight"] for one in kept["collected"]} == {3.0, 1.0}
    shown = run.invoke(app, ["neighbours", "--collection", "from a table", "--of", "albums"], catch_exceptions=False)
    assert "One - AC/DC" in shown.stdout
    assert run.invoke(app, ["collections", "drop", "from a table"]).exit_code == 0
    assert told("collections", "list") == []

"""Episodes over HTTP and on the command line: timelines, chapters for players, what a show repeats."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from problems import refused
from typer.testing import CliRunner

from audiofeat.api.app import create_app
from audiofeat.bootstrap import Services, load_settings
from audiofeat.cli.main import app
from audiofeat.domain.descriptor import pack
from audiofeat.domain.items import Kind, KindSource, ObjectVersion
from audiofeat.domain.jobs import GroupResult, JobState, MetadataRecord, Outcome, Registration
from audiofeat.domain.subprints import encoded
from audiofeat.services.build_index import build_index
from audiofeat.services.repeats import listen
from prints import noisy, sound
from schemas.episodes import PlayerChapters, ShowRepeats, Timeline
from shop import SPACES
from shop import sound as voice

DURATION_S = 600.0
JINGLE, AD = sound(901, 50), sound(902, 300)
SPEECH = {
    "segment_starts_s": [0.0, 20.0, 300.0, 312.0], "segment_labels": ["music", "speech", "music", "speech"],
    "segment_confidence": [0.9, 0.8, 0.9, 0.8],
}  # fmt: skip
SAID = {"chapters": [[0, 90, "One"], [60, None, "Two"]]}
AUDIO = {
    "container": "mp3", "codec": "mp3", "sample_rate_hz": 44_100, "channels": 2, "declared_duration_s": DURATION_S,
    "decoded_duration_s": DURATION_S,
}  # fmt: skip
CONDITIONS = {
    "language=en": ["e3"],
    "explicit=false": [],
    "explicit=true": ["e2", "e3"],
    "publisher=salt radio": ["e2"],
    "speech_ratio=0.8..": ["e2"],
    "duration_s=300..900": ["e2", "e3"],
    "show=inland": ["e3"],
}
SPEECH_RATIO = {"e1": 0.9, "e2": 0.95, "e3": 0.7, "so": 0.1}
WORDS = ["two voices", "fast talkers", "little music"]


def analysed(services: Services, name: str, kind: Kind = Kind.EPISODE, *, of: str = "", **said: Any) -> str:
    """Register and finish an item as a worker does, an episode with a jingle and an advertisement; return its id.

    ``of`` is what it is an other version of: the same reference, at another place and with other audio.
    """
    said = {"show": "Harbour Line", **said} if kind is Kind.EPISODE else said
    source = ObjectVersion("shop", f"{name}.mp3", "1", 100)
    record = MetadataRecord("feed", {"title": name, **said})
    [job] = services.catalogue.register(
        [Registration(source, reference=of or name, kind=kind, kind_source=KindSource.METADATA, records=(record,))]
    )
    claim = services.catalogue.claim(job.job_id, worker="w", lease_s=600)
    assert claim is not None
    talk = sound(int.from_bytes(name.encode()), 900)
    words = talk if of else np.concatenate([talk[:100], noisy(JINGLE, 0.05), talk[100:], AD])
    for group, values in {"subprints": {"minutes": encoded(words)}, "speech": SPEECH}.items():
        services.artefacts.put(f"curves/{name}/{group}.json.gz", gzip.compress(json.dumps(values).encode()))
    groups = (
        GroupResult("subprints", 1, {}, {}, f"curves/{name}/subprints.json.gz"),
        GroupResult(
            "speech",
            1,
            {"music_ratio": 0.02, "speech_ratio": SPEECH_RATIO[name[:2]]},
            {},
            f"curves/{name}/speech.json.gz",
        ),
        GroupResult("delivery", 1, {"number_of_voices": "2", "speaking_rate_hz": 5.6}, {}),
    )
    done = Outcome(
        state=JobState.DONE, sha256=name.ljust(64, "0"), audio=AUDIO, flags=(), groups=groups, extractor={}, kind=kind,
        kind_source=KindSource.METADATA, descriptor=pack(voice(5, name[-1:].encode()[0])),
    )  # fmt: skip
    assert services.catalogue.finish(claim, done)
    return job.item_id


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two episodes of a show, one with chapters of metadata, one of another show, and a track; all published."""
    folder = tmp_path_factory.mktemp("home")
    services = Services(load_settings(home=folder))
    analysed(services, "e1", **SAID, language="en", explicit=False, publisher="Salt Radio")
    analysed(services, "e2", language="de", explicit=True, publisher="Salt Radio")
    analysed(services, "e3", show="Inland", language="en", explicit=True, publisher="Field")
    analysed(services, "song", Kind.TRACK)
    for kind in Kind:
        build_index(
            kind, catalogue=services.catalogue, publisher=services.publisher, artefacts=services.artefacts,
            reference=SPACES[kind],
        )  # fmt: skip
    listen("Harbour Line", catalogue=services.catalogue, artefacts=services.artefacts)
    services.catalogue.close()
    return folder


@pytest.fixture(scope="module")
def http(home: Path) -> Iterator[TestClient]:
    services = Services(load_settings(home=home))
    yield TestClient(create_app(services), base_url="http://127.0.0.1")
    services.catalogue.close()


def test_an_episode_is_told_from_beginning_to_end(http: TestClient) -> None:
    """Segments, repeats, chapters, words, and what was wrong with the chapters of metadata."""
    told = Timeline.model_validate(http.get("/v1/items/e1/timeline").json())
    assert (told.item.reference, told.duration_s, told.in_words) == ("e1", DURATION_S, WORDS)
    assert [(one.start_s, one.label) for one in told.segments][:2] == [(0, "music"), (20, "speech")]
    assert {one.kind for one in told.repeats} == {"jingle", "ad"}
    titles = [(one.start_s, one.title, one.source) for one in told.chapters]
    assert titles[:2] == [(0, "One", "metadata"), (60, "Two", "metadata")]
    assert (300, None, "audio") in titles
    assert told.problems == ["1 chapter overlapped the next and end where that begins"]


def test_episodes_are_looked_up_under_conditions(http: TestClient, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over HTTP and on the command line alike; what two have in common is told in words."""
    for condition, found in CONDITIONS.items():
        told = http.get("/v1/items/e1/neighbours", params={"where": condition}).json()["neighbours"]
        assert sorted(line["reference"] for line in told) == found, condition
        assert all(f"both: {', '.join(WORDS)}" in line["why"] for line in told)
    monkeypatch.setenv("AUDIOFEAT_HOME", str(home))
    wheres = [part for condition in ("publisher=salt radio", "speech_ratio=0.8..") for part in ("--where", condition)]
    printed = CliRunner().invoke(app, ["neighbours", "e1", *wheres])
    assert printed.exit_code == 0, printed.output
    for word in ("e2", *WORDS):
        assert word in printed.stdout


def test_tracks_like_an_episode_are_refused_with_both_spaces(http: TestClient) -> None:
    """There is no space in which both lie, and the error says so."""
    asked = {"seeds": [{"item": "e1"}], "kind": "track"}
    said = refused(http.post("/v1/neighbours:search", json=asked), 422)
    assert "no space is declared for both" in said
    assert all(SPACES[kind].id in said for kind in Kind)


def test_who_has_the_timeline_already_is_told_so(http: TestClient) -> None:
    """A validator comes with it, and spares the second transfer."""
    tag = http.get("/v1/items/e1/timeline").headers["etag"]
    assert http.get("/v1/items/e1/timeline", headers={"If-None-Match": tag}).status_code == 304


def test_players_get_chapters_that_metadata_takes_back(http: TestClient) -> None:
    """They are JSON chapters of the podcast namespace, without titles where none is known."""
    answer = http.get("/v1/items/e1/chapters")
    told = PlayerChapters.model_validate(answer.json())
    assert (told.version, told.chapters[1].startTime, told.chapters[1].title) == ("1.2.0", 60, "Two")
    assert answer.json()["chapters"][-1].keys() == {"startTime", "endTime"}


def test_a_show_tells_what_it_repeats(http: TestClient) -> None:
    """With places, of one kind where that is asked for, and how many were left out."""
    told = ShowRepeats.model_validate(http.get("/v1/shows/harbour line/repeats").json())
    assert (told.show.name, told.left_out) == ("Harbour Line", 0)
    assert [(one.kind, one.episodes, len(one.heard)) for one in told.repeats] == [("ad", 2, 2), ("jingle", 2, 2)]
    jingles = ShowRepeats.model_validate(http.get(f"/v1/shows/{told.show.id}/repeats?kind=jingle").json())
    assert [one.id for one in jingles.repeats] == [told.repeats[1].id]
    first = ShowRepeats.model_validate(http.get("/v1/shows/harbour line/repeats?limit=1").json())
    assert (len(first.repeats), first.left_out) == (1, 1)


def test_what_has_no_timeline_says_why(http: TestClient) -> None:
    """A track, an unknown item, an unknown show."""
    assert "song is a track" in refused(http.get("/v1/items/song/timeline"), 422)
    assert "nobody" in refused(http.get("/v1/items/nobody/chapters"), 404)
    assert "audiofeat shows list" in refused(http.get("/v1/shows/nothing/repeats"), 404)


def test_the_command_line_prints_the_same(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Places by title, and as JSON as the API has them."""
    monkeypatch.setenv("AUDIOFEAT_HOME", str(home))
    told = CliRunner().invoke(app, ["episodes", "repeats", "harbour line", "--json"])
    assert told.exit_code == 0, told.output
    repeats = json.loads(told.stdout)["repeats"]
    assert [(one["kind"], one["episodes"]) for one in repeats] == [("ad", 2), ("jingle", 2)]
    seen = CliRunner().invoke(app, ["inspect", "e1"])
    assert seen.exit_code == 0, seen.output
    for word in (", ".join(WORDS), "jingle", "ad, 2", "1:00 Two", "warning: 1 chapter overlapped"):
        assert word in seen.stdout


def test_an_episode_that_is_changed_behind_its_guid(tmp_path: Path) -> None:
    """It stays the same item with new audio: what the old had is told no more, at once, and it is listened to anew."""
    services = Services(load_settings(home=tmp_path))
    http = TestClient(create_app(services), base_url="http://127.0.0.1")
    first = analysed(services, "e1")
    analysed(services, "e2")
    listen("Harbour Line", catalogue=services.catalogue, artefacts=services.artefacts)
    assert len(http.get("/v1/items/e1/timeline").json()["repeats"]) == 2
    tag = http.get("/v1/items/e1/timeline").headers["etag"]
    assert analysed(services, "e1-other-ads", of="e1") == first
    told = http.get("/v1/items/e1/timeline", headers={"If-None-Match": tag})
    assert (told.status_code, told.json()["repeats"]) == (200, [])
    assert http.get("/v1/shows/harbour line/repeats").json()["repeats"] == []
    assert services.catalogue.shows_to_hear() == ["harbour line"]
    again = listen("Harbour Line", catalogue=services.catalogue, artefacts=services.artefacts)
    assert (again.listened, again.changed, again.repeats) == (1, 1, ())
    services.catalogue.close()

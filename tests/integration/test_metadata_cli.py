"""``audiofeat metadata``: what its commands print, and how they end."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from audiofeat.bootstrap import Services, load_settings
from audiofeat.cli.metadata import app
from audiofeat.errors import InvalidInput, SettingsInvalid
from filling import analysed
from webhost import Answer, serving


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder in which the commands run, over a catalogue of one item."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AUDIOFEAT_HOME", str(tmp_path / "home"))
    analysed(Services(load_settings()), "demo/a.wav", 0, 1, reference="trk-1")
    return tmp_path


def run(*command: str, code: int = 0) -> Result:
    ran = CliRunner().invoke(app, command)
    assert ran.exit_code == code, ran.output
    return ran


def test_an_import_of_which_a_part_is_broken(home: Path) -> None:
    """The rest is taken, each broken line is named, and the exit code is 3; a whole file ends with 0."""
    (home / "label.csv").write_text("reference,title,label\ntrk-1,=HYPERLINK(1),Harbour\ntrk-1\nnobody,x,y\n")
    told = json.loads(run("import", "label.csv", "--json", "--licence", "CC0-1.0", code=3).output)
    assert (told["records"], told["matched"], told["unmatched"], told["unreadable"]) == (2, 1, 1, 1)
    assert told["problems"] == [{"place": "label.csv:3", "reason": "1 values under 3 columns"}]
    values = [json.loads(line) for line in run("show", "trk-1", "--json").output.splitlines()]
    [label] = [value for value in values if value["field"] == "label"]
    assert (label["value"], label["source"], label["licence"], label["record"]) == (
        "Harbour", "csv:label", "CC0-1.0", "trk-1",
    )  # fmt: skip
    hint, problem = run("import", "label.csv", code=3).stderr.splitlines()
    assert "kept until it comes" in hint
    assert problem == "  label.csv:3: 1 values under 3 columns"
    (home / "good.jsonl").write_text('{"reference": "trk-1", "genre": "Drone"}\n')
    assert run("import", "good.jsonl").output == "jsonl:good: 1 records: 1 matched; 0 unreadable\n"


def test_locks_policies_audits_and_ends(home: Path) -> None:
    """What each command says, from one state of an item to the next."""
    run("lock", "trk-1", "title", "Mine", "--by", "ana")
    assert "person:ana" in run("show", "trk-1").output
    with pytest.raises(InvalidInput):
        CliRunner().invoke(app, ["lock", "trk-1", "isrc", "none"], catch_exceptions=False)
    (home / "claims.csv").write_text("reference,duration_s\ntrk-1,300\n")
    run("import", "claims.csv")
    assert "claimed 300.0, measured 30.0" in run("audit").output
    (home / "merge-policy.toml").write_text('version = 1\norder = ["tags", "*"]\n')
    assert run("merge", "--policy", "merge-policy.toml").output.startswith("1 items merged; 0 records")
    assert run("merge", "--show").output == 'version = 1\norder = ["tags", "*"]\n'
    assert "csv:claims  no licence named  1 records" in run("forget").output
    assert run("forget", "--source", "csv:claims").output == "1 records forgotten\n"
    assert "duration_s" not in run("show", "trk-1").output
    assert run("review").output == "no match waits\n"


def test_fetching(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Off until somebody says who asks; then records come as from a file, and what is broken ends with 3."""
    with pytest.raises(SettingsInvalid, match="USER_AGENT"):
        CliRunner().invoke(app, ["fetch", "--source", "musicbrainz"], catch_exceptions=False)
    monkeypatch.setenv("AUDIOFEAT_METADATA_USER_AGENT", "shop/1.0 (ana@example.org)")
    (home / "ids.csv").write_text("reference,isrc\ntrk-1,QZAF12600001\n")
    run("import", "ids.csv")
    recording = {"id": "11111111-2222-4333-8444-555555555555", "title": "Evening Song", "length": 30_000}
    with serving() as host:
        monkeypatch.setenv("AUDIOFEAT_MUSICBRAINZ_URL", host.origin)
        monkeypatch.setenv("AUDIOFEAT_MUSICBRAINZ_RATE", "1000")
        host.says("/ws/2/isrc/QZAF12600001", Answer(body=json.dumps({"recordings": [recording]}).encode()))
        fetched = ["fetch", "--source", "musicbrainz", "--where", "isrc=QZAF12600001"]
        assert run(*fetched).output == "musicbrainz: 1 records: 1 matched; 0 unreadable\n"
        assert "musicbrainz: 0 records" in run(*fetched).output
        assert "Evening Song" in run("show", "trk-1").output
        host.says(f"/ws/2/recording/{recording['id']}", Answer(body=b"{"))
        assert "no JSON" in run(*fetched, "--again", code=3).stderr
        episode = "<item><title>One</title><guid>ep-1</guid><pubDate>Tue, 01 Sep 2026 07:00:00 GMT</pubDate></item>"
        feed = f'<rss version="2.0"><channel><title>Show</title>{episode}</channel></rss>'.encode()
        host.says("/feed.xml", Answer(body=feed, kind="text/xml"))
        told = json.loads(run("fetch", "--source", "rss", "--feed", f"{host.origin}/feed.xml", "--json").output)
        assert (told["records"], told["unmatched"]) == (1, 1)
    for wrong in (["x"], ["rss"], ["rss", "--again"], ["musicbrainz", "--feed", "https://feeds.example/"]):
        with pytest.raises(InvalidInput):
            CliRunner().invoke(app, ["fetch", "--source", *wrong], catch_exceptions=False)

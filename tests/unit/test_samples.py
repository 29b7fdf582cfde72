"""The committed sample clips agree with their truth, their metadata and each other."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import soundfile as sf

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
AUDIO = SAMPLES / "audio"
KEYS = {"C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"}
ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}\d{7}")


def json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def truth() -> list[dict[str, Any]]:
    return json_lines(SAMPLES / "truth.jsonl")


@pytest.fixture(scope="module")
def feed() -> list[dict[str, str]]:
    with (SAMPLES / "metadata" / "label_feed.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def web() -> list[dict[str, Any]]:
    return json_lines(SAMPLES / "metadata" / "web_catalogue.jsonl")


def test_truth_lists_the_files(truth: list[dict[str, Any]]) -> None:
    """Every file has one line of truth, and every line its file."""
    paths = [line["path"] for line in truth]
    assert sorted(paths) == sorted(path.name for path in AUDIO.iterdir())
    assert len(paths) == 37


def test_size_and_formats() -> None:
    """All clips together stay below 6 MB and use every format."""
    files = list(AUDIO.iterdir())
    assert sum(path.stat().st_size for path in files) < 6_000_000
    assert {path.suffix for path in files} == {".wav", ".flac", ".ogg", ".opus", ".mp3"}


def test_families_and_shows(truth: list[dict[str, Any]]) -> None:
    """Six families have four sound originals each, four shows two episodes each."""
    originals = [line for line in truth if line["duplicate_of"] is None and line["status"] == "ok"]
    families = Counter(line["family"] for line in originals if line["kind"] == "track")
    shows = Counter(line["show"] for line in originals if line["kind"] == "episode")
    assert sorted(families.values()) == [4] * 6
    assert sorted(shows.values()) == [2] * 4


def test_statuses(truth: list[dict[str, Any]]) -> None:
    """One file is to be rejected, the silent and the cut one are degraded."""
    unsound = {line["path"]: line["status"] for line in truth if line["status"] != "ok"}
    assert unsound == {
        "damaged_half_reel.flac": "degraded",
        "silent_interval.flac": "degraded",
        "liner_notes.mp3": "rejected",
    }


def test_truth_is_well_formed(truth: list[dict[str, Any]]) -> None:
    """Pitched tracks state tempo, key and mode; noise and speech state none of them."""
    for line in truth:
        pitched = line["family"] not in (None, "noise_textures")
        assert (line["tempo_bpm"] is not None) == pitched, line["path"]
        assert (line["key"] in KEYS) == pitched, line["path"]
        assert (line["mode"] in {"major", "minor"}) == pitched, line["path"]
        assert line["voiced"] == (line["kind"] == "episode"), line["path"]


def test_headers_agree_with_truth(truth: list[dict[str, Any]]) -> None:
    """Rate, channels and declared length of each file are as stated, between 10 and 40 s."""
    for line in truth:
        if line["status"] == "rejected":
            continue
        info = sf.info(AUDIO / line["path"])
        assert (info.samplerate, info.channels) == (line["sample_rate_hz"], line["channels"]), line["path"]
        assert info.duration == pytest.approx(line["declared_seconds"], abs=0.1), line["path"]
        assert 10.0 <= line["seconds"] <= 40.0, line["path"]


def test_damaged_file_declares_more_than_it_holds(truth: list[dict[str, Any]]) -> None:
    """The cut file's header still declares the whole."""
    cut = next(line for line in truth if line["path"] == "damaged_half_reel.flac")
    assert cut["seconds"] < 0.8 * cut["declared_seconds"]
    with pytest.raises(sf.LibsndfileError):
        sf.read(AUDIO / cut["path"])


def test_text_file_is_no_audio() -> None:
    """The text file named .mp3 is refused by a decoder."""
    assert (AUDIO / "liner_notes.mp3").read_text(encoding="utf-8").isprintable() is False
    with pytest.raises(sf.LibsndfileError):
        sf.info(AUDIO / "liner_notes.mp3")


def test_duplicates(truth: list[dict[str, Any]]) -> None:
    """One copy is byte-identical; the other is another codec, 6 dB quieter."""
    by_path = {line["path"]: line for line in truth}
    copies = {line["duplicate"]: line for line in truth if line["duplicate_of"]}
    exact, again = copies["exact"], copies["reencoded"]
    assert (AUDIO / exact["path"]).read_bytes() == (AUDIO / exact["duplicate_of"]).read_bytes()
    original = by_path[again["duplicate_of"]]
    assert Path(again["path"]).suffix != Path(original["path"]).suffix
    shift_lu = again["integrated_loudness_lufs"] - original["integrated_loudness_lufs"]
    assert shift_lu == pytest.approx(-6.0)


def test_sources_cover_the_clips(
    truth: list[dict[str, Any]], feed: list[dict[str, str]], web: list[dict[str, Any]]
) -> None:
    """Every clip has a reference and a kind, every episode its show, and the sources never differ on them."""
    assert len(feed) == 30
    assert len(web) == 28
    for field in ("reference", "kind", "show"):
        told: dict[str, set[str]] = {line["path"]: set() for line in truth}
        for entry in [*feed, *web]:
            told[entry["path"]].update(filter(None, [entry.get(field)]))
        for line in truth:
            wanted = 0 if field == "show" and line["kind"] == "track" else 1
            assert len(told[line["path"]]) == wanted, (line["path"], field)
            if field != "reference" and wanted:
                assert told[line["path"]] == {line[field]}, (line["path"], field)


def test_references_are_unique(feed: list[dict[str, str]], web: list[dict[str, Any]]) -> None:
    """No two files share a reference, duplicates included."""
    known = {(entry["reference"], entry["path"]) for entry in [*feed, *web]}
    assert len({reference for reference, _ in known}) == len(known)


def test_sources_disagree(feed: list[dict[str, str]], web: list[dict[str, Any]]) -> None:
    """The sources contradict each other on titles, genres, artists, albums and dates."""
    label = {entry["path"]: entry for entry in feed}
    both = [(label[entry["path"]], entry) for entry in web if entry["path"] in label]
    assert len(both) >= 20
    for field in ("title", "genre", "artist", "album", "release_date"):
        assert any(one[field] and two.get(field) and one[field] != two[field] for one, two in both), field


def test_isrcs(feed: list[dict[str, str]], web: list[dict[str, Any]]) -> None:
    """Recording codes are well formed, and only copies of one recording share one."""
    codes = {entry["path"]: entry["isrc"] for entry in [*feed, *web] if entry.get("isrc")}
    assert all(ISRC.fullmatch(code) for code in codes.values())
    shared = {code for code, count in Counter(codes.values()).items() if count > 1}
    copies = {codes["sampler_track_07.ogg"], codes["river_stones_radio_copy.mp3"]}
    assert shared == copies

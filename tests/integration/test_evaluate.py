"""``audiofeat evaluate features`` on generated sound: our figures, the peers', and what is counted against us."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.synthesis import click_track, noise, song, write

MODULES_HIDDEN = "import sys; sys.modules['mir_eval'] = None; from audiofeat.cli.main import main; main()"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clicks of one artist, a song, noise, and bytes that are no audio."""
    folder = tmp_path_factory.mktemp("corpus")
    write(folder / "slow.wav", click_track(90, 12.0))
    write(folder / "fast.flac", click_track(140, 12.0), form="flac")
    write(folder / "song.m4a", song(12.0), form="m4a")
    write(folder / "noise.wav", noise(6.0))
    (folder / "text.mp3").write_text("this is no sound " * 100)
    labels: dict[str, dict[str, Any]] = {
        "slow.wav": {"tempo_bpm": 90, "artist": "Clicker"},
        "fast.flac": {"tempo_bpm": 140, "artist": "Clicker"},
        "song.m4a": {"tempo_bpm": 120, "key": "C major", "class": "music", "instruments": ["drums"]},
        "noise.wav": {"class": "noise"},
        "text.mp3": {"tempo_bpm": 100, "class": "speech"},
    }
    lines = [json.dumps({"path": path, "labels": label}) for path, label in labels.items()]
    (folder / "labels.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def run(*arguments: object, program: tuple[str, ...] = ("-m", "audiofeat")) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *program, "evaluate", "features", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def document(corpus: Path) -> dict[str, Any]:
    done = run("--labels", corpus / "labels.jsonl", "--against", "essentia", "--json", "--jobs", 2)
    assert done.returncode == 3, done.stderr
    assert not done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_what_was_rejected_counts_as_wrong(document: dict[str, Any]) -> None:
    """Three of four tempi are right, and the file that gave none is named with its code."""
    ours = document["figures"]["tempo_bpm"]["accuracy1"]["audiofeat"]
    assert (ours["value"], ours["items"]) == (0.75, 4)
    assert ours["low"] < 0.75 < ours["high"]
    assert [(lost["path"], lost["code"]) for lost in document["rejected"]] == [("text.mp3", "not_audio")]
    assert document["figures"]["class"]["accuracy"]["audiofeat"]["value"] == pytest.approx(2 / 3, abs=1e-6)
    assert document["tables"]["class"]["confusion"]["audiofeat"][0] == [0, 0, 0, 1]


def test_groups_and_fingerprint(document: dict[str, Any]) -> None:
    """The clicks are one artist's: four groups of five files; the extractor is named."""
    assert (document["items"], document["clusters"]) == (5, 4)
    assert document["extractor"]["fingerprint"]
    assert set(document["peers"]) == {"essentia"}


def test_peers_answer_on_the_same_files(document: dict[str, Any]) -> None:
    """Each algorithm stands beside us where it answers the label, and only there."""
    assert set(document["figures"]["tempo_bpm"]["accuracy2"]) == {
        "audiofeat", "essentia RhythmExtractor2013", "essentia PercivalBpmEstimator",
    }  # fmt: skip
    assert document["figures"]["tempo_bpm"]["accuracy2"]["essentia RhythmExtractor2013"]["value"] == 0.75
    assert document["figures"]["key"]["mirex_weighted"]["essentia KeyExtractor bgate"]["value"] == 1


def test_families_stand_beside_what_says_yes_to_all(document: dict[str, Any]) -> None:
    """Where every label is the same, whoever always says it cannot be beaten."""
    figures = document["figures"]["instruments"]
    assert 0 <= figures["macro_f1"]["audiofeat"]["value"] <= 1
    assert figures["macro_f1"]["always yes"]["value"] == 1
    assert document["tables"]["instruments"]["positives"]["always yes"]["drums"] == 1


def test_the_table_for_people(corpus: Path) -> None:
    """Figures, intervals, and what was lost."""
    done = run("--labels", corpus / "labels.jsonl")
    assert done.returncode == 3
    assert "accuracy1" in done.stdout
    assert "0.750" in done.stdout
    assert "counted as unanswered: text.mp3  not_audio" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--labels", "nowhere.jsonl"), "nowhere.jsonl"),
        (("--labels", "labels.jsonl", "--against", "madmom"), "essentia, librosa"),
    ],
)
def test_bad_calls(arguments: tuple[str, ...], word: str) -> None:
    """One line that names the problem, a remedy, exit code 2."""
    done = run(*arguments)
    assert done.returncode == 2
    assert word in done.stderr
    assert "Traceback" not in done.stderr


def test_without_the_extra(corpus: Path) -> None:
    """The package to install is named."""
    done = run("--labels", corpus / "labels.jsonl", program=("-c", MODULES_HIDDEN))
    assert done.returncode == 2
    assert "pip install 'audiofeat[evaluate]'" in done.stderr

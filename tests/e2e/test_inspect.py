"""Seeing and reading: the overview, the figure, the foreign formats and the doctor, as a user gets them."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from mutagen.flac import FLAC

from commands import SAMPLES, Run

AUDIO = SAMPLES / "audio"


def test_the_overview_shows_what_was_heard(audiofeat: Run) -> None:
    """Loudness, tempo with beats, and key of a track."""
    seen = audiofeat("inspect", AUDIO / "dnb_neon_circuit.ogg")
    assert seen.returncode == 0, seen.stderr
    for word in ("vorbis, 44.1 kHz, stereo", "LUFS integrated", "BPM", "confidence", "D minor", "·", "█", "percussive"):
        assert word in seen.stdout


def test_the_overview_says_why(audiofeat: Run) -> None:
    """A silent file is told in words, a rejected one has its code and exit code."""
    silent = audiofeat("inspect", AUDIO / "silent_interval.flac")
    assert silent.returncode == 0, silent.stderr
    assert "warning: silent" in silent.stdout
    assert "there is nothing to be heard" in silent.stdout
    rejected = audiofeat("inspect", AUDIO / "liner_notes.mp3")
    assert rejected.returncode == 1
    assert "not_audio" in rejected.stdout


def test_an_episode_has_the_chapters_of_its_file(audiofeat: Run, tmp_path: Path) -> None:
    """A file's own tags name them, as an item's metadata would; one preview is told, that of the timeline."""
    path = tmp_path / "episode.flac"
    samples, rate_hz = soundfile.read(AUDIO / "show_two_chairs_ep1.ogg")
    # What is shorter than a minute is no episode where nobody says so.
    soundfile.write(path, np.concatenate([samples, samples]), rate_hz)
    tagged = FLAC(path)
    tagged.update({"CHAPTER001": "00:00:00.000", "CHAPTER001NAME": "Before the tide"})
    tagged.save()
    seen = audiofeat("inspect", path)
    assert seen.returncode == 0, seen.stderr
    assert "0:00 Before the tide" in seen.stdout
    assert seen.stdout.count("preview") == 1


@pytest.mark.parametrize("name", ["dnb_neon_circuit.ogg", "silent_interval.flac"])
def test_a_figure_is_drawn(audiofeat: Run, tmp_path: Path, name: str) -> None:
    """Of music and of silence alike."""
    drawn = audiofeat("inspect", AUDIO / name, "--plot", tmp_path / "out.png")
    assert drawn.returncode == 0, drawn.stderr
    body = (tmp_path / "out.png").read_bytes()
    assert body.startswith(b"\x89PNG")
    assert len(body) > 20_000


def test_a_figure_without_matplotlib_names_the_extra(audiofeat: Run, tmp_path: Path) -> None:
    """It is said before the file is read."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "matplotlib.py").write_text("raise ImportError")
    asked = audiofeat("inspect", "nothing.wav", "--plot", "out.png", PYTHONPATH=str(tmp_path / "empty"))
    assert asked.returncode == 2
    assert "pip install 'audiofeat[plot]'" in asked.stderr


def test_a_figure_of_an_unknown_kind_is_refused(audiofeat: Run) -> None:
    """The suffix chooses, and must be one that can be drawn."""
    asked = audiofeat("inspect", AUDIO / "dnb_neon_circuit.ogg", "--plot", "out.xyz")
    assert asked.returncode == 2
    assert ".png" in asked.stderr


def test_formats_are_one_object_a_file(audiofeat: Run) -> None:
    """Accepted, silent and rejected files give one line each, in the order given."""
    names = ("dnb_neon_circuit.ogg", "silent_interval.flac", "liner_notes.mp3")
    ran = audiofeat("analyse", "--format", "spotify", *(AUDIO / name for name in names))
    assert ran.returncode == 3, ran.stderr
    track, silent, rejected = map(json.loads, ran.stdout.splitlines())
    assert track["audio_features"]["key"] == 2
    assert silent["audio_features"]["key"] == -1
    assert silent["audio_features"]["tempo"] is None
    assert rejected["audio_features"] is None
    assert rejected["error"]["code"] == "not_audio"
    ran = audiofeat("analyse", "--format", "acousticbrainz", AUDIO / names[0])
    assert json.loads(ran.stdout)["tonal"]["key_scale"] == "minor"


def test_the_doctor_finds_nothing_on_a_fresh_home(audiofeat: Run) -> None:
    """Every check is fine, and the exit code says so."""
    ran = audiofeat("doctor", "--json")
    findings = [json.loads(line) for line in ran.stdout.splitlines()]
    assert {f["verdict"] for f in findings} <= {"ok", "warning"}, findings
    assert ran.returncode == 0
    assert {"determinism", "sandbox", "ledger", "broker", "home"} <= {f["check"] for f in findings}


def test_the_doctor_names_what_is_wrong(audiofeat: Run, tmp_path: Path) -> None:
    """A home that cannot be made and a broker that is away: both are told with a remedy, and the exit code is 1."""
    (tmp_path / "file").write_text("")
    ran = audiofeat(
        "doctor", AUDIOFEAT_HOME=str(tmp_path / "file" / "home"), AUDIOFEAT_BROKER_URL="redis://127.0.0.1:1"
    )
    assert ran.returncode == 1
    assert "AUDIOFEAT_HOME" in ran.stdout
    assert "broker_unavailable" in ran.stdout
    wrong = audiofeat("doctor", "--json", AUDIOFEAT_WORKERS="many")
    assert wrong.returncode == 1
    assert "AUDIOFEAT_WORKERS" in wrong.stdout

"""``make demo`` keeps its promises: the figures it prints are those that are asked of it."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from commands import SAMPLES, processes_of, wait_until


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home for the demo's state."""
    return tmp_path_factory.mktemp("demo") / "home"


def run_demo(home: Path) -> str:
    done = subprocess.run(
        [sys.executable, SAMPLES / "demo.py", "--home", home],
        check=False,
        cwd=SAMPLES.parent,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.mark.alone
def test_first_and_second_run(home: Path) -> None:
    """Families and shows find themselves, copies are named, nothing is left running, and a second run is short."""
    began = time.monotonic()
    first = run_demo(home)
    assert time.monotonic() - began < 90
    families = re.search(r"same family: (\d+) of (\d+) tracks \(by chance (\d+)%\)", first)
    shows = re.search(r"same show: (\d+) of (\d+) episodes \(by chance (\d+)%\)", first)
    assert families
    assert shows
    same, tracks, by_chance = map(int, families.groups())
    assert tracks == 24
    assert same >= 0.8 * tracks
    assert by_chance < 30
    same, episodes, by_chance = map(int, shows.groups())
    assert episodes == 8
    assert same >= 6
    assert by_chance < 30
    assert "first neighbour of pluck_river_stones.ogg: river_stones_radio_copy.mp3" in first
    assert "first neighbour of piano_late_train.ogg: sampler_track_07.ogg (same audio file)" in first
    assert first.count("engine annoy") == 4
    wait_until(lambda: not processes_of(home), timeout_s=10)

    second = run_demo(home)
    assert "nothing to do: 37 objects, all unchanged" in second
    assert re.search(r"same family: (\d+)", second)[1] == families[1]

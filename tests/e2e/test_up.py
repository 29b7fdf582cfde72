"""``audiofeat up``: broker, workers and API together, a new item found without a rebuild, and a clean end."""

import json
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

from commands import SAMPLES, Run, processes_of, wait_until


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def api(environment: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """Run ``audiofeat up``; return the API's address; end it as Ctrl-C does."""
    port = free_port()
    running = subprocess.Popen(
        [sys.executable, "-m", "audiofeat", "up", "--workers", "1"],
        env={**environment, "AUDIOFEAT_API_PORT": str(port)},
        cwd=tmp_path,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: answers(f"{address}/readyz"), timeout_s=60)
        yield address
    finally:
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=40) == 0
        wait_until(lambda: not processes_of(tmp_path / "home"), timeout_s=10)


def answers(url: str) -> bool:
    try:
        with urlopen(url) as response:
            return bool(response.status == 200)
    except URLError:
        return False


def get(url: str) -> Any:
    with urlopen(Request(url)) as response:
        return json.load(response)


def test_new_item_is_found_without_a_rebuild(audiofeat: Run, api: str, tmp_path: Path) -> None:
    """A second command joins the running broker and workers; what it ingests is a neighbour at once."""
    music = tmp_path / "music"
    music.mkdir()
    for clip in ("pad_slow_tide.ogg", "dnb_neon_circuit.ogg", "noise_salt_wind.wav"):
        shutil.copy(SAMPLES / "audio" / clip, music)
    assert audiofeat("ingest", music).returncode == 0
    assert audiofeat("index", "build").returncode == 0
    shutil.copy(SAMPLES / "audio" / "pad_winter_orchard.mp3", music)
    assert audiofeat("ingest", music).returncode == 0

    answer = get(f"{api}/v1/items/pad_slow_tide.ogg/neighbours?k=3")
    found = [neighbour["key"] for neighbour in answer["neighbours"]]
    assert found[0] == "pad_winter_orchard.mp3"
    assert set(found[1:]) == {"dnb_neon_circuit.ogg", "noise_salt_wind.wav"}
    distances = [neighbour["distance"] for neighbour in answer["neighbours"]]
    assert distances == sorted(distances)
    features = get(f"{api}/v1/items/pad_slow_tide.ogg/features?curves=true")
    assert "tonal" in json.dumps(features)
    assert json.loads(audiofeat("neighbours", "pad_slow_tide.ogg", "-k", "3", "--json").stdout) == answer
    exact = json.loads(audiofeat("neighbours", "pad_slow_tide.ogg", "-k", "3", "--engine", "exact", "--json").stdout)
    assert exact["neighbours"] == answer["neighbours"]

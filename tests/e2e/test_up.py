"""``audiofeat up``: broker, workers and API together, a new item found without a rebuild, and a clean end."""

import json
import shutil
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from commands import SAMPLES, Run


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

    graph = ("neighbours", "pad_slow_tide.ogg", "-k", "3", "--engine", "voyager", "--json")
    refused = audiofeat(*graph)
    assert refused.returncode == 2
    assert "AUDIOFEAT_INDEX_VOYAGER" in refused.stderr
    assert audiofeat("index", "build", AUDIOFEAT_INDEX_VOYAGER="true").returncode == 0
    by_graph = json.loads(audiofeat(*graph).stdout)
    assert by_graph["engine"] == "voyager"
    assert [line["key"] for line in by_graph["neighbours"]] == found

"""The same bytes of JSON, wherever and however often a file is analysed."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audiofeat.extraction import record as records
from audiofeat.extraction.client import ExtractionServer
from audiofeat.extraction.view import public
from tests.synthesis import noise, song, write

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def told(record: dict[str, Any]) -> str:
    """Return what must be the same."""
    record = public(record)
    return json.dumps({name: record[name] for name in ("features", "reasons")}, sort_keys=True)


@pytest.fixture(scope="module", params=["song", "noise", "silence with a song in it"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Music in stereo as MP3, noise as FLAC, and digital silence around music."""
    target = tmp_path_factory.mktemp("sound") / "object"
    if request.param == "song":
        return write(target, np.column_stack((song(10.0), 0.6 * song(10.0))), form="mp3")
    if request.param == "noise":
        return write(target, noise(8.0), form="flac")
    rest = np.zeros(60_000, dtype=np.float32)
    return write(target, np.concatenate((rest, song(6.0), rest)), form="wav")


@pytest.fixture(scope="module")
def expected(path: Path) -> str:
    with ExtractionServer() as server:
        return told(server.extract(path, source="a").record)


def test_twice_in_one_server(path: Path, expected: str) -> None:
    """The second child of a server says what the first one said."""
    with ExtractionServer() as server:
        assert [told(server.extract(path, source="b").record) for _ in range(2)] == [expected, expected]


def test_two_servers_at_the_same_time(path: Path, expected: str) -> None:
    """Two threads with a server each, busy at once."""

    def extract(_: int) -> str:
        with ExtractionServer() as server:
            return told(server.extract(path, source="c").record)

    with ThreadPoolExecutor(2) as pool:
        assert set(pool.map(extract, range(2))) == {expected}


@pytest.mark.parametrize("threads", [1, 2])
def test_one_thread_or_two(threads: int, path: Path, expected: str) -> None:
    """However many threads the environment asks for: the server decides, and takes one."""
    assert _analysed(path, **dict.fromkeys(_THREADS, str(threads))) == expected


def test_another_place(path: Path, expected: str, tmp_path: Path) -> None:
    """Folder, language, time zone, hash seed and name of the file say nothing."""
    other = tmp_path / "Ünïcode name.xyz"
    other.write_bytes(path.read_bytes())
    elsewhere = {"LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8", "TZ": "Asia/Kathmandu", "PYTHONHASHSEED": "7"}
    assert _analysed(other, tmp_path, **elsewhere) == expected


def _analysed(path: Path, cwd: Path | None = None, **environment: str) -> str:
    """Ask the command line, whose environment may be anything."""
    command = [sys.executable, "-m", "audiofeat", "analyse", "--json", str(path)]
    whole = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment}
    done = subprocess.run(command, env=whole, cwd=cwd, capture_output=True, text=True, check=True)
    return told(json.loads(done.stdout))


def test_the_fingerprint_knows_filters_and_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other bytes in a file that a group loads make another fingerprint."""
    before = records.extractor()
    assert before["configuration"]
    read = Path.read_bytes
    monkeypatch.setattr(
        Path, "read_bytes", lambda path: read(path) + b" " if path.name == "speech_model.json" else read(path)
    )
    after = records.extractor.__wrapped__()
    assert after["configuration"] != before["configuration"]
    assert after["fingerprint"] != before["fingerprint"]
    assert {**after, "configuration": 0, "fingerprint": 0} == {**before, "configuration": 0, "fingerprint": 0}

"""The programs that we are measured against, in a process of their own: it loads what our own never does.

The process forks for every file, as the extraction server does, so that a library that crashes or hangs costs one
answer. It is handed paths, decodes with soundfile or PyAV, and gives its libraries arrays: their own loaders never
see a file.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from audiofeat.errors import InvalidInput

# What each algorithm of a peer answers.
SYSTEMS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "essentia": {
        "RhythmExtractor2013": ("tempo_bpm", "beat_times_s"),
        "PercivalBpmEstimator": ("tempo_bpm",),
        "KeyExtractor": ("key",),
        "KeyExtractor bgate": ("key",),
        "LoudnessEBUR128": ("integrated_loudness_lufs", "loudness_range_lu"),
    },
    "librosa": {"beat_track": ("tempo_bpm", "beat_times_s")},
}
# What a peer makes of a whole file to compare it by: not an answer to a label.
DESCRIPTORS: Mapping[str, str] = {"essentia": "MusicExtractor"}
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH")


def chosen(names: str) -> list[str]:
    """Return the peers of a comma-separated list; raises InvalidInput for one that is unknown or not installed."""
    peers = [name.strip() for name in names.split(",") if name.strip()]
    for peer in peers:
        if peer not in SYSTEMS:
            raise InvalidInput(f"unknown peer {peer!r}", f"known are {', '.join(SYSTEMS)}")
        versions([peer])
    return list(dict.fromkeys(peers))


def chosen_describers(names: str) -> list[str]:
    """Return the peers of a comma-separated list that describe whole files; raises InvalidInput for any other."""
    peers = chosen(names)
    for peer in peers:
        if peer not in DESCRIPTORS:
            raise InvalidInput(f"{peer} describes no whole files", f"those who do are {', '.join(DESCRIPTORS)}")
    return peers


def versions(peers: Sequence[str]) -> dict[str, str]:
    """Return the installed version of each peer; raises InvalidInput where one is missing."""
    try:
        return {peer: version(peer) for peer in peers}
    except PackageNotFoundError as error:
        raise InvalidInput(f"{error.name} is not installed", "pip install 'audiofeat[evaluate]'") from None


def provided(peers: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the labels that each algorithm answers, by its full name."""
    return {f"{peer} {name}": labels for peer in peers for name, labels in SYSTEMS[peer].items()}


class Peers:
    """A running peer program.

    Parameters
    ----------
    names : sequence of str
        Peers as in ``SYSTEMS``.
    algorithms : sequence of str, optional
        The algorithms to run, with their peer's name; by default all of ``SYSTEMS``.
    """

    def __init__(self, names: Sequence[str], algorithms: Sequence[str] | None = None) -> None:
        self._algorithms = list(provided(names)) if algorithms is None else list(algorithms)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "audiofeat.evaluation.peer_program", str(os.getpid()), *self._algorithms],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            start_new_session=True,
        )
        return self

    def answers(self, path: Path) -> dict[str, dict[str, Any]]:
        """Return what each algorithm says of a file; empty for those that gave no answer."""
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise AssertionError("peers are used inside a with block")
        silent: dict[str, dict[str, Any]] = {name: {} for name in self._algorithms}
        try:
            process.stdin.write(json.dumps(str(path.absolute())).encode() + b"\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            return silent
        return silent | json.loads(line) if line.endswith(b"\n") else silent

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is None:
            return
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with suppress(BrokenPipeError):
                    pipe.close()
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

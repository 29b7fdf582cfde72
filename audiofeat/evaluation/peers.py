"""The programs that we are measured against, in a process of their own: it loads what our own never does.

The process forks for every file, as the extraction server does, so that a library that crashes or hangs costs one
answer. It is handed paths, decodes with soundfile or PyAV, and gives its libraries arrays: their own loaders never
see a file.
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from audiofeat.errors import InvalidInput
from audiofeat.evaluation.line_program import LineProgram

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


class Peers(LineProgram):
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
        super().__init__("audiofeat.evaluation.peer_program", *self._algorithms)

    def answers(self, path: Path) -> dict[str, dict[str, Any]]:
        """Return what each algorithm says of a file; empty for those that gave no answer."""
        silent: dict[str, dict[str, Any]] = {name: {} for name in self._algorithms}
        return silent | (self.ask(str(path.absolute())) or {})

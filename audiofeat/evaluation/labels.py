"""Label files: one JSON object a line, ``{"path": ..., "labels": {...}}``, every label optional.

====================================  =================================================================
``tempo_bpm``                         beats a minute, above 0
``beat_times_s``, ``downbeat_times_s``  rising times in seconds
``key``                               ``C# minor``: tonic A-G with ``#`` or ``b``, then ``major`` or ``minor``
``integrated_loudness_lufs``, ``loudness_range_lu``, ``true_peak_dbtp``  numbers
``instruments``                       the families of ``FAMILIES`` that are to be heard; ``[]`` for none
``class``                             ``speech``, ``music`` or ``noise``
``segments``                          ``[[start_s, end_s, ["speech", "music"]], ...]``, in order
``mood``                              ``{"arousal": 0.7, "valence": 0.2, ...}``
``artist``, ``album``, ``track``, ``show``  what belongs together when errors are resampled, and is to be found together
``genre``                             what ``evaluate similarity`` reports by
====================================  =================================================================

A path is relative to the folder of the label file.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from audiofeat.domain.families import FAMILIES
from audiofeat.errors import InvalidInput, SourceNotFound

CLASSES = ("speech", "music", "noise")
GROUPINGS = ("show", "artist", "album", "track")
_KEY = re.compile(r"[A-G][#b]? (major|minor)")
_NAMED_MOST = 5


@dataclass(frozen=True, slots=True)
class Labelled:
    """One audio file and what is known of it.

    Parameters
    ----------
    path : Path
        Where the audio is.
    name : str
        The path as the label file spells it.
    labels : mapping
        Labels by their names, checked.
    """

    path: Path
    name: str
    labels: Mapping[str, Any]

    @property
    def cluster(self) -> str:
        """The largest group that a label names: its members are not independent of each other."""
        return next((f"{by} {self.labels[by]}" for by in GROUPINGS if by in self.labels), f"file {self.name}")


def read_labels(path: Path) -> list[Labelled]:
    """Return the corpus that a label file describes.

    Raises
    ------
    SourceNotFound
        The label file or an audio file of it does not exist.
    InvalidInput
        A line is malformed, or two are about the same file; line and remedy are named.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise SourceNotFound(f"there is no label file {path}", "give one with --labels") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read as text: {error}", "a label file is JSON Lines in UTF-8") from error
    corpus: list[Labelled] = []
    first_line: dict[Path, int] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        labelled = _labelled(line, path.parent, f"{path}, line {number}")
        before = first_line.setdefault(labelled.path.resolve(), number)
        if before != number:
            raise InvalidInput(
                f"{path}, line {number}: {labelled.name} stands on line {before} already",
                "keep one line a file, with all its labels",
            )
        corpus.append(labelled)
    if not corpus:
        raise InvalidInput(
            f"{path} describes no file", 'write one object a line, as {"path": "a.wav", "labels": {"tempo_bpm": 120}}'
        )
    missing = [labelled.name for labelled in corpus if not labelled.path.is_file()]
    if missing:
        more = f" and {len(missing) - _NAMED_MOST} more" if len(missing) > _NAMED_MOST else ""
        raise SourceNotFound(
            f"{path} names audio that does not exist: {', '.join(missing[:_NAMED_MOST])}{more}",
            "paths are relative to the folder of the label file",
        )
    return corpus


def _labelled(line: str, folder: Path, where: str) -> Labelled:
    try:
        entry = json.loads(line)
    except json.JSONDecodeError as error:
        raise InvalidInput(f"{where}: not JSON ({error.msg}, column {error.colno})", "one object a line") from error
    if not isinstance(entry, dict) or set(entry) != {"path", "labels"}:
        raise InvalidInput(
            f"{where}: an object with exactly path and labels is needed", 'as {"path": .., "labels": {..}}'
        )
    name, labels = entry["path"], entry["labels"]
    if not isinstance(name, str) or not name or not isinstance(labels, dict):
        raise InvalidInput(f"{where}: path is text and labels an object", 'as {"path": "a.wav", "labels": {}}')
    for label, value in labels.items():
        if label not in _CHECKS:
            raise InvalidInput(f"{where}: unknown label {label!r}", f"known are {', '.join(_CHECKS)}")
        check, form = _CHECKS[label]
        if not check(value):
            raise InvalidInput(
                f"{where}: {label} is {json.dumps(value)[:80]}", f"it is {form}; leave out what is unknown"
            )
    return Labelled(folder / name, name, labels)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_tempo(value: object) -> bool:
    return isinstance(value, int | float) and _is_number(value) and value > 0


def _are_times(value: object) -> bool:
    if not isinstance(value, list) or not all(_is_number(time_s) and time_s >= 0 for time_s in value):
        return False
    return bool(value) and all(before < after for before, after in pairwise(value))


def _is_key(value: object) -> bool:
    return isinstance(value, str) and _KEY.fullmatch(value) is not None


def _are_families(value: object) -> bool:
    return isinstance(value, list) and all(family in FAMILIES for family in value) and len(set(value)) == len(value)


def _is_class(value: object) -> bool:
    return value in CLASSES


def _are_segments(value: object) -> bool:
    if not isinstance(value, list) or not value:
        return False
    for part in value:
        if not isinstance(part, list) or len(part) != len(("start_s", "end_s", "sounds")):
            return False
        start_s, end_s, sounds = part
        if not (_is_number(start_s) and _is_number(end_s) and 0 <= start_s < end_s):
            return False
        if not isinstance(sounds, list) or not all(sound in ("speech", "music") for sound in sounds):
            return False
    return all(before[1] <= after[0] for before, after in pairwise(value))


def _is_mood(value: object) -> bool:
    return isinstance(value, dict) and bool(value) and all(_is_number(amount) for amount in value.values())


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value)


_NUMBER, _TIMES = (_is_number, "a number"), (_are_times, "a list of rising times in seconds, at least one")
_NAME = (_is_name, "text")
_CHECKS: dict[str, tuple[Callable[[object], bool], str]] = {
    "tempo_bpm": (_is_tempo, "a number above 0"),
    "beat_times_s": _TIMES,
    "downbeat_times_s": _TIMES,
    "key": (_is_key, 'tonic and mode, as "C# minor" or "Bb major"'),
    "integrated_loudness_lufs": _NUMBER,
    "loudness_range_lu": _NUMBER,
    "true_peak_dbtp": _NUMBER,
    "instruments": (_are_families, f"a list of families, each once: {', '.join(FAMILIES)}"),
    "class": (_is_class, "speech, music or noise"),
    "segments": (_are_segments, '[[0, 4.5, ["speech", "music"]], ...], in order and without overlap'),
    "mood": (_is_mood, 'numbers by name, as {"arousal": 0.7}'),
    "show": _NAME,
    "artist": _NAME,
    "album": _NAME,
    "track": _NAME,
    "genre": _NAME,
}

"""Analyse a made-up clip before the first fork: models, filters and tables are then in the memory of every child.

``python -m audiofeat.extraction.rehearsal GROUP...`` tells which of the groups run, as JSON: null, or the error.
"""

import json
import os
import sys
from collections.abc import Collection
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from audiofeat.domain.registry import GROUP_VERSIONS
from audiofeat.extraction.analyse import analyse

_RATE_HZ = 44_100
_SECONDS = 8
_CHORD_HZ = (220.0, 277.18, 329.63)
_KNOCKS_HZ = 2.0


def rehearse(groups: Collection[str] = tuple(GROUP_VERSIONS)) -> None:
    """Run some groups once, by default all; nothing touches the disk."""
    memory = os.memfd_create("rehearsal")
    try:
        path = Path(f"/proc/self/fd/{memory}")
        soundfile.write(path, _clip(), _RATE_HZ, format="WAV", subtype="PCM_16")
        analyse(path, source="rehearsal", max_duration_s=_SECONDS + 1, wanted=groups)
    finally:
        os.close(memory)


def faults(groups: Collection[str]) -> dict[str, str | None]:
    """Return what goes wrong where each group runs, and so loads its models; None where nothing does."""
    found: dict[str, str | None] = {}
    for group in groups:
        try:
            rehearse((group,))
            found[group] = None
        except Exception as error:  # noqa: BLE001  whatever a damaged model leads to is what is asked for
            found[group] = f"{type(error).__name__}: {error}"
    return found


def _clip() -> NDArray[np.float32]:
    """Return a knocked chord in stereo: there is a pulse, a key, and something in every band."""
    seconds = np.arange(_SECONDS * _RATE_HZ) / _RATE_HZ
    chord = sum(np.sin(2 * np.pi * hz * seconds) for hz in _CHORD_HZ)
    knocks = np.random.default_rng(1).standard_normal(len(seconds)) * np.exp(-30 * (seconds % (1 / _KNOCKS_HZ)))
    mono = 0.1 * chord + 0.2 * knocks
    return np.column_stack((mono, 0.8 * mono)).astype(np.float32)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(faults(sys.argv[1:])))

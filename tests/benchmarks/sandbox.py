"""What the killable child costs beside calling the extraction directly, on a short and a long file: ``make bench``.

Wall seconds, the two ways in turn, least of several runs, so that other work on the machine counts little.
"""

from __future__ import annotations

import os

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np
import soundfile

from audiofeat.extraction.analyse import analyse
from audiofeat.extraction.client import ExtractionServer

SOURCE = Path(__file__).parents[2] / "samples" / "audio" / "dnb_neon_circuit.ogg"
LENGTHS_S = {"5 seconds": (5, 15), "3 minutes": (180, 7)}
_MOST_MS = 60.0
_MOST_RATIO = 0.03


def seconds(call: Callable[[], object]) -> float:
    """Return how long a call takes."""
    began = perf_counter()
    call()
    return perf_counter() - began


def main() -> int:
    """Print both times and the difference; fail where it is more than promised."""
    pcm, rate_hz = soundfile.read(SOURCE, always_2d=True, dtype="float32")
    kept = True
    print("| length | direct | in a child | overhead |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch, ExtractionServer() as server:
        for name, (length_s, runs) in LENGTHS_S.items():
            path = Path(scratch) / f"{length_s}.wav"
            soundfile.write(path, np.tile(pcm, (1 + length_s * rate_hz // len(pcm), 1))[: length_s * rate_hz], rate_hz)
            ways: tuple[Callable[[], object], ...] = (
                lambda path=path: analyse(path, source="direct", max_duration_s=600),
                lambda path=path: server.extract(path, source="child"),
            )
            for way in ways:
                way()
            rounds = [[seconds(way) for way in ways] for _ in range(runs)]
            direct, child = (1_000 * min(column) for column in zip(*rounds, strict=True))
            over = child - direct
            kept &= over <= (_MOST_MS if length_s < 60 else _MOST_RATIO * direct)
            print(f"| {name} | {direct:.0f} ms | {child:.0f} ms | {over:.0f} ms, {over / direct:.1%} |", flush=True)
    print(f"promised: at most 60 ms a file, at most 3 % on 3 minutes: {'kept' if kept else 'NOT kept'}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())

"""What naming instruments costs, and what the head says of recordings.

``python -m tests.benchmarks.instruments`` prints the CPU time of the group for a second of audio, and its share of the
whole extraction. ``python -m tests.benchmarks.instruments FOLDER...`` adds a table for each folder with a
``labels.jsonl`` of ``file`` (and ``genre``, ``event``, ``language`` or ``package``): the share of its items in which
each family is said to be present, and the mean probability. Accuracy on songs and programs that were kept back is
printed by ``audiofeat.features.offline.train_instruments``.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from pathlib import Path
from time import process_time

import numpy as np
import soundfile
import soxr

from audiofeat.domain.block import summed
from audiofeat.domain.families import FAMILIES
from audiofeat.extraction.analyse import analyse
from audiofeat.features.frames import RATE_HZ, Frames, SharedSpectrum
from audiofeat.features.instrument_claims import PRESENT
from audiofeat.features.instrumentation import Instrumentation
from tests.synthesis import Signal, song, write

_SECONDS = 180.0
_REPEATS = 3
_BLOCK_S = 4
_GROUPINGS = ("genre", "event", "language", "package")


def cost_ms() -> tuple[float, float]:
    """Return CPU ms a second of audio, the least of some runs: of the group, and of a whole extraction of FLAC."""
    whole, spent = [], []
    with tempfile.TemporaryDirectory() as scratch:
        path = write(Path(scratch) / "song", song(_SECONDS), form="flac")
        for _ in range(_REPEATS):
            group = _Timed()
            started = process_time()
            analyse(path, source="song", max_duration_s=_SECONDS + 1)
            whole.append(process_time() - started)
            analyse(path, source="song", max_duration_s=_SECONDS + 1, wanted=("stereo",), on_frames=group.push)
            spent.append(group.end())
    return 1e3 * min(spent) / _SECONDS, 1e3 * min(whole) / _SECONDS


class _Timed:
    """Counts the CPU time of the group alone: the extraction's own account is of wall time."""

    def __init__(self) -> None:
        self._group, self._spent = Instrumentation(), 0.0

    def push(self, frames: Frames) -> None:
        started = process_time()
        self._group.push(frames)
        self._spent += process_time() - started

    def end(self) -> float:
        started = process_time()
        self._group.result({}, None)
        return self._spent + process_time() - started


def probabilities(path: Path) -> list[float]:
    """Return what the group says of each family; NaN where it says nothing."""
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    mono: Signal = samples.mean(axis=1)
    if rate_hz != RATE_HZ:
        mono = soxr.resample(mono, rate_hz, RATE_HZ)
    spectrum, group, step = SharedSpectrum(RATE_HZ), Instrumentation(), _BLOCK_S * RATE_HZ
    for start in range(0, len(mono), step):
        block = np.ascontiguousarray(mono[start : start + step])
        group.push(spectrum.push(summed(block[:, None], RATE_HZ, begun=start), block, last=start + step >= len(mono)))
    values = group.result({}, None).values
    return [values[f"{family}_probability"] for family in FAMILIES]


def table(folder: Path) -> None:
    """Print what is said of the items of a folder, by what they are."""
    said: dict[str, list[list[float]]] = defaultdict(list)
    for line in (folder / "labels.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row.get("kind", "excerpt") == "excerpt":
            group = next((str(row[name]) for name in _GROUPINGS if row.get(name)), folder.name)
            said[group].append(probabilities(folder / row["file"]))
    print(f"\n{folder.name}: share of items in which it is said to be present (mean probability)")
    print("| | items | " + " | ".join(FAMILIES) + " |\n|" + "---|" * (len(FAMILIES) + 2))
    for group, rows in sorted(said.items()):
        given = np.array(rows)
        cells = [f"{(column >= PRESENT).mean():.2f} ({column.mean():.2f})" for column in given.T]
        print(f"| {group} | {len(rows)} | " + " | ".join(cells) + " |")


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folders", type=Path, nargs="*")
    asked = parser.parse_args()
    group, whole = cost_ms()
    print(
        f"instrumentation: {group:.2f} ms for a second of audio, {group / whole:.0%} of an extraction's {whole:.2f} ms"
    )
    for folder in asked.folders:
        table(folder)


if __name__ == "__main__":
    main()

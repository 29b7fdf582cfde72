"""How soon a new item is searchable while a bulk run keeps every other slot busy: ``make bench``.

Real parts on one machine: ``audiofeat up`` with two workers and the one that is reserved for new items, a folder as
store. The bulk lane holds more pieces than can be worked off; new clips arrive one after the other in the cold lane,
and the time from their registration to their fingerprint in the ledger, where lookups find it at once, is taken.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from audiofeat.catalogue import open_catalogue
from audiofeat.domain.jobs import JobState, Lane
from audiofeat.services.register import register_listing
from audiofeat.storage.directory import DirectoryStore

PROMISED_S = 30.0
_RATE_HZ = 22_050


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; fail where a new item waits longer than promised."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--new", type=int, default=20, help="items that arrive")
    parser.add_argument("--bulk", type=int, default=400, help="pieces of two minutes in the bulk lane")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="audiofeat-lanes-") as folder:
        waits, done = measure(Path(folder), new=options.new, bulk=options.bulk)
    p50, p99 = np.quantile(waits, 0.5), np.quantile(waits, 0.99)
    print(f"{len(waits)} new items while {done} bulk jobs were done: p50 {p50:.1f} s, p99 {p99:.1f} s")
    print(f"promised: p99 at most {PROMISED_S:.0f} s: {'kept' if p99 <= PROMISED_S else 'NOT kept'}")
    return 0 if p99 <= PROMISED_S else 1


def measure(folder: Path, *, new: int, bulk: int) -> tuple[list[float], int]:
    """Return the seconds that each new item took, and how many bulk jobs ended meanwhile."""
    home = folder / "home"
    home.mkdir()
    write_noise(folder / "old", bulk, seconds=120)
    catalogue = open_catalogue(f"sqlite:///{home}/catalogue.sqlite3")
    register_listing(DirectoryStore(folder / "old"), "", catalogue=catalogue, lane=Lane.BULK, kind=None)
    environment = {**os.environ, "AUDIOFEAT_HOME": str(home)}
    up = subprocess.Popen([sys.executable, "-m", "audiofeat", "up", "--no-api", "--workers", "2"], env=environment)
    try:
        while catalogue.states().get(JobState.QUEUED, 0) >= bulk - 1:
            time.sleep(0.5)
        before = catalogue.states().get(JobState.QUEUED, 0)
        waits = [arrive(folder / "new", n, catalogue) for n in range(new)]
        return waits, before - catalogue.states().get(JobState.QUEUED, 0)
    finally:
        up.terminate()
        up.wait(40)


def arrive(folder: Path, n: int, catalogue: object) -> float:
    """Upload one clip, register it, and wait until its fingerprint is there."""
    write_noise(folder / str(n), 1, seconds=20, seed=10_000 + n)
    began = time.monotonic()
    store = DirectoryStore(folder / str(n))
    (job,) = register_listing(store, "", catalogue=catalogue, lane=Lane.COLD, kind=None).jobs
    while catalogue.embedding_of(job.item_id) is None:
        assert time.monotonic() < began + 10 * PROMISED_S, "it never became searchable"
        time.sleep(0.05)
    return time.monotonic() - began


def write_noise(folder: Path, count: int, *, seconds: int, seed: int = 0) -> None:
    """Write files that no analysis of another one can be reused for."""
    folder.mkdir(parents=True)
    for n in range(count):
        sound = np.random.default_rng(seed + n).normal(0, 0.1, seconds * _RATE_HZ)
        soundfile.write(folder / f"{n:04}.wav", sound, _RATE_HZ)


if __name__ == "__main__":
    sys.exit(main())

"""What a build of many items holds in memory: ``python -m tests.benchmarks.building --items 100000``.

A ledger of generated items (genres, artists, tracks) is filled by bulk inserts, then ``audiofeat index build track``
runs as a process of its own. Memory of its own is what it cannot give back; the peak counts maps of files too.
``--home`` keeps the ledger for the next run.
"""

import argparse
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from audiofeat.bootstrap import Services, load_settings
from audiofeat.domain.descriptor import DIMENSIONS, pack
from audiofeat.domain.items import Kind, item_id
from audiofeat.domain.registry import GROUP_VERSIONS
from tests.benchmarks.lookups import PER_ARTIST, insert

_SEED = 20261126
_BATCH = 20_000
_GENRES = 60
_LOOK_S = 0.02


def main(arguments: Sequence[str] | None = None) -> int:
    """Build once for each size, and print a line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, nargs="+", default=[20_000])
    parser.add_argument("--home", type=Path)
    parser.add_argument("--metadata", action="store_true")
    options = parser.parse_args(arguments)
    print("| items | seconds | own memory at most, MB | peak with maps, MB |\n|---|---|---|---|")
    for count in options.items:
        with tempfile.TemporaryDirectory(prefix="audiofeat-building-") as folder:
            home = (options.home or Path(folder)) / f"{count}"
            fill(home, count)
            began = time.perf_counter()
            own_mb, peak_mb = built(home, ["--metadata"] if options.metadata else [])
            print(f"| {count:,} | {time.perf_counter() - began:.0f} | {own_mb:,.0f} | {peak_mb:,.0f} |", flush=True)
    return 0


def fill(home: Path, count: int) -> None:
    """Make a ledger of so many fingerprints, looked through for duplicates, where it is not there yet."""
    home.mkdir(parents=True, exist_ok=True)
    services = Services(load_settings(home=home))
    catalogue = services.catalogue
    ids = [item_id(reference=None, store="s3/made", key=f"{n}.wav") for n in range(count)]
    rng, today = np.random.default_rng(_SEED), GROUP_VERSIONS["descriptor"]
    genres = rng.normal(20, 1.0, (_GENRES, len(DIMENSIONS)))
    artists = genres[np.arange(-(-count // PER_ARTIST)) % _GENRES]
    artists += rng.normal(0, 0.7, artists.shape)
    with sqlite3.connect(services.home / "catalogue.sqlite3") as connection:
        if connection.execute("SELECT count(*) FROM items").fetchone()[0]:
            return
        connection.execute("PRAGMA synchronous=OFF")
        for first in range(0, count, _BATCH):
            some = ids[first : first + _BATCH]
            insert(connection, some, first, PER_ARTIST)
            connection.executemany(
                "INSERT INTO embeddings (item_id, sequence, kind, sha256, descriptor, descriptor_version) "
                "VALUES (?, ?, 'track', ?, ?, ?)",
                (
                    (
                        name,
                        n + 1,
                        f"{n:064x}",
                        pack(artists[n // PER_ARTIST] + rng.normal(0, 0.7, len(DIMENSIONS))),
                        today,
                    )
                    for n, name in enumerate(some, start=first)
                ),
            )
    catalogue.move_look(Kind.TRACK, count)
    catalogue.close()


def built(home: Path, options: Sequence[str]) -> tuple[float, float]:
    """Build, and return the most memory that the process had of its own and with maps of files, in MB."""
    own_kb = peak_kb = 0
    command = [sys.executable, "-m", "audiofeat", "index", "build", "track", *options]
    with subprocess.Popen(command, env={**os.environ, "AUDIOFEAT_HOME": str(home)}) as build:
        while build.poll() is None:
            status = Path(f"/proc/{build.pid}/status").read_text(encoding="ascii")
            sizes = dict(line.split(":", 1) for line in status.splitlines())
            own_kb = max(own_kb, int(sizes.get("RssAnon", "0 kB").split()[0]))
            peak_kb = max(peak_kb, int(sizes.get("VmHWM", "0 kB").split()[0]))
            time.sleep(_LOOK_S)
    if build.returncode:
        raise SystemExit(build.returncode)
    return own_kb / 1024, peak_kb / 1024


if __name__ == "__main__":
    sys.exit(main())

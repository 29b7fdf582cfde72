"""What watching over a large catalogue costs: a census of the lanes, and a plan of what is stale; SQLite.

``python -m tests.benchmarks.watching --items 200000``
"""

import argparse
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from audiofeat.catalogue import open_catalogue
from audiofeat.domain.registry import GROUP_VERSIONS
from audiofeat.services.reprocess import plan, scope_of

_AUDIO = (
    "INSERT INTO audio (sha256, facts, flags, extractor, decoded_s) VALUES (?, '{\"bytes\": 5000000}', '[]', '{}', 200)"
)
_ITEMS = """
INSERT INTO items (item_id, kind, store, key, file_name, sha256, job_id, created_at, updated_at)
VALUES (?, 'track', 's3/m', ?, ?, ?, ?, 0, 0)
"""
_JOBS = """
INSERT INTO jobs (job_id, sequence, source_order, item_id, store, key, version, size_bytes, lane, state, attempt,
    crashes, losses, due_at, records, created_at, updated_at, sha256, timings)
VALUES (?, ?, ?, ?, 's3/m', ?, '1', 5000000, 'normal', ?, 1, 0, 0, 0, '[]', 0, ?, ?, '{"pass": 1.0, "rhythm": 0.5}')
"""
_ANALYSES = """
INSERT INTO analyses (sha256, "group", version, "values", reasons, seconds, created_at)
VALUES (?, ?, ?, '{}', '{}', 0, 0)
"""


def fill(path: Path, items: int) -> None:
    """Write a catalogue in which every hundredth job waits and every second item has an old rhythm."""
    now = time.time()
    names = [(f"i{n:08d}", f"k{n}", f"s{n}", f"j{n}") for n in range(items)]
    with closing(sqlite3.connect(path)) as ledger, ledger:
        ledger.executemany(_AUDIO, ((sha256,) for _, _, sha256, _ in names))
        ledger.executemany(_ITEMS, ((item, key, key, sha256, job) for item, key, sha256, job in names))
        ledger.executemany(
            _JOBS,
            (
                (job, n, n, item, key, "queued" if n % 100 == 0 else "done", now - n / 100, sha256)
                for n, (item, key, sha256, job) in enumerate(names)
            ),
        )
        ledger.executemany(
            _ANALYSES,
            (
                (sha256, group, version - (group == "rhythm" and n % 2))
                for n, (_, _, sha256, _) in enumerate(names)
                for group, version in GROUP_VERSIONS.items()
            ),
        )
        ledger.execute("ANALYZE")


def took_s(act: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def main() -> int:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=50_000)
    items = parser.parse_args().items
    with tempfile.TemporaryDirectory(prefix="audiofeat-watching-") as folder:
        path = Path(folder) / "ledger.sqlite3"
        catalogue = open_catalogue(f"sqlite:///{path}")
        fill(path, items)
        scope = scope_of([])
        census_s = min(took_s(lambda: catalogue.census(window_s=300.0)) for _ in range(3))
        plan_s = took_s(lambda: plan(scope, catalogue=catalogue))
        page_s = took_s(lambda: catalogue.stale_items(scope, limit=1_000))
        stale = catalogue.extent(scope).stale_items
    print(
        f"{items:,} items, {stale:,} stale: census {census_s:.2f} s, plan {plan_s:.1f} s, page of 1,000 {page_s:.2f} s"
    )
    return 0 if stale == items // 2 else 1


if __name__ == "__main__":
    sys.exit(main())

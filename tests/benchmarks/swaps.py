"""Indexes are swapped one after the other while threads ask all the time: no query may fail: ``make bench``.

``python -m tests.benchmarks.swaps --swaps 100`` is the figure of the documentation.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from audiofeat.catalogue import open_catalogue
from audiofeat.domain.item_rows import ItemRows
from audiofeat.domain.items import Kind
from audiofeat.domain.neighbours import Engine
from audiofeat.index.publish import Publisher
from audiofeat.index.reader import PublishedIndexes
from audiofeat.ports import IndexContents
from audiofeat.storage.directory import DirectoryStore
from tests.benchmarks.index import a_space, made

_THREADS = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Swap, ask, and print what was asked and what failed; fail where anything did."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--swaps", type=int, default=10)
    parser.add_argument("--rows", type=int, default=2_000)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="audiofeat-swaps-") as name:
        asked, problems, seen, waits_ms = swapped(Path(name), swaps=options.swaps, rows=options.rows)
    print(
        f"{options.swaps} swaps of {options.rows:,} vectors, {seen} releases seen: {asked:,} queries, "
        f"{len(problems)} errors, p50 {np.quantile(waits_ms, 0.5):.2f} ms, p99 {np.quantile(waits_ms, 0.99):.1f} ms, "
        f"slowest {max(waits_ms):.0f} ms"
    )
    for problem in problems[:5]:
        print(repr(problem), file=sys.stderr)
    return 1 if problems else 0


def swapped(folder: Path, *, swaps: int, rows: int) -> tuple[int, list[Exception], int, list[float]]:
    """Return how many queries there were, what failed, how many releases answered, and how long each query took."""
    (folder / "store").mkdir()
    store = DirectoryStore(folder / "store")
    publisher, space = Publisher(store), a_space()
    reader = PublishedIndexes(
        store, open_catalogue(f"sqlite:///{folder}/l.db"), folder / "cache", poll_s=0.05, fresh_poll_s=1.0
    )
    vectors = np.array(made(rows, space.dims, folder))
    blocks = np.zeros((rows, space.block_dims), dtype=np.float32)
    items = ItemRows.of([(f"item-{row}",) for row in range(rows)])
    publisher.publish(IndexContents(space, items, vectors, blocks, highest_sequence=1))
    reader.current(Kind.TRACK)
    problems: list[Exception] = []
    seen: set[str] = set()
    waits_ms: list[float] = []
    ended = threading.Event()

    def ask(engine: Engine) -> None:
        rng = np.random.default_rng()
        while not ended.is_set():
            row, began = int(rng.integers(rows)), time.perf_counter()
            try:
                index = reader.current(Kind.TRACK, engine=engine)
                hits = index.search(vectors[row], 10, space=index.space.id)
                assert hits[0].item_ids == (f"item-{row}",)
                seen.add(index.release)
            except Exception as problem:  # noqa: BLE001  whatever it is, it is what is counted
                problems.append(problem)
            waits_ms.append(1_000 * (time.perf_counter() - began))

    threads = [threading.Thread(target=ask, args=(engine,)) for engine in list(Engine)[:_THREADS]]
    for thread in threads:
        thread.start()
    for swap in range(swaps):
        if swap % 5 == 4:
            publisher.rollback(Kind.TRACK)
        else:
            publisher.publish(IndexContents(space, items, vectors, blocks, highest_sequence=1))
    time.sleep(0.2)
    ended.set()
    for thread in threads:
        thread.join()
    return len(waits_ms), problems, len(seen), waits_ms


if __name__ == "__main__":
    sys.exit(main())

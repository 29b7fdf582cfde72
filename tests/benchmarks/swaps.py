"""Indexes are swapped one after the other while threads ask all the time: no query may fail: ``make bench``.

``python -m tests.benchmarks.swaps --swaps 100`` is the figure of the documentation. With ``--home`` an API process over
the catalogue of :mod:`tests.benchmarks.lookups` is asked over HTTP instead, at a steady rate, and each swap waits until
it answers from the release.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audiofeat.bootstrap import Services, load_settings
from audiofeat.catalogue import open_catalogue
from audiofeat.domain.item_rows import ItemRows
from audiofeat.domain.items import Kind, item_id
from audiofeat.domain.neighbours import Engine
from audiofeat.index.publish import Publisher
from audiofeat.index.reader import PublishedIndexes
from audiofeat.ports import IndexContents
from audiofeat.storage.directory import DirectoryStore
from tests.benchmarks.index import a_space, made
from tests.benchmarks.lookups import PER_ARTIST, Client, fill, one, publish, served

_THREADS = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Swap, ask, and print what was asked and what failed; fail where anything did."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--swaps", type=int, default=10)
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--rate", type=float, default=50.0)
    options = parser.parse_args(arguments)
    if options.home:
        return over_http(options.home, rows=options.rows, swaps=options.swaps, rate=options.rate)
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


def over_http(home: Path, *, rows: int, swaps: int, rate: float) -> int:
    """Ask a server at a steady rate while two releases take turns; print what it took, and fail where a lookup does."""
    services = Services(load_settings(home=home))
    ids = fill(services, rows)
    if len(services.publisher.list(Kind.TRACK)) == 1:
        publish(services, [item_id(reference=None, store="s3/made", key=f"{n}.wav") for n in range(rows)], PER_ARTIST)
    with served(home) as (url, _):
        took_ms, swap_s = asyncio.run(_under_load(services, url, ids, swaps, rate))
    failed = int(np.isnan(took_ms).sum())
    print(
        f"{len(swap_s)} swaps of {rows:,} items seen by the server, {np.median(swap_s):.1f} s each: {len(took_ms):,} "
        f"lookups, {failed} failed, p50 {np.nanmedian(took_ms):.1f} ms, p99 {np.nanquantile(took_ms, 0.99):.1f} ms, "
        f"slowest {np.nanmax(took_ms):.0f} ms"
    )
    return 1 if failed else 0


async def _under_load(
    services: Services, url: str, ids: Sequence[str], swaps: int, rate: float
) -> tuple[NDArray[np.float64], list[float]]:
    client, tasks, start = Client(url), [], time.perf_counter()
    swapping = asyncio.create_task(asyncio.to_thread(_swapped_under, services, url, ids[0], swaps))
    while not swapping.done():
        due = start + len(tasks) / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.create_task(one(client, ids[len(tasks) % len(ids)], {}, due=due)))
    took_ms = np.array(await asyncio.gather(*tasks))
    client.close()
    return took_ms, await swapping


def _swapped_under(services: Services, url: str, name: str, swaps: int) -> list[float]:
    """Let two releases take turns; return the seconds until the server answered from each."""
    took_s = []
    for _ in range(swaps):
        began = time.perf_counter()
        release = services.publisher.rollback(Kind.TRACK).release
        while _answering(url, name) != release:
            time.sleep(0.05)
        took_s.append(time.perf_counter() - began)
    return took_s


def _answering(url: str, name: str) -> str:
    """Return the release that a server answers from; where it does not, say what it answers."""
    try:
        with urllib.request.urlopen(f"{url}/v1/items/{name}/neighbours?k=1", timeout=60) as answer:
            return str(json.load(answer)["index"])
    except urllib.error.HTTPError as problem:
        print(problem.read().decode(), file=sys.stderr)
        return ""


if __name__ == "__main__":
    sys.exit(main())

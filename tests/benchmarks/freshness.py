"""How soon an item that was just committed is found, and one that was taken down is not: ``make bench``.

Two API processes serve a catalogue of generated items at the usual settings. Items are committed as a worker does, at
any moment between two looks at the ledger, and each process is asked for the item's own vector until it answers with
it; then the item is taken down, and they are asked until they do not know it any more, by search or by its id.
"""

import argparse
import asyncio
import hashlib
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path
from typing import Any

import numpy as np

from audiofeat.bootstrap import Services, load_settings
from audiofeat.domain.descriptor import DIMENSIONS, pack
from audiofeat.domain.items import Kind, KindSource, ObjectVersion
from audiofeat.domain.jobs import JobState, Outcome, Registration
from audiofeat.domain.space import embed
from audiofeat.services.build_index import build_index
from tests.benchmarks.lookups import Client, served

_FOUND_S, _GONE_S = 2.0, 5.0
_BETWEEN_S = 0.02
_LONGEST_S = 60.0
_PUBLISHED = 150
Holds = Callable[[Client, dict[str, Any], str], Awaitable[bool]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; fail where it takes longer than promised."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--commits", type=int, default=20)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="audiofeat-freshness-") as name, ExitStack() as servers:
        home = Path(name) / "home"
        services = Services(load_settings(home=home))
        rng = np.random.default_rng(4)
        for number in range(_PUBLISHED):
            commit(services, f"old-{number}", rng.normal(20, 1.2, len(DIMENSIONS)))
        build_index(
            Kind.TRACK,
            catalogue=services.catalogue,
            publisher=services.publisher,
            artefacts=services.artefacts,
        )
        urls = [servers.enter_context(served(home))[0] for _ in range(2)]
        found_s, gone_s = asyncio.run(measured(services, urls, options.commits))
    print("| | items | p50 | p99 | longest |\n|---|---|---|---|---|")
    for what, took_s in (("committed, then found", found_s), ("taken down, then gone", gone_s)):
        p50, p99, longest = np.quantile(took_s, (0.5, 0.99, 1.0))
        print(f"| {what} | {len(took_s)} | {p50:.2f} s | {p99:.2f} s | {longest:.2f} s |")
    return 0 if np.quantile(found_s, 0.99) <= _FOUND_S and max(gone_s) <= _GONE_S else 1


async def measured(services: Services, urls: Sequence[str], commits: int) -> tuple[list[float], list[float]]:
    """Return the seconds until the last process has found, and forgotten, each item."""
    rng = np.random.default_rng(5)
    clients = [Client(url) for url in urls]
    space = services.indexes.current(Kind.TRACK).space
    found_s, gone_s = [], []
    for number in range(commits):
        descriptor = rng.normal(20, 1.2, len(DIMENSIONS))
        await asyncio.sleep(rng.uniform(0, 1))
        item_id = commit(services, f"new-{number}", descriptor)
        vector = embed(space, descriptor.astype(np.float32)).tolist()
        body = {"seeds": [{"vector": vector, "space": space.id}], "k": 1}
        found_s.append(await until(clients, finds, body, item_id))
        await asyncio.sleep(rng.uniform(0, 1))
        services.catalogue.take_down(item_id)
        gone_s.append(await until(clients, forgot, body, item_id))
    for client in clients:
        client.close()
    return found_s, gone_s


def commit(services: Services, name: str, descriptor: np.ndarray) -> str:
    """Register, claim and finish an item, as a worker does."""
    audio = ObjectVersion(store="s3/made", key=f"{name}.wav", version="1", size_bytes=1)
    catalogue = services.catalogue
    [job] = catalogue.register([Registration(audio, kind=Kind.TRACK, kind_source=KindSource.OPTION, records=())])
    claim = catalogue.claim(job.job_id, worker="benchmark", lease_s=60)
    if claim is None:
        raise LookupError("another process took the job")
    outcome = Outcome(
        state=JobState.DONE, sha256=hashlib.sha256(name.encode()).hexdigest(), audio={"decoded_duration_s": 30.0},
        flags=(), groups=(), extractor={}, kind=Kind.TRACK, kind_source=KindSource.OPTION,
        descriptor=pack(descriptor.astype(np.float32)),
    )  # fmt: skip
    catalogue.finish(claim, outcome)
    return job.item_id


async def until(clients: Sequence[Client], holds: Holds, body: dict[str, Any], item_id: str) -> float:
    """Return the seconds until something holds of every process."""
    began = time.perf_counter()
    for client in clients:
        while not await holds(client, body, item_id):
            if time.perf_counter() - began > _LONGEST_S:
                raise TimeoutError(f"not within {_LONGEST_S:g} s")
            await asyncio.sleep(_BETWEEN_S)
    return time.perf_counter() - began


async def finds(client: Client, body: dict[str, Any], item_id: str) -> bool:
    """Tell whether a search for the item's vector answers with it."""
    status, answer = await client.ask("POST", "/v1/neighbours:search", body)
    return status == HTTPStatus.OK and item_id.encode() in answer


async def forgot(client: Client, body: dict[str, Any], item_id: str) -> bool:
    """Tell whether neither a search nor its id leads to the item."""
    status, _ = await client.ask("GET", f"/v1/items/{item_id}")
    return status == HTTPStatus.NOT_FOUND and not await finds(client, body, item_id)


if __name__ == "__main__":
    sys.exit(main())

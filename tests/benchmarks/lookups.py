"""Lookups over HTTP while somebody asks at a steady rate: ``python -m tests.benchmarks.lookups``.

A catalogue of generated items (clusters of artists, a release built and published as always) is filled by bulk inserts,
served by a real process, and asked by a client that keeps to its schedule: what waits counts. ``--items 1000000
--seconds 60`` is the size that is promised; ``--home`` keeps the catalogue for the next run.
"""

import argparse
import asyncio
import http
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from audiofeat.bootstrap import Services, load_settings
from audiofeat.domain.descriptor import DIMENSIONS
from audiofeat.domain.fitting import REDUCE_FROM_ITEMS, fit
from audiofeat.domain.items import Kind, item_id
from audiofeat.ports import IndexContents

_P50_MS, _P99_MS = 5.0, 20.0
_SEED = 20261126
PER_ARTIST = 20
_BATCH = 50_000
_WARMING = 20
_READING_S = 10.0
_KEPT_S = 3.0
QUESTIONS = {
    "plain": {},
    "filtered": {"where": ["genre=genre 3", "tempo_bpm=80..140"]},
    "rare": {"where": ["label=label 7"]},
    "varied": {"keep_ratio": 0.95},
    "weighted": {"weights": {"timbre": 2.0}},
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; fail where plain lookups take longer than promised, or any fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--only", choices=list(QUESTIONS), nargs="+", default=list(QUESTIONS))
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="audiofeat-lookups-") as folder:
        home = options.home or Path(folder) / "home"
        services = Services(load_settings(home=home))
        began = time.perf_counter()
        ids = fill(services, options.items)
        print(f"{options.items:,} items, ready after {time.perf_counter() - began:.0f} s", flush=True)
        print(
            "| question | lookups | failed | p50 | p95 | p99 | most | CPU, server |\n|---|---|---|---|---|---|---|---|"
        )
        kept = True
        with served(home) as (url, pid):
            for name in options.only:
                before = cpu_s(pid)
                asked = asyncio.run(ask(url, ids, QUESTIONS[name], rate=options.rate, seconds=options.seconds))
                kept &= told(name, asked, 1e3 * (cpu_s(pid) - before) / (len(asked) + _WARMING))
    return 0 if kept else 1


def told(name: str, took_ms: NDArray[np.float64], cpu_ms: float) -> bool:
    """Print a line; return whether it is as promised."""
    failed = int(np.isnan(took_ms).sum())
    p50, p95, p99, most = np.nanquantile(took_ms, (0.5, 0.95, 0.99, 1.0))
    print(
        f"| {name} | {len(took_ms)} | {failed} | {p50:.1f} ms | {p95:.1f} ms | {p99:.1f} ms | {most:.1f} ms | "
        f"{cpu_ms:.1f} ms |",
        flush=True,
    )
    return not failed and (name != "plain" or (p50 <= _P50_MS and p99 <= _P99_MS))


def fill(services: Services, count: int, *, per_artist: int = PER_ARTIST) -> list[str]:
    """Make the catalogue and its release where they are not there yet; return ids to ask by."""
    ids = [item_id(reference=None, store="s3/made", key=f"{n}.wav") for n in range(count)]
    _ = services.catalogue
    database = services.home / "catalogue.sqlite3"
    with sqlite3.connect(database) as connection:
        if connection.execute("SELECT count(*) FROM items").fetchone()[0] == 0:
            connection.execute("PRAGMA synchronous=OFF")
            for first in range(0, count, _BATCH):
                insert(connection, ids[first : first + _BATCH], first, per_artist)
            connection.commit()
            connection.execute("ANALYZE")
            publish(services, ids, per_artist)
    return [ids[n] for n in np.random.default_rng(1).integers(0, count, 5_000)]


def insert(connection: sqlite3.Connection, ids: Sequence[str], first: int, per_artist: int) -> None:
    """Insert items with audio, an ended job, and attributes."""
    rng = np.random.default_rng((_SEED, first))
    tempo, arousal = rng.uniform(60, 180, len(ids)), rng.uniform(0, 1, len(ids))
    numbers = range(first, first + len(ids))
    hashes = [f"{n:064x}" for n in numbers]
    connection.executemany(
        "INSERT INTO audio (sha256, facts, flags, extractor, decoded_s) VALUES (?, '{}', '[]', '{}', 180)",
        ((sha256,) for sha256 in hashes),
    )
    connection.executemany(
        "INSERT INTO items (item_id, kind, kind_source, store, key, file_name, sha256, job_id, created_at, updated_at) "
        "VALUES (?, 'track', 'metadata', 's3/made', ?, ?, ?, ?, 0, 0)",
        ((i, f"{n}.wav", f"{n}.wav", h, h) for i, n, h in zip(ids, numbers, hashes, strict=True)),
    )
    connection.executemany(
        "INSERT INTO jobs (job_id, sequence, source_order, item_id, store, key, version, size_bytes, lane, state, "
        "attempt, crashes, losses, due_at, records, created_at, updated_at, finished_at) "
        "VALUES (?, ?, ?, ?, 's3/made', ?, '1', 1, 'bulk', 'done', 1, 0, 0, 0, '[]', 0, 0, 0)",
        ((h, n + 1, n + 1, i, f"{n}.wav") for i, n, h in zip(ids, numbers, hashes, strict=True)),
    )
    connection.executemany(
        "INSERT INTO attributes (item_id, said, title, artist, album, label, genre, duration_s, rhythm_tempo_bpm, "
        "tonal_key, tonal_mode, mood_arousal) VALUES (?, ?, ?, ?, ?, ?, ?, 180, ?, ?, ?, ?)",
        (
            (
                i,
                json.dumps(said),
                *(said[name] for name in ("title", "artist", "album", "label", "genre")),
                bpm,
                key,
                mode,
                a,
            )
            for i, said, bpm, key, mode, a in zip(
                ids,
                (said_of(n, per_artist) for n in numbers),
                tempo.tolist(),
                *keys(len(ids), rng),
                arousal.tolist(),
                strict=True,
            )
        ),
    )


def said_of(number: int, per_artist: int) -> dict[str, str]:
    """Return an item's metadata: albums of ten tracks, artists of so many."""
    artist = number // per_artist
    return {
        "title": f"title {number}", "artist": f"artist {artist}", "album": f"album {number // 10}",
        "label": f"label {artist % 199}", "genre": f"genre {artist % 13}",
    }  # fmt: skip


def keys(count: int, rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """Return keys and modes."""
    return rng.choice(["C", "D", "E", "F#"], count).tolist(), rng.choice(["major", "minor"], count).tolist()


def publish(services: Services, ids: Sequence[str], per_artist: int) -> None:
    """Publish a release of generated vectors: artists about genres, tracks about artists."""
    rng = np.random.default_rng(_SEED)
    # Enough items for a space as a large catalogue has it.
    space = fit(rng.normal(20, 1.2, (REDUCE_FROM_ITEMS, len(DIMENSIONS))).astype(np.float32), kind=Kind.TRACK)
    genres = rng.normal(0, 1.0, (60, space.dims)).astype(np.float32)
    artists = np.arange(len(ids)) // per_artist
    middles = genres[np.arange(artists[-1] + 1) % 60] + rng.normal(0, 0.7, (artists[-1] + 1, space.dims))
    vectors = np.empty((len(ids), space.dims), dtype=np.float32)
    blocks = np.empty((len(ids), space.block_dims), dtype=np.float16)
    for first in range(0, len(ids), _BATCH):
        some = slice(first, first + _BATCH)
        made = middles[artists[some]] + rng.normal(0, 0.7, (len(artists[some]), space.dims))
        vectors[some] = made / np.linalg.norm(made, axis=1, keepdims=True)
        blocks[some] = rng.normal(0, 0.1, (len(made), space.block_dims))
    services.publisher.publish(IndexContents(space, [(name,) for name in ids], vectors, blocks, highest_sequence=0))


@contextmanager
def served(home: Path) -> Iterator[tuple[str, int]]:
    """Serve the API from a process of its own, and return its URL and process id."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "AUDIOFEAT_HOME": str(home), "AUDIOFEAT_API_PORT": str(port)}
    with subprocess.Popen(
        [sys.executable, "-m", "audiofeat.api"], env=environment, stderr=subprocess.DEVNULL
    ) as server:
        url = f"http://127.0.0.1:{port}"
        try:
            deadline = time.monotonic() + 300
            while time.monotonic() < deadline:
                try:
                    urllib.request.urlopen(f"{url}/readyz", timeout=120)
                    break
                except OSError:
                    time.sleep(0.2)
            yield url, server.pid
        finally:
            server.terminate()


def cpu_s(pid: int) -> float:
    """Return the processor time that a process has used, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def ask(
    url: str, ids: Sequence[str], rules: dict[str, Any], *, rate: float, seconds: float
) -> NDArray[np.float64]:
    """Ask at a steady rate; return the milliseconds from when each lookup was due, NaN where it failed."""
    client = Client(url)
    for name in ids[:_WARMING]:
        await one(client, name, rules, due=time.perf_counter())
    # What a server filters by it reads beside the first questions.
    await asyncio.sleep(_READING_S if "where" in rules else 0.0)
    start = time.perf_counter() + 0.1
    tasks = []
    for number in range(int(rate * seconds)):
        due = start + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.create_task(one(client, ids[(_WARMING + number) % len(ids)], rules, due=due)))
    took_ms = np.array(await asyncio.gather(*tasks))
    client.close()
    return took_ms


async def one(client: "Client", name: str, rules: dict[str, Any], *, due: float) -> float:
    """Ask once: plainly by the item's URL, else by a search."""
    try:
        if rules:
            status = await client.send("POST", "/v1/neighbours:search", {"seeds": [{"item": name}], **rules})
        else:
            status = await client.send("GET", f"/v1/items/{name}/neighbours")
    except (OSError, EOFError):
        status = 0
    return 1e3 * (time.perf_counter() - due) if status == http.HTTPStatus.OK else float("nan")


class Client:
    """Asks over connections that stay open; a full-blown client would cost these two cores as much as an answer does.

    Parameters
    ----------
    url : str
        Of the server.
    """

    def __init__(self, url: str) -> None:
        self._host, self._port = urlsplit(url).hostname, urlsplit(url).port
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter, float]] = []

    async def send(self, method: str, path: str, body: Any = None) -> int:
        """Send a request, read the whole answer, and return its status."""
        return (await self.ask(method, path, body))[0]

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        """Send a request and return status and body of the answer."""
        payload = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
        if body is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(payload)}\r\n"
        reader, writer = await self._connected()
        writer.write(head.encode() + b"\r\n" + payload)
        answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        told = await reader.readexactly(int(answer.partition("content-length:")[2].partition("\r\n")[0]))
        self._idle.append((reader, writer, time.monotonic()))
        return int(answer.split(" ", 2)[1]), told

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self._idle:
            reader, writer, since = self._idle.pop()
            # The server closes what has been idle for five seconds.
            if time.monotonic() - since < _KEPT_S:
                return reader, writer
            writer.close()
        return await asyncio.open_connection(self._host, self._port)

    def close(self) -> None:
        """Close every connection."""
        for _, writer, _ in self._idle:
            writer.close()


if __name__ == "__main__":
    sys.exit(main())

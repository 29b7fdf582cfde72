"""The ledger alone: claims and ends a second, and the time of a claim as rows grow: ``make bench``.

``python -m tests.benchmarks.ledger --rows 10000 100000 1000000`` on SQLite, and on a PostgreSQL server of its own where
one is installed (fsync on). Two processes for SQLite, eight for PostgreSQL, whose commits wait for the disk together. A
million rows take about half a gigabyte under TMPDIR.
"""

import argparse
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import psycopg

from audiofeat.catalogue import SqlCatalogue, open_catalogue
from audiofeat.domain.items import Kind, KindSource
from audiofeat.domain.jobs import JobState, Lane, Outcome
from tests.postgresql import server

_WANTED = {"sqlite": 1_000.0, "postgresql": 2_000.0}
_PROCESSES = {"sqlite": 2, "postgresql": 8}
_MOST_CLAIM_MS = 5.0
_SECONDS = 8.0
_LEASE_S = 600.0

# Rows of jobs that ended long ago; some of them are queued again to be measured.
_FILL = """
INSERT INTO items (item_id, kind, kind_source, store, key, file_name, created_at, updated_at)
SELECT 'item-' || n, 'track', 'metadata', 's3/m', 'k/' || n || '.wav', n || '.wav', 0, 0 FROM numbers;
INSERT INTO jobs (job_id, sequence, source_order, item_id, store, key, version, size_bytes, lane, state, attempt,
    crashes, losses, due_at, records, created_at, updated_at, finished_at)
SELECT {digest} || n, n, n, 'item-' || n, 's3/m', 'k/' || n || '.wav', '1', 100, 'normal', 'done', 1,
    0, 0, 0, '[]', 0, n, n FROM numbers;
"""
_SERIES = {
    "sqlite": (
        "CREATE TEMP TABLE numbers AS WITH RECURSIVE s(n) AS "
        "(SELECT {first} UNION ALL SELECT n + 1 FROM s WHERE n < {last}) SELECT n FROM s;"
    ),
    "postgresql": "CREATE TEMP TABLE numbers AS SELECT n FROM generate_series({first}, {last}) AS s(n);",
}
# As spread as the real ids, which are hashes.
_DIGEST = {"sqlite": "printf('%016x', (n * 2654435761) % 4294967296)", "postgresql": "md5(n::text)"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; fail where a claim takes longer than promised."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--only", choices=list(_WANTED))
    options = parser.parse_args(arguments)
    kept = True
    print("| database | rows | claim p50 | p99 | due p99 | claim + finish | claim + reject |")
    print("|---|---|---|---|---|---|---|")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="audiofeat-ledger-")))
        urls = {"sqlite": f"sqlite:///{folder}/ledger.sqlite3"}
        if options.only != "sqlite":
            urls["postgresql"] = stack.enter_context(server(fsync=True))
        for name, url in urls.items():
            if options.only in {None, name}:
                kept &= measure(name, url, options.rows)
    print(f"load average at the end {os.getloadavg()[0]:.1f}")
    return 0 if kept else 1


def measure(name: str, url: str, sizes: Sequence[int]) -> bool:
    """Print a line for each number of rows; return whether claims stay as quick as promised."""
    catalogue = open_catalogue(url)
    rows, kept = 0, True
    for size in sorted(sizes):
        fill(name, url, first=rows + 1, last=size)
        rows = size
        claims, dues = timed_claims(catalogue, url, name)
        finishes = rate(catalogue, name, url, finish)
        rejects = rate(catalogue, name, url, reject)
        p50, p99, due = np.quantile(claims, 0.5), np.quantile(claims, 0.99), np.quantile(dues, 0.99)
        kept &= bool(p99 <= _MOST_CLAIM_MS)
        shown = f"{p50:.2f} ms | {p99:.2f} ms | {due:.2f} ms | {finishes:.0f}/s | {rejects:.0f}/s"
        print(f"| {name} | {size:,} | {shown} |", flush=True)
    catalogue.close()
    return kept


def fill(name: str, url: str, *, first: int, last: int) -> None:
    """Add rows of jobs that have ended, whole sets at a time."""
    script = _SERIES[name].format(first=first, last=last) + _FILL.format(digest=_DIGEST[name]) + "DROP TABLE numbers;"
    counter = f"UPDATE counters SET value = {10 * last} WHERE name = 'jobs';"  # noqa: S608  our own words
    if name == "sqlite":
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            fast = "PRAGMA synchronous=OFF; PRAGMA cache_size=-2000000;"
            connection.executescript(f"{fast} BEGIN; {script} {counter} COMMIT; ANALYZE;")
    else:
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in (script + counter).split(";"):
                connection.execute(statement.encode())
            connection.execute("VACUUM ANALYZE")


def queue(name: str, url: str, count: int) -> list[str]:
    """Put the newest ended jobs back into the queue, and return their ids."""
    newest = f"SELECT job_id FROM jobs WHERE state IN ('done', 'rejected') ORDER BY sequence DESC LIMIT {count}"  # noqa: S608  our own words
    again = f"UPDATE jobs SET state = 'queued' WHERE job_id IN ({newest}) RETURNING job_id"  # noqa: S608  our own words
    if name == "sqlite":
        with sqlite3.connect(url.removeprefix("sqlite:///"), timeout=30) as connection:
            return [row[0] for row in connection.execute(again).fetchall()]
    with psycopg.connect(url, autocommit=True) as postgres:
        return [row[0] for row in postgres.execute(again.encode()).fetchall()]


def timed_claims(catalogue: SqlCatalogue, url: str, name: str) -> tuple[list[float], list[float]]:
    """Return the milliseconds that single claims and looks for due jobs take, one after the other."""
    claims, dues = [], []
    for job_id in queue(name, url, 500):
        began = time.perf_counter()
        catalogue.due(Lane.NORMAL, limit=16)
        looked = time.perf_counter()
        claim = catalogue.claim(job_id, worker="w", lease_s=_LEASE_S, lost_first=True)
        claims.append(1_000 * (time.perf_counter() - looked))
        dues.append(1_000 * (looked - began))
        assert claim is not None
        catalogue.reject(claim, code="not_audio", message="")
    return claims, dues


def rate(catalogue: SqlCatalogue, name: str, url: str, end: Callable[[SqlCatalogue, str], None]) -> float:
    """Return how many jobs a second several processes claim and end."""
    job_ids = queue(name, url, 9_000)
    catalogue.close()
    shares = [job_ids[n :: _PROCESSES[name]] for n in range(_PROCESSES[name])]
    reading, writing = os.pipe()
    for share in shares:
        if os.fork() == 0:
            done, own = 0, open_catalogue(url)
            began = time.monotonic()
            for job_id in share:
                end(own, job_id)
                done += 1
                if time.monotonic() - began > _SECONDS:
                    break
            os.write(writing, f"{done / (time.monotonic() - began)}\n".encode())
            os._exit(0)
    for _ in shares:
        os.wait()
    os.close(writing)
    with os.fdopen(reading) as answers:
        return sum(float(line) for line in answers)


def reject(catalogue: SqlCatalogue, job_id: str) -> None:
    """Claim and end as at the probe."""
    claim = catalogue.claim(job_id, worker="w", lease_s=_LEASE_S, lost_first=True)
    if claim:
        catalogue.reject(claim, code="not_audio", message="the bytes are not of an audio format")


def finish(catalogue: SqlCatalogue, job_id: str) -> None:
    """Claim and end with a result: audio, item, state and history; what its groups add depends on them."""
    claim = catalogue.claim(job_id, worker="w", lease_s=_LEASE_S, lost_first=True)
    if claim:
        catalogue.finish(
            claim,
            Outcome(
                state=JobState.DONE, sha256=claim.job_id, audio={"decoded_duration_s": 1.0}, flags=(), groups=(),
                extractor={}, kind=Kind.TRACK, kind_source=KindSource.INFERRED,
            ),
        )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())

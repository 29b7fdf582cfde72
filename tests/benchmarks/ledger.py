"""The ledger alone: claims and ends a second, and the time of a claim as rows grow: ``make bench``.

``python -m tests.benchmarks.ledger --rows 10000 100000 1000000`` on SQLite, and on a PostgreSQL server of its own where
one is installed (fsync on). Two processes for SQLite, eight for PostgreSQL. *Features* are ends with all that an
analysis finds, *finish* those without any group, *CPU* the clients' processor time for a claim and an end of the first
kind.
A million rows take about half a gigabyte under TMPDIR.
"""

import argparse
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from audiofeat.catalogue import SqlCatalogue, open_catalogue
from audiofeat.domain.descriptor import NAMES, pack
from audiofeat.domain.field import Shape
from audiofeat.domain.items import Kind, KindSource
from audiofeat.domain.jobs import GroupResult, JobState, Lane, MetadataRecord, Outcome
from audiofeat.domain.registry import GROUP_VERSIONS, INTERNAL_GROUPS, PUBLIC_FIELDS
from tests.postgresql import server

_WANTED = {"sqlite": 1_000.0, "postgresql": 2_000.0}
_PROCESSES = {"sqlite": 2, "postgresql": 8}
_MOST_CLAIM_MS = 5.0
_SECONDS = 8.0
_LEASE_S = 600.0

# Rows of jobs that ended long ago; some of them are queued again to be measured. Each table is filled in the order of
# its key, and its other indexes are made anew afterwards: ten million rows would take hours otherwise.
_FILL = (
    """
INSERT INTO items (item_id, kind, kind_source, store, key, file_name, created_at, updated_at)
SELECT {name}, 'track', 'metadata', 's3/m', 'k/' || n || '.wav', n || '.wav', 0, 0 FROM numbers ORDER BY n
""",
    """
INSERT INTO jobs (job_id, sequence, source_order, item_id, store, key, version, size_bytes, lane, state, attempt,
    crashes, losses, due_at, records, created_at, updated_at, finished_at)
SELECT {digest} || n AS new_id, n, n, {name}, 's3/m', 'k/' || n || '.wav', '1', 100, 'normal', 'done', 1,
    0, 0, 0, '[]', 0, n, n FROM numbers ORDER BY new_id
""",
)
_NUMBERS = {
    "sqlite": (
        "CREATE TEMP TABLE numbers AS WITH RECURSIVE s(n) AS "
        "(SELECT {first} UNION ALL SELECT n + 1 FROM s WHERE n < {last}) SELECT n FROM s"
    ),
    "postgresql": "CREATE TEMP TABLE numbers AS SELECT n FROM generate_series({first}, {last}) AS s(n)",
}
_NAME = {"sqlite": "printf('item-%09d', n)", "postgresql": "'item-' || lpad(n::text, 9, '0')"}
# As spread as the real ids, which are hashes.
_DIGEST = {"sqlite": "printf('%016x', (n * 2654435761) % 4294967296)", "postgresql": "md5(n::text)"}
_INDEXES = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE tbl_name IN ('items', 'jobs') AND sql LIKE 'CREATE INDEX%'",
    "postgresql": (
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ('items', 'jobs') "
        "AND indexdef LIKE 'CREATE INDEX%'"
    ),
}
_FAST = {
    "sqlite": ("PRAGMA journal_mode=OFF", "PRAGMA synchronous=OFF", "PRAGMA cache_size=-2000000"),
    "postgresql": (
        "SET session_replication_role = replica",
        "SET synchronous_commit = off",
        "SET maintenance_work_mem = '1GB'",
        "SET work_mem = '512MB'",
    ),
}
_DONE = {"sqlite": ("ANALYZE", "PRAGMA journal_mode=WAL"), "postgresql": ("VACUUM ANALYZE", "CHECKPOINT")}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; fail where a claim takes longer than promised."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--only", choices=list(_WANTED))
    options = parser.parse_args(arguments)
    kept = True
    print("| database | rows | claim p50 | p99 | due p99 | claim + features | CPU | claim + finish | claim + reject |")
    print("|---|---|---|---|---|---|---|---|---|")
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
        catalogue.close()
        fill(name, url, first=rows + 1, last=size)
        rows = size
        claims, dues = timed_claims(catalogue, url, name)
        analysed, cpu_ms = rate(catalogue, name, url, finish_with_features)
        finishes, _ = rate(catalogue, name, url, finish)
        rejects, _ = rate(catalogue, name, url, reject)
        p50, p99, due = np.quantile(claims, 0.5), np.quantile(claims, 0.99), np.quantile(dues, 0.99)
        kept &= bool(p99 <= _MOST_CLAIM_MS)
        shown = f"{p50:.2f} ms | {p99:.2f} ms | {due:.2f} ms"
        shown += f" | {analysed:.0f}/s | {cpu_ms:.2f} ms | {finishes:.0f}/s | {rejects:.0f}/s"
        print(f"| {name} | {size:,} | {shown} |", flush=True)
    catalogue.close()
    return kept


def fill(name: str, url: str, *, first: int, last: int) -> None:
    """Add rows of jobs that have ended."""
    words = {"first": first, "last": last, "name": _NAME[name], "digest": _DIGEST[name]}
    with opened(name, url) as run:
        for setting in _FAST[name]:
            run(setting)
        indexes = run(_INDEXES[name])
        for index, _ in indexes:
            run(f"DROP INDEX {index}")
        for statement in (_NUMBERS[name], *_FILL):
            run(statement.format(**words))
        run("DROP TABLE numbers")
        for _, made in indexes:
            run(made)
        run(f"UPDATE counters SET value = {10 * last} WHERE name = 'jobs'")  # noqa: S608  our own words
        for statement in _DONE[name]:
            run(statement)


@contextmanager
def opened(name: str, url: str) -> Iterator[Callable[[str], list[tuple[Any, ...]]]]:
    """Give what runs a statement outside of transactions and returns its rows."""
    if name == "sqlite":
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=30, isolation_level=None)) as connection:
            yield lambda statement: connection.execute(statement).fetchall()
        return
    with psycopg.connect(url, autocommit=True) as postgres:

        def run(statement: str) -> list[tuple[Any, ...]]:
            cursor = postgres.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

        yield run


def queue(name: str, url: str, count: int) -> list[str]:
    """Put the newest ended jobs back into the queue, and return their ids."""
    newest = f"SELECT job_id FROM jobs WHERE state IN ('done', 'rejected') ORDER BY sequence DESC LIMIT {count}"  # noqa: S608  our own words
    again = f"UPDATE jobs SET state = 'queued' WHERE job_id IN ({newest}) RETURNING job_id"  # noqa: S608  our own words
    with opened(name, url) as run:
        return [row[0] for row in run(again)]


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


def rate(catalogue: SqlCatalogue, name: str, url: str, end: Callable[[SqlCatalogue, str], None]) -> tuple[float, float]:
    """Return how many jobs a second several processes claim and end, and their processor time for one, in ms."""
    job_ids = queue(name, url, 9_000)
    catalogue.close()
    shares = [job_ids[n :: _PROCESSES[name]] for n in range(_PROCESSES[name])]
    reading, writing = os.pipe()
    for share in shares:
        if os.fork() == 0:
            done, own = 0, open_catalogue(url)
            began, cpu_began = time.monotonic(), time.process_time()
            for job_id in share:
                end(own, job_id)
                done += 1
                if time.monotonic() - began > _SECONDS:
                    break
            took, cpu = time.monotonic() - began, time.process_time() - cpu_began
            os.write(writing, f"{done / took} {1_000 * cpu / done}\n".encode())
            os._exit(0)
    for _ in shares:
        os.wait()
    os.close(writing)
    with os.fdopen(reading) as answers:
        rates, cpus = zip(*(map(float, line.split()) for line in answers), strict=True)
    return sum(rates), sum(cpus) / len(cpus)


def reject(catalogue: SqlCatalogue, job_id: str) -> None:
    """Claim and end as at the probe."""
    claim = catalogue.claim(job_id, worker="w", lease_s=_LEASE_S, lost_first=True)
    if claim:
        catalogue.reject(claim, code="not_audio", message="the bytes are not of an audio format")


def finish(catalogue: SqlCatalogue, job_id: str) -> None:
    """Claim and end with a result without features: audio, item, attributes, state and history."""
    claim = catalogue.claim(job_id, worker="w", lease_s=_LEASE_S, lost_first=True)
    if claim:
        catalogue.finish(claim, outcome(claim.job_id))


def finish_with_features(catalogue: SqlCatalogue, job_id: str) -> None:
    """Claim and end with all that an analysis finds: every group, tags, fingerprint and place in the space."""
    claim = catalogue.claim(job_id, worker="w", lease_s=_LEASE_S, lost_first=True)
    if claim:
        number = int(claim.item_id.partition("-")[2])
        said = {"title": f"Song {number}", "artist": f"Artist {number % 997}", "album": f"Album {number % 9_973}"}
        found = replace(
            outcome(f"{claim.job_id}-whole"),
            groups=_GROUPS,
            tags=MetadataRecord("tags", said | {"genre": "Ambient", "year": 1998}),
            descriptor=pack(np.full(len(NAMES), number, dtype=np.float32)),
            space="tracks-1",
            embedding=pack(np.full(64, number, dtype=np.float32)),
        )
        catalogue.finish(claim, found)


def outcome(sha256: str) -> Outcome:
    """Return the least that an analysis can find."""
    return Outcome(
        state=JobState.DONE, sha256=sha256, audio={"decoded_duration_s": 1.0}, flags=(), groups=(), extractor={},
        kind=Kind.TRACK, kind_source=KindSource.INFERRED,
    )  # fmt: skip


_MADE_UP = {Shape.NUMBER: 0.123456, Shape.TEXT: "C#", Shape.VECTOR: [0.123456] * 12}
_GROUPS = tuple(
    GroupResult(
        group, version, {field.name: _MADE_UP.get(field.shape) for field in PUBLIC_FIELDS if field.group == group}, {}
    )
    for group, version in GROUP_VERSIONS.items()
    if group not in INTERNAL_GROUPS
)


if __name__ == "__main__":
    sys.exit(main())

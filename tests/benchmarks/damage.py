"""Every damaged file through a real extraction server: verdicts, seconds, and what becomes of the server.

``python -m tests.benchmarks.damage``; ``--files 2000`` repeats them until so many were sent.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from audiofeat.errors import ExtractionCrashed
from audiofeat.extraction.client import ExtractionServer
from tests.damage import Case, cases


def verdict(server: ExtractionServer, path: Path, case: Case) -> tuple[str, bool, float]:
    """Return what was said of a case, whether that was promised, and the child's peak memory in MB."""
    try:
        answer = server.extract(path, source=case.name)
    except ExtractionCrashed as crash:
        return f"crashed {crash.code}: {crash}", False, 0.0
    record = answer.record
    code = record["error"]["code"] if "error" in record else None
    said = f"rejected {code}" if code else f"{record['status']} {record['flags']}"
    return said, case.verdict.holds(record["status"], set(record["flags"]), code), answer.peak_rss_bytes / 1e6


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * 4096 / 1e6


def main() -> None:
    """Measure, and end with 1 where a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=0)
    chosen = parser.parse_args()
    everything = cases()
    broken = []
    took: dict[str, list[float]] = {}
    peaks: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name, ExtractionServer() as server:
        path = Path(name) / "object"
        path.write_bytes(everything[0].make())
        server.extract(path, source="warm")
        assert server._process
        pid, before_mb = server._process.pid, resident_mb(server._process.pid)
        for number in range(max(chosen.files, len(everything))):
            case = everything[number % len(everything)]
            path.write_bytes(case.make())
            started = time.monotonic()
            said, kept, peak_mb = verdict(server, path, case)
            took.setdefault(case.kind, []).append(time.monotonic() - started)
            peaks[case.kind] = max(peaks.get(case.kind, 0.0), peak_mb)
            if not kept and number < len(everything):
                broken.append(f"{case.kind}, {case.name}: {said}, promised {case.verdict}")
        alive = server._process.pid == pid
        after_mb = resident_mb(server._process.pid)
    print(f"{len(everything)} kinds of damage, {sum(map(len, took.values()))} files, {len(broken)} broken promises")
    for kind, seconds in took.items():
        p50, p99 = np.percentile(seconds, [50, 99]) * 1e3
        print(
            f"  {kind:12} {len(seconds):5} files  p50 {p50:4.0f} ms  p99 {p99:4.0f} ms"
            f"  max {max(seconds) * 1e3:4.0f} ms  child's peak {peaks[kind]:4.0f} MB"
        )
    print(f"server: {'the same' if alive else 'another'} process, {before_mb:.1f} MB before, {after_mb:.1f} MB after")
    for line in broken:
        print(line)
    sys.exit(bool(broken) or not alive)


if __name__ == "__main__":
    main()

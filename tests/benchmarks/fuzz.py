"""Mutated files of every format through a real extraction server: whatever comes, an answer, and a living parent.

``python -m tests.benchmarks.fuzz --count 100000 --out mutated.jsonl`` writes a line a thousand files; findings are
kept in ``--keep FOLDER``. The n-th mutation depends on the seed and n alone, so that any of them can be made again.
"""

from __future__ import annotations

import argparse
import json
import random
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from audiofeat.codes import ErrorCode
from audiofeat.domain import registry
from audiofeat.domain.quality import Flag, Reason
from audiofeat.errors import ExtractionCrashed, InvalidInput
from audiofeat.extraction.client import ExtractionServer
from tests.synthesis import FORMATS, song, write

_RATE_HZ = {"opus": 24_000, "mp3": 22_050, "ogg": 16_000}
_BASE_S = (1.0, 3.2)
_HEADER_BYTES = 400
_TELLING = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_CODES = frozenset(ErrorCode)
_FLAGS, _REASONS = frozenset(Flag), frozenset(Reason)

Mutate = Callable[[bytearray, random.Random, list[bytes]], None]


def _flip_bits(content: bytearray, rng: random.Random, _: list[bytes]) -> None:
    for _bit in range(rng.choice((1, 4, 20, 100))):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)


def _cut(content: bytearray, rng: random.Random, _: list[bytes]) -> None:
    start, end = sorted((rng.randrange(len(content)), rng.randrange(len(content))))
    kind = rng.randrange(3)
    if kind == 0:
        del content[max(end, 1) :]
    elif kind == 1:
        del content[:start]
    else:
        del content[start:end]


def _splice(content: bytearray, rng: random.Random, others: list[bytes]) -> None:
    other, at = rng.choice(others), rng.randrange(len(content))
    start, end = sorted((rng.randrange(len(other)), rng.randrange(len(other))))
    if rng.random() < 0.5:
        content[at:at] = other[start:end]
    else:
        content[at:] = other[start:]


def _duplicate(content: bytearray, rng: random.Random, _: list[bytes]) -> None:
    start = rng.randrange(len(content))
    content[start:start] = content[start : start + rng.choice((4, 64, 4_096))]


def _swap(content: bytearray, rng: random.Random, _: list[bytes]) -> None:
    size = rng.choice((4, 64, 2_048))
    first, second = rng.randrange(len(content)), rng.randrange(len(content))
    if abs(first - second) >= size and max(first, second) + size <= len(content):
        content[first : first + size], content[second : second + size] = (
            content[second : second + size], content[first : first + size],
        )  # fmt: skip


def _edit_header(content: bytearray, rng: random.Random, _: list[bytes]) -> None:
    for _field in range(rng.randint(1, 3)):
        at, width = rng.randrange(min(_HEADER_BYTES, len(content))), rng.choice(("B", "H", "I"))
        value = rng.choice(_TELLING) if rng.random() < 0.7 else rng.getrandbits(32)
        packed = struct.pack(rng.choice("<>") + width, value & (1 << 8 * struct.calcsize(width)) - 1)
        content[at : at + len(packed)] = packed


def _blank(content: bytearray, rng: random.Random, _: list[bytes]) -> None:
    start = rng.randrange(len(content))
    length = min(rng.choice((16, 500, 8_000)), len(content) - start)
    content[start : start + length] = bytes(length) if rng.random() < 0.5 else rng.randbytes(length)


MUTATIONS: tuple[Mutate, ...] = (_flip_bits, _cut, _splice, _duplicate, _swap, _edit_header, _blank)


def bases(folder: Path) -> list[tuple[str, bytes]]:
    """Return a short and a longer clip of each format, with the format's name."""
    found = []
    for form in FORMATS:
        rate_hz = _RATE_HZ.get(form, 8_000)
        for seconds in _BASE_S:
            mono = song(seconds)[: round(seconds * rate_hz)]
            signal = np.column_stack((mono, 0.5 * mono)) if seconds == _BASE_S[0] else mono
            found.append((form, write(folder / "base", signal, rate_hz=rate_hz, form=form).read_bytes()))
    return found


def mutated(seed: int, number: int, clips: list[tuple[str, bytes]]) -> tuple[str, bytes]:
    """Return the format and the bytes of one mutation."""
    rng = random.Random(f"{seed} {number}")
    form, base = clips[number % len(clips)]
    content, others = bytearray(base), [clip for _, clip in clips]
    for _ in range(rng.choice((1, 1, 2, 3))):
        if len(content) > 1:
            rng.choice(MUTATIONS)(content, rng, others)
    return form, bytes(content)


def faults(record: dict[str, Any]) -> Iterator[str]:
    """Say what is wrong with a record, by the registry and the enums alone."""
    if record["status"] == "rejected":
        if record["error"]["code"] not in _CODES or record["features"]:
            yield f"a rejection without a code, or with features: {record['error']}"
        return
    if not _FLAGS.issuperset(record["flags"]) or (record["status"] == "degraded") != bool(record["flags"]):
        yield f"{record['status']} with flags {record['flags']}"
    for path in registry.BY_PATH:
        group, name = path.split(".")
        if name not in record["features"].get(group, {}):
            yield f"{path} is missing"
        elif record["features"][group][name] is None:
            if record["reasons"].get(path) not in _REASONS:
                yield f"{path} is null without a reason"
        else:
            try:
                registry.check(path, record["features"][group][name])
            except InvalidInput as error:
                yield str(error)


@dataclass
class Tally:
    """What became of the mutations."""

    done: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    server_deaths: int = 0


def run(
    count: int, *, seed: int = 1, first: int = 0, keep: Path | None = None, on_thousand: Callable[[Tally], None] = print
) -> Tally:
    """Send mutations ``first`` to ``first + count`` through one server."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as name, ExtractionServer() as server:
        path = Path(name) / "object"
        clips = bases(Path(name))
        pid = server._process.pid if server._process else 0
        for number in range(first, first + count):
            form, content = mutated(seed, number, clips)
            path.write_bytes(content)
            found = list(_one(server, path, tally, form))
            now = server._process.pid if server._process else 0
            if now != pid:
                tally.server_deaths, pid = tally.server_deaths + 1, now
            if found and keep:
                (keep / f"{seed}-{number}.{form}").write_bytes(content)
            tally.findings += [f"{seed}-{number}.{form}: {finding}" for finding in found]
            tally.done += 1
            if tally.done % 1_000 == 0:
                on_thousand(tally)
    return tally


def _one(server: ExtractionServer, path: Path, tally: Tally, form: str) -> Iterator[str]:
    started = time.monotonic()
    try:
        record = server.extract(path, source=form).record
    except ExtractionCrashed as crash:
        tally.outcomes["crashed"] += 1
        tally.codes[crash.code] += 1
        yield f"{crash.code}: {crash}"
        return
    finally:
        tally.slowest_s = max(tally.slowest_s, time.monotonic() - started)
    tally.outcomes[record["status"]] += 1
    tally.codes.update([record["error"]["code"]] if "error" in record else record["flags"])
    try:
        json.dumps(record, allow_nan=False)
    except ValueError:
        yield "a NaN or an infinity"
    yield from faults(record)


def main() -> None:
    """Fuzz from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--keep", type=Path)
    chosen = parser.parse_args()
    started = time.monotonic()

    def report(tally: Tally) -> None:
        facts = {
            "done": tally.done, "seconds": round(time.monotonic() - started), "outcomes": dict(tally.outcomes),
            "codes": dict(tally.codes.most_common()), "slowest_s": round(tally.slowest_s, 2),
            "server_deaths": tally.server_deaths, "findings": len(tally.findings), "last_findings": tally.findings[-5:],
        }  # fmt: skip
        line = json.dumps(facts)
        if chosen.out:
            with chosen.out.open("a") as out:
                out.write(line + "\n")
        else:
            print(line, flush=True)

    if chosen.keep:
        chosen.keep.mkdir(parents=True, exist_ok=True)
    tally = run(chosen.count, seed=chosen.seed, first=chosen.first, keep=chosen.keep, on_thousand=report)
    report(tally)
    for finding in tally.findings:
        print(finding)
    sys.exit(bool(tally.findings or tally.server_deaths))


if __name__ == "__main__":
    main()

"""``audiofeat reprocess``: only what is stale is measured, and every item exactly once whatever is killed."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from shutil import copy
from typing import Any

import pytest

from audiofeat.domain.registry import GROUP_VERSIONS
from commands import SAMPLES, Run, processes_of, wait_until

OLD = ("rhythm", "speech")
KILLS = 3
COUNTS = 'select "group", version, count(*) from analyses group by "group", version'
FINISHES = """
select count(*), count(distinct job_id), count(distinct item_id) from transitions join jobs using (job_id)
where batch_id is not null and to_state in ('done', 'degraded')
"""
ENDED = "select count(*) from jobs where batch_id is not null and state in ('done', 'degraded')"
UP = ("up", "--no-api", "--workers", "1")


def rows(home: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{home}/catalogue.sqlite3?mode=ro", uri=True, timeout=30)) as ledger:
        return ledger.execute(query).fetchall()


def ended(home: Path) -> int:
    ((count,),) = rows(home, ENDED)
    return int(count)


def make_old(home: Path) -> None:
    """Have two groups look as an earlier release stored them: one version lower, and of other values."""
    with closing(sqlite3.connect(home / "catalogue.sqlite3", timeout=30)) as ledger, ledger:
        for group in OLD:
            older = 'update analyses set version = version - 1, "values" = ? where "group" = ?'
            ledger.execute(older, ("{}", group))


def batch_of(audiofeat: Run) -> dict[str, Any]:
    (line,) = audiofeat("reprocess", "status", "--json").stdout.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def ingest_samples(audiofeat: Run, folder: Path) -> int:
    """Ingest a dozen clips; return how many."""
    folder.mkdir()
    for clip in sorted((SAMPLES / "audio").glob("*.ogg")):
        copy(clip, folder)
    assert audiofeat("ingest", folder).returncode == 0
    return len(list(folder.iterdir()))


@pytest.mark.timeout(900)
def test_a_batch_killed_paused_and_resumed_measures_every_item_once(
    audiofeat: Run, environment: dict[str, str], tmp_path: Path
) -> None:
    """Kill -9 of everything at several points, a pause and a resume: each item has one result, and its old one too."""
    home = tmp_path / "home"
    environment["AUDIOFEAT_COLD_WORKERS"] = "0"

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-m", "audiofeat", *arguments], env=environment, cwd=tmp_path)

    items = ingest_samples(audiofeat, tmp_path / "music")
    make_old(home)
    before = rows(home, "select * from analyses")
    plan = json.loads(audiofeat("reprocess", "plan", "--json").stdout)
    assert (plan["items"], plan["stale_items"], set(plan["groups"])) == (items, items, set(OLD))
    assert plan["cpu_hours"] > 0
    assert plan["size_bytes"] == sum(path.stat().st_size for path in (tmp_path / "music").iterdir())

    for kill in range(KILLS):
        goal = (kill + 1) * items // (KILLS + 2)
        running = start(*UP) if kill else start("reprocess", "run", "--workers", "1")
        try:
            wait_until(lambda goal=goal: ended(home) >= goal)
        finally:
            running.kill()
            running.wait()
        wait_until(lambda: not processes_of(home))

    batch = batch_of(audiofeat)["id"]
    assert audiofeat("reprocess", "pause", batch).returncode == 0
    done = ended(home)
    assert 0 < done < items
    running = start(*UP)
    try:
        wait_until(lambda: rows(home, "select count(*) from workers where seen_at > unixepoch() - 8") != [(0,)], 60)
        paused = batch_of(audiofeat)
        assert (paused["state"], paused["held"]) == ("paused", False)
        # What was leased when everything was killed comes back into the queue, and is paused there.
        wait_until(lambda: not rows(home, "select 1 from jobs where state in ('leased', 'queued')"))
        assert ended(home) == done
        assert audiofeat("reprocess", "resume", batch).returncode == 0
        wait_until(lambda: rows(home, "select state from batches") == [("done",)])
    finally:
        running.terminate()
        running.wait()

    assert batch_of(audiofeat)["ended"] == items
    assert rows(home, FINISHES) == [(items,) * 3]
    ((audios,),) = rows(home, "select count(*) from audio")
    wanted = dict.fromkeys(GROUP_VERSIONS.items(), audios)
    wanted |= {(group, GROUP_VERSIONS[group] - 1): audios for group in OLD}
    assert {(group, version): count for group, version, count in rows(home, COUNTS)} == wanted
    assert set(before) < set(rows(home, "select * from analyses"))
    assert audiofeat("reprocess", "run").stdout.startswith("nothing to do: ")


def test_what_cannot_be_is_refused(audiofeat: Run) -> None:
    """Unknown fields, groups, windows and ids end with exit code 2 and say what there is."""
    for arguments, said in (
        (("plan", "--where", "artist=x"), "kind=track or episode"),
        (("plan", "--where", "group=smell"), "group=NAME"),
        (("run", "--window", "25:00-26:00"), "22:00-06:00"),
        (("run", "--window", "06:00-06:00"), "22:00-06:00"),
        (("pause", "no-such"), "no-such"),
    ):
        ran = audiofeat("reprocess", *arguments)
        assert ran.returncode == 2, arguments
        assert said in ran.stderr

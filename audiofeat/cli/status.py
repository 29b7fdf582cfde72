"""``audiofeat status``: how lanes, workers and indexes stand."""

from typing import Annotated

import typer
from rich.table import Table

from audiofeat import rendering
from audiofeat.bootstrap import Services, load_settings
from audiofeat.cli.terminal import age, output
from schemas.status import Status

_STATES = ("queued", "leased", "retry_wait", "paused")


def status(*, as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False) -> None:
    """Print how lanes, workers and indexes stand; exit code 1 where somebody should look."""
    found = rendering.status(Services(load_settings()).survey())
    if as_json:
        typer.echo(found.model_dump_json())
    else:
        _print(found)
    if found.warnings:
        raise typer.Exit(1)


def _print(found: Status) -> None:
    console = output()
    table = Table("lane", *_STATES, "oldest due", "ended a minute", "audio s/s", box=None, header_style="bold")
    for name, lane in found.lanes.items():
        counts = (f"{lane.jobs.get(state, 0):,}" for state in _STATES)
        rates = (f"{lane.ended_per_minute:.1f}", f"{lane.audio_s_per_s:.1f}")
        table.add_row(name, *counts, age(lane.oldest_due_s), *rates)
    console.print(table)
    table = Table("worker", "lanes", "slots", "holds", box=None, header_style="bold")
    for worker in found.workers:
        table.add_row(worker.name, " ".join(worker.lanes), str(worker.slots), str(worker.held))
    console.print(table if found.workers else "no worker runs")
    table = Table("index", "release", "items", "coverage", "age", box=None, header_style="bold")
    for kind, index in found.indexes.items():
        if index is None:
            table.add_row(kind, "none is served")
        else:
            covered = f"{index.coverage_ratio:.1%}"
            table.add_row(kind, index.release, f"{index.items:,}", covered, age(index.age_s))
    console.print(table)
    console.print(
        f"{found.quarantined:,} quarantined, {found.dead:,} dead; {found.free_bytes / (1 << 30):.1f} GiB free"
    )
    for warning in found.warnings:
        console.print(f"look at: {warning}", style="bold yellow")

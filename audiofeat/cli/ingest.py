"""``audiofeat ingest``: register what a place holds, start what is missing, watch until every job has ended."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from audiofeat.bootstrap import Services, load_settings
from audiofeat.domain.items import Kind
from audiofeat.domain.jobs import FAILED_STATES, FINAL_STATES, JobState, Lane
from audiofeat.services.register import Registrations, register_listing

_POLL_S = 0.25
_LOOKING_RATIO = 9
_FAILURES_SHOWN = 50
# How long to look on while every open job waits for its store.
_STORE_PATIENCE_S = 30.0
_WORKER_PATIENCE_S = 10.0


def ingest(
    source: Annotated[str, typer.Argument(help="A folder, a file or s3://bucket/prefix.", show_default=False)],
    *,
    metadata: Annotated[
        list[Path] | None, typer.Option("--metadata", "-m", help="CSV or JSON Lines with a path or reference column.")
    ] = None,
    kind: Annotated[Kind | None, typer.Option(help="For items whose kind no metadata tells.")] = None,
    lane: Annotated[Lane, typer.Option(help="Queue for new jobs.")] = Lane.NORMAL,
    workers: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=256,
            help="Worker processes to run here. [default: AUDIOFEAT_WORKERS, or 0 with a broker of your own]",
        ),
    ] = None,
) -> None:
    """Analyse every audio object of a place; what is unchanged since the last run is left alone."""
    started = time.monotonic()
    console = Console(stderr=True)
    services = Services(load_settings())
    registrations = _register(services, source, metadata or [], kind=kind, lane=lane)
    jobs = registrations.open_job_ids
    _tell_what_is_not_analysed(registrations)
    if not jobs:
        described = f"; metadata of {registrations.redescribed} taken over" if registrations.redescribed else ""
        failed = (
            f"; {registrations.failed_before} failed before: audiofeat failures" if registrations.failed_before else ""
        )
        took = f"({time.monotonic() - started:.1f} s)"
        typer.echo(f"nothing to do: {registrations.unchanged} objects, all unchanged{described}{failed} {took}")
        raise typer.Exit(3 if registrations.replaced else 0)
    count = workers if workers is not None else services.settings.workers if services.settings.is_embedded else 0
    _work_off(services, jobs, workers=count, console=console)
    _summarise(services, registrations, jobs, time.monotonic() - started)


def _tell_what_is_not_analysed(registrations: Registrations) -> None:
    if registrations.left_out:
        typer.echo(f"{registrations.left_out} objects left out: their names do not end as audio does", err=True)
    for key in registrations.replaced:
        typer.echo(f"left out: {key} shares its reference with a later object, and an item has one audio", err=True)


def _register(
    services: Services, source: str, tables: Sequence[Path], *, kind: Kind | None, lane: Lane
) -> Registrations:
    from audiofeat.metadata_sources.tables import open_table
    from audiofeat.storage.location import parse_location

    location = parse_location(source)
    rows = (row for table in tables for row in open_table(table).records())
    store = services.stores.at(location)
    return register_listing(store, location.prefix, catalogue=services.catalogue, lane=lane, kind=kind, rows=rows)


def _work_off(services: Services, jobs: Sequence[str], *, workers: int, console: Console) -> None:
    from audiofeat.cli.machine import Machine

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:.0f} audio s/s  {task.fields[failed]} failed"), TimeRemainingColumn(),
    )  # fmt: skip
    began = moved = time.monotonic()
    before_s = services.catalogue.seconds_decoded(jobs)
    warned = workers > 0
    with (
        Machine(services, workers=workers) as machine,
        Progress(*columns, console=console, disable=not console.is_terminal) as progress,
    ):
        bar = progress.add_task("analysing", total=len(jobs), rate=0.0, failed=0)
        look_at = began
        while True:
            machine.tick()
            time.sleep(_POLL_S)
            looking = time.monotonic()
            if looking < look_at:
                continue
            states = services.catalogue.states(jobs)
            ended = sum(states.get(state, 0) for state in FINAL_STATES)
            audio_s = services.catalogue.seconds_decoded(jobs) - before_s
            failed = sum(states.get(state, 0) for state in FAILED_STATES)
            progress.update(bar, completed=ended, rate=audio_s / (time.monotonic() - began), failed=failed)
            if states.get(JobState.RETRY_WAIT, 0) < len(jobs) - ended:
                moved = time.monotonic()
            if not warned and time.monotonic() - began > _WORKER_PATIENCE_S:
                warned = True
                if states.get(JobState.QUEUED, 0) == len(jobs):
                    typer.echo("no worker has taken a job yet: is one running, or --workers 1 meant?", err=True)
            if ended == len(jobs) or time.monotonic() - moved > _STORE_PATIENCE_S:
                return
            # Counting a large run's jobs takes a while: spend a tenth of the time on it.
            look_at = time.monotonic() + _LOOKING_RATIO * (time.monotonic() - looking)


def _summarise(services: Services, registrations: Registrations, jobs: Sequence[str], wall_s: float) -> None:
    states = services.catalogue.states(jobs)
    counts = ", ".join(f"{states[state]} {state}" for state in sorted(states) if states[state])
    audio_s = services.catalogue.seconds_decoded(jobs)
    typer.echo(f"{len(jobs)} objects: {counts}; {registrations.unchanged} unchanged")
    typer.echo(f"{audio_s:.0f} s of audio in {wall_s:.1f} s ({audio_s / wall_s:.0f} audio seconds a second)")
    missing = FAILED_STATES | {JobState.RETRY_WAIT}
    failures = services.catalogue.jobs(states=missing, job_ids=jobs, limit=_FAILURES_SHOWN)
    for job in sorted(failures, key=lambda failure: failure.key):
        typer.echo(f"  {job.state}  {job.key}  {job.error_code}: {job.error_message}")
    total = sum(states.get(state, 0) for state in missing)
    if total > len(failures):
        typer.echo(f"  ... and {total - len(failures)} more: audiofeat failures")
    if total or registrations.replaced:
        raise typer.Exit(3)

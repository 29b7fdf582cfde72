"""``audiofeat failures`` and ``audiofeat jobs``: what went wrong and why, and what a person does about it."""

import json
from typing import Annotated

import typer

from audiofeat import rendering
from audiofeat.bootstrap import Services, load_settings
from audiofeat.codes import ErrorCode
from audiofeat.domain.jobs import CHANGES, FAILED_STATES, Change, JobFilter, JobState, Lane
from audiofeat.errors import InvalidInput, JobUnknown
from audiofeat.ports import JobView

failures = typer.Typer(invoke_without_command=True, help="List, explain and replay jobs that ended without features.")
jobs = typer.Typer(no_args_is_help=True, help="List, explain, pause, resume and cancel jobs.")

_MOST = 100_000
_Json = Annotated[bool, typer.Option("--json", help="JSON: one object a job, or one about what changed.")]
_Limit = Annotated[int, typer.Option(min=1, max=_MOST, help="How many to show.")]
_Code = Annotated[ErrorCode | None, typer.Option(help="Only those that ended with this code.", show_choices=False)]
_LaneOption = Annotated[Lane | None, typer.Option(help="Only those of this lane.")]
_Batch = Annotated[str | None, typer.Option(help="Only those of this batch.")]
_Ids = Annotated[list[str] | None, typer.Argument(help="Job ids, or object keys.", show_default=False)]
_All = Annotated[bool, typer.Option("--all", help="Every one that can be.")]


@failures.callback()
def default(context: typer.Context, *, limit: _Limit = 100, as_json: _Json = False) -> None:
    """List, explain and replay jobs that ended without features; list messages that were not accepted."""
    if context.invoked_subcommand is None:
        _list(JobFilter(states=FAILED_STATES), limit=limit, as_json=as_json)
        _list_refused(limit=limit, as_json=as_json)


@failures.command("messages")
def list_messages(*, limit: _Limit = 100, as_json: _Json = False) -> None:
    """List the messages that were not accepted, newest first, with the reason; only the newest are kept."""
    _list_refused(limit=limit, as_json=as_json)


@failures.command("list")
def list_failures(
    *, code: _Code = None, lane: _LaneOption = None, batch: _Batch = None, limit: _Limit = 100, as_json: _Json = False
) -> None:
    """List the jobs that ended without features, newest first, with the reason."""
    _list(JobFilter(FAILED_STATES, lane=lane, error_code=code, batch_id=batch), limit=limit, as_json=as_json)


@failures.command("show")
@jobs.command("show")
def show(job: Annotated[str, typer.Argument(help="Job id, or object key.")], *, as_json: _Json = False) -> None:
    """Print a job with everything that happened to it, and the evidence of each crash and loss."""
    services = Services(load_settings())
    (view,) = _named(services, [job])
    steps, incidents = services.catalogue.history(view.job_id)
    if as_json:
        facts = rendering.job(view).model_dump(mode="json")
        facts |= {"steps": [rendering.step(step) for step in steps]}
        typer.echo(json.dumps(facts | {"incidents": [rendering.incident(incident) for incident in incidents]}))
        return
    typer.echo(_line(view))
    typer.echo(
        f"job {view.job_id}, lane {view.lane}, attempt {view.attempt}, {view.crashes} crashes, {view.losses} losses"
    )
    if view.error_code:
        typer.echo(f"remedy: {ErrorCode(view.error_code).remedy}")
    for step in steps:
        note = f"  ({step.note})" if step.note else ""
        typer.echo(f"  {step.at:%Y-%m-%d %H:%M:%S}  {step.before or '-'} -> {step.after}  {step.worker or ''}{note}")
    for incident in incidents:
        found = incident.evidence
        facts_shown = [found.stage and f"during {found.stage}", found.signal, found.sha256 and f"sha256 {found.sha256}"]
        typer.echo(f"attempt {incident.attempt}: {incident.code}: {incident.message}")
        typer.echo("  " + ", ".join(fact for fact in facts_shown if fact))
        typer.echo("  " + " ".join(f"{name}={version}" for name, version in sorted(found.versions.items())))


@failures.command()
def replay(
    ids: _Ids = None,
    *,
    every: _All = False,
    code: _Code = None,
    lane: _LaneOption = None,
    batch: _Batch = None,
    as_json: _Json = False,
) -> None:
    """Queue failed jobs again, with fresh budgets, once their cause is mended."""
    _change(Change.REPLAY, ids, every=every, code=code, lane=lane, batch=batch, as_json=as_json)


@jobs.command("list")
def list_jobs(
    *,
    state: Annotated[list[JobState] | None, typer.Option(help="Only these; may be repeated.")] = None,
    lane: _LaneOption = None,
    batch: _Batch = None,
    limit: _Limit = 100,
    as_json: _Json = False,
) -> None:
    """List jobs, the newest change first."""
    _list(JobFilter(frozenset(state or ()), lane=lane, batch_id=batch), limit=limit, as_json=as_json)


@jobs.command()
def pause(ids: _Ids = None, *, every: _All = False, lane: _LaneOption = None, as_json: _Json = False) -> None:
    """Keep waiting jobs from being worked on; what is being worked on ends."""
    _change(Change.PAUSE, ids, every=every, lane=lane, as_json=as_json)


@jobs.command()
def resume(ids: _Ids = None, *, every: _All = False, lane: _LaneOption = None, as_json: _Json = False) -> None:
    """Queue paused jobs again."""
    _change(Change.RESUME, ids, every=every, lane=lane, as_json=as_json)


@jobs.command()
def cancel(ids: _Ids = None, *, every: _All = False, lane: _LaneOption = None, as_json: _Json = False) -> None:
    """End jobs that have not ended; the result of one that is being worked on is refused."""
    _change(Change.CANCEL, ids, every=every, lane=lane, as_json=as_json)


def _list(which: JobFilter, *, limit: int, as_json: bool) -> None:
    for job in Services(load_settings()).catalogue.matching_jobs(which, limit=limit):
        typer.echo(rendering.job(job).model_dump_json() if as_json else _line(job))


def _list_refused(*, limit: int, as_json: bool) -> None:
    for one in Services(load_settings()).catalogue.refused_messages(limit=limit):
        line = f"refused  {one.source}  {one.code}: {one.message}"
        typer.echo(json.dumps(rendering.refused_message(one)) if as_json else line)


def _line(job: JobView) -> str:
    return f"{job.state}  {job.key}" + (f"  {job.error_code}: {job.error_message}" if job.error_code else "")


def _change(
    change: Change,
    ids: list[str] | None,
    *,
    every: bool,
    code: str | None = None,
    lane: Lane | None = None,
    batch: str | None = None,
    as_json: bool = False,
) -> None:
    """Change what is named, or all that the options leave; exit code 3 where something named could not be changed."""
    if not (ids or every or code or lane or batch):
        raise InvalidInput(f"nothing says which jobs to {change}", "name some, or give --all")
    services = Services(load_settings())
    named = None if not ids else tuple(view.job_id for view in _named(services, ids))
    which = JobFilter(job_ids=named, lane=lane, error_code=code, batch_id=batch)
    changed = services.catalogue.change_jobs(change, which)
    _, after = CHANGES[change]
    typer.echo(json.dumps({"changed": changed, "state": after}) if as_json else f"{changed} jobs are {after}")
    if after is JobState.QUEUED and changed:
        typer.echo("`audiofeat up`, or the next `audiofeat ingest` of the same place, works on them", err=True)
    if named is not None and changed < len(named):
        able = ", ".join(sorted(CHANGES[change][0]))
        typer.echo(f"{len(named) - changed} were left as they are: only {able} can be changed so", err=True)
        raise typer.Exit(3)


def _named(services: Services, names: list[str]) -> list[JobView]:
    """Return the jobs of these ids, or the newest job of the object with that key."""
    found = []
    for name in names:
        views = services.catalogue.matching_jobs(JobFilter(job_ids=(name,)), limit=1)
        views = views or services.catalogue.matching_jobs(JobFilter(key=name), limit=1)
        if not views:
            raise JobUnknown(
                f"no job has the id or object key {name!r}", "audiofeat failures list, audiofeat jobs list"
            )
        found += views
    return found

"""``audiofeat reprocess``: bring stored analyses up to today's feature versions, as a batch."""

import json
import time
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from audiofeat import rendering
from audiofeat.bootstrap import Services, load_settings
from audiofeat.cli.blocks import bar
from audiofeat.cli.terminal import age, output
from audiofeat.domain.batches import BatchState
from audiofeat.domain.jobs import Change, Lane
from audiofeat.domain.kept_models import versions_in_use
from schemas.reprocessings import Plan, Reprocessing

app = typer.Typer(no_args_is_help=True, help="Measure anew what newer feature versions would find otherwise.")
_POLL_S = 0.25
_LOOKING_RATIO = 9
_BAR_COLUMNS = 20
_PAGE = 1_000
_Where = Annotated[
    list[str] | None,
    typer.Option("--where", help="kind=track, store=NAME, key=PREFIX or group=NAME; all given ones must hold."),
]
_Json = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
_Id = Annotated[str, typer.Argument(help="Of the reprocessing.", show_default=False)]


@app.command()
def plan(
    *,
    where: _Where = None,
    items: Annotated[bool, typer.Option("--items", help="List each stale item with its stale groups.")] = False,
    as_json: _Json = False,
) -> None:
    """Compare what is stored with today's versions: what is stale, and what bringing it up to date would cost."""
    from audiofeat.services import reprocess

    services = Services(load_settings())
    scope = reprocess.scope_of(where or (), versions_in_use(services.catalogue.models()))
    if items:
        _list_items(services, where or [], as_json=as_json)
        return
    found = rendering.plan(reprocess.plan(scope, catalogue=services.catalogue))
    typer.echo(found.model_dump_json()) if as_json else _print_plan(found)


@app.command()
def run(
    *,
    where: _Where = None,
    window: Annotated[
        str | None, typer.Option(help="Hours to work in, as in 22:00-06:00; local time of the reconciler's host.")
    ] = None,
    lane: Annotated[Lane, typer.Option(help="Queue for its jobs.")] = Lane.BULK,
    workers: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=256,
            help="Worker processes to run here. [default: AUDIOFEAT_WORKERS, or 0 with a broker of your own]",
        ),
    ] = None,
    wait: Annotated[bool, typer.Option(help="Stay until it has ended; it goes on without you.")] = True,
) -> None:
    """Begin a reprocessing of what is stale; nothing else is measured again."""
    from audiofeat.services import reprocess

    services = Services(load_settings())
    scope = reprocess.scope_of(where or (), versions_in_use(services.catalogue.models()))
    batch, planned = reprocess.begin(scope, catalogue=services.catalogue, lane=lane, window=window)
    if batch is None:
        typer.echo(f"nothing to do: {planned.extent.items:,} items, all of today's versions")
        return
    typer.echo(f"reprocessing {batch.batch_id} of {planned.extent.stale_items:,} items has begun", err=True)
    if wait:
        here = services.settings.workers if services.settings.is_embedded else 0
        _work_off(services, batch.batch_id, workers=here if workers is None else workers)
    ended = _one(services, batch.batch_id)
    _print([ended])
    if ended.failed:
        typer.echo(f"{ended.failed} without features: audiofeat failures list --batch {ended.id}", err=True)
        raise typer.Exit(3)


@app.command()
def status(
    batch: Annotated[str | None, typer.Argument(help="Of one reprocessing. [default: all]", show_default=False)] = None,
    *,
    as_json: _Json = False,
) -> None:
    """Print how far each reprocessing is, at which rate, and how long the rest takes."""
    from audiofeat.services import reprocess

    services = Services(load_settings())
    if batch is not None:
        found = [_one(services, batch)]
    else:
        batches = services.catalogue.batches(kind=reprocess.KIND)
        found = [rendering.reprocessing(reprocess.progress(each, catalogue=services.catalogue)) for each in batches]
    if as_json:
        for each in found:
            typer.echo(each.model_dump_json())
        return
    _print(found)


@app.command()
def pause(batch: _Id) -> None:
    """Stop making and handing out jobs; those under way end."""
    _change(Change.PAUSE, batch)


@app.command()
def resume(batch: _Id) -> None:
    """Go on where it was paused."""
    _change(Change.RESUME, batch)


@app.command()
def cancel(batch: _Id) -> None:
    """End it for good; what has been measured stays."""
    _change(Change.CANCEL, batch)


@app.command()
def prune() -> None:
    """Drop results of older feature versions that have a successor of today's, with their curves."""
    from audiofeat.services import reprocess

    services = Services(load_settings())
    dropped = reprocess.prune(catalogue=services.catalogue, artefacts=services.artefacts)
    typer.echo(f"{dropped:,} results of older versions were dropped")


def _change(change: Change, batch_id: str) -> None:
    services = Services(load_settings())
    services.catalogue.change_batch(change, batch_id)
    _print([_one(services, batch_id)])


def _one(services: Services, batch_id: str) -> Reprocessing:
    from audiofeat.services import reprocess

    return rendering.reprocessing(reprocess.progress(services.catalogue.batch(batch_id), catalogue=services.catalogue))


def _work_off(services: Services, batch_id: str, *, workers: int) -> None:
    """Run what is missing here, and watch until the batch has ended."""
    from audiofeat.cli.machine import Machine

    console = Console(stderr=True)
    columns = (
        TextColumn("reprocessing"), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:.0f} a minute  {task.fields[left]} left  {task.fields[state]}"),
    )  # fmt: skip
    with (
        Machine(services, workers=workers) as machine,
        Progress(*columns, console=console, disable=not console.is_terminal) as shown,
    ):
        task = shown.add_task("reprocessing", total=None, rate=0.0, left="-", state="")
        look_at = 0.0
        while True:
            machine.tick()
            time.sleep(_POLL_S)
            began = time.monotonic()
            if began < look_at:
                continue
            now = _one(services, batch_id)
            shown.update(
                task, total=now.total, completed=now.ended, rate=now.per_minute, left=age(now.left_s), state=now.state
            )
            if now.state in {BatchState.DONE, BatchState.CANCELLED}:
                return
            # Counting a large batch's jobs takes a while: spend a tenth of the time on it.
            look_at = time.monotonic() + _LOOKING_RATIO * (time.monotonic() - began)


def _print(found: list[Reprocessing]) -> None:
    table = Table("reprocessing", "state", "", "ended", "failed", "a minute", "left", box=None, header_style="bold")
    for each in found:
        state = f"held for {each.window}" if each.held else each.state
        done = f"{each.ended:,} of {each.total:,}"
        share = bar(each.ended / each.total if each.total else 1.0, columns=_BAR_COLUMNS)
        table.add_row(each.id, state, share, done, str(each.failed), f"{each.per_minute:.1f}", age(each.left_s))
    output().print(table if found else "none has been begun")


def _print_plan(found: Plan) -> None:
    table = Table("group", "version", "stale items", "audio", box=None, header_style="bold")
    for name, group in found.groups.items():
        table.add_row(name, str(group.version), f"{group.items:,}", age(group.audio_s))
    console = output()
    console.print(table if found.groups else "every group is of today's version")
    cost = (
        "not known before something was measured"
        if found.cpu_hours is None
        else f"about {found.cpu_hours:,.3g} CPU hours"
    )
    console.print(
        f"{found.stale_items:,} of {found.items:,} items are stale: {age(found.audio_s)} of audio, "
        f"{found.size_bytes / 1e6:,.0f} MB to read, {cost}"
    )


def _list_items(services: Services, where: list[str], *, as_json: bool) -> None:
    from audiofeat.services import reprocess

    scope, after = reprocess.scope_of(where, versions_in_use(services.catalogue.models())), None
    while page := services.catalogue.stale_items(scope, after=after, limit=_PAGE):
        for item in page:
            wanted = {group: scope.stale_against[group] for group in item.groups}
            if as_json:
                typer.echo(json.dumps({"item": item.item_id, "key": item.key, "has": item.groups, "wanted": wanted}))
            else:
                told = (f"{group} {item.groups[group] or '-'} -> {version}" for group, version in wanted.items())
                typer.echo(f"{item.key}  {', '.join(told)}")
        after = page[-1].item_id

"""``audiofeat sync``: compare a place with the ledger and mend what events have missed."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from audiofeat.bootstrap import Services, load_settings
from audiofeat.domain.jobs import Lane
from audiofeat.services.sync import Found, Sync

_PARTIAL = 3


def sync(
    source: Annotated[str, typer.Argument(help="A folder or s3://bucket/prefix.", show_default=False)],
    *,
    lane: Annotated[Lane, typer.Option(help="Queue for what has to be analysed.")] = Lane.NORMAL,
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin anew instead of going on where a pass ended.")
    ] = False,
    empty_is_meant: Annotated[
        bool, typer.Option("--empty-is-meant", help="Hide everything where the place is wholly empty.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Find objects that are new, changed or gone since the ledger last heard of them; workers analyse what is due.

    It may run at any time, beside events and workers, and goes on where an earlier pass was killed. It needs memory
    for a page of keys, however many there are.
    """
    from audiofeat.storage.location import parse_location

    services = Services(load_settings())
    location = parse_location(source)
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        shown = progress.add_task("", total=None)
        one = Sync(
            services.stores.at(location),
            location.prefix,
            services.catalogue,
            lane=lane,
            watch=lambda found: progress.update(shown, description=_line(found)),
        )
        after = None if restart else one.resume()
        if after is not None:
            typer.echo(f"going on behind {after}, where an earlier pass ended", err=True)
        found = one.run(after=after, empty_is_meant=empty_is_meant)
    if as_json:
        typer.echo(json.dumps(asdict(found)))
    else:
        typer.echo(_line(found))
        if found.created or found.changed:
            typer.echo("what is new is queued: a running `audiofeat up` or worker analyses it", err=True)
    if found.failed:
        raise typer.Exit(_PARTIAL)


def _line(found: Found) -> str:
    parts = [f"{count:,} {name.replace('_', ' ')}" for name, count in asdict(found).items() if name != "looked_at"]
    return f"{found.looked_at:,} keys: {', '.join(part for part in parts if not part.startswith('0 ')) or 'nothing'}"

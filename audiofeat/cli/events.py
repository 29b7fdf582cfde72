"""``audiofeat events``: follow a queue that a store fills."""

import json
import signal
from dataclasses import asdict
from typing import Annotated

import typer

from audiofeat.bootstrap import Services, load_settings

app = typer.Typer(help="Follow what a store says of its objects.", no_args_is_help=True)
_PARTIAL = 3


@app.callback()
def _group() -> None:
    """Follow what a store says of its objects."""


@app.command()
def follow(
    *,
    until_empty: Annotated[bool, typer.Option("--until-empty", help="End when no message is left.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="At the end, one JSON object.")] = False,
) -> None:
    """Take events off the queue AUDIOFEAT_EVENTS_QUEUE_URL until Ctrl-C; workers analyse what is due.

    A message is deleted when the ledger has it. What can never be accepted goes to `audiofeat failures` instead, and
    stops nothing.
    """
    stopping: list[int] = []
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda number, _: stopping.append(number))
    follower = Services(load_settings(), process="events").follower
    typer.echo("following the queue; Ctrl-C ends it", err=True)
    followed = follower.run(stopping=lambda: bool(stopping), until_empty=until_empty)
    if as_json:
        typer.echo(json.dumps(asdict(followed)))
    else:
        typer.echo(
            f"{followed.messages} messages: {followed.accepted} events accepted, {followed.ignored} ignored, "
            f"{followed.refused} refused"
        )
    if followed.refused:
        raise typer.Exit(_PARTIAL)

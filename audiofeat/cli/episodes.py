"""``audiofeat episodes``: what is heard again across the episodes of a show."""

import json
from typing import Annotated, Any

import typer
from rich.table import Table

from audiofeat import rendering_episodes
from audiofeat.bootstrap import Services, load_settings
from audiofeat.cli.figure import clock
from audiofeat.cli.terminal import output

app = typer.Typer(
    no_args_is_help=True, help="Podcasts: what is heard again in a show. See one: audiofeat inspect EPISODE."
)
_PLACES_SHOWN = 3


@app.command()
def repeats(
    show: Annotated[str, typer.Argument(help="Name of a show, in any case.", show_default=False)],
    *,
    again: Annotated[bool, typer.Option("--again", help="Listen to all episodes anew, not to new ones only.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Listen to a show's new episodes for jingles, advertisements and passages that others have, and list them all."""
    from audiofeat.services.repeats import listen

    services = Services(load_settings())
    found = listen(show, catalogue=services.catalogue, artefacts=services.artefacts, again=again)
    if as_json:
        told = {name: getattr(found, name) for name in ("show", "episodes", "listened", "changed", "without")}
        typer.echo(
            json.dumps({**told, "repeats": [rendering_episodes.repeat(view).model_dump() for view in found.repeats]})
        )
        return
    if found.is_busy:
        typer.echo("a worker is listening to this show just now; this is what was found so far", err=True)
    if found.without:
        typer.echo(
            f"{found.without} episodes were analysed before repeats were looked for: "
            "audiofeat reprocess run --where group=subprints",
            err=True,
        )
    table = Table("kind", "length", "episodes", "first places", box=None, header_style="bold")
    names = services.catalogue.items_by_id([heard.item_id for view in found.repeats for heard in view.heard])
    for view in found.repeats:
        places = [
            f"{_name(names, heard.item_id)} {clock(heard.start_s, max(heard.end_s, 60))}"
            for heard in view.heard[:_PLACES_SHOWN]
        ]
        more = len(view.heard) - len(places)
        places += [f"{more} more"] if more else []
        table.add_row(view.kind.value, f"{view.length_s:.1f} s", str(view.episodes), ", ".join(places))
    changed = f", {found.changed} of them changed since" if found.changed else ""
    console = output()
    console.print(f"{found.show}: {found.episodes} episodes, {found.listened} listened to just now{changed}")
    console.print(table if found.repeats else "nothing is heard in two of them")


def _name(names: dict[str, Any], item_id: str) -> str:
    view = names.get(item_id)
    return item_id if view is None else str(view.metadata.get("title") or view.reference or view.key)

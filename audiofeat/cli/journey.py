"""``audiofeat journey``: from one item to another by small steps."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from audiofeat import rendering
from audiofeat.bootstrap import Services, load_settings
from audiofeat.cli.neighbours import title
from audiofeat.cli.terminal import output
from audiofeat.domain import filters
from audiofeat.domain.lookups import DEFAULT_CAP
from audiofeat.domain.neighbours import Engine
from audiofeat.services.journeys import Journey, Route, table
from audiofeat.services.journeys import journey as find


def journey(
    start: Annotated[str, typer.Argument(help="Any name of the first item.", show_default=False)],
    end: Annotated[str, typer.Argument(help="Any name of the last one.", show_default=False)],
    *,
    length: Annotated[int, typer.Option(help="How many items, both ends included, 3 to 50.")] = 8,
    artist_cap: Annotated[int, typer.Option(help="At most so many of one artist; 0: any.")] = DEFAULT_CAP,
    tempo_ratio: Annotated[float | None, typer.Option(help="Greatest ratio of two tempos in a row, 1 to 1.5.")] = None,
    key_steps: Annotated[int | None, typer.Option(help="Most steps on the circle of fifths, 0 to 6.")] = None,
    seed: Annotated[int, typer.Option(help="0: the best way; others: alternatives.")] = 0,
    where: Annotated[list[str] | None, typer.Option(help="As of neighbours: tempo_bpm=80..140; repeatable.")] = None,
    engine: Annotated[Engine, typer.Option(help="How candidates are found.")] = Engine.ANNOY,
    csv: Annotated[Path | None, typer.Option(help="Write the table of steps here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Print a way of small steps from one item to another, over items of the catalogue."""
    services = Services(load_settings())
    route = Route(length, artist_cap, tempo_ratio, key_steps, seed, filters.parse(where or []), engine)
    found = find(start, end, route, catalogue=services.catalogue, indexes=services.indexes)
    if csv is not None:
        csv.write_text(table(found), encoding="utf-8")
    if as_json:
        typer.echo(rendering.journey(found).model_dump_json())
    else:
        _show(found)


def _show(found: Journey) -> None:
    console = output()
    table = Table("", "step", "item", "tempo", "key", box=None, header_style="bold")
    for number, step in enumerate(found.steps, start=1):
        facts = step.item.facts
        tempo = f"{facts.tempo_bpm:.0f}" if facts.tempo_bpm else ""
        key = f"{facts.key} {facts.mode}" if facts.key and facts.mode else ""
        away = "" if step.distance is None else f"{step.distance:.3f}"
        table.add_row(str(number), away, title(step.item), tempo, key)
    console.print(table)
    bounds = f"tempos within {found.bounds.tempo_ratio:g}, keys within {found.bounds.key_steps} fifths"
    widened = " (nothing tighter exists)" if found.is_widened else ""
    console.print(f"{bounds}{widened}; space {found.space}, index {found.release}", style="dim")

"""``audiofeat neighbours``: what sounds like this item, and why."""

from typing import Annotated

import typer
from rich.table import Table

from audiofeat import rendering
from audiofeat.bootstrap import Services, load_settings
from audiofeat.cli.terminal import output
from audiofeat.domain.neighbours import Engine
from audiofeat.ports import ItemView
from audiofeat.services.lookup import Answer
from audiofeat.services.lookup import neighbours as look_up


def neighbours(
    item: Annotated[str, typer.Argument(help="Id, reference, object key, or its last part.", show_default=False)],
    *,
    k: Annotated[int, typer.Option("-k", help="How many, 1 to 1000.")] = 10,
    engine: Annotated[
        Engine, typer.Option(help="How candidates are found; distances are exact either way.")
    ] = Engine.ANNOY,
    duplicates: Annotated[
        bool, typer.Option("--duplicates", help="Show items with the same audio as rows of their own.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Print the items that sound most like one item, nearest first."""
    services = Services(load_settings())
    answer = look_up(
        item, catalogue=services.catalogue, indexes=services.indexes, k=k, engine=engine, show_duplicates=duplicates
    )
    if as_json:
        typer.echo(rendering.answer(answer).model_dump_json())
    else:
        show(answer)


def show(answer: Answer) -> None:
    """Print an answer as a table with a why column."""
    console = output()
    table = Table("", "distance", "item", "why", box=None, header_style="bold")
    for neighbour in answer.neighbours:
        copies = f" (+{len(neighbour.copies)} with the same audio)" if neighbour.copies else ""
        table.add_row(str(neighbour.rank), f"{neighbour.distance:.3f}", title(neighbour.item) + copies, neighbour.why)
    console.print(f"{title(answer.item)} sounds like", style="bold")
    console.print(table)
    dropped = "".join(f"; {count} left out: {rule.replace('_', ' ')}" for rule, count in answer.dropped.items())
    console.print(f"engine {answer.engine}, space {answer.space}, index {answer.release}{dropped}", style="dim")


def title(item: ItemView) -> str:
    """Return an item's name for people: its title and artist or show, else its key."""
    by = item.metadata.get("artist") or item.metadata.get("show")
    named = item.metadata.get("title")
    return f"{named} - {by}" if named and by else str(named or item.key)

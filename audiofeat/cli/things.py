"""``audiofeat artists|albums|shows|collections``: what there is, what one is like, and keeping collections."""

import csv
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from audiofeat import rendering_things as rendering
from audiofeat.bootstrap import Services, load_settings
from audiofeat.cli.terminal import output
from audiofeat.domain.things import ThingKind, checked_collection
from audiofeat.errors import InvalidInput
from audiofeat.services.describe_things import Description, collected, describe
from audiofeat.services.things import ThingAnswer

_PAGE = 500
_Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
_Name = Annotated[str, typer.Argument(help="Name or id; an album also as album/artist.", show_default=False)]
_Limit = Annotated[int, typer.Option(min=1, help="At most so many.")]


def _app_of(kind: ThingKind) -> typer.Typer:
    """Return the commands that every kind of things has."""
    app = typer.Typer(no_args_is_help=True, help=f"List {kind.value}s, and show what one is like.")

    @app.command(name="list")
    def list_things(*, limit: _Limit = 100, as_json: _Json = False) -> None:
        """List those that have items, in the order of their names."""
        catalogue = Services(load_settings()).catalogue
        table = Table(kind.value, "items", "id", box=None, header_style="bold")
        after: str | None = None
        left = limit
        while left and (page := catalogue.things(kind, after=after, limit=min(left, _PAGE))):
            for thing, items in page:
                if as_json:
                    typer.echo(rendering.listed(thing, items).model_dump_json())
                table.add_row(thing.title, f"{items:,}", thing.thing_id)
            after, left = page[-1][0].key, left - len(page)
        if not as_json:
            output().print(table if table.rows else f"no {kind.value}s: they come from metadata")

    @app.command()
    def show(name: _Name, *, as_json: _Json = False) -> None:
        """Show how many items it has, how alike they are, and how they sound."""
        services = Services(load_settings())
        found = describe(kind, name, catalogue=services.catalogue, indexes=services.indexes)
        if as_json:
            typer.echo(rendering.detail(found).model_dump_json())
        else:
            _print(found)

    return app


artists, albums, shows, collections = (_app_of(kind) for kind in ThingKind)


@collections.command()
def put(
    name: Annotated[str, typer.Argument(help="What it is called, without a slash.", show_default=False)],
    items: Annotated[list[str] | None, typer.Argument(help="Ids or references of items.", show_default=False)] = None,
    *,
    table: Annotated[
        Path | None, typer.Option("--from", help="A CSV file with the columns item and, if need be, weight.")
    ] = None,
    as_json: _Json = False,
) -> None:
    """Keep a named set of items with weights, in place of what it was."""
    services = Services(load_settings())
    given = [(item, 1.0) for item in items or []] + (_rows(table) if table else [])
    weights = collected(given, services.catalogue)
    services.catalogue.put_collection(checked_collection(name, weights), weights)
    found = describe(ThingKind.COLLECTION, name, catalogue=services.catalogue, indexes=services.indexes)
    if as_json:
        typer.echo(rendering.detail(found).model_dump_json())
    else:
        _print(found)


@collections.command()
def drop(name: _Name) -> None:
    """Forget a collection; its items stay."""
    catalogue = Services(load_settings()).catalogue
    collection = catalogue.find_thing(ThingKind.COLLECTION, name)
    catalogue.drop_collection(collection)
    typer.echo(f"forgot {collection.name}", err=True)


def show_answer(answer: ThingAnswer) -> None:
    """Print the things that answer a question as a table with a why column."""
    console = output()
    table = Table("", "distance", answer.of.value, "items", "alike", "why", box=None, header_style="bold")
    for line in answer.neighbours:
        alike = _alike(line.consistency)
        table.add_row(str(line.rank), f"{line.distance:.3f}", line.thing.title, str(line.items), alike, line.why)
    asked = answer.asked.title if answer.asked else "what was asked for"
    console.print(f"{answer.of.value}s nearest to {answer.item.key if answer.item else asked}", style="bold")
    console.print(table)
    dropped = "".join(f"; {count} left out: {rule.replace('_', ' ')}" for rule, count in answer.dropped.items())
    console.print(f"engine {answer.engine}, space {answer.space}, index {answer.release}{dropped}", style="dim")


def _print(found: Description) -> None:
    console = output()
    console.print(f"{found.thing.title}  {found.thing.kind}  {found.thing.thing_id}", style="bold")
    table = Table("", "items", "alike", "hours", "sounds", box=None, header_style="bold")
    for kind, sound in found.sounds.items():
        hours = f"{sound.total_duration_s / 3600:.1f}"
        table.add_row(f"{kind}s", f"{sound.items:,}", _alike(sound.consistency), hours, sound.in_words)
    console.print(table)
    if found.genres:
        console.print("; ".join(f"{path} {share:.0%}" for path, share in found.genres[:5]))


def _alike(consistency: float | None) -> str:
    return "-" if consistency is None else f"{consistency:.2f}"


def _rows(path: Path) -> list[tuple[str, float]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if "item" not in (reader.fieldnames or ()):
                raise InvalidInput(f"{path} has no column item", "begin it with the line item,weight")
            return [(row["item"], _weight(row.get("weight") or "1", reader.line_num)) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(f"{path} cannot be read: {error}", "give a CSV file in UTF-8") from error


def _weight(said: str, line: int) -> float:
    try:
        return float(said)
    except ValueError:
        raise InvalidInput(f"line {line}: {said!r} is no weight", "a weight is 0 or more; 1 is usual") from None

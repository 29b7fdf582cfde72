"""``audiofeat neighbours``: what sounds like these items, this file or this description, and why."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from audiofeat import rendering, rendering_things
from audiofeat.bootstrap import Services, load_settings
from audiofeat.cli.terminal import output
from audiofeat.cli.things import show_answer
from audiofeat.domain import filters, targets
from audiofeat.domain.items import Kind
from audiofeat.domain.lookups import DEFAULT_CAP, ItemSeed, Rules, Seed, TargetSeed, ThingSeed
from audiofeat.domain.neighbours import Engine
from audiofeat.domain.things import Among, ThingKind
from audiofeat.errors import InvalidInput
from audiofeat.ports import Candidate, ItemView
from audiofeat.services.lookup import Answer
from audiofeat.services.lookup import answer as look_up

# What the wire calls otherwise than people do.
_RULES = {"over_the_artist_cap": "over the cap of an artist or show"}


def neighbours(
    items: Annotated[
        list[str] | None,
        typer.Argument(help="Ids, references, object keys, or their last parts.", show_default=False),
    ] = None,
    *,
    k: Annotated[int, typer.Option("-k", help="How many, 1 to 1000.")] = 10,
    away: Annotated[list[str] | None, typer.Option(help="An item that answers should be unlike; repeatable.")] = None,
    artist: Annotated[list[str] | None, typer.Option(help="Name or id of an artist; repeatable.")] = None,
    album: Annotated[list[str] | None, typer.Option(help="Of an album; repeatable.")] = None,
    show: Annotated[list[str] | None, typer.Option(help="Of a show; repeatable.")] = None,
    collection: Annotated[list[str] | None, typer.Option(help="Of a collection; repeatable.")] = None,
    of: Annotated[Among, typer.Option(help="What is looked for.")] = Among.ITEMS,
    least_items: Annotated[int, typer.Option(min=1, help="Only things of at least so many items.")] = 1,
    audio: Annotated[Path | None, typer.Option(help="A file that is not in the catalogue.")] = None,
    target: Annotated[str | None, typer.Option(help="What is wanted: '122 BPM, minor, calm'.")] = None,
    where: Annotated[
        list[str] | None, typer.Option(help="genre=ambient, tempo_bpm=118..126, artist!=Somebody; repeatable.")
    ] = None,
    weight: Annotated[list[str] | None, typer.Option(help="Of a feature group: timbre=2; repeatable.")] = None,
    about: Annotated[
        float, typer.Option(help="Share of what is told of items: 0 sounds alike, 1 is told alike.")
    ] = 0.0,
    kind: Annotated[Kind | None, typer.Option(help="What answers are, where nothing else tells.")] = None,
    artist_cap: Annotated[int, typer.Option(help="At most so many of one artist, else show; 0: any.")] = DEFAULT_CAP,
    album_cap: Annotated[int, typer.Option(help="At most so many of one album; 0: any.")] = DEFAULT_CAP,
    keep: Annotated[float, typer.Option(help="Share of relevance to keep, the rest is spent on variety.")] = 1.0,
    engine: Annotated[
        Engine, typer.Option(help="How candidates are found; distances are exact either way.")
    ] = Engine.ANNOY,
    duplicates: Annotated[bool, typer.Option("--duplicates", help="Show duplicates as rows of their own.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Print what answers seeds best: items, artists, shows, a file, a description, or all of them together."""
    services = Services(load_settings())
    rules = Rules(
        k=k,
        engine=engine,
        show_duplicates=duplicates,
        artist_cap=artist_cap,
        album_cap=album_cap,
        keep_ratio=keep,
        weights=group_weights(weight or []),
        about=about,
        conditions=filters.parse(where or []),
    )
    seeds: list[Seed] = [ItemSeed(name) for name in items or []]
    seeds += [ItemSeed(name, weight=-1.0) for name in away or []]
    for thing, names in zip(ThingKind, (artist, album, show, collection), strict=True):
        seeds += [ThingSeed(thing, name) for name in names or []]
    if target is not None:
        seeds.append(TargetSeed(targets.parse(target)))
    if audio is not None:
        seeds.append(services.listener.to_file(audio, kind=kind))
    if of is not Among.ITEMS:
        near = services.things.nearest(seeds, ThingKind(of.value[:-1]), rules, kind=kind, least_items=least_items)
        if as_json:
            typer.echo(rendering_things.answer(near).model_dump_json())
        else:
            show_answer(near)
        return
    answer = look_up(seeds, catalogue=services.catalogue, indexes=services.indexes, rules=rules, kind=kind)
    if as_json:
        typer.echo(rendering.answer(answer).model_dump_json())
    else:
        print_answer(answer)


def print_answer(answer: Answer) -> None:
    """Print an answer as a table with a why column."""
    console = output()
    by = "distance" if any(one.distance is not None for one in answer.neighbours) else "relevance"
    table = Table("", by, "item", "why", box=None, header_style="bold")
    for neighbour in answer.neighbours:
        copies = f" (+{len(neighbour.copies)} with the same audio)" if neighbour.copies else ""
        away = neighbour.relevance if neighbour.distance is None else neighbour.distance
        table.add_row(str(neighbour.rank), f"{away:.3f}", title(neighbour.item) + copies, neighbour.why)
    console.print(f"{title(answer.item)} sounds like" if answer.item else "nearest to what was asked for", style="bold")
    console.print(table)
    dropped = "".join(
        f"; {count} left out: {_RULES.get(rule, rule.replace('_', ' '))}" for rule, count in answer.dropped.items()
    )
    console.print(f"engine {answer.engine}, space {answer.space}, index {answer.release}{dropped}", style="dim")


def title(item: ItemView | Candidate) -> str:
    """Return an item's name for people: its title and artist or show, else its key."""
    metadata = item.metadata
    by = metadata.get("artist") or metadata.get("show")
    named = metadata.get("title")
    return f"{named} - {by}" if named and by else str(named or item.key)


def group_weights(said: list[str]) -> dict[str, float]:
    """Return weights of feature groups as ``timbre=2`` writes them; raises InvalidInput."""
    weights: dict[str, float] = {}
    for part in said:
        group, _, number = part.partition("=")
        try:
            weights[group.strip()] = float(number)
        except ValueError:
            raise InvalidInput(f"{part!r} is no weight of a feature group", "write timbre=2") from None
    return weights

"""``audiofeat metadata``: what sources say of items, where it comes from, and what people say to it."""

import getpass
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from audiofeat import rendering_metadata as rendering
from audiofeat.bootstrap import Services, load_settings
from audiofeat.cli.terminal import output
from audiofeat.domain.merging import conflicts
from audiofeat.domain.source_records import MatchState
from audiofeat.domain.things import artist_ids
from audiofeat.errors import InvalidInput
from audiofeat.ports import Catalogue, Described
from audiofeat.services.import_metadata import Imported

EXIT_PARTIAL = 3
_PAGE = 500
_SHOWN = 50
app = typer.Typer(
    no_args_is_help=True, help="What sources say of items, where it comes from, and what people say to it."
)
_Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
_Item = Annotated[str, typer.Argument(help="Id, reference, object key, or its last part.", show_default=False)]


@app.command(name="import")
def import_files(
    files: Annotated[
        list[Path], typer.Argument(help="CSV, JSON Lines, Parquet, or a podcast feed.", show_default=False)
    ],
    *,
    source: Annotated[
        str | None, typer.Option(help="Name of the source, as the merge policy has it. [default: kind and file name]")
    ] = None,
    licence: Annotated[str | None, typer.Option(help="Under which the source gives its records.")] = None,
    as_json: _Json = False,
) -> None:
    """Take in deliveries, find the items that they are about, and merge; what cannot be read is skipped and listed."""
    from audiofeat.metadata_sources.deliveries import open_delivery
    from audiofeat.services.import_metadata import take_in

    catalogue, now = Services(load_settings()).catalogue, time.time()
    sources = [open_delivery(path, name=source, licence=licence, fetched_at=now) for path in files]
    _end_with([take_in(catalogue, delivery) for delivery in sources], as_json=as_json)


@app.command()
def fetch(
    *,
    source: Annotated[str, typer.Option(help="musicbrainz or rss.", show_default=False)],
    where: Annotated[
        list[str] | None, typer.Option(help="Of tracks like these: genre=ambient, artist!=Somebody; repeatable.")
    ] = None,
    feed: Annotated[str | None, typer.Option(help="Address of a podcast feed, for rss.")] = None,
    name: Annotated[str | None, typer.Option(help="Of the source of a feed. [default: rss: and its address]")] = None,
    licence: Annotated[str | None, typer.Option(help="Under which a feed gives its records.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Ask also for what was asked for lately.")] = False,
    as_json: _Json = False,
) -> None:
    """Ask a source on the network, find the items that its records are about, and merge; off without a user agent."""
    from audiofeat.domain import filters
    from audiofeat.metadata_sources import network
    from audiofeat.services.fetch_metadata import fetch as ask
    from audiofeat.services.fetch_metadata import tracks

    services = Services(load_settings())
    catalogue, settings = services.catalogue, services.settings
    if source == network.RSS:
        if where or again:
            raise InvalidInput("a feed is taken as a whole", "leave out --where and --again")
        _end_with(
            [ask(catalogue, network.open_feed(settings, catalogue.visit, feed, name=name, licence=licence))],
            as_json=as_json,
        )
    elif source == network.MUSICBRAINZ:
        if feed or name or licence:
            raise InvalidInput("--feed, --name and --licence are for feeds", "give --source rss")
        service = network.open_musicbrainz(settings, catalogue.visit, again=again)
        _end_with([ask(catalogue, service, tracks(catalogue, filters.parse(where or [])))], as_json=as_json)
    else:
        raise InvalidInput(f"{source!r} is no source on the network", f"use one of: {', '.join(network.SOURCES)}")


def _end_with(taken: Sequence[Imported], *, as_json: bool) -> None:
    """Tell what became of records, and end with 3 where a part could not be read."""
    for done in taken:
        states = {state.value: count for state, count in sorted(done.states.items())}
        if as_json:
            problems = [{"place": one.place, "reason": one.reason} for one in done.problems]
            told = {"source": done.source, "records": done.records, "unreadable": done.unreadable, **states}
            told |= {"withdrawn": sorted(done.withdrawn)} if done.withdrawn else {}
            typer.echo(json.dumps({**told, "problems": problems}, ensure_ascii=False))
            continue
        counts = ", ".join(f"{count} {state}" for state, count in states.items()) or "nothing new"
        typer.echo(f"{done.source}: {done.records} records: {counts}; {done.unreadable} unreadable")
        if lost := done.states.get(MatchState.UNMATCHED):
            typer.echo(f"  {lost} found no item by identifier, file or names: they are kept until it comes", err=True)
        if done.states.get(MatchState.WAITING):
            typer.echo("  what waits is for a person to say: audiofeat metadata review", err=True)
        if done.withdrawn:
            typer.echo(f"  taken back of {len(done.withdrawn)} items: {', '.join(sorted(done.withdrawn)[:_SHOWN])}")
        for problem in done.problems[:_SHOWN]:
            typer.echo(f"  {problem.place}: {problem.reason}", err=True)
        if done.unreadable > _SHOWN:
            typer.echo(f"  ... and {done.unreadable - _SHOWN} more: --json lists them", err=True)
    if any(done.unreadable for done in taken):
        raise typer.Exit(EXIT_PARTIAL)


@app.command()
def show(item: _Item, *, as_json: _Json = False) -> None:
    """Print every value of an item with its source, record, licence, rule and confidence."""
    catalogue = Services(load_settings()).catalogue
    view = catalogue.find_item(item)
    values = catalogue.metadata_values(view.item_id)
    if as_json:
        for value in values:
            typer.echo(rendering.metadata_value(value).model_dump_json())
        return
    table = Table("field", "value", "source", "record", "licence", "rule", "sure", box=None, header_style="bold")
    for value in values:
        mark = "" if value.chosen else "  (not chosen)"
        table.add_row(
            value.field, str(value.value), value.source + mark, value.record_id, value.licence or "-", value.rule,
            f"{value.confidence:.2f}",
        )  # fmt: skip
    output().print(table)


@app.command()
def review(
    *,
    accept: Annotated[tuple[str, str, str] | None, typer.Option(metavar="SOURCE RECORD ITEM")] = None,
    refuse: Annotated[tuple[str, str, str] | None, typer.Option(metavar="SOURCE RECORD ITEM")] = None,
    as_json: _Json = False,
) -> None:
    """List the matches that wait for a person, or decide about one of them."""
    catalogue = Services(load_settings()).catalogue
    for decided, is_accepted in ((accept, True), (refuse, False)):
        if decided is not None:
            source, record, name = decided
            item_id = catalogue.find_item(name).item_id
            if not catalogue.decide_match(source, record, item_id, accept=is_accepted):
                raise InvalidInput(f"no match of record {record!r} of {source!r} with that item", "metadata review")
            typer.echo(f"{record} of {source} is {'' if is_accepted else 'not '}about {name}")
    if accept is not None or refuse is not None:
        return
    waiting = catalogue.waiting_matches(limit=_PAGE)
    items = catalogue.described({match.item_id for match in waiting})
    for match in waiting:
        told = {
            "source": match.record.source, "record": match.record.record_id, "item": match.item_id,
            "confidence": match.record.confidence, "rule": match.rule, "evidence": dict(match.evidence),
            "says": _names(match.record.fields), "is": _names(items[match.item_id].said),
        }  # fmt: skip
        typer.echo(json.dumps(told, ensure_ascii=False) if as_json else _question(told))
    if not waiting and not as_json:
        typer.echo("no match waits")


@app.command()
def audit(*, as_json: _Json = False) -> None:
    """List claims that the audio does not bear out, fields on which sources differ, and names of several artists."""
    from audiofeat.domain.claims import disagreements, shared_names

    catalogue = Services(load_settings()).catalogue
    known: Counter[tuple[str, str]] = Counter()
    for item in _every(catalogue):
        values = catalogue.metadata_values(item.item_id)
        claims = {value.field: value.value for value in reversed(values) if value.source != "measured"}
        found = [
            {"field": one.field, "claimed": one.claimed, "measured": one.measured, "why": one.why}
            for one in disagreements(claims, item.measured)
        ] + [
            {"field": name, "said": {one.source: one.value for one in reversed(said)}, "why": "sources differ"}
            for name, said in conflicts(values).items()
        ]
        known.update({pair for one in values if one.field == "artist_ids" for pair in artist_ids(one.value).items()})
        for finding in found:
            told = {"item": item.item_id, "key": item.key, **finding}
            typer.echo(json.dumps(told, ensure_ascii=False) if as_json else _finding(told))
    for name, items_by_id in shared_names(known).items():
        told = {"key": name, "field": "artist_ids", "said": items_by_id, "why": "one name, several artists"}
        typer.echo(json.dumps(told, ensure_ascii=False) if as_json else _finding(told))


@app.command()
def lock(
    item: _Item,
    field: Annotated[str, typer.Argument(help="Name of the field.", show_default=False)],
    value: Annotated[
        str | None, typer.Argument(help="What it is, whatever any source says.", show_default=False)
    ] = None,
    *,
    by: Annotated[str | None, typer.Option(help="Whose word it is. [default: your user name]")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Leave the field to the sources again.")] = False,
) -> None:
    """Fix a field of an item by hand; no refresh overrides it."""
    from audiofeat.services.metadata_locks import lock_fields

    if (value is None) != remove:
        raise InvalidInput("give a value, or --remove")
    catalogue = Services(load_settings()).catalogue
    item_id = catalogue.find_item(item).item_id
    lock_fields(catalogue, item_id, {field: value}, by=by or getpass.getuser())
    typer.echo(f"{field} of {item} is {'left to the sources' if remove else 'locked'}")


@app.command()
def merge(
    *,
    policy: Annotated[Path | None, typer.Option(help="A merge-policy.toml to put in force.")] = None,
    show_policy: Annotated[bool, typer.Option("--show", help="Print the policy in force, and leave.")] = False,
) -> None:
    """Merge anew what was merged under another policy, and match what came before its item: nothing is fetched."""
    from audiofeat.domain.merge_policy import parse
    from audiofeat.services.import_metadata import bring_up_to_date, match_again

    catalogue = Services(load_settings()).catalogue
    if show_policy:
        typer.echo(catalogue.merge_policy().text, nl=False)
        return
    if policy is not None:
        try:
            text = policy.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"{policy} cannot be read: {error}") from error
        catalogue.put_policy(parse(text))
    merged = bring_up_to_date(catalogue)
    typer.echo(f"{merged} items merged; {match_again(catalogue)} records found an item that was not there before")


@app.command()
def forget(
    *,
    source: Annotated[str | None, typer.Option(help="Remove all that this source said.")] = None,
    licence: Annotated[str | None, typer.Option(help="Remove all that was given under this licence.")] = None,
) -> None:
    """Remove a source's records, or those under a licence, and merge without them; without an option, list sources."""
    catalogue = Services(load_settings()).catalogue
    if source is None and licence is None:
        for name, under, count in catalogue.record_sources():
            typer.echo(f"{name}  {under or 'no licence named'}  {count} records")
        return
    gone = 0
    while count := catalogue.forget_records(source=source, licence=licence):
        gone += count
    typer.echo(f"{gone} records forgotten")


def _every(catalogue: Catalogue) -> Iterator[Described]:
    after = ""
    while page := catalogue.described_after(after, limit=_PAGE):
        yield from page
        after = page[-1].item_id


def _names(fields: Any) -> dict[str, Any]:  # noqa: ANN401  whatever a source says
    looked_at = ("artist", "show", "title", "album", "duration_s", "isrc", "release_date")
    return {name: fields[name] for name in looked_at if fields.get(name)}


def _question(told: dict[str, Any]) -> str:
    says, is_ = (", ".join(f"{k} {v}" for k, v in told[part].items()) for part in ("says", "is"))
    decide = f"--accept {told['source']!r} {told['record']!r} {told['item']}"
    return (
        f"{told['confidence']:.2f} by {told['rule']}: {says}\n     is it {is_}?\n     {told['evidence']}\n     {decide}"
    )


def _finding(told: dict[str, Any]) -> str:
    what = f"claimed {told['claimed']}, measured {told['measured']}" if "claimed" in told else str(told["said"])
    return f"{told['key']}  {told['field']}: {what} ({told['why']})"

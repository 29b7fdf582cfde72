"""``audiofeat duplicates``: find what is there twice, see why it is thought so, confirm it or undo it."""

import json
from typing import Annotated

import typer
from rich.table import Table

from audiofeat.bootstrap import Services, load_settings
from audiofeat.cli.terminal import output
from audiofeat.domain.duplicates import Evidence, Link, Method
from audiofeat.ports import Catalogue, GroupView

app = typer.Typer(no_args_is_help=True, help="Items that are the same thing over again: found, confirmed, undone.")
_Json = Annotated[bool, typer.Option("--json", help="One JSON object a group or pair.")]
_Items = Annotated[list[str], typer.Argument(help="Ids, references or object keys of items.", show_default=False)]
_MOST_SHOWN = 100
_FOUND_BY = (Method.AUDIO_HASH, Method.PCM_HASH, Method.FINGERPRINT)


@app.command()
def find(
    *,
    by_distance: Annotated[
        bool, typer.Option(help="Also suggest items that lie near each other and are as long.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Look through the whole catalogue again for what is the same; what is new is looked at as it arrives."""
    from audiofeat.services import duplicates

    services = Services(load_settings())
    found = duplicates.find(catalogue=services.catalogue, indexes=services.indexes if by_distance else None)
    told = {"items": found.items, **{f"joined_by_{method}": found.joined[method] for method in _FOUND_BY}}
    told["suggested"] = found.suggested
    if as_json:
        typer.echo(json.dumps(told))
        return
    for name, count in told.items():
        typer.echo(f"{name.replace('_', ' '):22} {count:,}")


@app.command(name="list")
def list_groups(
    *,
    suggested: Annotated[bool, typer.Option("--suggested", help="Pairs that wait for your judgement.")] = False,
    after: Annotated[
        str | None, typer.Option(help="Id of the group behind which to begin.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = _MOST_SHOWN,
    as_json: _Json = False,
) -> None:
    """List groups with their evidence, or what is only suggested."""
    catalogue = Services(load_settings()).catalogue
    if suggested:
        _show_pairs(catalogue.duplicate_suggestions(limit=limit), catalogue, as_json=as_json)
    else:
        _show(catalogue.duplicate_groups(after=after, limit=limit), catalogue, as_json=as_json)


@app.command()
def confirm(items: _Items, *, as_json: _Json = False) -> None:
    """Say that items are the same: one of a group confirms the group, several are put into one, also after a split."""
    catalogue = Services(load_settings()).catalogue
    view = catalogue.confirm_duplicates([catalogue.find_item(name).item_id for name in items])
    _show([view], catalogue, as_json=as_json)


@app.command()
def split(items: _Items) -> None:
    """Say that items are not what they are grouped or suggested with; they are never grouped with it again."""
    from audiofeat.services import duplicates

    catalogue = Services(load_settings()).catalogue
    pairs = duplicates.split([catalogue.find_item(name).item_id for name in items], catalogue=catalogue)
    typer.echo(f"kept apart from now on: {pairs:,} pairs")


def _show(groups: list[GroupView], catalogue: Catalogue, *, as_json: bool) -> None:
    names = _names(catalogue, [member.item_id for group in groups for member in group.members])
    table = Table("group", "item", "state", "why", box=None)
    for group in groups:
        members = [
            {
                "item_id": member.item_id,
                "state": member.state.value,
                "evidence": member.evidence.to_dict() if member.evidence else None,
            }
            for member in group.members
        ]
        if as_json:
            typer.echo(json.dumps({"group_id": group.group_id, "members": members}))
        for number, member in enumerate(group.members):
            why = _why(member.evidence, names) if member.evidence else ""
            label = group.group_id[:8] if number == 0 else ""
            table.add_row(label, names.get(member.item_id, member.item_id), member.state.value, why)
    if not as_json:
        output().print(table)


def _show_pairs(links: list[Link], catalogue: Catalogue, *, as_json: bool) -> None:
    names = _names(catalogue, [item_id for link in links for item_id in link.pair])
    table = Table("item", "why", box=None)
    for link in links:
        if as_json:
            typer.echo(json.dumps({"item_id": link.item_id, "evidence": link.evidence.to_dict()}))
        table.add_row(names.get(link.item_id, link.item_id), _why(link.evidence, names))
    if not as_json:
        output().print(table)


def _names(catalogue: Catalogue, item_ids: list[str]) -> dict[str, str]:
    return {item_id: view.reference or view.key for item_id, view in catalogue.items_by_id(item_ids).items()}


def _why(evidence: Evidence, names: dict[str, str]) -> str:
    """Say in a line how an item was recognised."""
    said = [f"{evidence.method.value.replace('_', ' ')} of {names.get(evidence.of, evidence.of)}"]
    if evidence.bit_error_ratio is not None:
        said.append(f"{evidence.bit_error_ratio:.1%} of the bits differ")
    if evidence.overlap_s is not None and evidence.offset_s is not None:
        said.append(f"{evidence.overlap_s:.0f} s compared, {evidence.offset_s:+.1f} s")
    if evidence.distance is not None:
        said.append(f"distance {evidence.distance:.3f}")
    return "; ".join(said)

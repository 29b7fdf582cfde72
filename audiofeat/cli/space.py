"""``audiofeat space``: fit a space, list and show what there is, and hold two against each other."""

import json
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from audiofeat.bootstrap import Services, load_settings
from audiofeat.cli.terminal import output
from audiofeat.domain.items import Kind

if TYPE_CHECKING:
    from audiofeat.domain.space import Space

app = typer.Typer(no_args_is_help=True, help="Fit, list, show and compare spaces.")
_Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]
_Id = Annotated[str, typer.Argument(help="Id of a space.", show_default=False)]


@app.command()
def fit(
    kind: Annotated[Kind, typer.Argument(help="track or episode.")] = Kind.TRACK,
    *,
    metadata: Annotated[
        bool, typer.Option("--metadata", help="Have tracks compared by genre, tags, era and artist where asked to.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Fit a space on everything analysed so far, and keep it; no audio is read."""
    from audiofeat.services.fit_space import fit_space

    services = Services(load_settings())
    space = fit_space(kind, catalogue=services.catalogue, artefacts=services.artefacts, is_told=metadata)
    _show([space], as_json=as_json)


@app.command(name="list")
def list_spaces(*, as_json: _Json = False) -> None:
    """List the shipped spaces and those that were kept here."""
    from audiofeat.services.fit_space import kept

    _show(kept(Services(load_settings()).artefacts), as_json=as_json)


@app.command()
def show(space: _Id, *, dimensions: bool = False, as_json: _Json = False) -> None:
    """Show what a space reads and what weighs how much in it."""
    from audiofeat.services.fit_space import stored

    found = stored(space, Services(load_settings()).artefacts)
    if as_json:
        typer.echo(json.dumps({**_facts(found), "dimensions": _dimensions(found)}, ensure_ascii=False))
        return
    console = output()
    _show([found], as_json=False)
    counts = Counter(slot.group for slot in found.dimensions)
    table = Table("group", "dimensions", "block", "weight", box=None)
    for group, block in found.groups.items():
        weight = found.group_weights.get(group, 0.0)
        table.add_row(group, str(counts[group]), str(block.stop - block.start), f"{weight:.2f}")
    console.print(table)
    console.print(f"{len(found.damping)} directions in which recordings vary within themselves are damped")
    if dimensions:
        named = Table("dimension", "group", "transform", "centre", "scale", "sentence", box=None)
        for slot in _dimensions(found):
            named.add_row(
                slot["name"], slot["group"], slot["transform"], f"{slot['centre']:.4g}", f"{slot['scale']:.4g}",
                slot["sentence"],
            )  # fmt: skip
        console.print(named)


@app.command()
def compare(
    first: _Id,
    second: _Id,
    *,
    items: Annotated[int, typer.Option(min=3, max=20_000, help="On how many items.")] = 2_000,
    as_json: _Json = False,
) -> None:
    """Hold two spaces against each other on the same items: how far their lists agree, and what each finds."""
    from audiofeat.services.compare_spaces import compare_spaces
    from audiofeat.services.fit_space import stored

    services = Services(load_settings())
    spaces = stored(first, services.artefacts), stored(second, services.artefacts)
    found = compare_spaces(*spaces, catalogue=services.catalogue, most=items)
    document = {
        "items": found.items,
        "rank_agreement": found.rank_agreement,
        "shared_neighbours_ratio": found.shared_neighbours_ratio,
        "spaces": dict(zip((first, second), found.figures, strict=True)),
    }
    if as_json:
        typer.echo(json.dumps(document))
        return
    console = output()
    console.print(
        f"{found.items} items: ranks agree at {found.rank_agreement:.3f} (Spearman's rho), "
        f"{100 * found.shared_neighbours_ratio:.0f} % of ten neighbours are shared"
    )
    table = Table("figure", first, second, box=None)
    for figure in found.figures[0]:
        cells = ("" if side[figure] is None else f"{side[figure]:.3f}" for side in found.figures)
        table.add_row(figure, *cells)
    console.print(table)


def _facts(space: "Space") -> dict[str, Any]:
    return {
        "id": space.id,
        "name": space.name,
        "kind": space.kind.value,
        "version": space.version,
        "descriptor_version": space.descriptor_version,
        "fitted_on_items": space.items,
        "dims": space.dims,
        "block_dims": space.block_dims,
        "damped_directions": len(space.damping),
        "group_weights": dict(space.group_weights),
        "part_weights": dict(space.part_weights),
    }


def _dimensions(space: "Space") -> list[dict[str, Any]]:
    return [
        {
            "name": slot.name,
            "group": slot.group,
            "transform": slot.transform,
            "sentence": slot.sentence,
            "centre": float(space.centre[place]),
            "scale": float(space.scale[place]),
            "weight": float(space.weight[place]),
        }
        for place, slot in enumerate(space.dimensions)
    ]


def _show(spaces: "list[Space]", *, as_json: bool) -> None:
    if as_json:
        typer.echo("\n".join(json.dumps(_facts(space)) for space in spaces))
        return
    table = Table("space", "name", "kind", "fitted on", "dimensions", "blocks", box=None)
    for space in spaces:
        table.add_row(
            space.id, space.name, space.kind.value, f"{space.items} items", str(space.dims), str(space.block_dims)
        )
    output().print(table)

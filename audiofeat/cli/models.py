"""``audiofeat models``: the models at hand, where each comes from, and whether it is the one that was published."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from audiofeat.bootstrap import Services, load_settings
from audiofeat.cli.terminal import output
from audiofeat.domain.items import Kind
from audiofeat.domain.kept_models import KeptModel, ModelKind
from audiofeat.domain.models import BY_NAME, SHIPPED, ShippedModel, shipped

app = typer.Typer(no_args_is_help=True, help="List, show and verify models.")
_Json = Annotated[bool, typer.Option("--json", help="JSON, one object a model.")]
_HASH_SHOWN = 12


@app.command(name="list")
def list_models(*, as_json: _Json = False) -> None:
    """List the models that ship with the package, then what this catalogue keeps beside them."""
    catalogue = Services(load_settings()).catalogue
    kept = [model for own in catalogue.models() for model in catalogue.revisions(own.name)]
    if as_json:
        typer.echo("\n".join(json.dumps(_facts(model)) for model in SHIPPED))
        newest = {own.name: own.revision for own in reversed(kept)}
        for own in kept:
            typer.echo(json.dumps(_facts_of_kept(own, in_use=newest[own.name] == own.revision)))
        return
    table = Table("model", "group", "version", "sha256", "card", box=None)
    for model in SHIPPED:
        table.add_row(model.name, model.group, str(model.version), model.sha256[:_HASH_SHOWN], model.card)
    output().print(table)
    if kept:
        _print_kept(kept)


@app.command()
def show(
    model: Annotated[str, typer.Argument(help="Name of a model.", show_default=False)], *, as_json: _Json = False
) -> None:
    """Show all that is recorded of a model: of the shipped one, and of the one that this catalogue keeps."""
    kept = [own for own in Services(load_settings()).catalogue.models() if own.name == model]
    known = [_facts(shipped(model))] if model in BY_NAME or not kept else []
    known += [_facts_of_kept(own, in_use=own.kind is not ModelKind.REMOVED) for own in kept]
    if as_json:
        typer.echo("\n".join(json.dumps(facts) for facts in known))
        return
    for facts in known:
        table = Table(box=None, show_header=False)
        for name, value in facts.items():
            table.add_row(name, json.dumps(value) if isinstance(value, dict | list) else str(value))
        output().print(table)


@app.command()
def use(
    name: Annotated[str, typer.Argument(help="Of the head: mood or instruments.", show_default=False)],
    choice: Annotated[str, typer.Argument(help="shipped, formula, or the number of a revision.", show_default=False)],
) -> None:
    """Have another head in use from now on: all workers take it, and what was measured before is stale."""
    from audiofeat.services.choose_model import use

    kept = use(name, choice, catalogue=Services(load_settings()).catalogue)
    typer.echo(f"{name} has version {kept.version} from now on; `audiofeat reprocess run` brings items up to date")


@app.command()
def add(
    file: Annotated[Path, typer.Argument(help="An ONNX file.", show_default=False)],
    *,
    metadata: Annotated[Path | None, typer.Option(help="JSON that came with it.")] = None,
    name: Annotated[str | None, typer.Option(help="What to call it. [default: the file's name]")] = None,
    licence: Annotated[str | None, typer.Option(help="Its licence, where the metadata do not say.")] = None,
    on: Annotated[str | None, typer.Option(help="The added model whose outputs it reads, in place of sound.")] = None,
    allow_noncommercial: Annotated[bool, typer.Option(help="My use is not commercial.")] = False,
) -> None:
    """Try a model of somebody else's, and have every worker run it from now on."""
    from audiofeat.services.plugins import add

    services = Services(load_settings())
    kept = add(
        file, catalogue=services.catalogue, artefacts=services.artefacts, metadata_path=metadata, name=name,
        licence=licence, noncommercial=allow_noncommercial, on=on,
    )  # fmt: skip
    said = ", ".join(f"{output} ({size})" for output, size in kept.document["spec"]["outputs"].items())
    typer.echo(f"{kept.group} has version {kept.version}: {said}; `audiofeat reprocess run` brings items up to date")


@app.command()
def remove(name: Annotated[str, typer.Argument(help="Of a model that was added.", show_default=False)]) -> None:
    """Run a plug-in model no longer; what it has said stays."""
    from audiofeat.services.plugins import remove

    typer.echo(f"{remove(name, catalogue=Services(load_settings()).catalogue).group} is run no longer")


@app.command()
def neighbours(
    model: Annotated[str, typer.Argument(help="Of a model that was added.", show_default=False)],
    item: Annotated[str, typer.Argument(help="Id, reference, object key, or its last part.", show_default=False)],
    *,
    k: Annotated[int, typer.Option("-k", min=1, max=1_000, help="How many.")] = 10,
    output_name: Annotated[str | None, typer.Option("--output", help="Which output; by default embeddings.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="Of the answers; by default both.")] = None,
    as_json: _Json = False,
) -> None:
    """Print what lies near an item in the space of a plug-in model's own vectors, tracks and episodes alike."""
    from audiofeat.services.model_neighbours import near

    services = Services(load_settings())
    found = near(
        item, model=model, catalogue=services.catalogue, folder=services.home, k=k, output=output_name, kind=kind
    )
    if as_json:
        rows = ({"item": n.item.item_id, "key": n.item.key, "distance": n.distance} for n in found.neighbours)
        typer.echo("\n".join(json.dumps(row) for row in rows))
        return
    table = Table("distance", "item", box=None)
    for one in found.neighbours:
        table.add_row(f"{one.distance:.3f}", one.item.key)
    output().print(table)


@app.command()
def verify(*, as_json: _Json = False) -> None:
    """Hold every file against its hash, and load the shipped ones; exit code 1 where one is not as it was."""
    from audiofeat.services.models import verify
    from audiofeat.services.plugins import faults

    services = Services(load_settings())
    found = [(verdict.model.name, verdict.fault, "as published; loads") for verdict in verify()]
    kept = faults(services.catalogue.models(), artefacts=services.artefacts)
    found += [(name, fault, "as it was added") for name, fault in kept.items()]
    if as_json:
        typer.echo("\n".join(json.dumps({"name": name, "fault": fault}) for name, fault, _ in found))
    else:
        table = Table("model", "found", box=None)
        for name, fault, praise in found:
            table.add_row(name, fault or praise)
        output().print(table)
    if any(fault for _, fault, _ in found):
        raise typer.Exit(1)


def _print_kept(kept: list[KeptModel]) -> None:
    table = Table("kept here", "revision", "version", "what", "sha256", "", box=None)
    seen: set[str] = set()
    for model in kept:
        state = "" if model.name in seen else "outdated: train it again" if model.is_outdated else "in use"
        seen.add(model.name)
        said = (model.document.get("origin"), model.document.get("spec", {}).get("licence"))
        what = ", ".join(filter(None, said)) or model.kind.value
        digest = model.sha256[:_HASH_SHOWN] if model.document else ""
        table.add_row(model.name, str(model.revision), str(model.version), what, digest, state)
    output().print(table)


def _facts_of_kept(model: KeptModel, *, in_use: bool) -> dict[str, Any]:
    return {
        "name": model.name,
        "group": model.group,
        "version": model.version,
        "revision": model.revision,
        "kind": model.kind.value,
        "sha256": model.sha256,
        "is_in_use": in_use,
        "is_outdated": model.is_outdated,
        **{part: model.document.get(part) for part in ("origin", "file", "bytes")},
        "figures": model.document.get("figures", []),
        "spec": model.document.get("spec"),
    }


def _facts(model: ShippedModel) -> dict[str, Any]:
    return {
        "name": model.name,
        "group": model.group,
        "version": model.version,
        "file": f"audiofeat/features/{model.file}",
        "sha256": model.sha256,
        "card": model.card,
        "training": model.training,
    }

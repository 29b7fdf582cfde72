"""``audiofeat models``: the models at hand, where each comes from, and whether it is the one that was published."""

import json
from typing import Annotated, Any

import typer
from rich.table import Table

from audiofeat.cli.terminal import output
from audiofeat.domain.models import SHIPPED, ShippedModel, shipped

app = typer.Typer(no_args_is_help=True, help="List, show and verify models.")
_Json = Annotated[bool, typer.Option("--json", help="JSON, one object a model.")]
_HASH_SHOWN = 12


@app.command(name="list")
def list_models(*, as_json: _Json = False) -> None:
    """List the models that ship with the package."""
    if as_json:
        typer.echo("\n".join(json.dumps(_facts(model)) for model in SHIPPED))
        return
    table = Table("model", "group", "version", "sha256", "card", box=None)
    for model in SHIPPED:
        table.add_row(model.name, model.group, str(model.version), model.sha256[:_HASH_SHOWN], model.card)
    output().print(table)


@app.command()
def show(
    model: Annotated[str, typer.Argument(help="Name of a model.", show_default=False)], *, as_json: _Json = False
) -> None:
    """Show all that is recorded of a model."""
    facts = _facts(shipped(model))
    if as_json:
        typer.echo(json.dumps(facts))
        return
    table = Table(box=None, show_header=False)
    for name, value in facts.items():
        table.add_row(name, str(value))
    output().print(table)


@app.command()
def verify(*, as_json: _Json = False) -> None:
    """Hold every shipped file against its hash, and load it; exit code 1 where one is not as published."""
    from audiofeat.services.models import verify

    verdicts = verify()
    if as_json:
        typer.echo("\n".join(json.dumps({"name": v.model.name, "fault": v.fault}) for v in verdicts))
    else:
        table = Table("model", "found", box=None)
        for verdict in verdicts:
            table.add_row(verdict.model.name, verdict.fault or "as published; loads")
        output().print(table)
    if any(verdict.fault for verdict in verdicts):
        raise typer.Exit(1)


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

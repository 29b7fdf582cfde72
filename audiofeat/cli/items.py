"""``audiofeat show``: what the ledger knows of an item."""

import json
from typing import Annotated

import typer
from rich.table import Table

from audiofeat import rendering
from audiofeat.bootstrap import Services, load_settings
from audiofeat.cli.neighbours import title
from audiofeat.cli.terminal import output
from audiofeat.domain import registry


def show(
    item: Annotated[str, typer.Argument(help="Id, reference, object key, or its last part.", show_default=False)],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Print an item's metadata, with the source of each value, and its features."""
    catalogue = Services(load_settings()).catalogue
    view = catalogue.find_item(item)
    values = catalogue.metadata_values(view.item_id)
    analyses = catalogue.analyses_of_audio(view.sha256) if view.sha256 else {}
    public = {name: a for name, a in analyses.items() if name not in registry.INTERNAL_GROUPS}
    if as_json:
        facts = rendering.item_detail(view, values).model_dump(mode="json")
        if analyses:
            measured = rendering.feature_set(view, analyses, load_curves=None).model_dump(mode="json")
            facts |= {part: measured[part] for part in ("features", "reasons", "versions")}
        typer.echo(json.dumps(facts, ensure_ascii=False))
        return
    console = output()
    flags = f" ({', '.join(view.flags)})" if view.flags else ""
    console.print(
        f"{title(view)}  {view.kind or 'unknown kind'} ({view.kind_source or 'not analysed'})  {view.state}{flags}",
        f"{view.store}/{view.key}",
        sep="\n",
    )
    table = Table("metadata", "value", "source", box=None, header_style="bold")
    for value in sorted(values, key=lambda v: (v.field, not v.chosen)):
        table.add_row(value.field, str(value.value), value.source + ("" if value.chosen else "  (not chosen)"))
    console.print(table)
    table = Table("feature", "value", "unit", box=None, header_style="bold")
    for field in registry.PUBLIC_FIELDS:
        analysis = public.get(field.group)
        if analysis and field.name in analysis.values:
            value = analysis.values[field.name]
            shown = f"{value:.5g}" if isinstance(value, float) else str(value)
            table.add_row(field.path, shown if value is not None else f"- ({analysis.reasons[field.name]})", field.unit)
    console.print(table)

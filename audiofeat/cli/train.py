"""``audiofeat train``: fit a head on labels of the catalogue's own items."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from audiofeat.bootstrap import Services, load_settings
from audiofeat.cli.terminal import output

if TYPE_CHECKING:
    from audiofeat.services.train_mood import Trained

app = typer.Typer(no_args_is_help=True, help="Fit models on your own labels.")


@app.callback()
def train() -> None:
    """Fit models on your own labels."""


@app.command()
def mood(
    labels: Annotated[Path, typer.Option("--labels", help="CSV: item, arousal, valence, ...", show_default=False)],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Report, and leave the head in use as it is.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Fit a mood head on labels of items that are analysed, and have it in use from now on; no audio is read."""
    from audiofeat.services.models import shipped_mood
    from audiofeat.services.train_mood import keep, read_labels, train

    said = read_labels(labels)
    catalogue = Services(load_settings()).catalogue
    origin = f"labels of {labels.name}"
    trained = train(said, catalogue=catalogue, shipped=shipped_mood(), origin=origin)
    kept = None if dry_run else keep(trained, catalogue=catalogue, origin=origin)
    if as_json:
        document = _document(trained)
        typer.echo(json.dumps({**document, "revision": kept and kept.revision, "version": kept and kept.version}))
        return
    _print(trained)
    if kept:
        typer.echo(f"mood has version {kept.version} from now on; `audiofeat reprocess run` brings items up to date")


def _document(trained: "Trained") -> dict[str, Any]:
    figures = [
        {
            "output": figure.output,
            "items": figure.items,
            "artists": figure.artists,
            "pearson": _number(figure.correlation.value),
            "low": _number(figure.correlation.low),
            "high": _number(figure.correlation.high),
            "before": _number(figure.before),
            "loudness_only": _number(figure.loudness),
            "features": [term.feature for term in trained.head.outputs[figure.output].terms],
        }
        for figure in trained.figures
    ]
    return {"figures": figures, "left_out": dict(trained.left_out)}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)


def _print(trained: "Trained") -> None:
    console = output()
    table = Table("output", "items", "artists", "r, artists unseen", "95 %", "said before", "loudness only", box=None)
    for figure in trained.figures:
        found = figure.correlation
        table.add_row(
            figure.output, str(figure.items), str(figure.artists), _shown(found.value),
            f"{_shown(found.low)} to {_shown(found.high)}", _shown(figure.before), _shown(figure.loudness),
        )  # fmt: skip
    console.print(table)
    for item, why in trained.left_out.items():
        console.print(f"  left out: {item}  {why}", soft_wrap=True)


def _shown(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"

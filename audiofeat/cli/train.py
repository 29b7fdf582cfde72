"""``audiofeat train``: fit a head on labels of the catalogue's own items."""

import json
from pathlib import Path
from typing import Annotated

import typer

from audiofeat.bootstrap import Services, load_settings
from audiofeat.cli.terminal import output

app = typer.Typer(no_args_is_help=True, help="Fit models on your own labels.")
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Report, and leave the head in use as it is.")]
_Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]


@app.callback()
def train() -> None:
    """Fit models on your own labels."""


@app.command()
def mood(
    labels: Annotated[Path, typer.Option("--labels", help="CSV: item, arousal, valence, ...", show_default=False)],
    *,
    dry_run: _DryRun = False,
    as_json: _Json = False,
) -> None:
    """Fit a mood head on labels of items that are analysed, and have it in use from now on; no audio is read."""
    from audiofeat.cli.train_report import document_of_moods, print_moods
    from audiofeat.services.models import shipped_mood
    from audiofeat.services.train_mood import keep, read_labels, train

    said = read_labels(labels)
    catalogue = Services(load_settings()).catalogue
    origin = f"labels of {labels.name}"
    trained = train(said, catalogue=catalogue, shipped=shipped_mood(), origin=origin)
    kept = None if dry_run else keep(trained, catalogue=catalogue, origin=origin)
    if as_json:
        document = document_of_moods(trained)
        typer.echo(json.dumps({**document, "revision": kept and kept.revision, "version": kept and kept.version}))
        return
    print_moods(output(), trained)
    if kept:
        typer.echo(f"mood has version {kept.version} from now on; `audiofeat reprocess run` brings items up to date")


@app.command()
def instruments(
    labels: Annotated[Path, typer.Option("--labels", help="CSV: item, drums, guitar, ...", show_default=False)],
    *,
    dry_run: _DryRun = False,
    as_json: _Json = False,
) -> None:
    """Fit a head for families of instruments on items that are analysed, and have it in use; no audio is read."""
    from audiofeat.cli.train_report import document_of_families, print_families
    from audiofeat.services.train_instruments import keep, read_labels, train

    said = read_labels(labels)
    catalogue = Services(load_settings()).catalogue
    origin = f"labels of {labels.name}"
    trained = train(said, catalogue=catalogue, origin=origin)
    kept = None if dry_run else keep(trained, catalogue=catalogue, origin=origin)
    if as_json:
        document = document_of_families(trained)
        typer.echo(json.dumps({**document, "revision": kept and kept.revision, "version": kept and kept.version}))
        return
    print_families(output(), trained)
    if kept:
        again = "`audiofeat reprocess run` brings items up to date"
        typer.echo(f"{kept.group} has version {kept.version} from now on; {again}")
    elif not dry_run:
        typer.echo("no family is told better than before: the head in use stays")

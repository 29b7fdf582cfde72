"""``audiofeat inspect``: one file as a person wants to see it, in the terminal or as a figure."""

from pathlib import Path
from typing import Annotated

import typer

from audiofeat.bootstrap import load_settings
from audiofeat.cli.overview import Overview
from audiofeat.cli.terminal import output
from audiofeat.errors import AudiofeatError
from audiofeat.extraction.client import ExtractionServer
from audiofeat.extraction.view import unreadable
from audiofeat.services.analyse import extract


def inspect(
    file: Annotated[Path, typer.Argument(help="An audio file.", show_default=False, readable=False)],
    *,
    plot: Annotated[
        Path | None, typer.Option(help="Draw a figure into this file as well: .png, .svg or .pdf.", show_default=False)
    ] = None,
) -> None:
    """Show what was heard in a file: loudness, beats, key, chords, sections, and what could not be told."""
    from audiofeat.cli import figure

    if plot:
        # Before the work, not after it.
        figure.require_matplotlib()
    with ExtractionServer(max_duration_s=load_settings().max_duration_s) as server:
        try:
            outcome = extract(file, server=server, picture=plot is not None)
            record, picture = outcome.record, outcome.picture
        except AudiofeatError as error:
            record, picture = unreadable(str(file), error), None
    overview = Overview(record)
    overview.show(output())
    if overview.is_rejected:
        raise typer.Exit(1)
    if plot and picture:
        figure.draw(record, picture, title=file.name, subtitle=overview.headline(), into=plot)
        typer.echo(f"{plot} drawn", err=True)

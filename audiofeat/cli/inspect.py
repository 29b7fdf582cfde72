"""``audiofeat inspect``: one file, or one item of the catalogue, as a person wants to see it, also as a figure."""

from pathlib import Path
from typing import Annotated, Any

import typer

from audiofeat.bootstrap import Services, load_settings
from audiofeat.cli import timeline as timeline_page
from audiofeat.cli.overview import Overview
from audiofeat.cli.terminal import output
from audiofeat.domain.items import Kind, infer_kind
from audiofeat.domain.metadata_fields import read_value
from audiofeat.domain.quality import Status
from audiofeat.domain.timelines import Timeline, timeline
from audiofeat.errors import AudiofeatError, InvalidInput, ItemUnknown, SourceNotFound
from audiofeat.extraction.client import ExtractionServer
from audiofeat.extraction.view import unreadable
from audiofeat.metadata_sources.tags import read_tags
from audiofeat.ports import ItemView
from audiofeat.services.analyse import extract


def inspect(
    file: Annotated[
        Path, typer.Argument(help="An audio file, or an item of the catalogue by any name.", show_default=False)
    ],
    *,
    plot: Annotated[
        Path | None, typer.Option(help="Draw a figure into this file as well: .png, .svg or .pdf.", show_default=False)
    ] = None,
) -> None:
    """Show what was heard: loudness, beats, key, sections; of an episode its timeline, jingles, ads and chapters."""
    from audiofeat.cli import figure

    if plot:
        # Before the work, not after it.
        figure.require_matplotlib()
    if not file.is_file() and (view := _item(str(file))) is not None:
        _inspect_item(view, plot)
        return
    with ExtractionServer(max_duration_s=load_settings().max_duration_s) as server:
        try:
            outcome = extract(file, server=server, picture=plot is not None)
            record, picture = outcome.record, outcome.picture
        except AudiofeatError as error:
            record, picture = unreadable(str(file), error), None
    overview = Overview(record, is_episode=_sounds_like_an_episode(record))
    overview.show(output())
    if overview.is_rejected:
        raise typer.Exit(1)
    if overview.is_episode:
        shown = timeline(record["features"], record["audio"]["decoded_duration_s"], said=_chapters_in(file))
        _show_timeline(shown, record, file.name, overview, plot)
    elif plot and picture:
        figure.draw(record, picture, title=file.name, subtitle=overview.headline(), into=plot)
        typer.echo(f"{plot} drawn", err=True)


def _sounds_like_an_episode(record: dict[str, Any]) -> bool:
    if record["status"] == Status.REJECTED:
        return False
    spoken, duration_s = record["features"]["speech"]["speech_ratio"], record["audio"]["decoded_duration_s"]
    return infer_kind(speech_ratio=spoken, duration_s=duration_s) is Kind.EPISODE


def _chapters_in(file: Path) -> str | None:
    """Return the chapters that a file's own tags name."""
    tags = read_tags(file)
    said, _ = read_value("chapters", tags.fields.get("chapters") if tags else None)
    return None if said is None else str(said)


def _item(name: str) -> ItemView | None:
    """Return an item of the catalogue by any name; None where there is no catalogue, which is not made for asking."""
    settings = load_settings()
    if not settings.database_url and not (settings.home / "catalogue.sqlite3").exists():
        return None
    try:
        return Services(settings).catalogue.find_item(name)
    except ItemUnknown as error:
        raise SourceNotFound(
            f"{name} is neither a file nor an item of the catalogue",
            "give the path of an audio file, or see: audiofeat show",
        ) from error


def _inspect_item(view: ItemView, plot: Path | None) -> None:
    from audiofeat.services import timelines

    services = Services(load_settings())
    record = timelines.stored_record(view, catalogue=services.catalogue, artefacts=services.artefacts)
    overview = Overview(record, is_episode=view.kind is Kind.EPISODE)
    overview.show(output())
    if view.kind is Kind.TRACK:
        if plot:
            raise InvalidInput("the figure of a track is drawn from its file", "give the path of the file")
        return
    of_item = timelines.of_item(view, record, catalogue=services.catalogue)
    title = str(view.metadata.get("title") or view.reference or view.key)
    _show_timeline(of_item, record, title, overview, plot)


def _show_timeline(shown: Timeline, record: dict[str, Any], title: str, overview: Overview, plot: Path | None) -> None:
    timeline_page.show(shown, output())
    if plot:
        from audiofeat.cli import timeline_figure

        timeline_figure.draw(shown, record, title=title, subtitle=overview.headline(shown.in_words), into=plot)
        typer.echo(f"{plot} drawn", err=True)

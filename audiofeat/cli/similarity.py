"""``audiofeat evaluate similarity``: how well what sounds alike is found, beside simpler ways to find it."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from audiofeat.bootstrap import Services, load_settings
from audiofeat.cli.neighbours import group_weights
from audiofeat.cli.similarity_document import document_of, show
from audiofeat.cli.terminal import output
from audiofeat.domain.items import Kind
from audiofeat.extraction.client import ExtractionServer


def similarity(
    labels: Annotated[
        Path | None, typer.Option("--labels", help="JSON Lines: path and labels. [default: the catalogue]")
    ] = None,
    *,
    kind: Annotated[Kind, typer.Option(help="What to measure.")] = Kind.TRACK,
    space: Annotated[str | None, typer.Option(help="Id of a kept space. [default: as an index]")] = None,
    halves: Annotated[int, typer.Option(min=0, help="On how many items the halves find each other.")] = 400,
    robustness: Annotated[int, typer.Option(min=0, help="On how many items copies are tried.")] = 0,
    weight: Annotated[
        list[str] | None,
        typer.Option(help="Of a feature group, measured beside the space's own: timbre=2; repeatable."),
    ] = None,
    against: Annotated[str, typer.Option(help="Peers whose full descriptors are measured: essentia.")] = "",
    report: Annotated[Path | None, typer.Option(help="Write a page with plots.", dir_okay=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, max=64, help="Files at a time.")] = 1,
) -> None:
    """Measure how well tracks, artists and albums find their own, with 95 % intervals over artists."""
    from audiofeat.evaluation.labels import read_labels
    from audiofeat.evaluation.peers import chosen_describers
    from audiofeat.services.evaluate_similarity import evaluate_similarity, of_catalogue, of_files
    from audiofeat.services.fit_space import stored

    peers = chosen_describers(against)
    if report is not None:
        from audiofeat.cli.similarity_report import require_matplotlib

        require_matplotlib()
    settings = load_settings()
    services = Services(settings)
    placed = stored(space, services.artefacts) if space else None
    corpus = read_labels(labels) if labels else []
    with ExitStack() as stack:
        servers = [
            stack.enter_context(ExtractionServer(max_duration_s=settings.max_duration_s))
            for _ in range(jobs if corpus or halves or robustness else 0)
        ]
        on_item = stack.enter_context(_progress())
        if labels:
            material = of_files(corpus, kind=kind, servers=servers, on_item=on_item)
        else:
            material = of_catalogue(
                kind, catalogue=services.catalogue, artefacts=services.artefacts, open_store=services.stores.named
            )
        found = evaluate_similarity(
            material,
            kind=kind,
            space=placed,
            servers=servers,
            halves=halves,
            robustness=robustness,
            against=peers,
            weights=group_weights(weight or []),
            on_item=on_item,
        )
    document = document_of(found)
    if report is not None:
        from audiofeat.cli.similarity_report import write

        write(report, document, found.outcome)
    if as_json:
        typer.echo(json.dumps(document, ensure_ascii=False, sort_keys=True))
    else:
        show(output(), document)
    if found.left_out:
        raise typer.Exit(3)


@contextmanager
def _progress() -> Iterator[Callable[[], None]]:
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("listening", total=None)
        yield lambda: progress.advance(bar)

"""``audiofeat evaluate``: how right the analysis is on a corpus of yours, and peers on the same files."""

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from audiofeat.bootstrap import load_settings
from audiofeat.cli.similarity import similarity
from audiofeat.cli.terminal import output
from audiofeat.extraction.client import ExtractionServer

if TYPE_CHECKING:
    from audiofeat.evaluation.statistics import Estimate
    from audiofeat.services.evaluate import Evaluation

app = typer.Typer(
    name="evaluate", help="Measure how right the analysis is, and what is found to sound alike.", no_args_is_help=True
)


app.command()(similarity)


@app.callback()
def evaluate() -> None:
    """Measure how right the analysis is, and how well what sounds alike is found."""


@app.command()
def features(
    labels: Annotated[Path, typer.Option("--labels", help="JSON Lines: path and labels.", show_default=False)],
    *,
    against: Annotated[str, typer.Option(help="Peers to measure as well: essentia,librosa.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, max=64, help="Files at a time.")] = 1,
) -> None:
    """Analyse a labelled corpus and report the field's metrics with their 95 % intervals."""
    from audiofeat.evaluation.labels import read_labels
    from audiofeat.evaluation.peers import chosen
    from audiofeat.evaluation.tasks import require_metrics
    from audiofeat.services.evaluate import evaluate

    require_metrics()
    peers = chosen(against)
    corpus = read_labels(labels)
    settings = load_settings()
    servers = [ExtractionServer(max_duration_s=settings.max_duration_s).start() for _ in range(min(jobs, len(corpus)))]
    try:
        with _progress(len(corpus) * (1 + bool(peers))) as on_item:
            found = evaluate(corpus, servers=servers, against=peers, on_item=on_item)
    finally:
        for server in servers:
            server.stop()
    if as_json:
        typer.echo(json.dumps(_document(found), ensure_ascii=False, sort_keys=True))
    else:
        _print(output(), found)
    if found.rejected:
        raise typer.Exit(1 if len(found.rejected) == found.items else 3)


@contextmanager
def _progress(steps: int) -> Iterator[Callable[[], None]]:
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("evaluating", total=steps)
        yield lambda: progress.advance(bar)


def _document(found: "Evaluation") -> dict[str, Any]:
    from audiofeat.evaluation.statistics import RESAMPLES, SEED

    figures: dict[str, dict[str, dict[str, Any]]] = {}
    for figure in found.figures:
        said = {"items": figure.items, **_numbers(figure.estimate), "reason": figure.reason or None}
        figures.setdefault(figure.label, {}).setdefault(figure.name, {})[figure.system] = said
    return {
        "items": found.items,
        "clusters": found.clusters,
        "bootstrap": {"resamples": RESAMPLES, "seed": SEED, "interval": 0.95},
        "figures": figures,
        "tables": found.tables,
        "rejected": found.rejected,
        "degraded": found.degraded,
        "not_scored": found.not_scored,
        "extractor": dict(found.extractor),
        "peers": dict(found.peers),
    }


def _numbers(estimate: "Estimate | None") -> dict[str, float | None]:
    if estimate is None:
        return {"value": None, "low": None, "high": None}
    # NaN, which JSON has not, is the one value that differs from itself.
    known = {name: getattr(estimate, name) for name in ("value", "low", "high")}
    return {name: None if math.isnan(value) else round(value, 6) for name, value in known.items()}


def _print(console: Console, found: "Evaluation") -> None:
    table = Table("label", "figure", "system", "value", "95 % interval", "items", box=None, header_style="bold")
    before = ("", "")
    order = {key: number for number, key in enumerate(dict.fromkeys((f.label, f.name) for f in found.figures))}
    for figure in sorted(found.figures, key=lambda f: order[f.label, f.name]):
        numbers = _numbers(figure.estimate)
        value = figure.reason if numbers["value"] is None else f"{numbers['value']:.3f}"
        interval = "" if numbers["low"] is None else f"{numbers['low']:.3f} to {numbers['high']:.3f}"
        label = figure.label if figure.label != before[0] else ""
        name = figure.name if (figure.label, figure.name) != before else ""
        table.add_row(label, name, figure.system, value, interval, str(figure.items))
        before = (figure.label, figure.name)
    console.print(table)
    for label, tables in found.tables.items():
        for name, systems in tables.items():
            for system, counts in systems.items():
                console.print(f"{label} {name} ({system}): {counts}", soft_wrap=True)
    console.print(f"{found.items} files in {found.clusters} groups, {len(found.degraded)} degraded")
    for lost in found.rejected:
        console.print(f"  counted as unanswered: {lost['path']}  {lost['code']}: {lost['message']}", soft_wrap=True)
    for left in found.not_scored:
        console.print(f"  not scored: {left['path']}  {left['label']}", soft_wrap=True)

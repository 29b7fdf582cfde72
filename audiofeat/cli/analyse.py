"""``audiofeat analyse`` and ``audiofeat features``: files to records, without broker or database."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from audiofeat.bootstrap import load_settings
from audiofeat.cli.terminal import output
from audiofeat.domain import registry
from audiofeat.domain.views import Format, view
from audiofeat.errors import AudiofeatError
from audiofeat.extraction.client import ExtractionServer
from audiofeat.extraction.view import public, unreadable
from audiofeat.services.analyse import analyse_files

_OVERVIEW = (
    "rhythm.tempo_bpm", "rhythm.tempo_confidence", "tonal.key", "tonal.mode", "loudness.integrated_loudness_lufs",
    "loudness.loudness_range_lu", "loudness.true_peak_dbtp", "instrumentation.percussive_ratio", "speech.speech_ratio",
    "mood.arousal", "mood.valence",
)  # fmt: skip


def analyse(
    files: Annotated[list[Path], typer.Argument(help="Audio files.", show_default=False, readable=False)],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a file, in the order given.")] = False,
    form: Annotated[
        Format | None,
        typer.Option("--format", help="As JSON in somebody else's format, one object a file.", show_default=False),
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, max=64, help="Files at a time.")] = 1,
) -> None:
    """Measure audio files and print what was found."""
    settings = load_settings()
    servers = [ExtractionServer(max_duration_s=settings.max_duration_s).start() for _ in range(min(jobs, len(files)))]
    failed = 0
    console = output()
    try:
        for path, outcome in zip(files, analyse_files(files, servers=servers), strict=True):
            if isinstance(outcome, AudiofeatError):
                record = unreadable(str(path), outcome)
            else:
                record = public(outcome.record)
            failed += record["status"] == "rejected"
            if form:
                typer.echo(json.dumps(view(record, form), ensure_ascii=False))
            elif as_json:
                typer.echo(json.dumps(record, ensure_ascii=False, sort_keys=True))
            else:
                _print_overview(console, record)
    finally:
        for server in servers:
            server.stop()
    if failed:
        raise typer.Exit(1 if failed == len(files) else 3)


def features(*, as_json: Annotated[bool, typer.Option("--json", help="One JSON object a field.")] = False) -> None:
    """List every field that an analysis contains."""
    if as_json:
        for field in registry.PUBLIC_FIELDS:
            facts = {"name": field.path, "unit": field.unit, "low": field.low, "high": field.high}
            facts |= {
                "scope": field.scope.value,
                "shape": field.shape.value,
                "version": registry.GROUP_VERSIONS[field.group],
            }
            typer.echo(json.dumps({**facts, "definition": field.definition, "source": field.source}))
        return
    table = Table("field", "unit", "range", "scope", "definition", box=None, header_style="bold")
    for field in registry.PUBLIC_FIELDS:
        low, high = ("" if bound is None else f"{bound:g}" for bound in (field.low, field.high))
        span = f"{low} to {high}" if low or high else ""
        table.add_row(field.path, field.unit, span, field.scope.value, field.definition)
    output().print(table)


def _print_overview(console: Console, record: dict[str, Any]) -> None:
    audio = record["audio"]
    if record["status"] == "rejected":
        console.print(record["source"], style="bold", end="  ", soft_wrap=True)
        console.print(f"rejected {record['error']['code']}: {record['error']['message']}", soft_wrap=True)
        return
    flags = f" ({', '.join(record['flags'])})" if record["flags"] else ""
    console.print(record["source"], style="bold", end="  ", soft_wrap=True)
    console.print(
        f"{record['status']}{flags}  {audio['decoded_duration_s']:.1f} s"
        f"  {audio['codec']} {audio['sample_rate_hz']} Hz x{audio['channels']}",
        soft_wrap=True,
    )
    for path in _OVERVIEW:
        group, name = path.split(".")
        value = record["features"][group][name]
        unit = registry.BY_PATH[path].unit if not isinstance(value, str) else ""
        shown = f"{value:.4g}" if isinstance(value, float) else value or f"- ({record['reasons'][path]})"
        console.print(f"  {path:38} {shown} {unit}")

"""What ``audiofeat train`` prints: figures of artists that the fit had not seen, beside baselines."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from audiofeat.services import train_instruments, train_mood


def document_of_moods(trained: train_mood.Trained) -> dict[str, Any]:
    """Return figures and what was left out, as JSON has them."""
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


def print_moods(console: Console, trained: train_mood.Trained) -> None:
    """Print a table, then what was left out."""
    table = Table("output", "items", "artists", "r, artists unseen", "95 %", "said before", "loudness only", box=None)
    for figure in trained.figures:
        found = figure.correlation
        table.add_row(
            figure.output, str(figure.items), str(figure.artists), _shown(found.value),
            f"{_shown(found.low)} to {_shown(found.high)}", _shown(figure.before), _shown(figure.loudness),
        )  # fmt: skip
    console.print(table)
    _print_left_out(console, trained.left_out)


def _shown(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def document_of_families(trained: train_instruments.Trained) -> dict[str, Any]:
    """Return figures and what was left out, as JSON has them."""
    figures = [{**_rounded(asdict(figure)), "is_better": figure.is_better} for figure in trained.figures]
    return {"figures": figures, "not_fitted": dict(trained.not_fitted), "left_out": dict(trained.left_out)}


def print_families(console: Console, trained: train_instruments.Trained) -> None:
    """Print a table, then what was left out."""
    table = Table(
        "family", "with it", "artists", "F1", "95 %", "shipped", "always yes", "right", "majority",
        "avg. precision", "shipped", "", box=None,
    )  # fmt: skip
    for figure in trained.figures:
        f1, precision = figure.f1, figure.average_precision
        table.add_row(
            figure.family, f"{figure.positives} of {figure.items}", str(figure.artists), _shown(f1.value),
            f"{_shown(f1.low)} to {_shown(f1.high)}", _shown(figure.f1_shipped), _shown(figure.f1_always),
            _shown(figure.accuracy), _shown(figure.accuracy_majority), _shown(precision.value),
            _shown(figure.average_precision_shipped), "taken" if figure.is_better else "left to the shipped head",
        )  # fmt: skip
    console.print(table)
    for family, why in trained.not_fitted.items():
        console.print(f"  not fitted: {family}  {why}", soft_wrap=True)
    _print_left_out(console, trained.left_out)


def _rounded(figure: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _rounded(value) if isinstance(value, dict) else _number(value) if isinstance(value, float) else value
        for name, value in figure.items()
    }


def _print_left_out(console: Console, left_out: Mapping[str, str]) -> None:
    for item, why in left_out.items():
        console.print(f"  left out: {item}  {why}", soft_wrap=True)

"""What ``audiofeat evaluate similarity`` found, as a JSON document and as tables."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from audiofeat.evaluation.statistics import Estimate
    from audiofeat.services.evaluate_similarity import SimilarityEvaluation


def document_of(found: "SimilarityEvaluation") -> dict[str, Any]:
    """Return everything that was measured in the form of the JSON document."""
    from audiofeat.evaluation.statistics import RESAMPLES, SEED

    figures: dict[str, dict[str, dict[str, Any]]] = {}
    genres: dict[str, dict[str, dict[str, Any]]] = {}
    for row in found.outcome.measured:
        said = {**_numbers(row.estimate), "queries": row.queries}
        if row.genre is None:
            figures.setdefault(row.protocol, {}).setdefault(row.figure, {})[row.system] = said
        else:
            value = {"value": said["value"], "queries": row.queries}
            genres.setdefault(row.figure, {}).setdefault(row.genre, {})[row.system] = value
    comparisons: dict[str, dict[str, dict[str, Any]]] = {}
    for held in found.outcome.compared:
        comparisons.setdefault(held.protocol, {}).setdefault(held.figure, {})[held.system] = {
            "difference": _numbers(held.difference),
            "ratio": _rounded(held.ratio),
            "queries": held.queries,
        }
    copies = {
        row.copy: {
            "found_first": _numbers(row.found_first),
            "cosine_median": _rounded(row.cosine_median),
            "cosine_least": _rounded(row.cosine_least),
            "items": row.items,
        }
        for row in found.robustness
    }
    space = found.space
    return {
        "items": found.items,
        "space": {"id": space.id, "name": space.name, "fitted_on_items": space.items, "dims": space.dims},
        "bootstrap": {"resamples": RESAMPLES, "seed": SEED, "interval": 0.95},
        "figures": figures,
        "comparisons": comparisons,
        "genres": genres,
        "copies": copies,
        "left_out": dict(found.left_out),
        "peers": dict(found.peers),
    }


def _numbers(estimate: "Estimate") -> dict[str, float | None]:
    return {name: _rounded(getattr(estimate, name)) for name in ("value", "low", "high")}


def _rounded(value: float) -> float | None:
    # NaN, which JSON has not, is the one value that differs from itself.
    return None if math.isnan(value) else round(float(value), 6)


def spelt(numbers: dict[str, Any]) -> tuple[str, str]:
    """Return a value and its interval for people."""
    value = "" if numbers["value"] is None else f"{numbers['value']:.3f}"
    low, high = numbers.get("low"), numbers.get("high")
    return value, "" if low is None or high is None else f"{low:.3f} to {high:.3f}"


def figure_rows(document: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield protocol, figure, system, value, interval and queries."""
    for protocol, figures in document["figures"].items():
        for figure, systems in figures.items():
            for system, numbers in systems.items():
                yield protocol, figure, system, *spelt(numbers), str(numbers["queries"])


def comparison_rows(document: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield protocol, figure, system, by how much ours is more, its interval, and the ratio."""
    for protocol, figures in document["comparisons"].items():
        for figure, systems in figures.items():
            for system, numbers in systems.items():
                ratio = "" if numbers["ratio"] is None else f"{numbers['ratio']:.2f}"
                yield protocol, figure, system, *spelt(numbers["difference"]), ratio


def copy_rows(document: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield the kind of copy, how many were found first, the interval, two cosines, and how many there were."""
    for name, row in document["copies"].items():
        cosines = (f"{row[which]:.3f}" for which in ("cosine_median", "cosine_least"))
        yield name, *spelt(row["found_first"]), *cosines, str(row["items"])


FIGURES = ("protocol", "figure", "system", "value", "95 % interval", "queries")
COMPARISONS = ("protocol", "figure", "audiofeat against", "more by", "95 % interval", "ratio")
COPIES = ("copy", "found first", "95 % interval", "cosine, median", "least", "items")


def show(console: Console, document: dict[str, Any]) -> None:
    """Print the tables."""
    tables = (FIGURES, figure_rows), (COMPARISONS, comparison_rows), (COPIES, copy_rows)
    for head, rows in tables:
        table = Table(*head, box=None, header_style="bold")
        for row in rows(document):
            table.add_row(*row)
        if table.row_count:
            console.print(table)
    space = document["space"]
    console.print(
        f"{document['items']} items in space {space['id']} ({space['name']}, "
        f"fitted on {space['fitted_on_items']} items, {space['dims']} dimensions)"
    )
    for name, why in document["left_out"].items():
        console.print(f"  left out: {name}  {why}", soft_wrap=True)

"""The page of ``audiofeat evaluate similarity --report``: plots and tables in one file that needs no other.

Colours are those of Okabe and Ito, which people with any colour vision can tell apart.
"""

import base64
import html
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from audiofeat.cli.figure import require_matplotlib
from audiofeat.cli.similarity_document import COMPARISONS, COPIES, FIGURES, comparison_rows, copy_rows, figure_rows
from audiofeat.evaluation.similarity import UNSEEN, WHOLE
from audiofeat.evaluation.systems import OURS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from audiofeat.evaluation.similarity import Outcome

__all__ = ["require_matplotlib", "write"]

_OURS, _OTHERS, _THIRD, _INK, _FAINT = "#d55e00", "#0072b2", "#009e73", "#222222", "#8a8f98"
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.edgecolor": _FAINT,
    "axes.linewidth": 0.6,
    "axes.labelcolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "savefig.dpi": 150,
}
_HEAD = "same_artist_album_filter_map"
_CSS = """body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:1rem 0}td,th{padding:.2rem .8rem .2rem 0;text-align:left;
border-bottom:1px solid #e3e5e8}td.n{text-align:right;font-variant-numeric:tabular-nums}img{max-width:100%}
tr.ours td{font-weight:600}"""


def write(path: Path, document: dict[str, Any], outcome: "Outcome") -> None:
    """Write the page.

    Parameters
    ----------
    path : Path
        The file to write.
    document : dict
        As ``document_of`` gives it.
    outcome : Outcome
        What the plots are drawn from.
    """
    import matplotlib as mpl

    space = document["space"]
    with mpl.rc_context(_STYLE):
        plots = [_precision(document), _genres(document), _occurrences(outcome), _distances(outcome)]
        pictures = "".join(
            f'<p><img alt="{html.escape(title)}" src="{_packed(figure)}"></p>' for title, figure in plots if figure
        )
    about = (
        f"<p>{document['items']} items. Space <code>{space['id']}</code> ({html.escape(space['name'])}), fitted on "
        f"{space['fitted_on_items']} items, {space['dims']} dimensions. Intervals of 95 % from "
        f"{document['bootstrap']['resamples']} resamples of artists.</p>"
    )
    parts = [
        about,
        pictures,
        _table(FIGURES, list(figure_rows(document)), title="Figures"),
        _table(COMPARISONS, list(comparison_rows(document)), title="Query by query"),
        _table(COPIES, list(copy_rows(document)), title="Halves and copies"),
    ]
    title = "Similarity"
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_CSS}</style>'
        f"<h1>{title}</h1>{''.join(parts)}</html>\n"
    )
    path.write_text(page, encoding="utf-8")


def _packed(figure: "Figure") -> str:
    file = io.BytesIO()
    figure.savefig(file, format="png", bbox_inches="tight")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def _new(width: float, height: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _precision(document: dict[str, Any]) -> tuple[str, "Figure | None"]:
    """Draw what each system reaches, its interval, and what chance reaches, under both protocols."""
    shown = [p for p in (WHOLE, UNSEEN) if document["figures"].get(p, {}).get(_HEAD)]
    if not shown:
        return "", None
    figure = _new(4.2 * len(shown), 2.6)
    for place, protocol in enumerate(shown, start=1):
        axes = figure.add_subplot(1, len(shown), place)
        systems = sorted(document["figures"][protocol][_HEAD].items(), key=lambda named: named[1]["value"])
        for row, (name, numbers) in enumerate(systems):
            axes.barh(row, numbers["value"], color=_OURS if name == OURS else _OTHERS, height=0.62)
            if numbers["low"] is not None:
                axes.plot([numbers["low"], numbers["high"]], [row, row], color=_INK, linewidth=1)
            end = max(numbers["value"], numbers["high"] or 0)
            axes.text(end, row, f"  {numbers['value']:.3f}", va="center")
        axes.set_yticks(range(len(systems)), [name for name, _ in systems])
        axes.set_title(protocol, loc="left")
        axes.set_xlim(0, 1.25 * max(max(n["value"], n["high"] or 0) for _, n in systems))
        axes.set_xlabel("mean average precision, same artist, other albums")
    return "What each system finds of the same artist on other albums", figure


def _genres(document: dict[str, Any]) -> tuple[str, "Figure | None"]:
    genres = document["genres"].get(_HEAD) or {}
    if not genres:
        return "", None
    figure = _new(7.0, 2.6)
    axes = figure.add_subplot()
    names = [name for name in next(iter(genres.values())) if name in {OURS, "MFCC mean and deviation", "MFCC Gaussian"}]
    colours = dict(zip(names, (_OURS, _OTHERS, _THIRD), strict=False))
    width = 0.8 / len(names)
    for place, name in enumerate(names):
        values = [systems[name]["value"] for systems in genres.values()]
        axes.bar(np.arange(len(genres)) + place * width, values, width * 0.9, color=colours[name], label=name)
    labels = [f"{genre}\n{next(iter(systems.values()))['queries']} queries" for genre, systems in genres.items()]
    axes.set_xticks(np.arange(len(genres)) + width * (len(names) - 1) / 2, labels)
    axes.set_ylabel("mean average precision")
    axes.set_title("same artist, other albums, by genre", loc="left")
    axes.legend(frameon=False)
    return "The same by genre", figure


def _occurrences(outcome: "Outcome") -> tuple[str, "Figure | None"]:
    figure = _new(7.0, 2.2)
    axes = figure.add_subplot()
    counts = outcome.occurrences.astype(int)
    axes.bar(np.arange(counts.max() + 1), np.bincount(counts), color=_OURS, width=0.8)
    axes.set_xlabel("number of other items' lists of ten in which an item stands")
    axes.set_ylabel("items")
    axes.set_title("who is recommended how often", loc="left")
    return "How often items stand in lists", figure


def _distances(outcome: "Outcome") -> tuple[str, "Figure | None"]:
    figure = _new(7.0, 2.2)
    axes = figure.add_subplot()
    edges = np.linspace(0, max(float(d.max()) for d in outcome.distances.values()), 60)
    colours = {"same artist": _OURS, "same genre": _THIRD, "others": _OTHERS}
    for name, values in outcome.distances.items():
        axes.hist(values, edges.tolist(), density=True, histtype="step", color=colours[name], linewidth=1.4, label=name)
    axes.set_xlabel("angular distance of two items (0 the same, 1.41 unrelated)")
    axes.set_ylabel("density")
    axes.set_title("how far apart items lie", loc="left")
    axes.legend(frameon=False, loc="upper left")
    return "Distances of pairs", figure


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, title: str) -> str:
    if not rows:
        return ""
    cells = "".join(f"<th>{html.escape(name)}" for name in head)
    body = ""
    for row in rows:
        kind = ' class="ours"' if OURS in row else ""
        body += f"<tr{kind}>" + "".join(
            f"<td{' class=n' if cell[:1] in '-0123456789' and cell else ''}>{html.escape(cell)}" for cell in row
        )
    return f"<h2>{html.escape(title)}</h2><table><tr>{cells}{body}</table>"
